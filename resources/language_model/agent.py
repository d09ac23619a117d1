"""The Agent protocol: three pure functions round one typed output.

What belongs here: the shapes that pass between an agent and whatever runs it (`Request`, `Failure`, `InvalidReply`)
and the protocol itself. An agent touches no database, no network and no Dagster; running one is `runner.py`'s work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict

from resources.language_model.schemas import OutputSchema


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message of a request."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a model: messages (shared part first, the item last), the shape of the reply, and how long it may be at most."""

    messages: tuple[Message, ...]
    output: OutputSchema
    max_tokens: int
    temperature: float = 0.0


class Failure(BaseModel):
    """An item that no output could be made for. It is kept as a row: a poison item never fails a run.

    `transient` failures (transport, 429, 5xx, time budget) are tried again by the next run, the others only on request.
    """

    model_config = ConfigDict(frozen=True)

    reason: str
    transient: bool
    attempts: int
    tokens_in: int = 0
    tokens_out: int = 0


class InvalidReply(ValueError):
    """Raised by `parse` when a reply does not hold a valid output; its message goes into the one repair request."""


ItemT = TypeVar("ItemT", contravariant=True)
OutputT = TypeVar("OutputT", bound=BaseModel, covariant=True)


class Agent(Protocol[ItemT, OutputT]):
    """One language-model operation, and what it does without a model.

    `version` changes whenever its prompt, its output schema or its extractive rules do; see `agent_version`.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def key(self, item: ItemT) -> str:
        """The identity of the item, e.g. an entry id: at most one output row is kept for each key."""
        ...

    def request(self, item: ItemT) -> Request: ...

    def parse(self, item: ItemT, reply: str) -> OutputT:
        """Validates and grounds a reply. Raises `InvalidReply` when it holds no valid output."""
        ...

    def extract(self, item: ItemT) -> OutputT: ...


def content_hash(*parts: object) -> str:
    """sha256 (hex) of the canonical JSON of the parts: equal values give equal hashes on every machine."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=_jsonable)).hexdigest()


def agent_version(rules: int, prompts: Sequence[str], output_type: type[BaseModel]) -> str:
    """A version such as `3-1f0c9a2b`: the hand-kept number of the extractive rules, then a hash of prompts and schema."""
    return f"{rules}-{content_hash(list(prompts), output_type.model_json_schema())[:8]}"


def _jsonable(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} cannot be hashed canonically")
