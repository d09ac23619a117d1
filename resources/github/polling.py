"""One look at the configured repositories: what changed since the last one lies in the inbox afterwards.

What belongs here: whose turn it is, and what a failure of one means for the others. What came by webhook is found again and makes no second
event, because both say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ValidationError

from resources.github.client import GitHub
from resources.github.errors import (
    LONGEST_WAIT,
    Denied,
    GitHubError,
    OutOfTime,
    RateLimited,
    Unauthorized,
    Unreachable,
)
from resources.github.looking import Look, steps_of
from resources.github.report import PollReport
from resources.inbox import Inbox

TURN = "github:turn"
WAIT = "github:wait"


class _Wait(BaseModel):
    until: datetime
    times: int = 0


def poll(
    client: GitHub, inbox: Inbox, repositories: Sequence[str], deadline: float, now: datetime, days: int = 90
) -> PollReport:
    """Looks at `repositories` (`owner/name`) until `deadline` (of `time.monotonic`); the first look of each goes `days` back. Raises nothing
    of GitHub's: every failure is a sentence in the report."""
    report = PollReport()
    wait = _waiting(inbox)
    if wait is not None and now < wait.until <= now + LONGEST_WAIT:
        report.waits_until = wait.until
        report.problem(str(RateLimited(wait.until)))
        return report
    client.limits_in_a_row = wait.times if wait else 0
    look = Look(client, inbox, deadline, now - timedelta(days=days), now, report)
    try:
        _go_round(look, inbox, repositories)
    except RateLimited as error:
        report.waits_until = error.until
        report.problem(str(error))
        inbox.set_cursor(WAIT, _Wait(until=error.until, times=client.limits_in_a_row).model_dump_json())
    except (Unauthorized, Unreachable) as error:
        report.problem(str(error))
    else:
        if wait is not None:
            inbox.set_cursor(WAIT, "")
    return report


def _go_round(look: Look, inbox: Inbox, repositories: Sequence[str]) -> None:
    """One step after another, each once, from where the last look ended."""
    steps = steps_of(repositories)
    names = [step.name for step in steps]
    turn = inbox.cursor(TURN)
    start = names.index(turn) if turn in names else 0
    order = steps[start:] + steps[:start]
    # Whatever ends this look, even a kill, the next one does not begin with the same step.
    inbox.set_cursor(TURN, order[1 % len(order)].name if order else "")
    for number, step in enumerate(order):
        following = order[(number + 1) % len(order)].name
        try:
            look.take(step)
        except OutOfTime:
            look.report.unfinished = True
            # A step that began late begins the next look; one that had all the time waits for its turn.
            inbox.set_cursor(TURN, step.name if number else following)
            return
        except Denied as error:
            look.report.problem(str(error))
        except (RateLimited, Unauthorized, Unreachable):
            inbox.set_cursor(TURN, following)
            raise
        except GitHubError as error:
            look.report.problem(str(error))
    inbox.set_cursor(TURN, order[0].name if order else "")


def _waiting(inbox: Inbox) -> _Wait | None:
    try:
        return _Wait.model_validate_json(inbox.cursor(WAIT) or "")
    except ValidationError:
        return None
