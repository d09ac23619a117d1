"""Taking files into the work folder: their names are checked, links are refused, and no folder is trusted to stay still.

What belongs here: everything that writes into a work folder. Both sides are opened part by part, following no link, so
that a folder which changes while it is copied cannot lead elsewhere.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from resources.sandbox.interface import Files, Limits, SandboxRefused

Owner = tuple[int, int]
"""The user and group that the files are given to."""

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Non-blocking, so that a pipe does not wait for a writer."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

DEEPEST = 64
"""Folders within folders. Deeper ones have no use and would hold as many descriptors."""

CHUNK = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def fill(folder: int, files: Files | Path, owner: Owner, limits: Limits) -> None:
    """Writes files, or a copy of the folder at a path, into the empty work folder of descriptor `folder`. A file that
    begins with `#!`, or that may be executed where it comes from, may be executed. Raises SandboxRefused."""
    try:
        if isinstance(files, Path):
            _copy_from(files, folder, owner)
        else:
            _write_all(folder, files, owner)
    except OSError as error:
        if error.errno in _FULL:
            raise SandboxRefused(
                f"The files for the sandbox take more than the {limits.disk} bytes or {limits.files} names that its disk "
                "has; give it fewer or raise the limits."
            ) from None
        raise


def check_name(name: str | PurePosixPath) -> tuple[str, ...]:
    """The parts of a name within the work folder. Raises SandboxRefused."""
    text = str(name)
    parts = text.split("/")
    with suppress(UnicodeEncodeError):
        encoded = [len(part.encode()) for part in parts]
        lengths_fit = len(parts) <= DEEPEST and all(0 < length <= 255 for length in encoded)
        if lengths_fit and "\0" not in text and not {".", ".."} & set(parts):
            return tuple(parts)
    raise SandboxRefused(
        f"{text[:200]!r} names no file within the work folder of the sandbox; use a relative path without `..`, empty "
        "or overlong parts."
    )


def _write_all(folder: int, files: Mapping[str, bytes] | Mapping[PurePosixPath, bytes], owner: Owner) -> None:
    for name, data in files.items():
        *folders, last = check_name(name)
        try:
            with (
                _folder(folder, folders, owner) as inner,
                _new_file(last, inner, owner, executable=data.startswith(b"#!")) as file,
            ):
                _write(file, data)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.EISDIR):
                raise SandboxRefused(
                    f"{str(name)!r} is named twice among the files for the sandbox, once as a folder; name each once."
                ) from None
            raise


@contextmanager
def _folder(folder: int, parts: list[str], owner: Owner) -> Iterator[int]:
    descriptor = os.dup(folder)
    try:
        for part in parts:
            _make_folder(part, descriptor, owner, exists=True)
            inner = os.open(part, FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _make_folder(name: str, parent: int, owner: Owner, *, exists: bool = False) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        if not exists:
            raise
        return
    os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)


@contextmanager
def _new_file(name: str, folder: int, owner: Owner, *, executable: bool) -> Iterator[int]:
    file = os.open(name, _CREATE, 0o600, dir_fd=folder)
    try:
        yield file
        os.fchown(file, *owner)
        os.fchmod(file, 0o755 if executable else 0o644)
    finally:
        os.close(file)


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _copy_from(path: Path, folder: int, owner: Owner) -> None:
    try:
        source = os.open(path, FOLDER & ~os.O_NOFOLLOW)
    except OSError as error:
        raise SandboxRefused(
            f"The folder {path} cannot be taken into the sandbox ({error.strerror}); name a folder that can be read."
        ) from None
    try:
        _copy_folder(source, folder, owner, path, ())
    finally:
        os.close(source)


def _copy_folder(source: int, target: int, owner: Owner, root: Path, parts: tuple[str, ...]) -> None:
    with os.scandir(source) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        here = (*parts, name)
        try:
            if len(here) > DEEPEST:
                raise OSError(errno.ENAMETOOLONG, "")
            _copy(name, source, target, owner, root, here)
        except OSError as error:
            if error.errno in _FULL:
                raise
            raise SandboxRefused(
                f"{'/'.join(here)[:200]!r} in the folder {root} is a link, a special file, too deep or not readable, and "
                "cannot be taken into the sandbox; remove it or leave it out."
            ) from None


def _copy(name: str, source: int, target: int, owner: Owner, root: Path, here: tuple[str, ...]) -> None:
    descriptor = os.open(name, READ, dir_fd=source)
    try:
        found = os.fstat(descriptor)
        if modes.S_ISDIR(found.st_mode):
            _make_folder(name, target, owner)
            inner = os.open(name, FOLDER, dir_fd=target)
            try:
                _copy_folder(descriptor, inner, owner, root, here)
            finally:
                os.close(inner)
        elif modes.S_ISREG(found.st_mode):
            with _new_file(name, target, owner, executable=bool(found.st_mode & 0o100)) as file:
                while data := os.read(descriptor, CHUNK):
                    _write(file, data)
        else:
            raise OSError(errno.EINVAL, "")
    finally:
        os.close(descriptor)
