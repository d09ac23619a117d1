"""The seam between the runner and whatever answers: what is asked, what comes back, and how.

What belongs here: the protocol and its messages. `chat.py` speaks it over HTTP; whatever else may speak it, conversation, cache and
rows stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Ask:
    """One request. `ticket` comes back with its outcome; `body` and `hash` are those of its question. Who asks, and about what, is for a
    transport that notes the call itself, because the answer comes to a later run."""

    ticket: int
    body: bytes
    hash: str
    agent: str
    agent_version: str
    key: str


@dataclass(slots=True)
class Answered:
    """What a model said. `finish_reason` as the endpoint gives it; `refusal` where the model declined; `latency_ms` on
    the wire.
    """

    ticket: int
    content: str
    finish_reason: str
    refusal: str | None
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    attempts: int
    latency_ms: float


@dataclass(slots=True)
class Unanswered:
    """No reply. `transient`: the next run may well get one. `reason` is one sentence without secrets and without the
    prompt.
    """

    ticket: int
    reason: str
    transient: bool
    attempts: int
    latency_ms: float


Outcome = Answered | Unanswered


class Transport(Protocol):
    """Carries requests to a model. Used by one thread; every ask that was sent is received exactly once, in any
    order.
    """

    def send(self, asks: Sequence[Ask]) -> None:
        """Takes the asks in this order and returns at once."""
        ...

    def receive(self, timeout_s: float | None = None) -> Sequence[Outcome]:
        """Waits for outcomes, and gives those that are there; none after `timeout_s`. Raises SoloistError where the
        configuration is wrong or the endpoint is gone.
        """
        ...

    def close(self) -> None:
        """Drops what is under way and frees what was opened. Safe to call twice."""
        ...
