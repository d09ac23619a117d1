"""What an endpoint says of itself decides what is sent to it."""

from __future__ import annotations

import sys

import pytest

from resources.language_model.configuration import BULK, URGENT, LanguageModelConfig
from resources.language_model.endpoint import EndpointError
from resources.language_model.runner import LanguageModel
from tests.resources.language_model.fables import AGENT, moral
from tests.scripted_endpoint import Answer, ScriptedEndpoint


@pytest.mark.parametrize(("owner", "priority"), [("vllm", BULK), ("somebody", None)])
def test_a_priority_goes_to_vllm_alone(owner: str, priority: int | None) -> None:
    card = {"id": "fabulist", "owned_by": owner, "max_model_len": 4096}
    with ScriptedEndpoint(moral, models_answer=Answer(body={"data": [card]})) as endpoint:
        model = LanguageModel(LanguageModelConfig(base_url=endpoint.url))
        assert len(list(model.run(AGENT, range(3)))) == 3
        assert {request.body.get("priority") for request in endpoint.requests} == {priority}
        assert model.context == 4096
        assert len(list(model.urgent().run(AGENT, [9]))) == 1
        assert endpoint.requests[-1].body.get("priority") == (None if priority is None else URGENT)
        assert ("vLLM" in model.examine()) == (priority is not None)


def test_vllm_in_this_process_needs_a_model_and_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EndpointError, match="SOLOIST_MODEL does not name a model"):
        LanguageModel(LanguageModelConfig(backend="vllm"))
    model = LanguageModel(LanguageModelConfig(backend="vllm", model="somebody/some-model", context=2048))
    assert (model.maker, model.context) == ("somebody/some-model@unknown", 2048)
    monkeypatch.setitem(sys.modules, "vllm", None)
    for work in (model.require_ready, model.examine, lambda: list(model.run(AGENT, [1]))):
        with pytest.raises(EndpointError, match="install the extra `gpu`"):
            work()
