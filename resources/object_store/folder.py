"""An object store in a folder: each object is a plain file at its key, so that people and backup programs can read it.

    objects/ab/cdef...      the objects, byte for byte
    .soloist/about/         what is known of each: key, media type, size, sha256 (`records.py`)
    .soloist/tmp/           writes in progress

A put writes the bytes aside, then their record, then renames the bytes into place: nobody ever sees half an object. A
file that lost its modification time, and so its record (copied by hand), is still read: its media type is then
guessed from its name, and its sha256 is unknown unless its key states it. What a link points at is no object.
"""

from __future__ import annotations

import io
import mimetypes
import os
import secrets
import stat as modes
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from resources.object_store import records
from resources.object_store.errors import InvalidKey, ObjectNotFound, ObjectStoreError, corrupt, not_found
from resources.object_store.interface import (
    ABANDONED_AFTER,
    RESERVED,
    BaseStore,
    ObjectInfo,
    check_key,
    check_media_type,
    is_key,
    sha256_in,
)
from resources.object_store.records import Record
from resources.object_store.streams import CHUNK, Data, VerifyingReader, copy
from resources.object_store.tree import ABSENT, CREATE_FLAGS, READ_FLAGS, Tree

ATTEMPTS = 5
"""How often a step is tried that another process may disturb by removing an empty folder or replacing the object."""

_ASIDE = (RESERVED, "tmp")


class FolderStore(BaseStore):
    """Objects as files beneath `root`, which the first put creates.

    `base_url` is where a web server offers the folder, if one does. `durable=False` leaves out the fsyncs: a put then
    survives the death of the process, not of the machine.
    """

    def __init__(self, root: Path, base_url: str | None = None, *, durable: bool = True) -> None:
        self.root = root.absolute()
        self._tree = Tree(self.root, durable=durable)
        self._base_url = base_url.rstrip("/") if base_url else None

    def __repr__(self) -> str:
        return f"FolderStore({str(self.root)!r})"

    def put(self, key: str, data: Data, media_type: str) -> ObjectInfo:
        check_key(key)
        check_media_type(media_type)
        temporary = secrets.token_hex(16)
        with self._tree.sentences(f"store {key}"), self._tree.folder(_ASIDE, create=True) as aside:
            try:
                written, sha256 = self._write_aside(aside, temporary, data)
                records.write(self._tree, key, written, Record(media_type, sha256))
                replaced = self._move_into_place(aside, temporary, key)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=aside)
        if replaced is not None and records.generation(replaced) != records.generation(written):
            records.remove(self._tree, key, replaced)
        return ObjectInfo(key, written.st_size, _modified(written), media_type, sha256)

    def get(self, key: str) -> bytes:
        with self.open(key) as file:
            return file.read()

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with self._tree.sentences(f"read {key}"):
            descriptor, record = self._open(key)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            reader = VerifyingReader(file, record.sha256, lambda: corrupt(key))
            with io.BufferedReader(reader, CHUNK) as buffered:
                yield cast(BinaryIO, buffered)

    def stat(self, key: str) -> ObjectInfo | None:
        with self._tree.sentences(f"look up {key}"):
            try:
                descriptor, record = self._open(key)
            except ObjectNotFound:
                return None
            try:
                found = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        return ObjectInfo(key, found.st_size, _modified(found), record.media_type, record.sha256)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        with self._tree.sentences("list its objects"):
            yield from self._list((), prefix)

    def delete(self, key: str) -> None:
        *folders, name = check_key(key).split("/")
        with self._tree.sentences(f"delete {key}"):
            try:
                with self._tree.folder(folders) as folder:
                    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if not modes.S_ISREG(found.st_mode):
                        return
                    os.unlink(name, dir_fd=folder)
                    self._tree.sync(folder)
            except OSError as error:
                if error.errno in ABSENT:
                    return
                raise
            records.remove(self._tree, key, found)
            self._tree.remove_empty(folders)

    def delete_many(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.delete(key)

    def url(self, key: str, expires: timedelta = timedelta(hours=1)) -> str | None:
        check_key(key)
        return f"{self._base_url}/{quote(key)}" if self._base_url else None

    def sweep(self, older_than: timedelta = ABANDONED_AFTER) -> int:
        latest, removed = time.time() - older_than.total_seconds(), 0
        with self._tree.sentences("tidy up"):
            unfinished = ((_ASIDE, name, found) for name, found in self._tree.files(_ASIDE))
            for leftovers in (unfinished, records.abandoned(self._tree)):
                for folders, name, found in leftovers:
                    if found.st_mtime <= latest:
                        with suppress(FileNotFoundError), self._tree.folder(folders) as folder:
                            os.unlink(name, dir_fd=folder)
                            removed += 1
        return removed

    def _write_aside(self, aside: int, temporary: str, data: Data) -> tuple[os.stat_result, str]:
        """Writes the data where nobody looks; returns what the file system knows of the file, and its sha256."""
        with os.fdopen(os.open(temporary, CREATE_FLAGS, 0o666, dir_fd=aside), "wb") as file:
            _, sha256 = copy(data, file)
            file.flush()
            # Nanoseconds of our own: the kernel's clock ticks too slowly to tell two puts apart.
            moment = time.time_ns()
            os.utime(file.fileno(), ns=(moment, moment))
            self._tree.sync(file.fileno())
            return os.fstat(file.fileno()), sha256

    def _move_into_place(self, aside: int, temporary: str, key: str) -> os.stat_result | None:
        """Renames the file to its key, and returns what lay there before."""
        *folders, name = key.split("/")
        for attempt in range(ATTEMPTS):
            replaced: os.stat_result | None = None
            try:
                with self._tree.folder(folders, create=True) as folder:
                    with suppress(FileNotFoundError):
                        replaced = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    os.replace(temporary, name, src_dir_fd=aside, dst_dir_fd=folder)
                    self._tree.sync(folder)
                    return replaced
            except FileNotFoundError:
                # A delete took the folder, empty then, away between our opening it and the rename.
                if attempt == ATTEMPTS - 1:
                    raise
            except OSError as error:
                if error.errno in ABSENT:
                    raise InvalidKey(
                        f"{key} cannot be stored in the folder {self.root}: a part of it is a link or an object there, "
                        "or other objects lie beneath it; choose another key."
                    ) from None
                raise
        raise AssertionError("the last attempt returns or raises")

    def _open(self, key: str) -> tuple[int, Record]:
        """A descriptor of the object's file and the record of exactly these bytes. Raises ObjectNotFound."""
        *folders, name = check_key(key).split("/")
        previous = ""
        for _ in range(ATTEMPTS):
            try:
                with self._tree.folder(folders) as folder:
                    descriptor = os.open(name, READ_FLAGS, dir_fd=folder)
            except OSError as error:
                if error.errno in ABSENT:
                    raise not_found(key) from None
                raise
            found = os.fstat(descriptor)
            if not modes.S_ISREG(found.st_mode):
                os.close(descriptor)
                raise not_found(key)
            record = records.read(self._tree, key, found)
            if record is not None:
                return descriptor, record
            # No record: either the object was replaced since it was opened (look again), or it has none.
            if previous == records.generation(found):
                return descriptor, Record(_guess(name), sha256_in(key))
            os.close(descriptor)
            previous = records.generation(found)
        raise ObjectStoreError(f"The object {key} changes faster than it can be read; try again.")

    def _list(self, folders: tuple[str, ...], prefix: str) -> Iterator[ObjectInfo]:
        beneath = "".join(f"{part}/" for part in folders)
        # A folder sorts as its name and a slash, as the keys beneath it do.
        names = sorted(
            (name + "/" * modes.S_ISDIR(found.st_mode), found)
            for name, found in self._tree.files(folders)
            if is_key(beneath + name)
        )
        for name, found in names:
            key = beneath + name
            if name.endswith("/") and (key.startswith(prefix) or prefix.startswith(key)):
                yield from self._list((*folders, name[:-1]), prefix)
            elif modes.S_ISREG(found.st_mode) and key.startswith(prefix):
                yield ObjectInfo(key, found.st_size, _modified(found), sha256=sha256_in(key))


def _modified(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)


def _guess(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
