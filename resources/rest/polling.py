"""Looks that take turns: what changed on a server since the last look lies in the inbox afterwards.

What belongs here: whose turn it is, what a failure of one step means for the others, and until when nothing is asked. What a step reads is
not known here. What came by webhook is found again and makes no second event, because both say the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ValidationError

from resources.inbox import Inbox
from resources.rest.client import RestClient
from resources.rest.errors import LONGEST_WAIT, OutOfTime, RateLimited, RestError, Unauthorized, Unreachable

SHOWN = 3
"""Problems in a report's sentence."""
MOST_UNANSWERED = 2
"""Steps that nobody answered: after so many the server as a whole is taken to be gone."""


@dataclass
class PollReport:
    """What a look brought. `problems` are sentences; `waits_until` where the server wants no more questions before."""

    watched: str
    """What is looked at, in the plural: repositories, projects."""
    new: int = 0
    """Facts that were not in the inbox."""
    looked_at: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    waits_until: datetime | None = None
    unfinished: bool = False
    """The time ran out; the next look goes on where this one ended."""

    def problem(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)

    @property
    def sentence(self) -> str:
        """For whoever watches the sensor."""
        parts = []
        if self.looked_at or self.new or not self.problems:
            parts.append(f"{self.new} new facts of {len(self.looked_at)} {self.watched}.")
        if self.unfinished:
            parts.append("The time ran out; the next tick goes on.")
        parts += self.problems[:SHOWN]
        if len(self.problems) > SHOWN:
            parts.append(f"{len(self.problems) - SHOWN} more problems.")
        return " ".join(parts)


class _Wait(BaseModel):
    until: datetime
    times: int = 0


def take_turns(
    client: RestClient,
    inbox: Inbox,
    name: str,
    steps: Mapping[str, Callable[[], None]],
    deadline: float,
    now: datetime,
    report: PollReport,
) -> None:
    """Does one step after another, each once, from where the last look of that `name` ended, until `deadline` (of `time.monotonic`). A step
    raises RestError; every failure is a sentence in the report."""
    waits = f"{name}:wait"
    wait = _waiting(inbox, waits)
    if wait is not None and now < wait.until <= now + LONGEST_WAIT:
        report.waits_until = wait.until
        report.problem(str(RateLimited(client.server, wait.until)))
        return
    client.limits_in_a_row = wait.times if wait else 0
    try:
        _go_round(inbox, f"{name}:turn", steps, deadline, report)
    except RateLimited as error:
        report.waits_until = error.until
        report.problem(str(error))
        inbox.set_cursor(waits, _Wait(until=error.until, times=client.limits_in_a_row).model_dump_json())
    except (Unauthorized, Unreachable) as error:
        report.problem(str(error))
    else:
        if wait is not None:
            inbox.set_cursor(waits, "")


def _go_round(
    inbox: Inbox, turn: str, steps: Mapping[str, Callable[[], None]], deadline: float, report: PollReport
) -> None:
    names = list(steps)
    last = inbox.cursor(turn)
    start = names.index(last) if last in names else 0
    order = names[start:] + names[:start]
    # Whatever ends this look, even a kill, the next one does not begin with the same step.
    inbox.set_cursor(turn, order[1 % len(order)] if order else "")
    unanswered = 0
    for number, step in enumerate(order):
        following = order[(number + 1) % len(order)]
        try:
            if number and time.monotonic() >= deadline:
                raise OutOfTime(f"The time was over before {step}.")
            steps[step]()
        except OutOfTime:
            report.unfinished = True
            # A step that began late begins the next look; one that had all the time waits for its turn.
            inbox.set_cursor(turn, step if number else following)
            return
        except (RateLimited, Unauthorized):
            # Of the server as a whole, so that no other step would fare better.
            inbox.set_cursor(turn, following)
            raise
        except RestError as error:
            report.problem(str(error))
            unanswered += isinstance(error, Unreachable)
            if unanswered == MOST_UNANSWERED:
                inbox.set_cursor(turn, following)
                raise
    inbox.set_cursor(turn, order[0] if order else "")


def _waiting(inbox: Inbox, waits: str) -> _Wait | None:
    try:
        return _Wait.model_validate_json(inbox.cursor(waits) or "")
    except ValidationError:
        return None
