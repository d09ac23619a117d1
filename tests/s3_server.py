"""An S3-compatible server on a free loopback port, for tests: `moto`, which keeps its buckets in this process's memory.

It stores like S3 and pages like S3, but accepts any key until `demand_valid_keys` says otherwise.
"""

from __future__ import annotations

import io
import logging
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key-that-must-not-leak"
REGION = "us-east-1"


@dataclass(frozen=True)
class S3Server:
    """Where the server listens (`host:port`), and what only its process can do."""

    endpoint: str

    def seed(self, bucket: str, keys: list[str], body: bytes = b"x") -> None:
        """Puts objects behind the protocol's back: a thousand in a tenth of a second instead of five."""
        backend = _backend()
        if bucket not in backend.buckets:
            backend.create_bucket(bucket, REGION)
        for key in keys:
            backend.put_object(bucket, key, body)

    def damage(self, bucket: str, key: str) -> None:
        """Flips one bit in the middle of an object and leaves everything else as it was."""
        stored = _backend().get_object(bucket, key)
        data = bytearray(stored.value)
        data[len(data) // 2] ^= 1
        stored._value_buffer.seek(0)
        stored._value_buffer.write(bytes(data))

    def unfinished_uploads(self, bucket: str) -> list[int]:
        """For each multipart upload in progress, how many parts have arrived."""
        found = _backend().buckets.get(bucket)
        return [len(upload.partlist) for upload in found.multiparts.values()] if found else []

    @contextmanager
    def demand_valid_keys(self) -> Iterator[None]:
        """Meanwhile every key is refused, since none was ever issued."""
        self._reset_auth(b"0")
        try:
            yield
        finally:
            self._reset_auth(b"inf")

    def _reset_auth(self, unchecked_requests: bytes) -> None:
        address, headers = f"http://{self.endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        request = urllib.request.Request(address, unchecked_requests, headers, method="POST")
        urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Runs the server while the context lasts."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        assert server._server is not None
        server._server.app = _OneAtATime(server._server.app)
        host, port = server.get_host_and_port()
        yield S3Server(f"{host}:{port}")
    finally:
        server.stop()


class _OneAtATime:
    """Requests one after the other: `moto` answers 500 to two writers of one key, as one closes the other's file."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app, self._lock = app, threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        if len(body) < length:  # the client died; like S3, keep nothing of it
            start_response("400 Bad Request", [])
            return []
        with self._lock:
            return list(self._app({**environ, "wsgi.input": io.BytesIO(body)}, start_response))


def _backend() -> Any:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
