"""An object store on any S3-compatible server, through the `minio` client.

The sha256 of every object is kept in its user metadata and verified whenever it is read. The client is loaded and
connected at first use, once a process (it must not be shared across a fork).
"""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, cast

from pydantic import SecretStr

from resources.errors import BadInput
from resources.object_store.errors import InvalidKey, ObjectNotFound, ObjectStoreError, ObjectStoreUnreachable, corrupt
from resources.object_store.interface import (
    ABANDONED_AFTER,
    MAX_KEY_BYTES,
    BaseStore,
    ObjectInfo,
    can_begin_key,
    check_key,
    check_media_type,
    is_key,
    sha256_in,
)
from resources.object_store.s3_errors import MissingBucket, Sayings, SayingSource
from resources.object_store.streams import CHUNK, Data, VerifyingReader, spooled

if TYPE_CHECKING:
    from minio import Minio
    from urllib3 import PoolManager

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 30.0
RETRIES = 3
BACKOFF = 0.2
"""Seconds before the second retry; doubled before each further one, up to 5."""
PART_SIZE = 16 << 20
MAX_CONNECTIONS = 32
LONGEST_URL = timedelta(days=7)
"""What S3 allows for the life of a presigned address."""

_ENDPOINT = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SHA256_HEADER = "x-amz-meta-sha256"


class S3Store(BaseStore):
    """Objects in one bucket, beneath `prefix` where one is given. `endpoint` is `host` or `host:port`.

    The first write creates the bucket where it is missing, unless `create_bucket` is False; until then it passes for
    an empty one. A request waits at most 3 s for a connection and 30 s for an answer, and is sent again 3 times.
    Raises BadInput for an endpoint or a bucket name that is none.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        access_key: str = "",
        secret_key: str = "",
        region: str = "",
        secure: bool = True,
        prefix: str = "",
        create_bucket: bool = True,
        part_size: int = PART_SIZE,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        if not _ENDPOINT.fullmatch(endpoint):
            raise BadInput(
                "The address of the S3 server is none; write it as host:port, without a scheme and without keys."
            )
        if not _BUCKET.fullmatch(bucket) or ".." in bucket:
            raise BadInput(f"{bucket!a} is no bucket name; use 3 to 63 lower-case letters, digits, dots and hyphens.")
        if bool(access_key) != bool(secret_key):
            raise BadInput(
                f"The S3 server at {endpoint} needs both an access key and a secret key; only one of them is set."
            )
        self.endpoint, self.bucket = endpoint, bucket
        self.prefix = f"{check_key(prefix.strip('/'))}/" if prefix.strip("/") else ""
        self._access_key, self._secret_key = SecretStr(access_key), SecretStr(secret_key)
        self._region, self._secure, self._create_bucket = region, secure, create_bucket
        self._part_size, self._timeouts = part_size, (connect_timeout, read_timeout)
        self._say = Sayings(endpoint, bucket)
        self._connection: tuple[int, Minio] | None = None
        self._connecting = threading.Lock()
        self._bucket_seen = False

    def __repr__(self) -> str:
        return f"S3Store({self.endpoint!r}, bucket={self.bucket!r}, prefix={self.prefix!r})"

    def put(self, key: str, data: Data, media_type: str) -> ObjectInfo:
        name = self._name(key)
        check_media_type(media_type)
        with spooled(data) as source, self._say.sentences(f"store {key}"):
            self._ensure_bucket()
            self._client().put_object(
                self.bucket,
                name,
                source.file,
                source.size,
                content_type=media_type,
                metadata={"sha256": source.sha256},
                part_size=self._part_size,
            )
            # The server stamps the object by its own clock; asking for that would cost a request more.
            return ObjectInfo(key, source.size, datetime.now(UTC), media_type, source.sha256)

    def get(self, key: str) -> bytes:
        for attempt in range(RETRIES + 1):
            with self.open(key) as file:
                try:
                    return file.read()
                except ObjectStoreUnreachable:
                    # It broke off in the middle; what fails sooner has been tried again by the connection pool.
                    if attempt == RETRIES:
                        raise
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        name = self._name(key)
        with self._say.sentences(f"read {key}", key):
            response = self._client().get_object(self.bucket, name)
        try:
            expected = response.headers.get(_SHA256_HEADER) or sha256_in(key)
            source = SayingSource(self._say, response, key)
            reader = VerifyingReader(cast(BinaryIO, source), expected, lambda: corrupt(key))
            with io.BufferedReader(reader, CHUNK) as buffered:
                yield cast(BinaryIO, buffered)
        finally:
            response.close()
            response.release_conn()

    def stat(self, key: str) -> ObjectInfo | None:
        name = self._name(key)
        try:
            with self._say.sentences(f"look up {key}", key):
                found = self._client().stat_object(self.bucket, name)
        except ObjectNotFound:
            # A missing bucket answers like a missing object.
            if not self._create_bucket:
                self._ensure_bucket()
            return None
        except MissingBucket:
            # Said where the client asks for the bucket's region first, because none is set.
            if not self._create_bucket:
                raise
            return None
        headers = found.metadata or {}
        return ObjectInfo(
            key,
            found.size or 0,
            found.last_modified or datetime.fromtimestamp(0, UTC),
            found.content_type or "application/octet-stream",
            headers.get(_SHA256_HEADER) or sha256_in(key),
        )

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        if not can_begin_key(prefix):
            return
        with self._absent_bucket_is_empty(), self._say.sentences("list its objects"):
            for found in self._client().list_objects(self.bucket, prefix=self.prefix + prefix, recursive=True):
                key = (found.object_name or "").removeprefix(self.prefix)
                # Consoles leave markers such as `folder/` that are no objects of ours.
                if is_key(key):
                    modified = found.last_modified or datetime.fromtimestamp(0, UTC)
                    yield ObjectInfo(key, found.size or 0, modified, sha256=sha256_in(key))

    def delete(self, key: str) -> None:
        name = self._name(key)
        with self._absent_bucket_is_empty(), self._say.sentences(f"delete {key}"):
            self._client().remove_object(self.bucket, name)

    def delete_many(self, keys: Iterable[str]) -> None:
        from minio.deleteobjects import DeleteObject

        names = [DeleteObject(self._name(key)) for key in keys]
        errors: list[str | None] = []
        with self._absent_bucket_is_empty(), self._say.sentences("delete objects"):
            errors = [error.code for error in self._client().remove_objects(self.bucket, names)]
        if errors:
            raise ObjectStoreError(
                f"The S3 server at {self.endpoint} kept {len(errors)} of {len(names)} objects that it was to delete "
                f"({errors[0]}); check the rights of the keys in use."
            )

    def url(self, key: str, expires: timedelta = timedelta(hours=1)) -> str | None:
        name = self._name(key)
        if not timedelta(seconds=1) <= expires <= LONGEST_URL:
            raise BadInput(
                "An address of an object lives between one second and seven days; ask for a time in between."
            )
        if not self._access_key.get_secret_value():
            return None
        with self._say.sentences(f"make an address for {key}"):
            return self._client().presigned_get_object(self.bucket, name, expires=expires)

    def sweep(self, older_than: timedelta = ABANDONED_AFTER) -> int:
        """Aborts the multipart uploads of killed writers, which a server keeps (and charges for) until told."""
        oldest, removed = datetime.now(UTC) - older_than, 0
        with self._absent_bucket_is_empty(), self._say.sentences("tidy up"):
            client = self._client()
            found = client._list_multipart_uploads(self.bucket, prefix=self.prefix)
            for upload in found.uploads:
                if upload.upload_id and upload.initiated_time and upload.initiated_time <= oldest:
                    client._abort_multipart_upload(self.bucket, upload.object_name, upload.upload_id)
                    removed += 1
        return removed

    def _name(self, key: str) -> str:
        """The object's name in the bucket."""
        name = self.prefix + check_key(key)
        if len(name.encode()) > MAX_KEY_BYTES:
            raise InvalidKey(
                f"{key[:77]!a}... cannot be the key of an object: with the prefix {self.prefix} it is too long."
            )
        return name

    def _client(self) -> Minio:
        with self._connecting:
            if self._connection is None or self._connection[0] != os.getpid():
                from minio import Minio

                client = Minio(
                    self.endpoint,
                    access_key=self._access_key.get_secret_value() or None,
                    secret_key=self._secret_key.get_secret_value() or None,
                    region=self._region or None,
                    secure=self._secure,
                    http_client=self._pool(),
                )
                self._connection = (os.getpid(), client)
            return self._connection[1]

    def _pool(self) -> PoolManager:
        import certifi
        from urllib3 import PoolManager, Retry, Timeout

        connect, read = self._timeouts
        return PoolManager(
            timeout=Timeout(connect=connect, read=read),
            maxsize=MAX_CONNECTIONS,
            cert_reqs="CERT_REQUIRED",
            ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
            # Retry-After is capped: a server must not be able to put a run to sleep.
            retries=Retry(
                total=RETRIES,
                backoff_factor=BACKOFF,
                backoff_max=5,
                status_forcelist=(429, 500, 502, 503, 504),
                raise_on_status=False,
                retry_after_max=10,
            ),
        )

    def _ensure_bucket(self) -> None:
        """Makes sure, once, that the bucket is there; creates it where that is allowed."""
        if self._bucket_seen:
            return
        from minio.error import S3Error

        with self._say.sentences(f"find the bucket {self.bucket}"):
            client = self._client()
            try:
                if not client.bucket_exists(self.bucket):
                    if not self._create_bucket:
                        raise self._say.missing_bucket()
                    client.make_bucket(self.bucket)
            except S3Error as error:
                # Keys may be allowed to use the bucket but not to look for it; or it was created meanwhile.
                if error.code not in {"AccessDenied", "BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    raise
        self._bucket_seen = True

    @contextmanager
    def _absent_bucket_is_empty(self) -> Iterator[None]:
        """Lets a bucket that the first write will create pass for an empty one."""
        try:
            yield
        except MissingBucket:
            if not self._create_bucket:
                raise
