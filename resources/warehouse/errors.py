"""What can go wrong with the warehouse, and DuckDB's errors put into one sentence each."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.errors import SoloistError


class WarehouseError(SoloistError):
    """The warehouse cannot be used; base of the errors below."""


class WarehouseLocked(WarehouseError):
    """Somebody else holds the warehouse, and the time to wait for it is over."""


class WarehouseCorrupt(WarehouseError):
    """The file is damaged, or is no DuckDB file."""


class WarehouseFull(WarehouseError):
    """A write failed because the disk, a quota or the memory limit is exhausted; the transaction is rolled back."""


class WarehouseTooNew(WarehouseError):
    """A newer version of the program made the file."""


class SchemaMismatch(WarehouseError):
    """A table has other columns than its specification."""


class RowRejected(WarehouseError):
    """A row does not fit its table."""


class DuplicateKey(RowRejected):
    """Two rows have the key that only one may have."""


_FOREIGN_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
_NO_SPACE = re.compile(
    r"No space left|Disk quota exceeded|File too large|Could not write|Could not truncate|max_temp_directory_size", re.I
)
_DAMAGED = re.compile(
    r"not a valid DuckDB database file|[Cc]orrupt|Could not read enough bytes|checksum|deserializ"
    r"|newer version of DuckDB",
    re.I,
)
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def translated(path: Path, *, system: bool = True) -> Iterator[None]:
    """Turn DuckDB's and (with `system`) the operating system's errors about the file `path` into a `WarehouseError`.

    Errors that are about the SQL (parser, binder, catalog, conversion) pass: they are defects of the caller, and a
    traceback serves.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        sentence = _explain(path, error)
        if sentence is None:
            raise
        raise sentence from error
    except OSError as error:
        if not system:
            raise
        if error.errno in _FULL_ERRNOS:
            raise _full(path) from error
        raise WarehouseError(
            f"The warehouse {path} cannot be used ({error.strerror or error}); check the path, its folder and "
            "their permissions."
        ) from error


def _explain(path: Path, error: Exception) -> WarehouseError | None:
    import duckdb

    text, whole = first_line(error), str(error)
    if isinstance(error, duckdb.ConstraintException):
        return RowRejected(f"A row does not fit its table in the warehouse {path} ({text}); nothing was written.")
    if isinstance(error, duckdb.OutOfMemoryException):
        return WarehouseFull(
            f"The warehouse {path} ran out of its memory limit ({text}); raise the limit or write less at once."
        )
    if isinstance(error, duckdb.ConnectionException) and "different configuration" in text:
        return WarehouseLocked(
            f"The warehouse {path} is open elsewhere in this process, past its locks; close that connection."
        )
    if isinstance(error, duckdb.TransactionException) and text.startswith("TransactionContext Error: Failed to commit"):
        return (
            _full(path) if _NO_SPACE.search(whole) else WarehouseError(f"The warehouse {path} kept nothing ({text}).")
        )
    if not isinstance(
        error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException | duckdb.SerializationException
    ):
        return None
    if holder := _FOREIGN_HOLDER.search(whole):
        return WarehouseLocked(
            f"The warehouse {path} is held open by {holder['program']} (process {holder['pid']}), which does not take "
            "turns; close it there and try again."
        )
    if _NO_SPACE.search(whole):
        return _full(path)
    if _DAMAGED.search(whole) or not isinstance(error, duckdb.IOException):
        return WarehouseCorrupt(
            f"The warehouse {path} is damaged or is no DuckDB file ({text}); it was left as it is, "
            "restore a backup in its place."
        )
    return WarehouseError(
        f"The warehouse {path} cannot be used ({text}); check the path, its folder and their permissions."
    )


def _full(path: Path) -> WarehouseFull:
    return WarehouseFull(
        f"There is no room to write the warehouse {path}; nothing of this write was kept, "
        "free some space and try again."
    )


def first_line(error: BaseException) -> str:
    """The message of `error` up to its first line end, without DuckDB's stack traces and a final stop."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__
