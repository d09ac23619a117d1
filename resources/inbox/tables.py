"""The tables of the inbox, and the engine that opens them: SQLite in a file, or Postgres.

Instants are microseconds since 1970 (UTC): both databases compare them alike. On both, whoever writes waits at the beginning of its
transaction until it writes alone, so that what it reads in it stays true, and no two wait for each other; readers wait for nobody.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from resources import sqlite
from resources.errors import BadInput, SoloistError
from resources.inbox.transactions import first_line, in_transaction

METADATA = sa.MetaData()
VERSION = 1
"""Of these tables. A later version brings what is there forward, see `opened`."""
WRITERS = 7_656_841
"""The advisory lock of Postgres that a writer holds. A lock of the table would be in the way of its vacuuming."""
LONGEST_WAIT = "30s"
"""For the other writers: their transactions take milliseconds."""
LONGEST_SILENCE = "60s"
"""After which a transaction in which nothing happens is ended, on Postgres: its machine is gone without having closed its connection."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("delivery_id", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("happened_at", sa.BigInteger, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("says", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.BigInteger, nullable=False),
    sa.Column("batch", sa.String),
    sa.Column("reason", sa.String),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("source", "delivery_id"),
)
sa.Index("events_by_state", EVENTS.c.state, EVENTS.c.next_at)
sa.Index("events_by_subject", EVENTS.c.subject)
sa.Index("events_by_batch", EVENTS.c.batch)

CURSORS = sa.Table(
    "cursors",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""How far each poller has read, and the schema's version."""


def opened(url: str) -> sa.Engine:
    """The engine of a database whose tables are there. Raises BadInput for an address that cannot be used, SoloistError where the database
    does not answer or is of a newer version."""
    try:
        address = sa.make_url(url)
        is_file = address.get_backend_name() == "sqlite"
        if is_file and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(address, **({} if is_file else _elsewhere(address)))
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError):
        raise BadInput(
            "SOLOIST_INBOX_URL cannot be used; write it as sqlite:////path/to/inbox.db, or as postgresql+psycopg://user@host/name with "
            "the package psycopg installed."
        ) from None
    if is_file:
        sa.event.listen(engine, "connect", lambda connection, _: sqlite.prepare(connection, synchronous="FULL"))
    sa.event.listen(engine, "begin", _begin_immediate if is_file else _begin_alone)
    try:
        in_transaction(engine, _make_tables, patience=1.0)
    except sa.exc.DBAPIError as error:
        place = address.render_as_string(hide_password=True)
        raise SoloistError(
            f"The inbox {place} cannot be opened ({first_line(error)}); check SOLOIST_INBOX_URL."
        ) from None
    return engine


def _make_tables(connection: sa.Connection) -> None:
    METADATA.create_all(connection)
    _require_version(connection)


def _require_version(connection: sa.Connection) -> None:
    found = connection.scalar(sa.select(CURSORS.c.value).where(CURSORS.c.name == "schema"))
    if found is None:
        connection.execute(CURSORS.insert().values(name="schema", value=str(VERSION)))
    elif int(found) > VERSION:
        raise SoloistError(
            f"The inbox was made by a newer version of Soloist (its schema is {found}, this one knows {VERSION}); update Soloist."
        )


def _elsewhere(address: sa.URL) -> dict[str, Any]:
    """Arguments of an engine whose database may restart, be away, not answer at all, or not say how it writes text."""
    wanted = {"connect_timeout": 5, "client_encoding": "utf8"}
    return {"pool_pre_ping": True, "connect_args": {key: wanted[key] for key in wanted.keys() - address.query.keys()}}


def _begin_immediate(connection: sa.Connection) -> None:
    """Whoever is going to write waits at the beginning, not with half of its reads done."""
    if not _only_reads(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_alone(connection: sa.Connection) -> None:
    """The same on Postgres."""
    if not _only_reads(connection):
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = '{LONGEST_WAIT}'; SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_SILENCE}'; "
            f"SELECT pg_advisory_xact_lock({WRITERS})"
        )


def _only_reads(connection: sa.Connection) -> bool:
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


def micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant(microseconds: Any) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))
