"""Whole files: making one in a single step, copying one, putting one in another's place. The caller holds the exclusive
lock.

A file is always built under another name, synced, and renamed: at its own path there is never half of one. Copies go
through `COPY FROM DATABASE`, which also leaves behind the space of deleted rows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from resources.warehouse.errors import WarehouseError, WarehouseFull, translated
from resources.warehouse.migrations import stored_version

if TYPE_CHECKING:
    import duckdb

NO_DOWNLOADS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
"""Settings of every connection: an extension that is missing is an error at once, not a try to download it."""


def connect(path: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A new DuckDB, on the file `path` or on none."""
    import duckdb

    return duckdb.connect(path or ":memory:", config=NO_DOWNLOADS)


@contextmanager
def built_beside(target: Path, suffix: str) -> Iterator[Path]:
    """A free path beside `target`; what the block makes there takes `target`'s place when the block ends well, and
    vanishes otherwise."""
    part = target.with_name(target.name + suffix)
    _remove(part)
    try:
        yield part
        if log_of(part).exists():  # closing could not bring the log into the file, and does not say so
            raise WarehouseFull(f"There is no room to write the file {target}; free some space and try again.")
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    finally:
        _remove(part)


def copy_database(source: Path, target: Path) -> int:
    """Copy the DuckDB file `source` to the new file `target`; returns the schema version that it carries."""
    with translated(source), closing(connect()) as connection:
        connection.execute(f"ATTACH {literal(source)} AS source (READ_ONLY)")
        version = stored_version(source, connection, "source")
        with translated(target):
            connection.execute(f"ATTACH {literal(target)} AS target")
            connection.execute("COPY FROM DATABASE source TO target")
            connection.execute("CHECKPOINT target")
            connection.execute("DETACH target")
    return version


def copy_aside(source: Path, target: Path, *, overwrite: bool = False) -> int:
    """Copy `source` to `target` in one step; returns the schema version. Raises `WarehouseError` rather than
    overwrite a file."""
    with translated(target):
        if target.exists() and not overwrite:
            raise WarehouseError(f"The backup {target} exists already; name another file or move that one away.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with built_beside(target, ".part") as part:
            return copy_database(source, part)


def keep_aside(path: Path, suffix: str) -> Path | None:
    """Give the file at `path` (and its log, if there is one) a second name that ends in `suffix` or, where that is
    taken, a number.

    Until something is renamed over `path`, the file stays there too: at no moment is there none. Returns the second
    name.
    """
    if not path.exists():
        return None
    kept = next(name for name in _numbered(path.with_name(path.name + suffix)) if not name.exists())
    try:
        os.link(path, kept)
    except OSError:  # a filesystem without hard links
        shutil.copy2(path, kept)
    log = log_of(path)
    if log.exists():
        log.replace(log_of(kept))
    return kept


def log_of(path: Path) -> Path:
    """DuckDB's write-ahead log of the file `path`."""
    return path.with_name(path.name + ".wal")


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.name}.{number}")
        number += 1


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    log_of(path).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def literal(path: Path) -> str:
    """`path` as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"
