"""What is known of the objects in a folder beyond their bytes: one small record each, in `.soloist/about`.

Which record belongs to which bytes is said by the file's modification time and size, both part of the record's name.
So a record can be written before its bytes are renamed into place, and the rename puts both in force at once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from resources.object_store.errors import InvalidKey
from resources.object_store.interface import RESERVED, check_key
from resources.object_store.tree import CREATE_FLAGS, READ_FLAGS, Tree

_SHELF = (RESERVED, "about")
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, InvalidKey)


class Record(NamedTuple):
    """What `put` was told, and the sha256 of what it wrote (None where it is not known)."""

    media_type: str
    sha256: str | None


def generation(found: os.stat_result) -> str:
    """Tells the bytes that a file holds now from those it held before."""
    return f"{found.st_mtime_ns}-{found.st_size}"


def read(tree: Tree, key: str, found: os.stat_result) -> Record | None:
    """The record of exactly these bytes; None where there is none, or none that can be read."""
    folders, name = _place(key, found)
    try:
        record = _load(tree, folders, name)
        return Record(str(record["media_type"]), str(record["sha256"]))
    except _UNREADABLE:
        return None


def write(tree: Tree, key: str, found: os.stat_result, record: Record) -> None:
    """Keeps the record of bytes that are about to be put in place."""
    folders, name = _place(key, found)
    text = json.dumps({"key": key, "size": found.st_size, **record._asdict()}, ensure_ascii=False)
    flags = (CREATE_FLAGS & ~os.O_EXCL) | os.O_TRUNC
    with tree.folder(folders, create=True) as folder:
        with os.fdopen(os.open(name, flags, 0o666, dir_fd=folder), "wb") as file:
            file.write(text.encode())
            file.flush()
            tree.sync(file.fileno())
        tree.sync(folder)


def remove(tree: Tree, key: str, found: os.stat_result) -> None:
    """Removes the record of bytes that are gone; no error where that fails, since it does no harm."""
    folders, name = _place(key, found)
    with suppress(OSError), tree.folder(folders) as folder:
        os.unlink(name, dir_fd=folder)


def abandoned(tree: Tree) -> Iterator[tuple[Sequence[str], str, os.stat_result]]:
    """Folder, name and file of every record that describes no present bytes."""
    for number in range(256):
        folders = (*_SHELF, f"{number:02x}")
        for name, found in tree.files(folders):
            if not _is_in_force(tree, folders, name):
                yield folders, name, found


def _is_in_force(tree: Tree, folders: Sequence[str], name: str) -> bool:
    try:
        key = check_key(str(_load(tree, folders, name)["key"]))
        *inner, last = key.split("/")
        with tree.folder(inner) as folder:
            present = os.stat(last, dir_fd=folder, follow_symlinks=False)
    except _UNREADABLE:
        return False
    return _place(key, present) == (folders, name)


def _load(tree: Tree, folders: Sequence[str], name: str) -> dict[str, object]:
    with tree.folder(folders) as folder, os.fdopen(os.open(name, READ_FLAGS, dir_fd=folder), "rb") as file:
        return dict(json.load(file))


def _place(key: str, found: os.stat_result) -> tuple[tuple[str, ...], str]:
    """Folder and name of the record of the bytes that a file holds. The key is hashed, so that no name is too long."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return (*_SHELF, digest[:2]), f"{digest[2:40]}.{generation(found)}.json"
