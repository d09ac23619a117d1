"""Who waits for one answer does not wait for a batch."""

from __future__ import annotations

import threading
import time

import pytest
from served_vllm import ENVIRONMENT

from resources.language_model.agent import Failure
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.runner import LanguageModel
from tests.real_engine.judging import Judge, Verdict

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not ENVIRONMENT.exists(), reason="the engine is not installed; `make test-vllm` does so"),
]

BATCH = 400
IN_FLIGHT = 256
"""Four times what the engine works on at a time, so that most of what was asked waits inside it."""


def test_an_urgent_question_overtakes_a_batch(url: str) -> None:
    model = LanguageModel(LanguageModelConfig(base_url=url, max_in_flight=IN_FLIGHT))
    judge = Judge()
    done = 0
    asked_at = answered_at = 0
    seconds = 0.0

    def ask() -> None:
        nonlocal asked_at, answered_at, seconds
        asked_at, begun = done, time.monotonic()
        ((_, answer),) = model.urgent().run(judge, [BATCH])
        seconds = time.monotonic() - begun
        answered_at = done
        assert isinstance(answer, Verdict)

    asking = threading.Thread(target=ask)
    begun = time.monotonic()
    for _, output in model.run(judge, range(BATCH)):
        assert not isinstance(output, Failure), output.reason
        done += 1
        if done == 40:
            asking.start()
    whole = time.monotonic() - begun
    asking.join(60)
    print(
        f"{BATCH} in {whole:.1f} s; the urgent one took {seconds:.2f} s, while {answered_at - asked_at} others were answered"
    )
    assert done == BATCH
    assert answered_at - asked_at < IN_FLIGHT / 2, "it waited for its turn"
