"""What an event is before and after it lies in the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["waiting", "leased", "done", "superseded", "duplicate", "ignored", "dead"]
"""`waiting` until it is due and a batch takes it, `leased` while a batch has it, `done` when something was made of it. `superseded` by a
newer event about its subject, a `duplicate` of one that says the same, `ignored` because nothing is made of its kind, `dead` after its
last attempt."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fact from outside, as it comes in.

    Of the events about one `subject` the newest by `happened_at` wins, among equally new ones the last to come in. `says` is a hash of what
    is taken from it: one that says what the newest says already is the same fact, come another way.
    """

    source: str
    """`github` or `sentry`."""
    delivery_id: str
    """Its source's own id for it: an event is kept once under (source, delivery_id)."""
    kind: str
    """The source's word for it, such as `pull_request`."""
    subject: str
    """What it is about, such as `github:pull_request:1007`."""
    happened_at: datetime
    says: str
    payload: bytes
    """What was taken from it, as JSON."""
    ignored: str | None = None
    """Why nothing is made of it; None otherwise."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as it lies in the inbox. `reason`: why it failed, was ignored, or is dead."""

    id: int
    source: str
    delivery_id: str
    kind: str
    subject: str
    happened_at: datetime
    received_at: datetime
    state: State
    attempts: int
    next_at: datetime
    batch: str | None
    reason: str | None
    payload: bytes
