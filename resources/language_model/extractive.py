"""The backend that is no model: what an agent can say by its own rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pydantic import BaseModel

from resources.language_model.agent import Agent, Failure
from resources.language_model.conversation import Made, unexpected

EXTRACTIVE = "extractive"
"""The maker of rows that were made without a model."""

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT", bound=BaseModel)


def extracted(agent: Agent[ItemT, OutputT], items: Iterable[ItemT]) -> Iterator[Made[ItemT, OutputT]]:
    """`agent.extract` of each item, in order, one at a time. An item that the agent trips over becomes a Failure, never
    a crash.
    """
    for item in items:
        yield Made(item, _output(agent, item))


def _output(agent: Agent[ItemT, OutputT], item: ItemT) -> OutputT | Failure:
    try:
        return agent.extract(item)
    except Exception as error:
        return Failure(reason=unexpected(agent.name, "extract from the item", error), transient=False, attempts=1)
