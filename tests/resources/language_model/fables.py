"""A small agent to run in tests: it names the moral of a numbered fable."""

from __future__ import annotations

import json
from typing import Literal

import orjson
from pydantic import BaseModel, Field

from resources.language_model.agent import InvalidReply, Message, Request, agent_version
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.runner import LanguageModel
from resources.language_model.schemas import Json, output_schema
from tests.scripted_endpoint import Answer, ScriptedEndpoint


class Animal(BaseModel):
    name: str = "crow"
    legs: int = Field(default=2, ge=2)


class Moral(BaseModel):
    """Nested, with defaults, enumerations and a reference, as real outputs are."""

    text: str
    tone: Literal["dry", "warm"] = "dry"
    animals: list[Animal] = []
    source: str | None = None


class FableAgent:
    """Items are numbers; number 13 is a fable that its rules choke on, number 7 one that its prompt chokes on."""

    name = "fable"
    version = agent_version(1, ["prompt"], Moral)

    def key(self, item: int) -> str:
        return f"fable:{item}"

    def request(self, item: int) -> Request:
        if item == 7:
            raise KeyError("the secret text of fable seven")
        return Request(
            messages=(
                Message(role="system", content="Name the moral of the fable."),
                Message(role="user", content=f"Fable number {item}"),
            ),
            output=output_schema("moral", Moral),
            max_tokens=64,
        )

    def parse(self, item: int, reply: str) -> Moral:
        try:
            moral = Moral.model_validate(orjson.loads(reply))
        except ValueError as error:
            raise InvalidReply("the reply is no moral") from error
        if moral.source is not None and moral.source != f"Fable number {item}":
            raise InvalidReply("the source quotes another fable")
        return moral

    def extract(self, item: int) -> Moral:
        if item == 13:
            raise ZeroDivisionError("the secret text of fable thirteen")
        return Moral(text=f"extracted from {item}")


AGENT = FableAgent()


def moral_of(request: dict[str, Json]) -> str:
    """A valid reply that tells which item was asked about."""
    return json.dumps({"text": f"moral of {item_of(request)}", "tone": "warm", "animals": [], "source": None})


def item_of(request: dict[str, Json]) -> int:
    """The number that the request's first user message names."""
    messages = request["messages"]
    assert isinstance(messages, list)
    first = messages[1]
    assert isinstance(first, dict)
    return int(str(first["content"]).rpartition(" ")[2])


def moral(request: dict[str, Json], _attempt: int) -> Answer:
    """The script of an endpoint where everything goes well."""
    return Answer(content=moral_of(request))


def model_of(endpoint: ScriptedEndpoint, **settings: object) -> LanguageModel:
    values: dict[str, object] = {"base_url": endpoint.url, "model": endpoint.model, "revision": "r1"}
    return LanguageModel(LanguageModelConfig.model_validate(values | {"max_in_flight": 8} | settings))
