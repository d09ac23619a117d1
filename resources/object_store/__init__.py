"""The object store: where documents and other immutable bytes are kept, in a folder or on an S3-compatible server.

`open_store` picks the implementation from plain settings. What every store can do is in `interface.py`; `folder.py` and
`s3.py` do it. Importing this package loads no S3 client.
"""

from __future__ import annotations

from resources.object_store.errors import (
    CorruptObject,
    InvalidKey,
    ObjectNotFound,
    ObjectStoreError,
    ObjectStoreFull,
    ObjectStoreRefused,
    ObjectStoreUnreachable,
)
from resources.object_store.factory import open_store
from resources.object_store.folder import FolderStore
from resources.object_store.interface import ObjectInfo, ObjectStore, check_key, object_key
from resources.object_store.s3 import S3Store

__all__ = [
    "CorruptObject",
    "FolderStore",
    "InvalidKey",
    "ObjectInfo",
    "ObjectNotFound",
    "ObjectStore",
    "ObjectStoreError",
    "ObjectStoreFull",
    "ObjectStoreRefused",
    "ObjectStoreUnreachable",
    "S3Store",
    "check_key",
    "object_key",
    "open_store",
]
