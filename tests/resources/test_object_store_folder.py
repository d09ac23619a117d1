"""What only a store in a folder must get right: links, records, permissions, a full disk, death at any moment."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import pytest

from resources.object_store import FolderStore, InvalidKey, ObjectNotFound, ObjectStoreError

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "objects")


def _kept_aside(store: FolderStore, *folders: str) -> list[Path]:
    return [path for path in store.root.joinpath(".soloist", *folders).rglob("*") if path.is_file()]


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_objects_are_plain_files_that_people_can_read(store: FolderStore) -> None:
    store.put("reports/2026-W46.html", b"<p>Done</p>", "text/html")
    assert (store.root / "reports" / "2026-W46.html").read_bytes() == b"<p>Done</p>"


def test_ten_thousand_objects_are_listed_in_order(store: FolderStore) -> None:
    for shelf in range(20):
        (store.root / f"objects/{shelf:02x}").mkdir(parents=True)
        for number in range(500):
            (store.root / f"objects/{shelf:02x}/{number}").touch()
    started = time.monotonic()
    keys = [info.key for info in store.list()]
    assert time.monotonic() - started < 5
    assert len(keys) == 10_000
    assert keys == sorted(keys)
    assert [info.key for info in store.list("objects/0a/49")] == sorted(
        f"objects/0a/{number}" for number in [49, *range(490, 500)]
    )


def test_no_link_leads_out_of_the_folder(store: FolderStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"sesame")
    store.put("inside", b"x", "text/plain")
    (store.root / "folder-link").symlink_to(outside)
    (store.root / "file-link").symlink_to(outside / "secret")

    assert [info.key for info in store.list()] == ["inside"]
    for key in ("folder-link/secret", "file-link", "folder-link"):
        assert store.stat(key) is None
        with pytest.raises(ObjectNotFound):
            store.get(key)
        store.delete(key)
    with pytest.raises(InvalidKey, match=r"a part of it is a link"):
        store.put("folder-link/planted", b"x", "text/plain")
    store.put("file-link", b"mine", "text/plain")  # takes the link's place and leaves alone what it points at

    assert (outside / "secret").read_bytes() == b"sesame"
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]
    assert store.get("file-link") == b"mine"


def test_a_named_pipe_is_no_object_and_keeps_nobody_waiting(store: FolderStore) -> None:
    store.put("a", b"x", "text/plain")
    os.mkfifo(store.root / "pipe")
    assert store.stat("pipe") is None
    with pytest.raises(ObjectNotFound):
        store.get("pipe")
    assert [info.key for info in store.list()] == ["a"]


def test_a_key_beneath_another_object_is_refused_in_one_sentence(store: FolderStore) -> None:
    store.put("a", b"x", "text/plain")
    store.put("b/c", b"x", "text/plain")
    for key in ("a/b", "b"):
        with pytest.raises(InvalidKey, match=r"cannot be stored in the folder .*; choose another key\."):
            store.put(key, b"y", "text/plain")
    assert store.get("a") == store.get("b/c") == b"x"
    assert _kept_aside(store, "tmp") == []


def test_a_file_that_was_copied_in_by_hand_is_read_and_its_type_guessed(store: FolderStore) -> None:
    data = b"<p>copied</p>"
    sha256 = hashlib.sha256(data).hexdigest()
    for key in ("copied.html", f"objects/{sha256[:2]}/{sha256[2:]}"):
        (store.root / key).parent.mkdir(parents=True, exist_ok=True)
        (store.root / key).write_bytes(data)
    found = store.stat("copied.html")
    assert found is not None
    assert (found.media_type, found.sha256) == ("text/html", None)
    assert store.get("copied.html") == store.get_verified(sha256) == data


def test_an_unreadable_record_costs_the_media_type_and_nothing_else(store: FolderStore) -> None:
    store.put("a.html", b"x", "text/x-special")
    for garbage in (b"", b"[1]", b"\xff", b'{"media_type": 1}', b"null"):
        _kept_aside(store, "about")[0].write_bytes(garbage)
        found = store.stat("a.html")
        assert store.get("a.html") == b"x"
        assert found is not None
        assert (found.media_type, found.sha256) == ("text/html", None)


def test_replacing_and_deleting_leave_no_records_behind(store: FolderStore) -> None:
    for number in range(5):
        store.put("a", b"x" * number, "text/plain")
    assert len(_kept_aside(store, "about")) == 1
    store.delete("a")
    assert _kept_aside(store) == []


def test_sweeping_removes_what_is_abandoned_and_nothing_else(store: FolderStore) -> None:
    store.put("kept", b"x", "text/plain")
    young, old = store.root / ".soloist/tmp/young", store.root / ".soloist/tmp/old"
    for unfinished in (young, old):
        unfinished.write_bytes(b"half")
    orphan = _kept_aside(store, "about")[0].parent / "ff.1-1.json"
    orphan.write_text('{"key": "../../etc/passwd"}')
    two_days_ago = time.time() - 2 * 86400
    for path in (old, orphan, *_kept_aside(store, "about")):
        os.utime(path, (two_days_ago, two_days_ago))

    assert [info.key for info in store.list()] == ["kept"]
    assert store.sweep() == 2
    assert young.exists()
    found = store.stat("kept")
    assert found is not None
    assert found.sha256 == hashlib.sha256(b"x").hexdigest()
    assert store.sweep(timedelta(0)) == 1


def test_a_full_disk_is_one_sentence_and_leaves_nothing(store: FolderStore) -> None:
    store.put("kept", b"x", "text/plain")
    result = _python(
        """
        import resource, sys
        from pathlib import Path
        from resources.object_store import FolderStore, ObjectStoreFull
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        try:
            FolderStore(Path(sys.argv[1])).put("kept", b"y" * (1 << 20), "text/plain")
        except ObjectStoreFull as error:
            print(error)
        """,
        str(store.root),
    )
    assert result.stdout == (
        f"There is no room left to store kept in the folder {store.root}; free some space and try again.\n"
    )
    assert store.get("kept") == b"x"
    assert _kept_aside(store, "tmp") == []


def test_a_folder_of_somebody_else_is_one_sentence(store: FolderStore) -> None:
    store.put("a", b"x", "text/plain")
    store.root.chmod(0o700)
    result = _python(
        """
        import os, sys
        from pathlib import Path
        from resources.object_store import FolderStore, ObjectStoreRefused
        store = FolderStore(Path(sys.argv[1]))
        if os.geteuid() == 0:
            os.setgid(65534), os.setuid(65534)
        else:
            os.chmod(sys.argv[1], 0)
        uses = (store.check, lambda: store.get("a"), lambda: list(store.list()), lambda: store.stat("a"), store.sweep)
        for use in uses:
            try:
                use()
            except ObjectStoreRefused as error:
                print(error)
        """,
        str(store.root),
    )
    store.root.chmod(0o700)
    sentences = result.stdout.splitlines()
    assert len(sentences) == 5, result.stderr
    assert all(sentence.endswith("(Permission denied); change its permissions.") for sentence in sentences)


def test_a_root_that_is_no_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("a file")
    with pytest.raises(ObjectStoreError, match=r"^The object store in the folder \S+ could not store .*\.$"):
        FolderStore(tmp_path / "objects").check()


def test_an_address_exists_only_where_a_web_server_offers_the_folder(tmp_path: Path) -> None:
    assert FolderStore(tmp_path).url("a") is None
    offered = FolderStore(tmp_path, base_url="http://127.0.0.1:3001/")
    assert offered.url("objects/ü b?.html") == "http://127.0.0.1:3001/objects/%C3%BC%20b%3F.html"


def test_death_at_any_moment_of_an_overwrite_leaves_one_of_the_two_versions(store: FolderStore) -> None:
    code = """
    import sys
    from pathlib import Path
    from resources.object_store import FolderStore
    store = FolderStore(Path(sys.argv[1]))
    print("ready", flush=True)
    while True:
        for letter in "ab":
            store.put("a", letter.encode() * 300_000, f"text/{letter}")
    """
    store.put("a", b"a" * 300_000, "text/a")
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(store.root)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random.uniform(0, 0.05))
            process.kill()
        data, found = store.get("a"), store.stat("a")
        assert found is not None
        assert data == found.media_type[-1].encode() * 300_000
        assert found.sha256 == hashlib.sha256(data).hexdigest()
        assert [info.key for info in store.list()] == ["a"]
    store.sweep(timedelta(0))
    assert _kept_aside(store, "tmp") == []
    assert len(_kept_aside(store, "about")) == 1
