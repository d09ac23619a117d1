"""A folder whose inner folders are opened part by part, following no link, and whose errors are sentences."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from resources.object_store.errors import ObjectStoreError, ObjectStoreFull, ObjectStoreRefused

ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO}
"""What the operating system answers where a key leads nowhere, through a file or through a link."""

READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Non-blocking, so that opening a named pipe does not wait for a writer."""

CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


class Tree:
    """The folders beneath `root`, named by their parts. Without `durable`, a write survives only its process."""

    def __init__(self, root: Path, *, durable: bool) -> None:
        self.root, self._durable = root, durable

    @contextmanager
    def folder(self, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
        """A descriptor of a folder. Each part is opened in the one before it, so that no link can lead elsewhere."""
        if create:
            self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)
        try:
            for part in parts:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=descriptor)
                        self.sync(descriptor)
                inner = os.open(part, _FOLDER_FLAGS, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def sync(self, descriptor: int) -> None:
        """Waits until a file, or the names in a folder, have reached the disk."""
        if self._durable:
            os.fsync(descriptor)

    def files(self, parts: Sequence[str]) -> list[tuple[str, os.stat_result]]:
        """The names in a folder, each with what the file system knows of it; none where there is no such folder."""
        found: list[tuple[str, os.stat_result]] = []
        with suppress(FileNotFoundError), self.folder(parts) as folder, os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
        return found

    def remove_empty(self, parts: Sequence[str]) -> None:
        """Removes a folder and those around it as far as they are empty, so that a later object may use their names."""
        for depth in range(len(parts), 0, -1):
            try:
                with self.folder(parts[: depth - 1]) as folder:
                    os.rmdir(parts[depth - 1], dir_fd=folder)
            except OSError:
                return

    @contextmanager
    def sentences(self, doing: str) -> Iterator[None]:
        """Turns what the operating system says into one sentence; `doing` is an infinitive."""
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise ObjectStoreFull(
                    f"There is no room left to {doing} in the folder {self.root}; free some space and try again."
                ) from None
            if error.errno in _FORBIDDEN:
                raise ObjectStoreRefused(
                    f"The folder {self.root} does not let this user {doing} ({error.strerror}); change its permissions."
                ) from None
            raise ObjectStoreError(
                f"The object store in the folder {self.root} could not {doing} ({error.strerror}); check the folder."
            ) from None
