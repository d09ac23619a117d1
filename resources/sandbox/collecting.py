"""Reading back what a program left: it is hostile until read, and afterwards it is bytes under a checked name.

What belongs here: the walk through a work folder. Each part is opened in the one before it, following no link; only
regular files of this very disk with one name are read, up to the caps. The rest is told in a sentence each.
"""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice

from resources.sandbox.filling import CHUNK, DEEPEST, FOLDER, READ
from resources.sandbox.interface import Limits

MOST_NOTES = 50
"""Sentences of what was not read; a program could leave millions of links."""

_KINDS = {
    modes.S_IFLNK: "a link",
    modes.S_IFIFO: "a named pipe",
    modes.S_IFSOCK: "a socket",
    modes.S_IFBLK: "a device",
    modes.S_IFCHR: "a device",
}


def collect(folder: int, wanted: Sequence[str], limits: Limits) -> tuple[dict[str, bytes], list[str]]:
    """The files beneath the descriptor `folder` that `wanted` names, and a sentence for each that was not read.

    Each of `wanted` is a file, a folder with all that is in it, or a pattern of fnmatch, whose `*` crosses `/` too."""
    walk = _Walk(tuple(wanted), limits.files)
    files: dict[str, bytes] = {}
    left = limits.collected
    for found in walk.through(folder) if wanted else ():
        data = _read(found, os.fstat(folder).st_dev, left)
        if isinstance(data, str):
            walk.note(found.name, data)
        else:
            files[found.name] = data
            left -= len(data)
    return files, walk.notes


def size(folder: int, most: int) -> tuple[int, int]:
    """How many bytes the files beneath a folder take on the disk, and how many there are, looking at `most` names."""
    seen = [found.state.st_blocks * 512 for found in _Walk(("*",), most).through(folder)]
    return sum(seen), len(seen)


@dataclass(frozen=True)
class _Found:
    """Something that is no folder: its name from the work folder on, the folder that it is in, its name there."""

    name: str
    parent: int
    last: str
    state: os.stat_result


def _read(found: _Found, disk: int, left: int) -> bytes | str:
    """The bytes of a file, or why there are none."""
    kind = modes.S_IFMT(found.state.st_mode)
    if kind in _KINDS:
        return f"it is {_KINDS[kind]}"
    try:
        descriptor = os.open(found.last, READ, dir_fd=found.parent)
    except OSError as error:
        return str(error.strerror)
    try:
        state = os.fstat(descriptor)
        if not modes.S_ISREG(state.st_mode) or state.st_dev != disk:
            return "it is no file of the work folder"
        if state.st_nlink != 1:
            return "it has other names (hard links)"
        if state.st_size > left:
            return "with it the files would be longer together than may be collected"
        parts: list[bytes] = []
        length = state.st_size
        # Never more than it was said to have, should somebody still write.
        while length > 0 and (data := os.read(descriptor, min(CHUNK, length))):
            parts.append(data)
            length -= len(data)
        return b"".join(parts)
    finally:
        os.close(descriptor)


class _Walk:
    """One walk, in the order of names, that looks at `most` names at most."""

    def __init__(self, wanted: tuple[str, ...], most: int) -> None:
        self.notes: list[str] = []
        self._wanted = wanted
        self._left = most

    def note(self, name: str, why: str) -> None:
        if len(self.notes) < MOST_NOTES:
            self.notes.append(f"{name[:200]!r} was not read back: {why}.")

    def through(self, folder: int, parts: tuple[str, ...] = ()) -> Iterator[_Found]:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in islice(entries, self._left))
        self._left -= len(names)
        for last in names:
            name = "/".join((*parts, last))
            try:
                state = os.stat(last, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            is_folder = modes.S_ISDIR(state.st_mode)
            if not (self._is_wanted(name) or (self._is_on_the_way(name) and not modes.S_ISREG(state.st_mode))):
                continue
            if not last.isprintable():
                # Also what is no UTF-8: Python keeps such bytes as characters that cannot be printed.
                self.note(name, "its name has characters that cannot be printed")
            elif not is_folder:
                if self._is_wanted(name) or modes.S_ISLNK(state.st_mode):
                    yield _Found(name, folder, last, state)
            elif len(parts) >= DEEPEST:
                self.note(name, "it is too deep")
            elif self._left <= 0:
                self.note(name, "there are too many files")
            else:
                yield from self._into(folder, last, (*parts, last))

    def _into(self, folder: int, last: str, parts: tuple[str, ...]) -> Iterator[_Found]:
        try:
            inner = os.open(last, FOLDER, dir_fd=folder)
        except OSError as error:
            self.note("/".join(parts), str(error.strerror))
            return
        try:
            yield from self.through(inner, parts)
        except PermissionError as error:
            self.note("/".join(parts), str(error.strerror))
        finally:
            os.close(inner)

    def _is_wanted(self, name: str) -> bool:
        return any(name == each or name.startswith(f"{each}/") or fnmatchcase(name, each) for each in self._wanted)

    def _is_on_the_way(self, name: str) -> bool:
        """True for a folder in which something wanted may lie; a link in its place is told of."""
        return any(each.startswith(f"{name}/") or set(each) & set("*?[") for each in self._wanted)
