"""The inbox: events are kept when they arrive, leased in batches, and each is finished, tried again later, or dead in the end.

What belongs here: the rules by which an event changes its state. All of it is safe to call from several processes and threads, and a
process that is killed anywhere leaves an event that is waiting or leased to a batch, never one that is lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from resources import clock
from resources.errors import BadInput
from resources.inbox.events import Event, Kept, State
from resources.inbox.tables import CURSORS, EVENTS, instant, micros, opened
from resources.inbox.transactions import in_transaction, rows_of

MAX_ATTEMPTS = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
REST = timedelta(hours=1)
"""Of a dead event before a delivery that says the same has it tried again."""
_MICROSECOND = timedelta(microseconds=1)
BATCH_SIZE = 1000
CHUNK = 500
"""Values in one statement."""


@dataclass(frozen=True)
class _Newest:
    id: int
    happened_at: int
    says: str
    state: str


@dataclass(frozen=True)
class Batch:
    """Events that are leased together, one for each subject."""

    id: str
    events: Sequence[Kept]


class Inbox:
    """At `url`, such as `sqlite:////home/me/.soloist/inbox.db`. Opening it makes what is missing."""

    def __init__(self, url: str, now: Callable[[], datetime] = clock.now) -> None:
        self._engine = opened(url)
        self._now = now
        self._insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert

    def close(self) -> None:
        self._engine.dispose()

    def add(self, events: Iterable[Event]) -> list[bool]:
        """Keeps those that are not known by their delivery, in one durable transaction; tells of each whether it was new."""
        listed = [_storable(each) for each in events]
        now = micros(self._now())

        def add(connection: sa.Connection) -> list[bool]:
            newest = self._newest(connection, sorted({each.subject for each in listed}))
            new: list[bool] = []
            for each in listed:
                row = self._insert(EVENTS).values(**_row(each, now)).on_conflict_do_nothing().returning(EVENTS.c.id)
                event_id = connection.scalar(row)
                new.append(event_id is not None)
                if event_id is not None and each.ignored is None:
                    self._place(connection, newest, each, event_id)
            return new

        return in_transaction(self._engine, add) if listed else []

    def lease(self, size: int = BATCH_SIZE) -> Batch | None:
        """Takes what is due; None where nothing is. What failed with others before comes in ever smaller batches, so that one poisonous
        event is alone in the end."""
        due, batch = self._due(), uuid.uuid4().hex
        taken = _kept_where(_held_by(batch))

        def take(connection: sa.Connection) -> Sequence[sa.Row[Any]]:
            if rows := connection.execute(taken).all():
                return rows  # By a transaction before, of which nobody could say that it was committed.
            tried = connection.scalar(sa.select(sa.func.min(EVENTS.c.attempts)).where(due))
            if tried is None:
                return []
            wanted = sa.select(EVENTS.c.id).where(due, EVENTS.c.attempts == tried).order_by(EVENTS.c.id)
            for some in _chunks(list(connection.scalars(wanted.limit(max(1, size // 10**tried))))):
                connection.execute(EVENTS.update().where(EVENTS.c.id.in_(some)).values(state="leased", batch=batch))
            return connection.execute(taken).all()

        rows = in_transaction(self._engine, take)
        return Batch(batch, [_kept(row) for row in rows]) if rows else None

    def batch(self, batch: str) -> Batch:
        """The events that are still leased to a batch."""
        return Batch(batch, self._select(_held_by(batch)))

    def open_batches(self) -> list[str]:
        """Batches that have leased events, the oldest first."""
        query = (
            sa.select(EVENTS.c.batch)
            .where(EVENTS.c.state == "leased")
            .group_by(EVENTS.c.batch)
            .order_by(sa.func.min(EVENTS.c.id))
        )
        return [str(batch) for (batch,) in self._read(query)]

    def finish(self, batch: str, done: Iterable[int], failed: Mapping[int, str]) -> None:
        """Settles events of a batch: those of which something was made, and those that failed, with the reason of each."""
        held, made = _held_by(batch), list(done)

        def settle(connection: sa.Connection) -> None:
            for some in _chunks(made):
                connection.execute(
                    EVENTS.update().where(held, EVENTS.c.id.in_(some)).values(state="done", batch=None, reason=None)
                )
            for event_id, reason in failed.items():
                self._try_again(connection, held & (EVENTS.c.id == event_id), reason, pauses=True)
            self._let_newer_win(connection)

        in_transaction(self._engine, settle)

    def release(self, batch: str, reason: str, *, pauses: bool = False) -> None:
        """Gives back what a batch holds still, which costs each event an attempt. It is due at once where whoever worked on it is gone; where
        the work failed it pauses as what failed does, since what was in the way of a whole batch may take a while to pass."""
        held = _held_by(batch)

        def give_back(connection: sa.Connection) -> None:
            self._try_again(connection, held, reason, pauses=pauses)
            self._let_newer_win(connection)

        in_transaction(self._engine, give_back)

    def replay(self, event_ids: Iterable[int]) -> int:
        """Makes events wait again, whatever became of them, with all their attempts before them; returns how many. What is leased stays so."""
        fresh = {"state": "waiting", "attempts": 0, "next_at": micros(self._now()), "batch": None, "reason": None}
        return self._change(EVENTS.update().values(**fresh), list(event_ids))

    def drop(self, event_ids: Iterable[int]) -> int:
        """Takes events out for good, but for leased ones; returns how many."""
        return self._change(EVENTS.delete(), list(event_ids))

    def prune(self, older_than: datetime) -> int:
        """Takes out what is settled and came in before; returns how many. Dead letters stay until somebody replays or drops them."""
        settled = EVENTS.c.state.in_(("done", "superseded", "duplicate", "ignored"))
        gone = EVENTS.delete().where(settled, EVENTS.c.received_at < micros(older_than))
        return in_transaction(self._engine, lambda connection: connection.execute(gone).rowcount)

    def latest(self, state: State | None = None, limit: int = 100) -> list[Kept]:
        """The last to come in, first; of one state or all."""
        condition = sa.true() if state is None else EVENTS.c.state == state
        return self._select(condition, EVENTS.c.id.desc(), limit)

    def get(self, event_id: int) -> Kept:
        """Raises BadInput where there is none."""
        found = self._select(EVENTS.c.id == event_id)
        if not found:
            raise BadInput(f"The inbox has no event {event_id}; `soloist inbox list` shows what there is.")
        return found[0]

    def counts(self) -> dict[str, int]:
        """Events by state."""
        query: sa.Select[Any] = sa.select(EVENTS.c.state, sa.func.count()).group_by(EVENTS.c.state)
        return {str(state): int(count) for state, count in map(tuple, self._read(query))}

    def has_due(self) -> bool:
        """Whether `lease` would find something."""
        return bool(self._read(sa.select(EVENTS.c.id).where(self._due()).limit(1)))

    def cursor(self, name: str) -> str | None:
        """How far a poller has read, in its own words."""
        return next(
            (str(value) for (value,) in self._read(sa.select(CURSORS.c.value).where(CURSORS.c.name == name))), None
        )

    def set_cursor(self, name: str, value: str) -> None:
        """Writes only what changed."""
        if self.cursor(name) == value:
            return
        row = self._insert(CURSORS).values(name=name, value=value)
        row = row.on_conflict_do_update(index_elements=["name"], set_={"value": value})
        in_transaction(self._engine, lambda connection: connection.execute(row))

    def _change(self, change: sa.Update | sa.Delete, event_ids: Sequence[int]) -> int:
        """To those of the events that are not leased; to how many."""

        def make(connection: sa.Connection) -> int:
            free = (change.where(EVENTS.c.id.in_(some), EVENTS.c.state != "leased") for some in _chunks(event_ids))
            return sum(connection.execute(each).rowcount for each in free)

        return in_transaction(self._engine, make)

    def _due(self) -> sa.ColumnElement[bool]:
        return (EVENTS.c.state == "waiting") & (EVENTS.c.next_at <= micros(self._now()))

    def _newest(self, connection: sa.Connection, subjects: Sequence[str]) -> dict[str, _Newest]:
        """Of each subject the event that wins, whatever became of it."""
        found: dict[str, _Newest] = {}
        for some in _chunks(subjects):
            query = (
                sa.select(EVENTS.c.subject, EVENTS.c.id, EVENTS.c.happened_at, EVENTS.c.says, EVENTS.c.state)
                .where(EVENTS.c.subject.in_(some), EVENTS.c.state.in_(("waiting", "leased", "done", "dead")))
                .order_by(EVENTS.c.happened_at, EVENTS.c.id)
            )
            found |= {subject: _Newest(*rest) for subject, *rest in connection.execute(query)}
        return found

    def _place(self, connection: sa.Connection, newest: dict[str, _Newest], event: Event, event_id: int) -> None:
        """Settles an event against the newest one about its subject. One that says the same is a duplicate, and moves the other one's time on:
        what comes in late from between the two must not win; its payload is nothing new and not kept. A dead one is revived by it."""
        happened_at = micros(event.happened_at)
        known = newest.get(event.subject)
        if known is not None and known.says == event.says:
            _set(connection, event_id, state="duplicate", payload=b"{}")
            if happened_at > known.happened_at:
                _set(connection, known.id, happened_at=happened_at)
                known = replace(known, happened_at=happened_at)
            if known.state == "dead":
                self._revive(connection, known.id, event.payload)
                known = replace(known, state="waiting")
            newest[event.subject] = known
        elif known is not None and happened_at < known.happened_at:
            _set(connection, event_id, state="superseded")
        else:
            if known is not None and known.state == "waiting":
                _set(connection, known.id, state="superseded")
            newest[event.subject] = _Newest(event_id, happened_at, event.says, "waiting")

    def _revive(self, connection: sa.Connection, event_id: int, payload: bytes) -> None:
        """Has a dead event wait again with all its attempts, but not before it was dead for a while: it is told of again and again."""
        died_at = EVENTS.c.next_at
        earliest, now = died_at + REST // _MICROSECOND, micros(self._now())
        next_at = sa.case((earliest > now, earliest), else_=now)
        _set(connection, event_id, state="waiting", attempts=0, reason=None, payload=payload, next_at=next_at)

    def _let_newer_win(self, connection: sa.Connection) -> None:
        """What waits again may have been overtaken meanwhile."""
        other = EVENTS.alias("other")
        newer = (other.c.happened_at > EVENTS.c.happened_at) | (
            (other.c.happened_at == EVENTS.c.happened_at) & (other.c.id > EVENTS.c.id)
        )
        overtaken = sa.exists().where(
            other.c.subject == EVENTS.c.subject, other.c.state.in_(("waiting", "leased", "done")), newer
        )
        tried = (EVENTS.c.state == "waiting") & (EVENTS.c.attempts > 0)
        connection.execute(EVENTS.update().where(tried, overtaken).values(state="superseded"))

    def _try_again(
        self, connection: sa.Connection, which: sa.ColumnElement[bool], reason: str, *, pauses: bool
    ) -> None:
        attempts, now = EVENTS.c.attempts + 1, micros(self._now())
        first = FIRST_PAUSE if pauses else timedelta()
        again_at = sa.case(
            *(
                (attempts == n, now + min(first * 4 ** (n - 1), LONGEST_PAUSE) // _MICROSECOND)
                for n in range(1, MAX_ATTEMPTS)
            ),
            else_=now,
        )
        connection.execute(
            EVENTS.update()
            .where(which)
            .values(
                state=sa.case((attempts >= MAX_ATTEMPTS, "dead"), else_="waiting"),
                attempts=attempts,
                next_at=again_at,
                batch=None,
                reason=_storable_text(reason[:500]),
            )
        )

    def _select(
        self, condition: sa.ColumnElement[bool], order: Any = EVENTS.c.id, limit: int | None = None
    ) -> list[Kept]:
        return [_kept(row) for row in self._read(_kept_where(condition, order).limit(limit))]

    def _read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        return rows_of(self._engine, query)


def _held_by(batch: str) -> sa.ColumnElement[bool]:
    return (EVENTS.c.batch == batch) & (EVENTS.c.state == "leased")


def _kept_where(condition: sa.ColumnElement[bool], order: Any = EVENTS.c.id) -> sa.Select[Any]:
    """The columns of `Kept`."""
    return sa.select(*(EVENTS.c[name] for name in Kept.__slots__)).where(condition).order_by(order)


def _row(event: Event, now: int) -> dict[str, object]:
    return {
        "source": event.source,
        "delivery_id": event.delivery_id,
        "kind": event.kind,
        "subject": event.subject,
        "happened_at": micros(event.happened_at),
        "received_at": now,
        "says": event.says,
        "state": "waiting" if event.ignored is None else "ignored",
        "attempts": 0,
        "next_at": now,
        "reason": event.ignored,
        "payload": event.payload,
    }


def _storable(event: Event) -> Event:
    return replace(
        event,
        source=_storable_text(event.source),
        delivery_id=_storable_text(event.delivery_id),
        kind=_storable_text(event.kind),
        subject=_storable_text(event.subject),
        says=_storable_text(event.says),
        ignored=None if event.ignored is None else _storable_text(event.ignored),
    )


def _storable_text(text: str) -> str:
    """Without what Postgres keeps in no text (NUL), or no database does (half of a surrogate pair)."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _set(connection: sa.Connection, event_id: int, **values: object) -> None:
    connection.execute(EVENTS.update().where(EVENTS.c.id == event_id).values(**values))


def _kept(row: sa.Row[Any]) -> Kept:
    values = dict(row._mapping)
    for name in ("happened_at", "received_at", "next_at"):
        values[name] = instant(values[name])
    values["state"] = cast(State, values["state"])
    return Kept(**values)


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
