"""DuckDB engines that hold no file of their own, kept so that the warehouse's file can be attached to one.

Starting an engine takes some 12 ms, attaching a file to one that runs 1.5 ms; and sessions open the file and close it all the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from resources.warehouse.maintenance import NO_DOWNLOADS, literal
from resources.warehouse.undo import UndoJournal

if TYPE_CHECKING:
    import duckdb

_BESIDE = ("", ".wal", ".wal.checkpoint", ".wal.recovery")
"""Endings of the files that DuckDB makes for a database."""


class Engines:
    """The engines of one file: as many as sessions were ever open at once in this process, one to a session. They can reach that file, its
    log and its spill folder, no other file and no network."""

    def __init__(self, path: Path, *, threads: int | None = None, memory_limit: str | None = None) -> None:
        self._path = path
        self._threads = threads
        self._memory_limit = memory_limit
        self._idle: list[duckdb.DuckDBPyConnection] = []

    def make_ready(self) -> None:
        """See that an engine runs: importing and starting the first takes some 0.4 s, in which nobody should hold the file's lock."""
        if not self._idle:
            self._idle.append(self._start())

    @contextmanager
    def attached(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file, open in an engine, as what unqualified names mean. What is not committed is rolled back."""
        try:
            engine = self._idle.pop()
        except IndexError:
            engine = self._start()
        undo = UndoJournal(self._path)
        try:
            engine.execute(f"ATTACH {literal(self._path)} AS warehouse{' (READ_ONLY)' if read_only else ''}")
            engine.execute("USE warehouse")
            if not read_only:
                undo.begin(engine)
            yield engine
        finally:
            whole = self._detached(engine)
            if not read_only:
                undo.end(whole=whole)

    def _detached(self, engine: duckdb.DuckDBPyConnection) -> bool:
        """Closes the file, with a checkpoint; whether that went well. Where the disk is full, what was committed is in the log, and the
        next to open the file brings it in."""
        import duckdb

        try:
            with suppress(duckdb.TransactionException):  # there is none
                engine.rollback()
            engine.execute("USE memory")
            engine.execute("DETACH DATABASE IF EXISTS warehouse")
        except duckdb.Error:
            engine.close()
            return False
        self._idle.append(engine)
        return True

    def _start(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        engine = duckdb.connect(":memory:", config={**NO_DOWNLOADS, "temp_directory": f"{self._path}.tmp"})
        engine.execute("SET TimeZone = 'UTC'")
        # A checkpoint when the file is closed, and none before: the undo journal serves for one.
        engine.execute("SET checkpoint_threshold = '1TB'")
        if self._threads is not None:
            engine.execute("SET threads = ?", [self._threads])
        if self._memory_limit is not None:
            engine.execute("SET memory_limit = ?", [self._memory_limit])
        engine.execute("SET allowed_paths = ?", [[f"{self._path}{ending}" for ending in _BESIDE]])
        engine.execute("SET enable_external_access = false")
        return engine
