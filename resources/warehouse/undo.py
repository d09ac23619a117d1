"""The undo journal: what a checkpoint of DuckDB overwrites in place, kept until it has been written whole.

A checkpoint writes data to free blocks and then switches to them by one header, which is safe. But the blocks that hold the metadata
(which columns lie where) are written anew in place as long as one piece of them is free, 256 KiB at a time; a process that is killed,
or a disk that is full, at that moment leaves a block whose checksum is wrong, and the file cannot be opened any more. (Measured with
DuckDB 1.5.5: one SIGKILL in 700 of a process that does nothing but commit small groups.) So whoever opens the file to write first
copies its headers and metadata blocks beside it, and whoever finds such a copy after a death puts them back, unless the header was
switched before.
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_HEADERS = 3 * 4096
"""Bytes before the first block: the file's header, and two of the database, written in turn."""
_BLOCK = 1 << 18
"""Bytes of a block: DuckDB's default, with which the warehouse is made."""
_NUMBER = struct.Struct("<q")


class UndoJournal:
    """The journal of the database file `path`. Whoever calls a method holds the warehouse's lock, exclusively but for `is_left`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal = path.with_name(path.name + ".undo")
        self._part = path.with_name(path.name + ".undo.part")
        self._file: int | None = None

    def is_left(self) -> bool:
        """Whether somebody died while writing."""
        return self._journal.exists()

    def begin(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Copies what the open database's next checkpoint may overwrite. Raises OSError where there is no room for it."""
        numbers = [number for number, *_ in connection.execute("PRAGMA metadata_info").fetchall()]
        # Closing any descriptor of the file would drop DuckDB's own lock on it: this one stays open until the file is closed.
        self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with self._part.open("wb") as part:
                part.write(os.pread(self._file, _HEADERS, 0))
                for number in numbers:
                    part.write(_NUMBER.pack(number) + os.pread(self._file, _BLOCK, _HEADERS + number * _BLOCK))
                part.flush()
                os.fsync(part.fileno())
            self._part.replace(self._journal)
        except BaseException:
            self._part.unlink(missing_ok=True)
            raise

    def end(self, *, whole: bool) -> None:
        """The file is closed; `whole`: and everything was written."""
        if whole:
            self._journal.unlink(missing_ok=True)
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file)
            self._file = None

    def roll_back(self) -> None:
        """Puts back what an unfinished checkpoint overwrote, where one left its journal."""
        self._part.unlink(missing_ok=True)
        if not self.is_left():
            return
        if self._path.exists():
            with self._journal.open("rb") as journal, self._path.open("r+b") as file:
                if journal.read(_HEADERS) == file.read(_HEADERS):
                    while head := journal.read(_NUMBER.size):
                        file.seek(_HEADERS + _NUMBER.unpack(head)[0] * _BLOCK)
                        file.write(journal.read(_BLOCK))
                    file.flush()
                    os.fsync(file.fileno())
        self._journal.unlink()
