"""What only a store on a server must get right: pages, parts, addresses, refusals, silence and rubbish on the wire."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from resources.errors import BadInput
from resources.object_store import (
    InvalidKey,
    ObjectStoreError,
    ObjectStoreRefused,
    ObjectStoreUnreachable,
    S3Store,
)
from tests.s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server, s3_server

_NUMBERS = count()


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.object_store.s3.BACKOFF", 0.02)


@pytest.fixture
def store(server: S3Server) -> S3Store:
    return _store(server.endpoint)


def _store(endpoint: str, **options: object) -> S3Store:
    settings: dict[str, object] = {
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "region": REGION,
        "secure": False,
    }
    bucket = options.pop("bucket", None) or f"s3-{next(_NUMBERS)}"
    return S3Store(endpoint, bucket, **{**settings, **options})  # type: ignore[arg-type]


def _every_use(store: S3Store) -> dict[str, Callable[[], object]]:
    return {
        "put": lambda: store.put("a", b"x", "text/plain"),
        "get": lambda: store.get("a"),
        "stat": lambda: store.stat("a"),
        "list": lambda: list(store.list()),
        "delete": lambda: store.delete("a"),
        "delete_many": lambda: store.delete_many(["a"]),
        "check": store.check,
        "sweep": store.sweep,
    }


@contextmanager
def _scripted(answer: Callable[[BaseHTTPRequestHandler, int], None], *, keep_alive: bool = False) -> Iterator[str]:
    """A server that answers the nth request as the function says."""
    numbers = count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self, next(numbers))

        do_PUT = do_HEAD = do_POST = do_DELETE = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    scripted = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=scripted.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{scripted.server_address[1]}"
    finally:
        scripted.shutdown()
        scripted.server_close()
        thread.join()


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body) if length is None else length), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def test_listing_and_deleting_go_on_beyond_the_first_page(store: S3Store, server: S3Server) -> None:
    keys = [f"n/{number:04}" for number in range(1_100)]
    server.seed(store.bucket, [*reversed(keys), "folder/"])
    assert [info.key for info in store.list()] == keys
    assert [info.key for info in store.list("n/10")] == keys[1000:]
    store.delete_many(iter(keys))
    assert list(store.list()) == []


@pytest.mark.integration
def test_ten_thousand_objects_are_put_listed_and_deleted(store: S3Store) -> None:
    keys = [f"n/{number:05}" for number in range(10_000)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda key: store.put(key, b"x", "text/plain"), keys))
    assert [info.key for info in store.list()] == keys
    store.delete_many(keys)
    assert list(store.list()) == []


def test_a_presigned_address_opens_without_keys(store: S3Store) -> None:
    store.put("reports/ü b.html", b"<p>Done</p>", "text/html")
    address = store.url("reports/ü b.html", timedelta(minutes=5))
    assert address is not None
    assert SECRET_KEY not in address
    with urllib.request.urlopen(address, timeout=10) as response:
        assert (response.read(), response.headers["Content-Type"]) == (b"<p>Done</p>", "text/html")
    for never in (timedelta(0), timedelta(days=8)):
        with pytest.raises(BadInput, match="between one second and seven days"):
            store.url("a", never)


def test_two_prefixes_of_one_bucket_do_not_see_each_other(server: S3Server) -> None:
    one, two = (
        _store(server.endpoint, bucket="shared", prefix="team/one"),
        _store(server.endpoint, bucket="shared", prefix="t"),
    )
    one.put("a", b"1", "text/plain")
    two.put("a", b"2", "text/plain")
    assert (one.get("a"), two.get("a")) == (b"1", b"2")
    assert [info.key for info in one.list()] == [info.key for info in two.list()] == ["a"]
    one.delete("a")
    assert two.get("a") == b"2"
    with pytest.raises(InvalidKey, match="with the prefix team/one/ it is too long"):
        one.put("/".join(["x" * 203] * 5), b"", "text/plain")


def test_a_killed_multipart_upload_is_invisible_and_swept(server: S3Server) -> None:
    store = _store(server.endpoint, part_size=5 << 20)
    code = f"""
import sys
from resources.object_store import S3Store
store = S3Store({server.endpoint!r}, {store.bucket!r}, access_key={ACCESS_KEY!r}, secret_key={SECRET_KEY!r},
                region={REGION!r}, secure=False, part_size=5 << 20)
store.put("big", bytes(300 << 20), "application/zip")
"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        deadline = time.monotonic() + 30
        while not any(parts >= 1 for parts in server.unfinished_uploads(store.bucket)):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert list(store.list()) == []
    assert store.stat("big") is None
    assert store.sweep(timedelta(0)) == 1
    assert server.unfinished_uploads(store.bucket) == []


def test_wrong_keys_are_refused_in_one_sentence(store: S3Store, server: S3Server) -> None:
    with server.demand_valid_keys():
        for name, use in _every_use(store).items():
            with pytest.raises(ObjectStoreRefused) as caught:
                use()
            assert "check" in str(caught.value), name
            _is_one_harmless_sentence(caught.value)


def test_a_missing_bucket_passes_for_empty_only_where_it_may_be_created(server: S3Server) -> None:
    for name, use in _every_use(_store(server.endpoint, create_bucket=False)).items():
        with pytest.raises(ObjectStoreRefused, match=r"has no bucket s3-\d+; create it or name another\.$"):
            use()
            pytest.fail(name)
    store = _store(server.endpoint)
    assert (list(store.list()), store.stat("a"), store.sweep()) == ([], None, 0)


def test_a_server_that_is_down_is_named_without_its_keys(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        store = _store(f"127.0.0.1:{taken.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(ObjectStoreUnreachable) as caught:
            store.stat("a")
    assert time.monotonic() - started < 5
    assert store.endpoint in str(caught.value)
    assert "check that it runs" in str(caught.value)
    _is_one_harmless_sentence(caught.value)
    assert SECRET_KEY not in caplog.text
    assert SECRET_KEY not in repr(store) + str(vars(store))
    assert ACCESS_KEY not in repr(store) + str(vars(store)) + caplog.text


def test_a_server_that_never_answers_is_given_up_in_bounded_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(16)
        store = _store(f"127.0.0.1:{silent.getsockname()[1]}", connect_timeout=0.2, read_timeout=0.2)
        started = time.monotonic()
        with pytest.raises(ObjectStoreUnreachable, match="does not answer"):
            store.stat("a")
        assert time.monotonic() - started < 5


def test_an_overloaded_server_is_asked_again() -> None:
    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        _send(handler, 503 if number < 2 else 200, b"" if number < 2 else b"at last", Retry_After="0")

    with _scripted(answer) as endpoint:
        assert _store(endpoint).get("a") == b"at last"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<Error><Code>SlowDown</Code><Message>sesame</Message></Error>", "application/xml"),
        (b"<h1>Bad gateway</h1>", "text/html"),
        (b"", "text/html"),
    ],
)
def test_a_server_that_stays_broken_is_one_sentence(body: bytes, media_type: str) -> None:
    with _scripted(lambda handler, _: _send(handler, 503, body, Content_Type=media_type)) as endpoint:
        with pytest.raises(ObjectStoreUnreachable, match="try again later") as caught:
            _store(endpoint).get("a")
        _is_one_harmless_sentence(caught.value)


def test_an_answer_that_breaks_off_is_read_again() -> None:
    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        _send(handler, 200, b"hal" if number < 2 else b"half", length=4)

    with _scripted(answer) as endpoint:
        assert _store(endpoint).get("a") == b"half"
    with (
        _scripted(lambda handler, _: _send(handler, 200, b"hal", length=4)) as endpoint,
        pytest.raises(ObjectStoreUnreachable),
    ):
        _store(endpoint).get("a")


def test_what_is_no_s3_server_is_found_out() -> None:
    page = b"<!doctype html><p>Welcome"
    with _scripted(lambda handler, _: _send(handler, 200, page, Content_Type="text/html")) as endpoint:
        store = _store(endpoint)
        for name in ("check", "list"):
            with pytest.raises(ObjectStoreError, match=r"check (the|its) address") as caught:
                _every_use(store)[name]()
            _is_one_harmless_sentence(caught.value)
    with _scripted(lambda handler, _: _send(handler, 418, page, Content_Type="text/html")) as endpoint:
        for use in _every_use(_store(endpoint)).values():
            with pytest.raises(ObjectStoreError) as caught:
                use()
            _is_one_harmless_sentence(caught.value)


def test_tls_where_there_is_none_is_named_as_such(server: S3Server) -> None:
    with pytest.raises(ObjectStoreUnreachable, match="offers no TLS that this machine trusts"):
        _store(server.endpoint, secure=True).stat("a")


def test_forked_processes_do_not_read_each_others_answers() -> None:
    code = """
import os, sys
from resources.object_store import S3Store
store = S3Store(sys.argv[1], "bucket", region="us-east-1", secure=False)
store.get("0")  # opens the connection that the children inherit
children = []
for number in range(4):
    if (child := os.fork()) == 0:
        right = all(store.get(str(number)) == b"/bucket/%d" % number for _ in range(20))
        os._exit(0 if right else 1)
    children.append(child)
raise SystemExit(max(os.waitpid(child, 0)[1] for child in children) != 0)
"""
    with _scripted(lambda handler, _: _send(handler, 200, handler.path.encode()), keep_alive=True) as endpoint:
        assert subprocess.run([sys.executable, "-c", code, endpoint], check=False, timeout=60).returncode == 0


def _is_one_harmless_sentence(error: Exception) -> None:
    text = str(error)
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text
    for secret in (SECRET_KEY, ACCESS_KEY, "sesame", "Signature="):
        assert secret not in text
