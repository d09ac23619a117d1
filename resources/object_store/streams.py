"""Streams on their way into and out of an object store: measured before they are stored, verified while being read."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from resources.errors import BadInput
from resources.object_store.errors import ObjectStoreFull

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Data = bytes | BinaryIO | Path
"""What can be stored: bytes, a binary stream that need not know its length, or the file at a path."""

CHUNK = 1 << 20
KEPT_IN_MEMORY = 8 << 20


@dataclass(frozen=True)
class Spooled:
    """Data that stands still: a rewound file with its size in bytes and its sha256."""

    file: BinaryIO
    size: int
    sha256: str


@contextmanager
def spooled(data: Data) -> Iterator[Spooled]:
    """Brings data to a stand, in memory or (beyond 8 MB) in a temporary file.

    An S3 server wants to know sha256 and length before the first byte. Raises BadInput where a path cannot be read.
    """
    if isinstance(data, bytes):
        yield Spooled(io.BytesIO(data), len(data), hashlib.sha256(data).hexdigest())
        return
    with tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY) as file:
        try:
            size, sha256 = copy(data, cast(IO[bytes], file))
            file.seek(0)
        except OSError as error:
            raise ObjectStoreFull(
                f"The data could not be copied to {tempfile.gettempdir()} ({error.strerror}); "
                "free some space there or set TMPDIR."
            ) from None
        yield Spooled(cast(BinaryIO, file), size, sha256)


def copy(data: Data, target: IO[bytes]) -> tuple[int, str]:
    """Copies data into a file and returns its size in bytes and its sha256."""
    size, digest = 0, hashlib.sha256()
    for chunk in _chunks(data):
        target.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def _chunks(data: Data) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
    elif isinstance(data, Path):
        with _opened(data) as file:
            yield from _chunks(file)
    else:
        while chunk := data.read(CHUNK):
            yield chunk


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadInput(
            f"The file {path} cannot be read ({error.strerror}); check the path and its permissions."
        ) from None


class VerifyingReader(io.RawIOBase):
    """A stream that hashes what is read from it and, at its end, raises `mismatch()` where the sha256 is not the
    expected.

    With no expected sha256 it only passes the bytes on.
    """

    def __init__(self, source: IO[bytes], expected: str | None, mismatch: Callable[[], Exception]) -> None:
        self._source, self._expected, self._mismatch = source, expected, mismatch
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._source.read(len(view))
        self._digest.update(chunk)
        view[: len(chunk)] = chunk
        if not chunk and self._expected is not None and self._digest.hexdigest() != self._expected:
            raise self._mismatch()
        return len(chunk)
