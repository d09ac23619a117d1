"""The seam between the runner and whatever answers: what is asked, what comes back, and how.

What belongs here: the protocol and its messages. `chat.py` speaks it over HTTP; an engine in this process, a batch file
or the `openai` SDK would speak the same protocol, and conversation, cache and rows stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `ticket` comes back with its outcome; `body` is `replies.request_body`."""

    ticket: int
    body: bytes


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No reply. `transient`: the next run may well get one. `reason` is one sentence without secrets and without the
    prompt.
    """

    ticket: int
    reason: str
    transient: bool
    attempts: int
    latency_ms: float


class Transport(Protocol):
    """Carries requests to a model. Used by one thread; every ask that was sent is received exactly once, in any
    order.
    """

    def send(self, asks: Sequence[Ask]) -> None:
        """Takes the asks in this order and returns at once."""
        ...

    def receive(self, timeout_s: float | None = None) -> Answered | Unanswered | None:
        """Waits for the next outcome; None after `timeout_s` without one. Raises SoloistError where the configuration
        is wrong.
        """
        ...

    def close(self) -> None:
        """Drops what is under way and frees what was opened. Safe to call twice."""
        ...
