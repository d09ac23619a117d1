"""Reading an object of somebody else's, whose members may be missing, null, or of another type than they should be.

What belongs here: one value at a time. Of several names the first that holds one counts, for Sentry writes the same member in two ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MOST = 2**63 - 1
"""What a database takes as a whole number."""
LONGEST_NAME = 512
LONGEST_TEXT = 8192


class Unreadable(ValueError):
    """Nothing can be taken from it; the text says why."""


class Told:
    """An object; of what is none, one without members."""

    def __init__(self, found: object, what: str) -> None:
        self._what = what
        self.members: Mapping[str, Any] = found if isinstance(found, Mapping) else {}

    def inner(self, name: str) -> Told:
        return Told(self.members.get(name), name)

    def elements(self, name: str) -> list[object]:
        value = self.members.get(name)
        return value if isinstance(value, list) else []

    def text(self, *names: str, most: int = LONGEST_NAME) -> str:
        for name in names:
            value = self.members.get(name)
            if isinstance(value, str) and value:
                return capped(value, most)
        return ""

    def required(self, *names: str) -> str:
        if not (value := self.text(*names)):
            raise Unreadable(f"The {self._what} has no {names[0]}")
        return value

    def number(self, *names: str) -> int | None:
        """A whole number that is not negative, written as one or as text."""
        for name in names:
            value = self.members.get(name)
            if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
                return value
        return None

    def identity(self, *names: str) -> str:
        """A number or a name. Raises Unreadable."""
        number = self.number(*names)
        return str(number) if number is not None else self.required(*names)

    def truth(self, *names: str) -> bool | None:
        return next((value for name in names if isinstance(value := self.members.get(name), bool)), None)

    def time(self, *names: str) -> datetime | None:
        return next((at for name in names if (at := instant(self.members.get(name))) is not None), None)


def instant(value: object) -> datetime | None:
    """To the second: text, or seconds since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            read = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str) and value:
            read = datetime.fromisoformat(value)
            read = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return read.replace(microsecond=0)


def capped(text: str, most: int) -> str:
    """With one kind of line end, without halves of characters, which JSON lets through and nothing else does, and not longer than `most`."""
    whole = text[: most + 1].replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    return whole if len(text) <= most else whole[: most - 1] + "…"
