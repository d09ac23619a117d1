"""Why runs failed: each cause once, and whether somebody is to be told of it again.

What belongs here: the rule by which a failure is news, and keeping it in the transaction that puts what is said of it. What a cause is, is
decided by whoever sees the run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from resources.inbox.tables import instant, micros
from resources.inbox.transactions import in_transaction, rows_of
from resources.outbox.effects import Effect
from resources.outbox.store import Outbox, put_in
from resources.outbox.tables import ALERTS

QUIET = timedelta(days=7)
"""For which the same cause is not told again, unless what failed was well in between."""


@dataclass(frozen=True)
class Failure:
    """A run that failed: the hash of its cause, that cause in words, and when."""

    cause: str
    says: str
    run: str
    at: datetime


@dataclass(frozen=True)
class Alert:
    """What is known of a cause. `failures` counts runs."""

    cause: str
    says: str
    first_at: datetime
    last_at: datetime
    last_run: str
    alerted_at: datetime
    failures: int


class Alerts:
    """In the database of an outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def known(self, cause: str) -> Alert | None:
        query = sa.select(*(ALERTS.c[name] for name in Alert.__dataclass_fields__)).where(ALERTS.c.cause == cause)
        found = rows_of(self._outbox.engine, query)
        return _alert(found[0]) if found else None

    def is_news(self, failure: Failure, was_well_since: Callable[[datetime], bool]) -> bool:
        """Whether somebody is to be told. `was_well_since` says whether what failed has succeeded between an instant and the failure."""
        known = self.known(failure.cause)
        if known is None:
            return True
        if failure.at <= known.last_at:
            return False  # kept before, by whoever was killed before it could say so
        return failure.at - known.alerted_at >= QUIET or was_well_since(known.last_at)

    def keep(self, failure: Failure, is_news: bool, effect: Effect | None) -> None:
        """Keeps a failure and, in the same transaction, puts what is said of it under `run-failure:` and the cause."""
        at = micros(failure.at)
        told = {"alerted_at": at} if is_news else {}

        def keep(connection: sa.Connection) -> None:
            newer = (ALERTS.c.cause == failure.cause) & (ALERTS.c.last_at < at)
            seen = {"says": failure.says, "last_at": at, "last_run": failure.run}
            changed = connection.execute(
                ALERTS.update().where(newer).values(**seen, **told, failures=ALERTS.c.failures + 1)
            )
            is_known = connection.scalar(sa.select(ALERTS.c.cause).where(ALERTS.c.cause == failure.cause))
            if not changed.rowcount and is_known is None:
                first = {"cause": failure.cause, "first_at": at, "alerted_at": at, "failures": 1}
                connection.execute(ALERTS.insert().values(**seen, **first))
            if effect is not None:
                put_in(connection, alert_key(failure.cause), effect, self._outbox.now())

        in_transaction(self._outbox.engine, keep)


def alert_key(cause: str) -> str:
    return f"run-failure:{cause}"


def _alert(row: sa.Row[tuple[object, ...]]) -> Alert:
    values = dict(row._mapping)
    for name in ("first_at", "last_at", "alerted_at"):
        values[name] = instant(values[name])
    return Alert(**values)
