"""What every object store keeps to, tried on a folder and on an S3-compatible server alike."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.errors import BadInput
from resources.object_store import (
    CorruptObject,
    FolderStore,
    InvalidKey,
    ObjectNotFound,
    ObjectStore,
    S3Store,
    object_key,
    open_store,
)
from resources.object_store.interface import is_key
from tests.s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server, s3_server

SHARED_FIXTURE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HOSTILE_KEYS = [
    *[
        "",
        "/",
        ".",
        "..",
        "a/",
        "/a",
        "a//b",
        "../a",
        "a/../b",
        "a/./b",
        "a\\b",
        "..\\a",
        "a\0b",
        "a\nb",
        "a\x7f",
        "\x85",
    ],
    *[" a", "a ", "a/ /b", "\u3000", "\ud800", "a\uffff", ".soloist/tmp/x", ".SOLOIST/about/x"],
    *["x" * 256, "/".join(["y" * 200] * 6)],
]


@dataclass(frozen=True)
class Bench:
    """A store, the settings that open it once more in another process, and a way to flip a bit behind its back."""

    store: ObjectStore
    opening: str
    damage: Callable[[str], None]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, server: S3Server) -> Bench:
    if request.param == "folder":
        root = tmp_path / "objects"
        return Bench(FolderStore(root), f"open_store({str(root)!r})", lambda key: _flip_a_bit(root / key))
    bucket = f"bench-{next(_NUMBERS)}"
    keys: dict[str, Any] = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": REGION}
    store = S3Store(server.endpoint, bucket, secure=False, part_size=5 << 20, **keys)
    return Bench(
        store, f"open_store('http://{server.endpoint}/{bucket}', **{keys!r})", lambda key: server.damage(bucket, key)
    )


@pytest.fixture
def store(bench: Bench) -> ObjectStore:
    return bench.store


_NUMBERS = count()


class Trickle(io.RawIOBase):
    """A stream that knows neither its length nor its past, such as a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 70_000) if size >= 0 else 70_000)


def test_what_was_put_can_be_got_streamed_and_looked_up(store: ObjectStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    put = store.put("reports/2026-W46.html", b"<p>Done</p>", "text/html")
    found = store.stat("reports/2026-W46.html")

    assert store.get("reports/2026-W46.html") == b"<p>Done</p>"
    with store.open("reports/2026-W46.html") as stream:
        assert (stream.read(3), stream.read()) == (b"<p>", b"Done</p>")
    assert found is not None
    assert (found.key, found.size, found.media_type) == ("reports/2026-W46.html", 11, "text/html")
    assert found.sha256 == put.sha256 == hashlib.sha256(b"<p>Done</p>").hexdigest()
    assert before <= found.modified <= datetime.now(UTC) + timedelta(seconds=2)


def test_an_empty_store_lists_nothing_and_misses_everything(store: ObjectStore) -> None:
    assert list(store.list()) == []
    assert store.stat("a") is None
    assert not store.has("0" * 64)
    store.delete("a")
    store.delete_many(["a", "b/c"])
    assert store.sweep() == 0


def test_a_missing_object_is_one_sentence(store: ObjectStore) -> None:
    store.put("present", b"", "text/plain")
    for read in (store.get, lambda key: store.open(key).__enter__()):
        with pytest.raises(ObjectNotFound, match=r"^The object store holds no object absent; .*\.$"):
            read("absent")


def test_a_second_put_replaces_bytes_type_and_hash(store: ObjectStore) -> None:
    store.put("a", b"old and longer", "text/plain")
    store.put("a", b"new", "application/json")
    found = store.stat("a")
    assert store.get("a") == b"new"
    assert found is not None
    assert (found.size, found.media_type, found.sha256) == (3, "application/json", hashlib.sha256(b"new").hexdigest())
    assert [info.key for info in store.list()] == ["a"]


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    sha256 = store.put_immutable(b"", "application/octet-stream")
    assert store.get_verified(sha256) == b""
    assert store.has(sha256)
    assert [info.size for info in store.list()] == [0]


def test_a_stream_of_unknown_length_is_stored_whole(store: ObjectStore) -> None:
    data = os.urandom(300_001)
    store.put("stream", cast(BinaryIO, Trickle(data)), "application/octet-stream")
    assert store.get("stream") == data
    assert store.get_verified(store.put_immutable(cast(BinaryIO, Trickle(data)), "application/gzip")) == data


def test_a_file_is_stored_from_its_path(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "plan.pdf").write_bytes(b"%PDF")
    store.put("plan.pdf", tmp_path / "plan.pdf", "application/pdf")
    assert store.get("plan.pdf") == b"%PDF"
    with pytest.raises(BadInput, match=r"^The file .*absent.pdf cannot be read .*\.$"):
        store.put("absent.pdf", tmp_path / "absent.pdf", "application/pdf")
    assert store.stat("absent.pdf") is None


def test_twenty_megabytes_come_back_as_they_went(store: ObjectStore) -> None:
    data = os.urandom(1 << 20) * 20 + b"tail"
    sha256 = store.put_immutable(data, "application/zip")
    assert store.get_verified(sha256) == data
    with store.open(object_key(sha256)) as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    assert digest.hexdigest() == sha256


def test_listing_is_sorted_by_key_and_narrowed_by_prefix(store: ObjectStore) -> None:
    keys = ["a", "a-b/c", "b/1", "b/10", "b/2", "b.c", "b0", "é", "z/é/ü"]
    for key in reversed(keys):
        store.put(key, key.encode(), "text/plain")
    assert [info.key for info in store.list()] == sorted(keys)
    assert [info.key for info in store.list("b")] == ["b.c", "b/1", "b/10", "b/2", "b0"]
    assert [info.key for info in store.list("b/1")] == ["b/1", "b/10"]
    assert [info.key for info in store.list("z/é/")] == ["z/é/ü"]
    assert [info.size for info in store.list("é")] == [2]
    for nowhere in ("c", "b//", "../", "/", "b/1/2", "\0", "b\n"):
        assert list(store.list(nowhere)) == []


def test_deleted_objects_are_gone_and_leave_their_names_free(store: ObjectStore) -> None:
    for key in ("a/b/c", "a/b/d", "e"):
        store.put(key, b"x", "text/plain")
    store.delete("a/b/c")
    assert store.stat("a/b/c") is None
    store.delete_many(["a/b/d", "e", "never/there"])
    assert list(store.list()) == []
    store.put("a", b"a file where a folder was", "text/plain")
    assert store.get("a") == b"a file where a folder was"


def test_an_immutable_object_is_written_once(store: ObjectStore) -> None:
    sha256 = store.put_immutable(b"once", "text/plain")
    first = store.stat(object_key(sha256))
    assert store.put_immutable(b"once", "text/html") == sha256 == hashlib.sha256(b"once").hexdigest()
    assert store.stat(object_key(sha256)) == first
    assert [info.sha256 for info in store.list("objects/")] == [sha256]


def test_an_immutable_object_of_the_wrong_size_is_written_again(store: ObjectStore) -> None:
    key = object_key(hashlib.sha256(b"whole").hexdigest())
    store.put(key, b"who", "text/plain")
    assert store.get_verified(store.put_immutable(b"whole", "text/plain")) == b"whole"


def test_every_flipped_bit_is_found_whichever_way_it_is_read(bench: Bench) -> None:
    sha256 = bench.store.put_immutable(b"evidence" * 1000, "text/plain")
    bench.store.put("named", b"evidence" * 1000, "text/plain")
    bench.damage(object_key(sha256))
    bench.damage("named")
    for read in (
        lambda: bench.store.get_verified(sha256),
        lambda: bench.store.get(object_key(sha256)),
        lambda: bench.store.get("named"),
        lambda: _read_in_pieces(bench.store, "named"),
    ):
        with pytest.raises(CorruptObject, match=r"^The object \S+ is damaged: .*\.$"):
            read()


def test_what_lies_under_a_foreign_hash_is_not_taken_for_verified(store: ObjectStore) -> None:
    claimed = hashlib.sha256(b"honest").hexdigest()
    store.put(object_key(claimed), b"forged", "text/plain")  # with a record and metadata that fit the forgery
    with pytest.raises(CorruptObject):
        store.get_verified(claimed)


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
def test_a_hostile_key_is_refused_in_one_sentence_by_every_method(store: ObjectStore, key: str) -> None:
    for use in (
        lambda: store.put(key, b"x", "text/plain"),
        lambda: store.get(key),
        lambda: store.stat(key),
        lambda: store.open(key).__enter__(),
        lambda: store.delete(key),
        lambda: store.delete_many([key]),
        lambda: store.url(key),
    ):
        with pytest.raises(InvalidKey) as caught:
            use()
        assert str(caught.value).isascii() and str(caught.value).endswith(".") and len(str(caught.value)) < 250


@pytest.mark.parametrize("sha256", ["", "..", "A" * 64, "0" * 63, "0" * 65, "../../etc/passwd", "0" * 64 + "\n"])
def test_what_is_no_sha256_is_refused(store: ObjectStore, sha256: str) -> None:
    for use in (store.get_verified, store.has):
        with pytest.raises(InvalidKey, match="is no sha256"):
            use(sha256)


@pytest.mark.parametrize(
    "media_type", ["", "text", "text/html\r\nSet-Cookie: a=b", "text/ html", "é/x", "a/" + "b" * 300]
)
def test_what_is_no_media_type_is_refused(store: ObjectStore, media_type: str) -> None:
    with pytest.raises(InvalidKey, match="is no media type"):
        store.put("a", b"x", media_type)
    assert list(store.list()) == []


_characters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\\ufffe\uffff")
_keys = st.lists(
    st.text(_characters | st.sampled_from(".%+?#&;=~ "), min_size=1, max_size=12), min_size=1, max_size=4
).map("/".join)


@settings(SHARED_FIXTURE, max_examples=40)
@given(key=_keys | st.text(max_size=20), data=st.binary(max_size=50))
def test_any_text_is_either_refused_or_a_key_that_keeps_its_bytes(store: ObjectStore, key: str, data: bytes) -> None:
    if not is_key(key):
        with pytest.raises(InvalidKey):
            store.put(key, data, "text/plain")
        return
    store.put(key, data, "text/plain")
    assert store.get(key) == data
    assert [info.key for info in store.list()] == [key]
    assert [info.key for info in store.list(key)] == [key]
    store.delete_many([key])
    assert list(store.list()) == []


def test_eight_threads_that_store_the_same_bytes_store_one_object(store: ObjectStore) -> None:
    data = os.urandom(1 << 20)
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda _: store.put_immutable(data, "text/plain"), range(16)))
    assert hashes == {hashlib.sha256(data).hexdigest()}
    assert len(list(store.list())) == 1
    assert store.get_verified(hashes.pop()) == data


def test_readers_never_see_half_of_an_overwrite(store: ObjectStore) -> None:
    versions = {f"text/v{number}": bytes([number]) * (50_000 + number) for number in range(3)}
    hashes = {media_type: hashlib.sha256(data).hexdigest() for media_type, data in versions.items()}
    store.put("a", versions["text/v0"], "text/v0")
    done = threading.Event()

    def read_until_done() -> int:
        reads = 0
        while not done.is_set():
            found = store.stat("a")
            assert found is not None
            assert (found.size, found.sha256) == (len(versions[found.media_type]), hashes[found.media_type])
            assert store.get("a") in versions.values()
            reads += 1
        return reads

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read_until_done) for _ in range(2)]
        for media_type in list(versions) * 20:
            store.put("a", versions[media_type], media_type)
        done.set()
        assert all(reader.result() > 3 for reader in readers)


def test_a_put_that_is_killed_leaves_nothing_to_be_seen(bench: Bench) -> None:
    bench.store.put("kept", b"before", "text/plain")
    code = f"""
import io, sys, time
from resources.object_store import open_store
class Endless(io.RawIOBase):
    sent = 0
    def read(self, size=-1):
        self.sent += 1
        if self.sent == 12:
            print("half way", flush=True)
            time.sleep(60)
        return b"x" * (1 << 20)
{bench.opening}.put(sys.argv[1], Endless(), "text/plain")
"""
    for key in ("new", "kept"):
        with subprocess.Popen([sys.executable, "-c", code, key], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "half way\n"
            process.kill()
    assert [info.key for info in bench.store.list()] == ["kept"]
    assert bench.store.get("kept") == b"before"
    assert bench.store.stat("new") is None
    bench.store.sweep(timedelta(0))
    assert bench.store.get("kept") == b"before"


def test_check_passes_and_leaves_nothing(store: ObjectStore) -> None:
    store.check()
    assert list(store.list()) == []


def test_importing_the_store_loads_no_s3_client() -> None:
    code = (
        "import sys, resources.object_store, resources.document_server\n"
        "resources.object_store.open_store('http://127.0.0.1:9/bucket')\n"
        "sys.exit(str({'minio', 'urllib3', 'dagster'} & set(sys.modules) or ''))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True).stderr == "\n"


@pytest.mark.parametrize(
    ("address", "options", "expected"),
    [
        ("objects", {}, f"FolderStore({str(Path('objects').absolute())!r})"),
        (Path("/data/a:b"), {"bucket": "ignored"}, "FolderStore('/data/a:b')"),
        ("file:///data/my%20objects", {}, "FolderStore('/data/my objects')"),
        ("http://127.0.0.1:9000", {"bucket": "soloist"}, "S3Store('127.0.0.1:9000', bucket='soloist', prefix='')"),
        ("127.0.0.1:9000", {"bucket": "soloist"}, "S3Store('127.0.0.1:9000', bucket='soloist', prefix='')"),
        ("https://s3.test/soloist/team/a/", {}, "S3Store('s3.test', bucket='soloist', prefix='team/a/')"),
        ("https://s3.test/team", {"bucket": "soloist"}, "S3Store('s3.test', bucket='soloist', prefix='team/')"),
        ("s3://soloist/team", {}, "S3Store('s3.amazonaws.com', bucket='soloist', prefix='team/')"),
    ],
)
def test_a_store_is_opened_from_plain_settings(address: str, options: dict[str, Any], expected: str) -> None:
    assert repr(open_store(address, **options)) == expected


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("ftp://host/bucket", {}),
        ("http://127.0.0.1:9000", {}),
        ("http://:9000/bucket", {}),
        ("http://host:port/bucket", {}),
        ("http://user:sesame@host/bucket", {}),
        ("http://host/bucket?key=sesame", {}),
        ("http://host/No_Bucket", {}),
        ("http://host/bucket", {"access_key": "alone"}),
        ("http://ho st/bucket", {}),
    ],
)
def test_settings_that_name_no_store_are_one_sentence_without_secrets(address: str, options: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        open_store(address, **options)
    assert str(caught.value).endswith(".")
    assert "sesame" not in str(caught.value)


def _flip_a_bit(path: Path) -> None:
    """As failing hardware does: without a trace in the modification time."""
    times, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _read_in_pieces(store: ObjectStore, key: str) -> None:
    with store.open(key) as stream:
        while stream.read(1000):
            pass
