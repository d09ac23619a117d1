"""The `Warehouse`: opens the file for one session at a time, prepares it on first use, and copies it whole."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from resources.warehouse import maintenance
from resources.warehouse.engines import Engines
from resources.warehouse.errors import WarehouseError, WarehouseLocked, translated
from resources.warehouse.lingering import Lingering, Opening, drop_all
from resources.warehouse.locks import Turnstile
from resources.warehouse.migrations import Migration, Schema, as_schema, stored_version
from resources.warehouse.session import Session
from resources.warehouse.tables import TableSpec
from resources.warehouse.undo import UndoJournal

if TYPE_CHECKING:
    import duckdb

_FOREIGN_POLL = 0.1
"""Seconds between two tries to open a file that a program holds which does not take turns."""


class Warehouse:
    """A DuckDB file with the tables of `specs`, shared with other processes and threads.

    Every session opens the file, and closes it again: `read()` beside other readers, `write()` alone and as one
    transaction. With `lingers`, the file stays open between sessions that soon follow each other while nobody else
    waits for it. Keep sessions short, and never let anything slow happen inside. All methods raise a `WarehouseError`
    of one sentence; waiting longer than `lock_timeout` seconds for the others is one (`WarehouseLocked`). `threads`
    and `memory_limit` (as "2GB") are DuckDB's, which by default takes every core and most of the memory.
    """

    def __init__(
        self,
        path: Path,
        specs: Sequence[TableSpec[BaseModel]],
        migrations: Sequence[Migration] = (),
        lock_timeout: float = 60.0,
        *,
        threads: int | None = None,
        memory_limit: str | None = None,
        lingers: bool = False,
    ) -> None:
        self.path = path
        self.lock_timeout = lock_timeout
        self._schema: Schema = as_schema(specs, migrations)
        self._turnstile = Turnstile(path)
        self._undo = UndoJournal(path)
        self._engines = Engines(path, threads=threads, memory_limit=memory_limit)
        self._lingers = lingers
        self._lingering = Lingering(path, self._turnstile)
        self._verified: tuple[int, int] | None = None
        """(inode, schema version) of the file whose tables were last compared with the specifications."""

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the warehouse, beside other readers; it cannot write."""
        with self._turnstile.entered(), translated(self.path, system=False), self._opened(exclusive=False) as opening:
            if opening.exclusive:
                opening.connection.execute("BEGIN TRANSACTION READ ONLY")
            yield Session(opening.connection, self.state())
            if opening.exclusive:
                opening.connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is one transaction: committed, and on disk, when the block ends; rolled back when it
        raises."""
        import duckdb

        with self._turnstile.entered(), translated(self.path, system=False), self._opened(exclusive=True) as opening:
            connection = opening.connection
            connection.begin()
            try:
                yield Session(connection)
                connection.commit()
            except BaseException:
                with suppress(duckdb.Error):  # a failed commit has rolled back already
                    connection.rollback()
                raise

    def close(self) -> None:
        """Closes the file where it lingers in this process; the next session opens it again."""
        drop_all(self.path)

    def state(self) -> tuple[int, ...] | None:
        """Which file this is, and when it and its log were last written: equal states hold equal rows. None where there is no file."""
        if not self.path.exists():
            return None
        found = [self.path.stat()]
        if (log := maintenance.log_of(self.path)).exists():
            found.append(log.stat())
        return tuple(figure for stat in found for figure in (stat.st_ino, stat.st_mtime_ns, stat.st_size))

    def backup(self, target: Path) -> None:
        """Copy the warehouse to the new file `target`; nobody reads or writes meanwhile."""
        with self._alone():
            maintenance.copy_aside(self.path, target)

    def restore(self, source: Path) -> Path | None:
        """Put a copy of the backup `source` in the warehouse's place; returns where the file that was there is kept.

        An older backup is migrated when it is first opened, a newer one or anything else is refused before anything
        is touched.
        """
        if not source.exists():
            raise WarehouseError(f"There is no backup {source}; check the path.")
        with self._alone(prepare=False), maintenance.built_beside(self.path, ".restoring") as part:
            self._schema.refuse_newer(source, maintenance.copy_database(source, part))
            self._empty_log()
            return maintenance.keep_aside(self.path, ".before-restore")

    def compact(self) -> int:
        """Write the file anew without the space of deleted rows; returns how many bytes smaller it is."""
        with self._alone():
            before = self.size_bytes
            with maintenance.built_beside(self.path, ".compacting") as part:
                maintenance.copy_database(self.path, part)
            return before - self.size_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes of the file and its log; 0 where there is none."""
        return sum(each.stat().st_size for each in (self.path, maintenance.log_of(self.path)) if each.exists())

    @contextmanager
    def _alone(self, *, prepare: bool = True) -> Iterator[None]:
        """Hold the exclusive lock with no connection open; with `prepare`, the file is there, checkpointed and up to
        date."""
        self.close()
        with translated(self.path), self._turnstile.entered():
            deadline = time.monotonic() + self.lock_timeout
            with self._turnstile.held(exclusive=True, deadline=deadline):
                if prepare:
                    with ExitStack() as opening:
                        self._prepared(opening).execute("CHECKPOINT")
                    if maintenance.log_of(self.path).exists():  # another file in its place would be given this log
                        raise WarehouseError(
                            f"The log of the warehouse {self.path} cannot be brought into it; free some space."
                        )
                yield

    @contextmanager
    def _opened(self, *, exclusive: bool) -> Iterator[Opening]:
        """The file, open under its lock. It is closed where the block raises; else it lingers, where it may."""
        opening = self._lingering.take(exclusive=exclusive) or self._open(exclusive=exclusive)
        try:
            yield opening
        except BaseException:
            opening.close()
            raise
        if self._lingers:
            self._lingering.keep(opening)
        else:
            opening.close()

    def _open(self, *, exclusive: bool) -> Opening:
        deadline = time.monotonic() + self.lock_timeout
        opening = self._tried(deadline, exclusive=exclusive)
        if opening is None:  # it must be made or migrated first
            if preparation := self._tried(deadline, exclusive=True):
                preparation.close()
            opening = self._tried(deadline, exclusive=exclusive)
        if opening is None:
            raise WarehouseError(f"The warehouse {self.path} was removed or replaced while it was opened; try again.")
        return opening

    def _tried(self, deadline: float, *, exclusive: bool) -> Opening | None:
        """Takes the lock and opens the file. A reader gets None, and holds nothing, where the file must be made or
        migrated first. A file that is held from outside is tried again, without the lock, until the deadline."""
        self._engines.make_ready()
        while True:
            with ExitStack() as attempt:
                with translated(self.path):
                    attempt.enter_context(self._turnstile.held(exclusive=exclusive, deadline=deadline))
                try:
                    with translated(self.path):
                        connection = self._prepared(attempt) if exclusive else self._readable(attempt)
                        if connection is None:
                            return None
                        return Opening(connection, attempt.pop_all(), exclusive, self.path.stat().st_ino)
                except WarehouseLocked:
                    if time.monotonic() >= deadline:
                        raise
            time.sleep(_FOREIGN_POLL)

    def _readable(self, stack: ExitStack) -> duckdb.DuckDBPyConnection | None:
        if not self.path.exists() or self._undo.is_left():
            return None
        connection = stack.enter_context(self._engines.attached(read_only=True))
        version = stored_version(self.path, connection)
        self._schema.refuse_newer(self.path, version)
        if version < self._schema.version:
            return None
        if self._is_unverified(version) and not self._verify(connection, version):
            return None
        return connection

    def _prepared(self, stack: ExitStack) -> duckdb.DuckDBPyConnection:
        """Open for writing, under the exclusive lock: the file made if it is missing, migrated, its tables complete
        and compared."""
        self._undo.roll_back()
        if not self.path.exists():
            self._create()
        with ExitStack() as opening:
            connection = opening.enter_context(self._engines.attached(read_only=False))
            version = stored_version(self.path, connection)
            self._schema.refuse_newer(self.path, version)
            if version < self._schema.version:
                connection.execute("CHECKPOINT")
                opening.close()
                backup = self.path.with_name(f"{self.path.name}.v{version}.backup")
                maintenance.copy_aside(self.path, backup, overwrite=True)
                connection = opening.enter_context(self._engines.attached(read_only=False))
                self._schema.migrate(connection, version)
                version = self._schema.version
            if self._is_unverified(version):
                self._schema.create_missing(connection)
                self._verify(connection, version)
            stack.enter_context(opening.pop_all())
        return connection

    def _create(self) -> None:
        if maintenance.log_of(self.path).exists():
            raise WarehouseError(
                f"The warehouse {self.path} is gone but its log {maintenance.log_of(self.path).name} is there; "
                "bring the file back, or move the log away to begin anew."
            )
        with maintenance.built_beside(self.path, ".creating") as part, closing(maintenance.connect(part)) as connection:
            self._schema.create(connection)
            connection.close()

    def _empty_log(self) -> None:
        """Bring what is in the log into the file, where both are still good; raises where somebody else has it open."""
        self._undo.roll_back()
        if not self.path.exists():
            return
        try:
            with translated(self.path), self._engines.attached(read_only=False) as connection:
                connection.execute("CHECKPOINT")
        except WarehouseLocked:
            raise
        except WarehouseError:
            return

    def _is_unverified(self, version: int) -> bool:
        return self._verified != (self.path.stat().st_ino, version)

    def _verify(self, connection: duckdb.DuckDBPyConnection, version: int) -> bool:
        complete = self._schema.verify(self.path, connection)
        if complete:
            self._verified = (self.path.stat().st_ino, version)
        return complete
