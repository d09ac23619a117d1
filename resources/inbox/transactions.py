"""Work on the database of the inbox: a transaction is whole or not at all, also where the connection breaks in its middle.

What belongs here: what is done again, for how long, and the sentence where that does not help. That one writer works at a time is a
matter of the engine, see `resources/inbox/tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from resources.errors import SoloistError

if TYPE_CHECKING:
    import stamina

Made = TypeVar("Made")

PATIENCE = 8.0
"""Seconds for which a transaction is begun anew: a database restarts in less, and GitHub waits ten for its answer."""


def in_transaction(engine: sa.Engine, work: Callable[[sa.Connection], Made], patience: float | None = None) -> Made:
    """What `work` returns, once that is durable. `work` is begun anew, in a new transaction, where a database elsewhere drops the
    connection, restarts or ends it in favour of another, for PATIENCE or `patience` seconds; so it must not consume anything, and be right
    a second time where the first was committed and nobody could say so. Raises SoloistError where the database cannot be used."""

    def passes(error: Exception) -> bool:
        return engine.dialect.name != "sqlite" and _is_trouble(error)

    with _in_a_sentence(engine):
        for attempt in _attempts(passes, PATIENCE if patience is None else patience):
            with attempt, engine.begin() as connection:
                made = work(connection)
    return made


def rows_of(engine: sa.Engine, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
    """What a query finds, outside of a transaction: a reader keeps nobody waiting, and waits for nobody. It is asked again where a
    connection was lost, and not where there is none to be had. Raises SoloistError where the database cannot be used."""
    with _in_a_sentence(engine):
        for attempt in _attempts(
            lambda error: isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated, 1.0
        ):
            with attempt, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                rows = connection.execute(query).all()
    return rows


def _attempts(passes: Callable[[Exception], bool], seconds: float) -> Iterator[stamina.Attempt]:
    import stamina

    stamina.instrumentation.set_on_retry_hooks([])
    return iter(
        stamina.retry_context(
            on=passes, attempts=None, timeout=seconds, wait_initial=0.05, wait_max=0.5, wait_jitter=0.1
        )
    )


@contextmanager
def _in_a_sentence(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as error:
        if not _is_trouble(error):
            raise
        place = engine.url.render_as_string(hide_password=True)
        raise SoloistError(
            f"The inbox {place} cannot be used ({first_line(error)}); check SOLOIST_INBOX_URL, and that its database works and has room."
        ) from error


def _is_trouble(error: Exception) -> bool:
    """Whether the database is in trouble, and not what it was asked."""
    return isinstance(error, sa.exc.DBAPIError) and (
        error.connection_invalidated or isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError))
    )


def first_line(error: sa.exc.DBAPIError) -> str:
    return (str(error.orig).strip().splitlines() or [type(error).__name__])[0][:200]
