"""What every object store can do, whichever holds the bytes: the `ObjectStore` protocol and the rules of keys.

Content addressing is here too, since it needs nothing but `put`, `get` and `stat`: an immutable object lies under
`objects/ab/cdef...`, the sha256 of its bytes.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from resources.object_store.errors import InvalidKey, ObjectStoreError, corrupt
from resources.object_store.streams import Data, spooled

RESERVED = ".soloist"
"""First part of the names that a store keeps for itself; no key may begin with it."""

ABANDONED_AFTER = timedelta(days=1)
"""Age at which an unfinished write is taken for abandoned: no put takes that long."""

MAX_KEY_BYTES = 1024
MAX_PART_BYTES = 255

_SHA256 = re.compile(r"[0-9a-f]{64}")
_OBJECT_KEY = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{62})")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+( *;[\x20-\x7e]*)?")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One stored object. `size` in bytes, `modified` aware in UTC.

    Listings know only key, size and time: there `media_type` is "", and `sha256` is what the key itself says, if it
    does.
    """

    key: str
    size: int
    modified: datetime
    media_type: str = ""
    sha256: str | None = None


class ObjectStore(Protocol):
    """Bytes under keys. A put is seen whole or not at all, also when its process is killed.

    Every method raises an ObjectStoreError (one sentence) where the store is unreachable, full or forbidden, and
    InvalidKey for a key that `check_key` refuses.
    """

    def put(self, key: str, data: Data, media_type: str) -> ObjectInfo:
        """Stores bytes, a stream of any length or the file at a path under a key, replacing what was there."""

    def get(self, key: str) -> bytes:
        """The bytes of an object, verified. Raises ObjectNotFound or CorruptObject."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The bytes of an object as a stream. Its end raises CorruptObject where they are not those stored."""

    def stat(self, key: str) -> ObjectInfo | None:
        """What is known of an object, or None where no object has this key."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """The objects whose keys begin with the prefix, in the order of their keys."""

    def delete(self, key: str) -> None:
        """Removes an object; no error where there is none."""

    def delete_many(self, keys: Iterable[str]) -> None:
        """Removes many objects, in bulk where the store can."""

    def url(self, key: str, expires: timedelta = timedelta(hours=1)) -> str | None:
        """An address from which anybody may read the object for that long, or None where the store has none to give."""

    def check(self) -> None:
        """Proves that the store can be reached, written, read and deleted from. Raises one sentence where it cannot."""

    def sweep(self, older_than: timedelta = ABANDONED_AFTER) -> int:
        """Removes what killed writers left behind (never an object) and returns how many leftovers that were."""

    def put_immutable(self, data: Data, media_type: str) -> str:
        """Stores bytes under their sha256 and returns it. Nothing is written where they are stored already."""

    def get_verified(self, sha256: str) -> bytes:
        """The bytes that have this sha256. Raises ObjectNotFound or CorruptObject."""

    def has(self, sha256: str) -> bool:
        """True where an object is stored under this sha256."""


class BaseStore:
    """What rests on the other methods of `ObjectStore` alone, and so is the same in every store."""

    def check(self: ObjectStore) -> None:
        probe = f"check-{secrets.token_hex(8)}"
        self.put(probe, probe.encode(), "text/plain")
        try:
            # Read back: a web server that answers 200 to everything is found out here.
            if self.get(probe) != probe.encode():
                raise ObjectStoreError(f"{self!r} does not give back what it was given; check its address.")
        finally:
            self.delete(probe)

    def put_immutable(self: ObjectStore, data: Data, media_type: str) -> str:
        with spooled(data) as source:
            key = object_key(source.sha256)
            stored = self.stat(key)
            if stored is None or stored.size != source.size:
                self.put(key, source.file, media_type)
            return source.sha256

    def get_verified(self: ObjectStore, sha256: str) -> bytes:
        data = self.get(object_key(sha256))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise corrupt(object_key(sha256))
        return data

    def has(self: ObjectStore, sha256: str) -> bool:
        return self.stat(object_key(sha256)) is not None


def object_key(sha256: str) -> str:
    """The key of the immutable object with this sha256 (64 lower-case hexadecimal digits)."""
    if not _SHA256.fullmatch(sha256):
        raise InvalidKey(
            f"{_shown(sha256)} is no sha256; an immutable object is named by 64 lower-case hexadecimal digits."
        )
    return f"objects/{sha256[:2]}/{sha256[2:]}"


def sha256_in(key: str) -> str | None:
    """The sha256 that the key of an immutable object states, or None for any other key."""
    match = _OBJECT_KEY.fullmatch(key)
    return match[1] + match[2] if match else None


def is_key(key: str) -> bool:
    """True for a key that every store can hold."""
    return _objection(key) is None


def check_key(key: str) -> str:
    """The key itself. Raises InvalidKey unless every store can hold it.

    A key is parts between single slashes. No part is ".", ".." or longer than 255 bytes of UTF-8, or begins or ends
    with a blank; all together are at most 1,024 bytes, with no backslash and no control character among them.
    """
    if objection := _objection(key):
        raise InvalidKey(f"{_shown(key)} cannot be the key of an object: {objection}.")
    return key


def can_begin_key(prefix: str) -> bool:
    """True for a prefix that some key may begin with, as far as its characters go."""
    return not any(_is_forbidden(character) for character in prefix)


def check_media_type(media_type: str) -> str:
    """The media type itself. Raises InvalidKey for what would not fit into an HTTP header."""
    if not _MEDIA_TYPE.fullmatch(media_type) or len(media_type) > 255:
        raise InvalidKey(f"{_shown(media_type)} is no media type; write it as text/html or application/pdf.")
    return media_type


def _objection(key: str) -> str | None:
    """Why a key cannot be held, in words that follow a colon; None where it can."""
    parts = key.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        return 'its parts must not be empty, "." or ".."'
    if parts[0].lower() == RESERVED:
        return f"names beneath {RESERVED} belong to the store itself"
    if any(_is_forbidden(character) for character in key):
        return "it holds a backslash, a control character or no character at all"
    if any(part != part.strip() for part in parts):
        return "its parts must not begin or end with a blank"
    # Only now: a surrogate, refused above, has no UTF-8.
    if any(len(part.encode()) > MAX_PART_BYTES for part in parts) or len(key.encode()) > MAX_KEY_BYTES:
        return f"it is longer than {MAX_KEY_BYTES} bytes, or one of its parts longer than {MAX_PART_BYTES}"
    return None


def _is_forbidden(character: str) -> bool:
    # Neither XML 1.0, in which S3 lists keys, nor every file system holds these.
    return character in "\\\ufffe\uffff" or unicodedata.category(character) in {"Cc", "Cs"}


def _shown(text: str) -> str:
    """Text from outside, fit for an error message."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")
