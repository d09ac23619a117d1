"""What can go wrong between here and Sentry, each as one sentence that a person can act on.

What belongs here: reading an answer that is none, and what it says of limits. The token is never part of a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import orjson

from resources.http_waits import whole_seconds
from resources.rest.errors import (
    SHORTEST_WAIT,
    Broken,
    Denied,
    Missing,
    RestError,
    Unauthorized,
    end_of,
    own_words,
    server_time,
    told_wait,
)

_LIMIT = "x-sentry-rate-limit-"


def failure(status: int, message: str, what: str, *, writes: bool = False) -> RestError:
    """What an error status means that is not about limits. `what` was asked for, or was to be written."""
    said = f"{status}: {message}" if message else str(status)
    if status == 401:
        return Unauthorized(
            f"Sentry refuses SOLOIST_SENTRY_TOKEN ({said}); it is wrong, expired or revoked, so put a new one in."
        )
    if status == 403 and writes:
        return Denied(
            f"Sentry does not let SOLOIST_SENTRY_TOKEN write a {what} ({said}); give it the scope event:write, and take a person's token: one "
            "of an organization may not write notes."
        )
    if status == 403:
        return Denied(
            f"Sentry does not let SOLOIST_SENTRY_TOKEN read {what} ({said}); give it the scopes event:read and project:read, or leave the "
            "project out."
        )
    if status in (404, 410):
        return Missing(
            f"Sentry has no {what} for SOLOIST_SENTRY_TOKEN ({said}); it was deleted, is written wrongly in SOLOIST_SENTRY_PROJECTS, or is "
            "not shared with it."
        )
    if 300 <= status < 400:
        return Denied(f"Sentry sends requests for {what} elsewhere ({said}); check SOLOIST_SENTRY_API_URL.")
    if status >= 500:
        failed = "fails to write" if writes else "fails to give"
        return Broken(f"Sentry {failed} {what} ({said}); it is {'tried' if writes else 'asked'} again later.")
    return Denied(f"Sentry does not {'take' if writes else 'give'} {what} ({said}).")


def is_used_up(headers: Mapping[str, str]) -> bool:
    return headers.get(f"{_LIMIT}remaining", "").strip() == "0"


def limited_until(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """By this machine's clock, which may be another than Sentry's: what Sentry names is taken as a distance from its own `Date`. None where
    it names nothing."""
    theirs = server_time(headers) or now
    wait = told_wait(headers, theirs)
    if wait is None and headers.get(f"{_LIMIT}concurrentremaining", "").strip() == "0":
        wait = SHORTEST_WAIT  # too many at once: one of them will be done soon
    if wait is None and (reset := whole_seconds(headers.get(f"{_LIMIT}reset"))) is not None:
        wait = timedelta(seconds=reset - int(theirs.timestamp()))
    return end_of(wait, now)


def message_of(body: bytes) -> str:
    """Sentry's own words, without secrets and cut short; "" where it has none."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    detail = said.get("detail") if isinstance(said, dict) else said
    if isinstance(detail, dict):
        detail = detail.get("message")
    return own_words(detail[:400]) if isinstance(detail, str) else ""
