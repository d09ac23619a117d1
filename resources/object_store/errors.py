"""What can go wrong in an object store. Each text is one sentence and holds no key of a server and no secret."""

from __future__ import annotations

from resources.errors import SoloistError


class ObjectStoreError(SoloistError):
    """The object store could not do what it was asked."""


class InvalidKey(ObjectStoreError):
    """A key (or sha256, or media type) that no object can have."""


class ObjectNotFound(ObjectStoreError):
    """No object has this key."""


class CorruptObject(ObjectStoreError):
    """What was read is not what was stored: its sha256 differs."""


class ObjectStoreUnreachable(ObjectStoreError):
    """The server does not answer, or answers that it is broken. Trying again later may help."""


class ObjectStoreRefused(ObjectStoreError):
    """The store answers but does not let us: wrong keys, missing rights, a missing bucket, a forbidden folder."""


class ObjectStoreFull(ObjectStoreError):
    """The disk has no room left."""


def corrupt(key: str) -> CorruptObject:
    return CorruptObject(
        f"The object {key} is damaged: its bytes are not those that were stored; "
        "restore it from a backup or make it again."
    )


def not_found(key: str) -> ObjectNotFound:
    return ObjectNotFound(f"The object store holds no object {key}; it was removed, or another store is configured.")
