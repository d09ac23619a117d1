"""Copies of the inbox's file, made and brought back while others may be at work in it. A database elsewhere has backups of its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from resources.errors import BadInput


def copy_inbox(source: Path, target: Path) -> None:
    """Copies the inbox at `source` as it is at one moment, in place of what is in `target`."""
    with closing(sqlite3.connect(source)) as kept, closing(sqlite3.connect(target)) as copy:
        kept.backup(copy)


def require_whole(path: Path) -> None:
    """Raises BadInput where there is a file at `path` that is no whole inbox."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as kept:
            problem = kept.execute("PRAGMA quick_check").fetchone()[0]
            kept.execute("SELECT count(*) FROM events")
    except sqlite3.DatabaseError as error:
        problem = str(error)
    if problem != "ok":
        raise BadInput(f"The inbox {path} is damaged ({problem}); restore another backup, nothing was changed.")
