"""Files of SQLite that somebody else is at work on when they are opened."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration_assets.code.ledger import Ledger
from resources import sqlite
from resources.inbox import Inbox


@pytest.mark.parametrize(
    "opening",
    [lambda path: Inbox(f"sqlite:///{path}").close(), lambda path: Ledger(path).close()],
    ids=["inbox", "builds"],
)
def test_a_new_file_is_opened_once_another_has_made_its_tables(tmp_path: Path, opening: Callable[[Path], None]) -> None:
    """As two processes do that start at once in a new home: who comes second wants to switch a file that the first writes to."""
    path = tmp_path / "new.db"
    with sqlite3.connect(path, isolation_level=None, check_same_thread=False) as first:
        first.execute("BEGIN IMMEDIATE")
        first.execute("CREATE TABLE t (x)")
        done = threading.Timer(0.4, lambda: first.execute("COMMIT"))
        done.start()
        opening(path)
        done.join()
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_one_that_is_never_let_go_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.2)
    with sqlite3.connect(tmp_path / "new.db", isolation_level=None) as first:
        first.execute("BEGIN IMMEDIATE")
        with sqlite3.connect(tmp_path / "new.db") as second, pytest.raises(sqlite3.OperationalError, match="locked"):
            sqlite.prepare(second, synchronous="FULL")
