"""How far the issues of a project were read: what the poller keeps from one look to the next.

What belongs here: the shape that lies in the inbox as a cursor. What cannot be read, of an earlier version or spoilt, counts as none.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field, ValidationError

from resources.inbox import Inbox


class Walk(BaseModel):
    """A way down the list that is not at its end. `page` is to be read next, None for the first; what is older than `floor` is not read."""

    page: str | None = None
    floor: datetime
    newest: datetime | None = None
    """Of the first page."""
    failures: int = 0
    """How often in a row it could not go on."""


class Pending(BaseModel):
    """An issue of which an error is to be read, and how often that failed."""

    url: str
    failures: int = 0


class Position(BaseModel):
    """Of a project. What had its last error before `newest` lies in the inbox as it was then, and so does all that was `said`."""

    newest: datetime | None = None
    look: Walk | None = None
    sweep: Walk | None = None
    """A way down the whole list, which finds what changed without a new error."""
    swept_at: datetime | None = None
    said: dict[str, str] = Field(default_factory=dict)
    """Of each issue what it said when it was put into the inbox."""
    met: list[str] = Field(default_factory=list)
    """Issues since the sweep began: what is not among them at its end need not be remembered."""
    pending: dict[str, Pending] = Field(default_factory=dict)
    shown: list[str] = Field(default_factory=list)
    """Issues of which an error was read, or cannot be."""


def load_position(inbox: Inbox, name: str) -> Position:
    try:
        return Position.model_validate_json(inbox.cursor(name) or "{}")
    except ValidationError:
        return Position()


def save_position(inbox: Inbox, name: str, position: Position) -> None:
    inbox.set_cursor(name, position.model_dump_json(exclude_defaults=True))
