"""How far a list of a repository was read: what a poller keeps from one look to the next.

What belongs here: the shape that lies in the inbox as a cursor. What cannot be read, of an earlier version or spoilt, counts as none.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field, ValidationError

from resources.inbox import Inbox


class Page(BaseModel):
    """One page as it was when it was read. `edge` tells how far back it goes; `items` says of each what was taken, where that is
    remembered."""

    etag: str | None = None
    next: str | None = None
    edge: datetime | None = None
    items: dict[str, str] = Field(default_factory=dict)


class Walk(BaseModel):
    """A way down a list that is not at its end. What is older than `floor` is not read; `newest` becomes the position's in the end."""

    url: str
    first: str
    floor: datetime
    newest: datetime | None = None
    pages: dict[str, Page] = Field(default_factory=dict)
    failures: int = 0
    """How often in a row it could not go on."""


class Position(BaseModel):
    """Of a list. All that is not newer than `newest` lies in the inbox, and so does what the `pages` held."""

    repository: int
    newest: datetime | None = None
    pages: dict[str, Page] = Field(default_factory=dict)
    walk: Walk | None = None
    unfinished: dict[int, datetime] = Field(default_factory=dict)
    """Workflow runs that were not completed, and when they were created."""
    pending: list[int] = Field(default_factory=list)
    """Pull requests whose reviews are to be read."""

    @property
    def items(self) -> dict[str, str]:
        """Of all pages."""
        return {key: said for page in self.pages.values() for key, said in page.items.items()}


def load_position(inbox: Inbox, name: str, repository: int) -> Position:
    """One that belongs to another repository, of the same name, counts as none."""
    kept = inbox.cursor(name)
    try:
        position = Position.model_validate_json(kept) if kept else None
    except ValidationError:
        position = None
    return position if position and position.repository == repository else Position(repository=repository)


def save_position(inbox: Inbox, name: str, position: Position) -> None:
    inbox.set_cursor(name, position.model_dump_json(exclude_defaults=True))
