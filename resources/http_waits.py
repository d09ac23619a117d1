"""How long a server asks to be left alone, as its headers say it: in seconds, or as an instant by its own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """What `Retry-After` says, in seconds or as a date, seen from `now` by the server's clock; negative for what is over. None where it says
    nothing that can be read."""
    if text is None:
        return None
    if (seconds := whole_seconds(text)) is not None:
        return timedelta(seconds=seconds)
    at = http_date(text)
    return at - now if at else None


def whole_seconds(text: str | None) -> int | None:
    """A number of seconds, at most what a clock can show; a fraction is cut off."""
    digits = (text or "").strip().partition(".")[0]
    return min(int(digits), 10**10) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def http_date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(text) if text else None
        return None if at is None else at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
