"""One look at the configured repositories: what changed since the last one lies in the inbox afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from resources.github.client import GitHub
from resources.github.looking import Look, steps_of
from resources.inbox import Inbox
from resources.rest.polling import PollReport, take_turns


def poll(
    client: GitHub, inbox: Inbox, repositories: Sequence[str], deadline: float, now: datetime, days: int = 90
) -> PollReport:
    """Looks at `repositories` (`owner/name`) until `deadline` (of `time.monotonic`); the first look of each goes `days` back. Raises nothing
    of GitHub's: every failure is a sentence in the report."""
    report = PollReport("repositories")
    look = Look(client, inbox, deadline, now - timedelta(days=days), now, report)
    steps = {step.name: partial(look.take, step) for step in steps_of(repositories)}
    take_turns(client, inbox, "github", steps, deadline, now, report)
    return report
