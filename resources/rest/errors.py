"""What can go wrong between here and a server's REST API, each as one sentence that a person can act on.

What belongs here: the kinds of failures, by which callers decide what comes next. Which answer is which is told by each server's own
`errors.py`. No secret is ever part of a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from resources.errors import SoloistError
from resources.http_waits import http_date, retry_after
from resources.scrubbing import scrub

LONGEST_WAIT = timedelta(hours=2)
"""The longest windows last an hour: whatever asks for more is a mistake, and must not keep a poller still for days."""
SHORTEST_WAIT = timedelta(seconds=1)
"""The shortest windows last so long, and instants are told in whole seconds."""


class RestError(SoloistError):
    """The server does not give what it was asked for."""


class Unauthorized(RestError):
    """Whoever asks is not let in at all."""


class Unreachable(RestError):
    """Nothing at the address answers."""


class OutOfTime(RestError):
    """The time that was given ran out before an answer came."""


class Broken(RestError):
    """It answered what cannot be used; it may answer better later."""


class Denied(RestError):
    """This one thing is not given, now or later, to whoever asks."""


class Missing(Denied):
    """There is no such thing, or none that may be seen."""


class Invalid(Denied):
    """What was written breaks a rule of the server's, or is there already."""


class RateLimited(RestError):
    """Nothing more may be asked of `server` before `until`."""

    def __init__(self, server: str, until: datetime) -> None:
        self.until = until
        super().__init__(
            f"{server}'s rate limit is used up until {until:%Y-%m-%d %H:%M:%S} UTC; nothing is asked before."
        )


def own_words(text: str) -> str:
    """What a server says of a failure, without secrets and cut short."""
    return scrub(" ".join(text.split()))[:200].rstrip(".")


def server_time(headers: Mapping[str, str]) -> datetime | None:
    return http_date(headers.get("date"))


def told_wait(headers: Mapping[str, str], theirs: datetime) -> timedelta | None:
    """What `Retry-After` says, seen from the server's own time. None where it says nothing."""
    return retry_after(headers.get("retry-after"), theirs)


def end_of(wait: timedelta | None, now: datetime) -> datetime | None:
    """When a wait that a server told is over, by this machine's clock."""
    return None if wait is None else now + min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)
