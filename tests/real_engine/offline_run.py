"""Runs a small agent through vLLM in this process: python offline_run.py MODEL_FOLDER. Prints what came of it as JSON. Run by the engine's
environment, with this project's packages behind its own."""

from __future__ import annotations

import json
import sys

from resources.language_model.agent import Failure
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.runner import LanguageModel
from tests.real_engine.judging import Judge, Verdict

ITEMS = 40
TOO_LONG = 7
CPU = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 1 << 26}


def main(model: str) -> None:
    config = LanguageModelConfig(backend="vllm", model=model, context=2048, max_in_flight=16, engine=CPU)
    judge = Judge(system="You judge what is numbered. " * 40, too_long=TOO_LONG)
    made = list(LanguageModel(config).derived(judge, range(ITEMS)))
    failures = [each.output.reason for each in made if isinstance(each.output, Failure)]
    found = {
        "valid": sum(isinstance(each.output, Verdict) for each in made),
        "failures": failures,
        "tokens": [sum(getattr(each.tokens, kind) for each in made) for kind in ("given", "cached", "made")],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
