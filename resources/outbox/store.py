"""The outbox: effects are kept under their key, leased one at a time, and each is sent, tried again later, dead or expired in the end.

What belongs here: the rules by which an effect changes its state. All of it is safe to call from several processes, and a process that is
killed anywhere leaves an effect that waits, or that is leased until its lease runs out.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import sqlalchemy as sa

from resources import clock
from resources.errors import BadInput
from resources.inbox.tables import instant, micros
from resources.inbox.transactions import in_transaction, rows_of
from resources.outbox.effects import Effect, require_key, target_of
from resources.outbox.tables import EFFECTS, outbox_engine
from resources.scrubbing import scrub

State = Literal["waiting", "leased", "sent", "dead", "expired"]
"""`waiting` until it is due and a publisher takes it, `leased` while one has it, `sent` when it is done. `dead` where it is refused or was
tried in vain, `expired` where nobody sent it for so long that it would surprise."""

MAX_ATTEMPTS = 10
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
LEASE = timedelta(minutes=5)
"""Longer than a publisher works on one effect, so that whoever finds a lease that ran out may take the effect over."""
OPENED = ("open_issue", "open_pull_request")
"""Verbs of what is there once for as long as its key may be put again."""
LIFE = timedelta(days=14)
"""An effect that waited longer is not sent: nobody expects it any more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An effect as it lies in the outbox. `result` is the address of what it came to; `reason` says why it failed, waits or is dead, or what
    there was to tell when it was sent."""

    id: int
    key: str
    verb: str
    target: str
    says: str
    state: State
    attempts: int
    created_at: datetime
    """When its key was put first."""
    put_at: datetime
    """Since when it waits as it is."""
    next_at: datetime
    settled_at: datetime | None
    lease: str | None
    reason: str | None
    result: str | None
    payload: str


class Outbox:
    """At `url`, the address of the inbox. Opening it makes what is missing."""

    def __init__(self, url: str, now: Callable[[], datetime] = clock.now) -> None:
        self.engine = outbox_engine(url)
        self.now = now

    def close(self) -> None:
        self.engine.dispose()

    def put(self, effects: Mapping[str, Effect]) -> list[bool]:
        """Keeps effects by their key, in one durable transaction; tells of each whether there is anything new to do. What differs from what
        lies under its key takes that one's place and waits, also where that one was sent, dead or expired; what is the same changes nothing.
        Raises BadInput for a key that is none."""
        keyed = {require_key(key): effect for key, effect in effects.items()}

        def put(connection: sa.Connection) -> list[bool]:
            return [put_in(connection, key, effect, self.now()) for key, effect in keyed.items()]

        return in_transaction(self.engine, put) if keyed else []

    def lease(self, without: Collection[str] = (), lasts: timedelta = LEASE) -> Kept | None:
        """Takes the effect that is due the longest, but for the verbs `without`; None where none is. What waited too long expires, and what
        a publisher that is gone held is due again, with an attempt less."""
        lease, now = uuid.uuid4().hex, micros(self.now())

        def take(connection: sa.Connection) -> Kept | None:
            self._give_back(connection, now)
            self._expire(connection, now)
            due = (EFFECTS.c.state == "waiting") & (EFFECTS.c.next_at <= now) & EFFECTS.c.verb.not_in(list(without))
            effect_id = connection.scalar(
                sa.select(EFFECTS.c.id).where(due).order_by(EFFECTS.c.next_at, EFFECTS.c.id).limit(1)
            )
            if effect_id is None:
                return None
            connection.execute(
                EFFECTS.update()
                .where(EFFECTS.c.id == effect_id)
                .values(state="leased", lease=lease, leased_until=now + micros_of(lasts))
            )
            return _kept(connection.execute(_SELECT.where(EFFECTS.c.id == effect_id)).one())

        return in_transaction(self.engine, take)

    def sent(self, effect: Kept, result: str, remark: str | None = None) -> bool:
        """Settles a leased effect that is done, with the address of what it came to; False where the lease was lost. Where another payload
        was put meanwhile, that one waits."""
        address, reason = _sayable(result), None if remark is None else _sayable(remark)
        done = {"state": "sent", "settled_at": micros(self.now()), "reason": reason, "result": address}
        return self._settle(effect, done | _unleased(), {"result": address})

    def failed(self, effect: Kept, reason: str, *, transient: bool) -> bool:
        """Settles a leased effect that was not done: it is tried again after a pause that grows with each attempt, or is dead."""
        attempts, now = effect.attempts + 1, micros(self.now())
        dead = not transient or attempts >= MAX_ATTEMPTS
        values: dict[str, object] = {"state": "dead", "settled_at": now} if dead else {"state": "waiting"}
        values |= {"attempts": attempts, "next_at": now + micros_of(_pause(attempts)), "reason": _sayable(reason)}
        return self._settle(effect, values | _unleased(), {})

    def put_off(self, effect: Kept, reason: str, until: datetime) -> bool:
        """Gives a leased effect back untried: what it needs is not to be had before."""
        values = {"state": "waiting", "next_at": micros(until), "reason": _sayable(reason)}
        return self._settle(effect, values | _unleased(), {})

    def replay(self, effect_ids: Iterable[int]) -> int:
        """Makes effects wait again, whatever became of them, with all their attempts before them; returns how many. What is leased stays so."""
        now = micros(self.now())
        return self._change(EFFECTS.update().values(**_fresh(now)), effect_ids)

    def drop(self, effect_ids: Iterable[int]) -> int:
        """Takes effects out for good, but for leased ones; returns how many. What was sent stays where it was sent to."""
        return self._change(EFFECTS.delete(), effect_ids)

    def prune(self, older_than: datetime) -> int:
        """Takes out what was sent or expired before; returns how many. Dead letters stay until somebody replays or drops them, and so does
        what was opened: since when its key is known tells how far back it is looked for, so without it another one would be opened."""
        settled = EFFECTS.c.state.in_(("sent", "expired")) & (EFFECTS.c.settled_at < micros(older_than))
        gone = EFFECTS.delete().where(settled, EFFECTS.c.verb.not_in(OPENED))
        return in_transaction(self.engine, lambda connection: connection.execute(gone).rowcount)

    def due(self) -> list[Kept]:
        """What a publisher would take now, in that order."""
        now = micros(self.now())
        order = (EFFECTS.c.next_at, EFFECTS.c.id)
        return [_kept(row) for row in rows_of(self.engine, _SELECT.where(self._is_due(now)).order_by(*order))]

    def has_due(self) -> bool:
        """Whether `lease` would find something."""
        query = sa.select(EFFECTS.c.id).where(self._is_due(micros(self.now()))).limit(1)
        return bool(rows_of(self.engine, query))

    def latest(self, state: State | None = None, limit: int = 100) -> list[Kept]:
        """The last to be put, first; of one state or all."""
        condition = sa.true() if state is None else EFFECTS.c.state == state
        query = _SELECT.where(condition).order_by(EFFECTS.c.put_at.desc(), EFFECTS.c.id.desc()).limit(limit)
        return [_kept(row) for row in rows_of(self.engine, query)]

    def get(self, effect_id: int) -> Kept:
        """Raises BadInput where there is none."""
        found = rows_of(self.engine, _SELECT.where(EFFECTS.c.id == effect_id))
        if not found:
            raise BadInput(f"The outbox has no effect {effect_id}; `soloist outbox list` shows what there is.")
        return _kept(found[0])

    def under(self, key: str) -> Kept | None:
        """The effect of a key."""
        found = rows_of(self.engine, _SELECT.where(EFFECTS.c.key == key))
        return _kept(found[0]) if found else None

    def counts(self) -> dict[str, int]:
        """Effects by state."""
        query: sa.Select[Any] = sa.select(EFFECTS.c.state, sa.func.count()).group_by(EFFECTS.c.state)
        return {str(state): int(count) for state, count in map(tuple, rows_of(self.engine, query))}

    def _settle(self, effect: Kept, values: Mapping[str, object], of_another: Mapping[str, object]) -> bool:
        """Writes the values where the effect is still the one that was leased; else `of_another`, and the other payload waits."""
        held = (EFFECTS.c.id == effect.id) & (EFFECTS.c.state == "leased") & (EFFECTS.c.lease == effect.lease)

        def settle(connection: sa.Connection) -> bool:
            same = connection.execute(EFFECTS.update().where(held, EFFECTS.c.says == effect.says).values(**values))
            if same.rowcount:
                return True
            now = micros(self.now())
            other = connection.execute(EFFECTS.update().where(held).values(**_fresh(now), **of_another))
            return bool(other.rowcount)

        return in_transaction(self.engine, settle)

    def _change(self, change: sa.Update | sa.Delete, effect_ids: Iterable[int]) -> int:
        listed = list(effect_ids)

        def make(connection: sa.Connection) -> int:
            free = (change.where(EFFECTS.c.id == effect_id, EFFECTS.c.state != "leased") for effect_id in listed)
            return sum(connection.execute(each).rowcount for each in free)

        return in_transaction(self.engine, make)

    def _is_due(self, now: int) -> sa.ColumnElement[bool]:
        waits = (EFFECTS.c.state == "waiting") & (EFFECTS.c.next_at <= now) & (EFFECTS.c.put_at > now - micros_of(LIFE))
        return waits | ((EFFECTS.c.state == "leased") & (EFFECTS.c.leased_until <= now))

    def _give_back(self, connection: sa.Connection, now: int) -> None:
        gone = (EFFECTS.c.state == "leased") & (EFFECTS.c.leased_until <= now)
        last = EFFECTS.c.attempts + 1 >= MAX_ATTEMPTS
        connection.execute(
            EFFECTS.update()
            .where(gone)
            .values(
                state=sa.case((last, "dead"), else_="waiting"),
                settled_at=sa.case((last, sa.literal(now, sa.BigInteger)), else_=sa.null()),
                attempts=EFFECTS.c.attempts + 1,
                next_at=now,
                reason="Whoever sent it ended before it was settled.",
                **_unleased(),
            )
        )

    def _expire(self, connection: sa.Connection, now: int) -> None:
        old = (EFFECTS.c.state == "waiting") & (EFFECTS.c.put_at <= now - micros_of(LIFE))
        reason = (
            f"It waited longer than {LIFE.days} days, so it is not sent; `soloist outbox replay` lets it wait again."
        )
        connection.execute(EFFECTS.update().where(old).values(state="expired", settled_at=now, reason=reason))


_SELECT = sa.select(*(EFFECTS.c[name] for name in Kept.__slots__))


def put_in(connection: sa.Connection, key: str, effect: Effect, now: datetime) -> bool:
    """`Outbox.put` of one effect, in a transaction of somebody else's."""
    payload, at = effect.model_dump_json(), micros(now)
    row = {
        "verb": effect.verb,
        "target": target_of(effect),
        "says": hashlib.sha256(payload.encode()).hexdigest(),
        "payload": payload,
    }
    known = connection.execute(sa.select(EFFECTS.c.says, EFFECTS.c.state).where(EFFECTS.c.key == key)).first()
    if known is None:
        connection.execute(EFFECTS.insert().values(key=key, created_at=at, **row, **_fresh(at)))
        return True
    if known.says == row["says"]:
        return False
    # Whoever holds the lease finds another payload when it settles.
    fresh = {} if known.state == "leased" else _fresh(at)
    connection.execute(EFFECTS.update().where(EFFECTS.c.key == key).values(**row, **fresh))
    return True


def micros_of(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


def _fresh(now: int) -> dict[str, object]:
    waiting = {"state": "waiting", "attempts": 0, "put_at": now, "next_at": now, "settled_at": None, "reason": None}
    return waiting | _unleased()


def _unleased() -> dict[str, object]:
    return {"lease": None, "leased_until": None}


def _pause(attempts: int) -> timedelta:
    """A part of it is chance, so that what failed together does not come back together."""
    pause = min(FIRST_PAUSE * int(4 ** min(attempts - 1, 10)), LONGEST_PAUSE)
    return pause * random.uniform(0.75, 1.25)  # noqa: S311 (nothing secret rests on it)


def _sayable(reason: str) -> str:
    """Without secrets, and without what no database keeps in a text."""
    return scrub(reason.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()[:500])


def _kept(row: sa.Row[Any]) -> Kept:
    values = dict(row._mapping)
    for name in ("created_at", "put_at", "next_at", "settled_at"):
        values[name] = None if values[name] is None else instant(values[name])
    values["state"] = cast(State, values["state"])
    return Kept(**values)
