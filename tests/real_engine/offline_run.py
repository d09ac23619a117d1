"""Runs a small agent through vLLM in this process: python offline_run.py MODEL_FOLDER. Prints what came of it as JSON. Run by the engine's
environment, with this project's packages behind its own."""

from __future__ import annotations

import json
import sys
from typing import Annotated

from pydantic import BaseModel

from resources.language_model.agent import Failure, Message, Request
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.runner import LanguageModel
from resources.language_model.schemas import at_most, output_schema

ITEMS = 40
TOO_LONG = 7
CPU = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 1 << 26}


class Verdict(BaseModel):
    text: Annotated[str, at_most(60)]


class Judge:
    name = "judge"
    version = "1"

    def key(self, item: int) -> str:
        return str(item)

    def request(self, item: int) -> Request:
        output = output_schema("verdict", Verdict)
        question = "word " * 5000 if item == TOO_LONG else f"Judge number {item}."
        messages = (Message("system", "You judge what is numbered. " * 40), Message("user", question))
        return Request(messages, output=output, max_tokens=output.longest)

    def parse(self, item: int, reply: str) -> Verdict:
        return Verdict.model_validate_json(reply)

    def extract(self, item: int) -> Verdict:
        return Verdict(text="")


def main(model: str) -> None:
    config = LanguageModelConfig(backend="vllm", model=model, context=2048, max_in_flight=16, engine=CPU)
    made = list(LanguageModel(config).derived(Judge(), range(ITEMS)))
    failures = [each.output.reason for each in made if isinstance(each.output, Failure)]
    found = {
        "valid": sum(isinstance(each.output, Verdict) for each in made),
        "failures": failures,
        "tokens": [sum(getattr(each.tokens, kind) for each in made) for kind in ("given", "cached", "made")],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
