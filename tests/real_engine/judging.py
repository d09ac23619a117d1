"""A small agent for the real engine, whose replies end: in this process, or in one of the engine's environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel

from resources.language_model.agent import Message, Request
from resources.language_model.schemas import at_most, output_schema


class Verdict(BaseModel):
    text: Annotated[str, at_most(160)]


@dataclass(frozen=True)
class Judge:
    """Items are numbers. `system` is the message that all share, `too_long` the item whose question fits into no context."""

    system: str = "You judge what is numbered."
    too_long: int = -1
    name: str = "judge"
    version: str = "1"

    def key(self, item: int) -> str:
        return str(item)

    def request(self, item: int) -> Request:
        output = output_schema("verdict", Verdict)
        question = "word " * 5000 if item == self.too_long else f"Judge number {item}."
        return Request((Message("system", self.system), Message("user", question)), output, output.longest)

    def parse(self, item: int, reply: str) -> Verdict:
        return Verdict.model_validate_json(reply)

    def extract(self, item: int) -> Verdict:
        return Verdict(text="")
