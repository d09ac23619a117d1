"""One look at the configured projects: what changed since the last one lies in the inbox afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from resources.inbox import Inbox
from resources.rest.polling import PollReport, take_turns
from resources.sentry_issues.client import SentryApi
from resources.sentry_issues.looking import Look


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
    `every_open`: also of open issues that are not fresh an error is read, once. Raises nothing of Sentry's: every failure is a sentence in
    the report."""
    report, horizon = PollReport("projects"), now - timedelta(days=days)

    def look(name: str) -> None:
        Look(client, inbox, name, horizon, deadline, report, every_open).take()
        report.looked_at.add(name)

    names = {name.lower(): name for name in projects}.values()
    take_turns(client, inbox, "sentry", {name: partial(look, name) for name in names}, deadline, now, report)
    return report
