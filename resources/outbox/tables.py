"""The tables of the outbox, in the database of the inbox, so that one backup holds both.

Instants are microseconds since 1970, as in `resources/inbox/tables.py`, which opens the database.
"""

from __future__ import annotations

import sqlalchemy as sa

from resources.errors import SoloistError
from resources.inbox.tables import CURSORS, opened
from resources.inbox.transactions import in_transaction

METADATA = sa.MetaData()
VERSION = 1
"""Of these tables. A later version brings what is there forward, see `outbox_engine`."""
_VERSION_ROW = "outbox schema"

EFFECTS = sa.Table(
    "effects",
    METADATA,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("verb", sa.String, nullable=False),
    sa.Column("target", sa.String, nullable=False),
    sa.Column("says", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("put_at", sa.BigInteger, nullable=False),
    sa.Column("next_at", sa.BigInteger, nullable=False),
    sa.Column("settled_at", sa.BigInteger),
    sa.Column("lease", sa.String),
    sa.Column("leased_until", sa.BigInteger),
    sa.Column("reason", sa.String),
    sa.Column("result", sa.String),
    sa.Column("payload", sa.Text, nullable=False),
)
sa.Index("effects_by_state", EFFECTS.c.state, EFFECTS.c.next_at)

ALERTS = sa.Table(
    "alerts",
    METADATA,
    sa.Column("cause", sa.String, primary_key=True),
    sa.Column("says", sa.String, nullable=False),
    sa.Column("first_at", sa.BigInteger, nullable=False),
    sa.Column("last_at", sa.BigInteger, nullable=False),
    sa.Column("last_run", sa.String, nullable=False),
    sa.Column("alerted_at", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
)
"""Why runs failed, each cause once, and when somebody was last told."""


def outbox_engine(url: str) -> sa.Engine:
    """The engine of a database whose tables are there. Raises BadInput for an address that cannot be used, SoloistError where the database
    does not answer or is of a newer version."""
    engine = opened(url)
    in_transaction(engine, _make_tables)
    return engine


def _make_tables(connection: sa.Connection) -> None:
    METADATA.create_all(connection)
    found = connection.scalar(sa.select(CURSORS.c.value).where(CURSORS.c.name == _VERSION_ROW))
    if found is None:
        connection.execute(CURSORS.insert().values(name=_VERSION_ROW, value=str(VERSION)))
    elif int(found) > VERSION:
        raise SoloistError(
            f"The outbox was made by a newer version of Soloist (its schema is {found}, this one knows {VERSION}); update Soloist."
        )
