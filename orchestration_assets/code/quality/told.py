"""What the sandbox hands back of one run, as far as it can be trusted: values of the right shape, and nothing more.

What belongs here: the shapes. That a report is signed says that our own process wrote it; what the tests' process told it is in `events`, and may
be made up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from resources.sandbox import Finished, Limits


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)


class Raised(_Shape):
    """An exception: its type, all its classes, its frames in the project (path, line, function; outermost first), and pytest's account."""

    type: str
    kinds: tuple[str, ...]
    message: str
    frames: tuple[tuple[str, int, str], ...]
    text: str
    name: str | int | None = None
    errno: str | int | None = None
    lineno: str | int | None = None
    filename: str | int | None = None


class Phase(_Shape):
    """Setting a test up, calling it, or tearing it down."""

    when: Literal["setup", "call", "teardown"]
    outcome: Literal["passed", "failed", "skipped"]
    xfail: bool = False
    reason: str = ""
    raised: Raised | None = None


class Event(_Shape):
    """One thing that happened; which is told by the field that is set."""

    collected: tuple[str, ...] | None = None
    uncollected: str | None = None
    left_out: str | None = None
    started: str | None = None
    ended: str | None = None
    end: int | None = None
    lines: dict[str, tuple[int, ...]] | None = None
    phases: tuple[Phase, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    raised: Raised | None = None


class Report(_Shape):
    """What our own process saw: how the tests' process ended (`status`: its code, or minus the signal), and what it told."""

    how: Literal["exited", "signal", "timeout", "output", "events"]
    status: int
    seconds: float
    processes: int
    events: str
    output: str

    def read(self) -> list[Event] | None:
        """The events in order; None where something among them is none."""
        lines = self.events.split("\n")
        # The last one may have been cut where the process was ended.
        lines = lines[:-1]
        try:
            return [Event.model_validate(json.loads(line)) for line in lines]
        except (ValueError, ValidationError, RecursionError):
            return None


@dataclass(frozen=True)
class Told:
    """`report` is None where none came that is signed."""

    report: Report | None
    done: Finished
    limits: Limits


def told(said: Mapping[str, object] | None, done: Finished, limits: Limits) -> Told:
    return Told(None if said is None else Report.model_validate(said), done, limits)
