"""SQLite files that several processes open at once.

What belongs here: how such a file is opened, and what SQLite does not wait for by itself.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

Made = TypeVar("Made")

PATIENCE = 30.0
"""Seconds to wait for another process."""


def prepare(connection: DBAPIConnection, *, synchronous: str) -> None:
    """Has a new connection write to the write-ahead log, wait for others, and begin transactions only where it is told to. `synchronous`
    is FULL where each commit must outlive a power cut, NORMAL where the last may be lost."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
    in_turn(lambda: cursor.execute("PRAGMA journal_mode = WAL"))
    cursor.execute(f"PRAGMA synchronous = {synchronous}")
    cursor.close()


def in_turn(work: Callable[[], Made]) -> Made:
    """What `work` returns, which is tried again while another process switches the file to its write-ahead log: SQLite does not wait for
    that."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return work()
        except (sqlite3.OperationalError, sa.exc.OperationalError) as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(0.05)
