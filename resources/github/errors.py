"""What GitHub means by an answer that is none, as one sentence that a person can act on, and what it says of limits.

Neither the token nor what people wrote is ever part of a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import orjson

from resources.http_waits import whole_seconds
from resources.rest.errors import (
    Broken,
    Denied,
    Invalid,
    Missing,
    RestError,
    Unauthorized,
    end_of,
    own_words,
    server_time,
    told_wait,
)


def failure(status: int, message: str, what: str, who: str, *, writes: bool = False) -> RestError:
    """What an error status means that is not about limits. `what` was asked for, or was to be written, by `who`."""
    said = f"{status}: {message}" if message else str(status)
    if status == 401:
        return Unauthorized(f"GitHub refuses {who} ({said}); it is wrong, expired or revoked, so put a new one in.")
    if status == 403:
        verb = "write" if writes else "read"
        return Denied(
            f"GitHub does not let {who} {verb} {what} ({said}); give it the permission, or leave the repository out."
        )
    if status in (404, 410, 451):
        lacks = (
            "is private and not shared with it, or may not be written by it"
            if writes
            else "is private and not shared with it"
        )
        return Missing(f"GitHub has no {what} for {who} ({said}); it was deleted, is written wrongly, or {lacks}.")
    if 300 <= status < 400:
        cause = "the repository has another name now" if writes else "check SOLOIST_GITHUB_API_URL"
        return Denied(f"GitHub sends requests for {what} elsewhere ({said}); {cause}.")
    if status >= 500:
        failed = "fails to write" if writes else "fails to give"
        return Broken(f"GitHub {failed} {what} ({said}); it is {'tried' if writes else 'asked'} again later.")
    if status == 422 and writes:
        return Invalid(f"GitHub does not take {what} ({said}).")
    return Denied(f"GitHub does not {'take' if writes else 'give'} {what} ({said}).")


def is_limit(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Whether it is about how often is asked: GitHub answers 403 for this as well as for a permission that lacks."""
    if status != 403:
        return status == 429
    words = message.lower()
    return "retry-after" in headers or is_used_up(headers) or "rate limit" in words or "abuse" in words


def is_used_up(headers: Mapping[str, str]) -> bool:
    return headers.get("x-ratelimit-remaining", "").strip() == "0"


def limited_until(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """By this machine's clock, which may be another than GitHub's: what GitHub names is taken as a distance from its own `Date`. None
    where it names nothing."""
    theirs = server_time(headers) or now
    wait = told_wait(headers, theirs)
    if wait is None and is_used_up(headers):
        wait = _until_reset(headers.get("x-ratelimit-reset"), theirs)
    return end_of(wait, now)


def _until_reset(text: str | None, theirs: datetime) -> timedelta | None:
    seconds = whole_seconds(text)
    return None if seconds is None else timedelta(seconds=seconds - int(theirs.timestamp()))


def message_of(body: bytes) -> str:
    """GitHub's own words, without secrets and cut short; "" where it has none. What it says of single fields stands behind."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(said, dict):
        return ""
    errors = said.get("errors")
    each = [error.get("message") for error in errors[:3] if isinstance(error, dict)] if isinstance(errors, list) else []
    told = [text[:400] for text in (said.get("message"), *each) if isinstance(text, str)]
    return own_words("; ".join(told))
