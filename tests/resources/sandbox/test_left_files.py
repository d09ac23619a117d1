"""What a program leaves behind is hostile: links, devices and tricks with names lead nowhere when it is read back."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from resources.sandbox import Finished, Limits, Sandbox, SandboxRefused
from resources.sandbox.collecting import collect
from resources.sandbox.filling import FOLDER

pytestmark = pytest.mark.integration


def leave(sandbox: Sandbox, code: str, *wanted: str, limits: Limits | None = None) -> Finished:
    done = sandbox.run(
        [sys.executable, "-I", "-S", "leave.py"],
        {"leave.py": f"import os, socket\n{code}\n".encode()},
        collect=wanted or ("*",),
        limits=limits,
    )
    assert done.exit_code == 0, done
    files = dict(done.files)
    files.pop("leave.py", None)
    assert all(b"root:" not in data for data in files.values())
    assert set(files) <= {"good"}
    return done


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.symlink('/etc/passwd', 'bad')", "a link"),
        ("os.symlink('/proc/self/environ', 'bad')", "a link"),
        ("os.symlink('/proc/1/root/etc/shadow', 'bad')", "a link"),
        ("os.symlink('good', 'bad')", "a link"),
        ("os.symlink('bad', 'bad')", "a link"),
        ("os.symlink('b', 'bad'); os.symlink('c', 'b'); os.symlink('/etc/passwd', 'c')", "a link"),
        ("os.symlink('nothing/' + '../' * 30 + 'etc/passwd', 'bad')", "a link"),
        ("os.symlink('/etc', 'bad')", "a link"),
        ("os.symlink('/', 'bad')", "a link"),
        ("os.mkfifo('bad')", "a named pipe"),
        ("socket.socket(socket.AF_UNIX).bind('bad')", "a socket"),
        ("open('bad', 'w').close(); os.link('bad', 'other')", "hard links"),
        ("os.mkdir('bad'); os.chmod('bad', 0); os.symlink('/etc/passwd', 'bad2')", "a link"),
        ("open('bad', 'w').truncate(200 << 20)", "longer"),
        ("open('bad\\nname', 'w').close()", "cannot be printed"),
        ("open('bad\\x1b[31m', 'w').close()", "cannot be printed"),
        ("open(b'bad\\xff', 'w').close()", "cannot be printed"),
        ("open('bad\\u202egnp.exe', 'w').close()", "cannot be printed"),
        ("os.mkdir('bad\\n'); open('bad\\n/file', 'w').close()", "cannot be printed"),
        ("[(os.mkdir('d'), os.chdir('d')) for _ in range(200)]; open('bad', 'w').close()", "too deep"),
    ],
)
def test_is_not_followed_and_is_told_of(sandbox: Sandbox, code: str, reason: str) -> None:
    done = leave(sandbox, f"open('good', 'w').write('well')\n{code}")
    assert done.files["good"] == b"well"
    assert any(reason in note for note in done.notes), done.notes
    assert all(note.endswith(".") and "\n" not in note and "\x1b" not in note for note in done.notes)


@pytest.mark.parametrize(
    "wanted", ["out/passwd", "out", "out/*", "*/passwd", "out/../out/passwd", "/etc/passwd", "../etc"]
)
def test_a_link_in_the_place_of_a_folder_leads_nowhere(sandbox: Sandbox, wanted: str) -> None:
    leave(sandbox, "os.symlink('/etc', 'out')", wanted)


def test_an_asked_for_name_that_is_a_link_is_told_of(sandbox: Sandbox) -> None:
    done = leave(sandbox, "os.symlink('/etc', 'out')", "out/passwd")
    assert done.files == {}
    assert done.notes == ["'out' was not read back: it is a link."]


def test_a_folder_that_may_not_be_read_hides_nothing_else(sandbox: Sandbox) -> None:
    done = leave(sandbox, "os.mkdir('a'); os.chmod('a', 0); open('good', 'w').write('well')")
    assert done.files["good"] == b"well"


def test_a_million_links_are_told_of_in_few_sentences(sandbox: Sandbox) -> None:
    done = leave(sandbox, "[os.symlink('/etc/passwd', str(n)) for n in range(5000)]")
    assert 0 < len(done.notes) <= 50


def test_files_are_read_back_up_to_the_cap(sandbox: Sandbox) -> None:
    code = "import os; [open(f'part{n}', 'wb').write(bytes(1 << 20)) for n in range(8)]"
    done = sandbox.run([sys.executable, "-c", code], {}, collect=["part*"], limits=Limits(collected=3 << 20))
    assert sum(map(len, done.files.values())) == 3 << 20
    assert len(done.notes) == 5


def test_a_sparse_file_costs_neither_disk_nor_memory(sandbox: Sandbox) -> None:
    code = "f = open('x', 'wb'); f.seek((4 << 20) - 1); f.write(b'x')"
    done = sandbox.run([sys.executable, "-c", code], {}, collect=["x"], limits=Limits(collected=1 << 20))
    assert done.files == {}
    assert "longer" in done.notes[0]


SWAP = """
import ctypes
libc = ctypes.CDLL(None)
print("swapping", flush=True)
while True:
    libc.renameat2(-100, b"out", -100, b"other", 2)
"""


def test_a_folder_that_is_swapped_for_a_link_while_it_is_read(tmp_path: Path) -> None:
    """Inside a sandbox nothing lives any more by then; in a container's folder something might."""
    secret, work = tmp_path / "secret", tmp_path / "work"
    for folder, text in ((secret, b"secret"), (work / "out", b"public")):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(text)
    (work / "other").symlink_to(secret)
    swapping = subprocess.Popen([sys.executable, "-I", "-S", "-c", SWAP], cwd=work, stdout=subprocess.PIPE)
    descriptor = os.open(work, FOLDER)
    try:
        assert swapping.stdout is not None and swapping.stdout.readline() == b"swapping\n"
        began, seen = time.monotonic(), Counter[bytes]()
        while (passed := time.monotonic() - began) < 1 or (len(seen) < 2 and passed < 30):
            files, notes = collect(descriptor, ["out"], Limits())
            seen.update(files.values() if files else [f"nothing: {notes}".encode()])
    finally:
        swapping.kill()
        swapping.wait()
        os.close(descriptor)
    # Both sides of the race were seen, and never what lies behind the link.
    assert len(seen) > 1
    assert b"public" in seen
    assert b"secret" not in seen


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../outside",
        "a/../../outside",
        "..",
        ".",
        "",
        "a//b",
        "a/",
        "./a",
        "a/./b",
        "nul\0byte",
        "x" * 300,
        "/".join("d" * 100),
        "\udcff",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(SandboxRefused, match=r"^[^\n\0]+$"):
        sandbox.run(["true"], {name: b""})


def test_a_name_that_is_a_file_and_a_folder_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxRefused, match="named twice"):
        sandbox.run(["true"], {"a": b"", "a/b": b""})
    with pytest.raises(SandboxRefused, match="named twice"):
        sandbox.run(["true"], {"a/b": b"", "a": b""})


@pytest.mark.parametrize(
    "kind", ["link to a file", "link to a folder", "link to nothing", "pipe", "socket", "deep link"]
)
def test_a_folder_that_holds_no_plain_files_is_refused(
    sandbox: Sandbox, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "a/b").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("secret")
    bad = folder / ("a/b/bad" if kind == "deep link" else "bad")
    if kind == "pipe":
        os.mkfifo(bad)
    elif kind == "socket":
        monkeypatch.chdir(folder)
        socket.socket(socket.AF_UNIX).bind("bad")
    else:
        bad.symlink_to({"link to a file": outside / "secret", "link to nothing": outside / "none"}.get(kind, outside))
    with pytest.raises(SandboxRefused, match="bad"):
        sandbox.run(["true"], folder)


def test_more_than_the_disk_holds_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    limits = Limits(disk=1 << 20, files=100)
    with pytest.raises(SandboxRefused, match="more than the 1048576 bytes"):
        sandbox.run(["true"], {"a": bytes(2 << 20)}, limits=limits)
    with pytest.raises(SandboxRefused, match="more than the 1048576 bytes or 100 names"):
        sandbox.run(["true"], {str(n): b"" for n in range(1000)}, limits=limits)
    (tmp_path / "a").write_bytes(bytes(2 << 20))
    with pytest.raises(SandboxRefused, match="more than"):
        sandbox.run(["true"], tmp_path, limits=limits)


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/proc", "/proc/1", "/dev", "/root", "/home", "/run", "/var", "~", "/none"]
)
def test_a_folder_too_wide_to_be_read_is_refused(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(SandboxRefused, match="sandbox"):
        sandbox.run(["true"], {}, read_only=[Path(path).expanduser()])


def test_a_link_to_a_folder_too_wide_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(SandboxRefused, match="sandbox"):
        sandbox.run(["true"], {}, read_only=[tmp_path / "link"])
