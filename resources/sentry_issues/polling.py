"""One look at the configured projects: what changed since the last one lies in the inbox afterwards.

What belongs here: whose turn it is, and what a failure of one means for the others. What came by webhook is found again and makes no second
effect, because both say the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ValidationError

from resources.inbox import Inbox
from resources.sentry_issues.client import SentryApi
from resources.sentry_issues.errors import (
    LONGEST_WAIT,
    OutOfTime,
    RateLimited,
    SentryApiError,
    Unauthorized,
)
from resources.sentry_issues.looking import Look
from resources.sentry_issues.report import PollReport

TURN = "sentry:turn"
WAIT = "sentry:wait"


class _Wait(BaseModel):
    until: datetime
    times: int = 0


def poll(
    client: SentryApi,
    inbox: Inbox,
    projects: Sequence[str],
    deadline: float,
    now: datetime,
    days: int = 14,
    *,
    every_open: bool = False,
) -> PollReport:
    """Looks at `projects` (`organization/project`) until `deadline` (of `time.monotonic`); the first look of each goes `days` back.
    `every_open`: also of open issues that are not fresh an error is read, once. Raises nothing of Sentry's: every failure is a sentence in the report."""
    report = PollReport()
    wait = _waiting(inbox)
    if wait is not None and now < wait.until <= now + LONGEST_WAIT:
        report.waits_until = wait.until
        report.problem(str(RateLimited(wait.until)))
        return report
    client.limits_in_a_row = wait.times if wait else 0
    try:
        _go_round(client, inbox, projects, deadline, now - timedelta(days=days), report, every_open)
    except RateLimited as error:
        report.waits_until = error.until
        report.problem(str(error))
        inbox.set_cursor(WAIT, _Wait(until=error.until, times=client.limits_in_a_row).model_dump_json())
    except Unauthorized as error:
        report.problem(str(error))
    else:
        if wait is not None:
            inbox.set_cursor(WAIT, "")
    return report


def _go_round(
    client: SentryApi,
    inbox: Inbox,
    projects: Sequence[str],
    deadline: float,
    horizon: datetime,
    report: PollReport,
    every_open: bool,
) -> None:
    """One project after another, each once, from where the last look ended."""
    names = list({name.lower(): name for name in projects}.values())
    turn = inbox.cursor(TURN)
    start = names.index(turn) if turn in names else 0
    order = names[start:] + names[:start]
    for number, name in enumerate(order):
        following = order[(number + 1) % len(order)]
        if number and time.monotonic() >= deadline:
            report.unfinished = True
            return
        # Whatever ends this look, even a kill, the next one does not begin with the same project.
        inbox.set_cursor(TURN, following)
        try:
            Look(client, inbox, name, horizon, deadline, report, every_open).take()
        except OutOfTime:
            report.unfinished = True
            # One that began late begins the next look; one that had all the time waits for its turn.
            inbox.set_cursor(TURN, name if number else following)
            return
        except (RateLimited, Unauthorized):
            raise
        except SentryApiError as error:
            report.problem(str(error))
        else:
            report.looked_at += 1


def _waiting(inbox: Inbox) -> _Wait | None:
    try:
        return _Wait.model_validate_json(inbox.cursor(WAIT) or "")
    except ValidationError:
        return None
