"""Where no sandbox works, or one has a hole, nothing is run, and one sentence says why."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.sandbox import Configuration, Sandbox, SandboxUnavailable


def test_without_bubblewrap_it_refuses_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="apt-get install bubblewrap") as raised:
        Sandbox(Configuration(bubblewrap=str(tmp_path / "bwrap"))).run(["touch", str(tmp_path / "ran")], {})
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def fake_bubblewrap() -> Iterator[Path]:
    """A program in the place of bubblewrap, where a user without rights finds it; its text is to be written."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "bwrap").touch(0o755)
        yield folder / "bwrap"


@pytest.mark.parametrize(
    "script",
    [
        "echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
        "exit 0",
        "sleep 0.1",
        # One that keeps nothing in.
        'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    ],
)
def test_a_bubblewrap_that_makes_no_sandbox_is_refused(
    sandbox: Sandbox, fake_bubblewrap: Path, tmp_path: Path, script: str
) -> None:
    fake_bubblewrap.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(SandboxUnavailable, match="cannot make a sandbox") as raised:
        Sandbox(Configuration(bubblewrap=str(fake_bubblewrap))).run(["touch", str(tmp_path / "ran")], {})
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "escape"),
    [
        ('--unshare-all) set -- "$@" --unshare-user --unshare-pid --unshare-ipc --unshare-uts', "reached the network"),
        ("--seccomp) skip=1", "without a filter"),
        ('--remount-ro) set -- "$@" --dir', "wrote outside"),
        ('--uid|--gid) set -- "$@" $a 0; skip=1', "ran as root"),
    ],
)
def test_a_sandbox_with_a_hole_is_refused(
    sandbox: Sandbox, fake_bubblewrap: Path, tmp_path: Path, change: str, escape: str
) -> None:
    fake_bubblewrap.write_text(
        f"""#!/bin/sh
skip=0
for a; do
  shift
  if [ $skip = 1 ]; then skip=0; continue; fi
  case "$a" in {change};; *) set -- "$@" "$a";; esac
done
exec {shutil.which("bwrap")} "$@"
"""
    )
    with pytest.raises(SandboxUnavailable, match=escape) as raised:
        Sandbox(Configuration(bubblewrap=str(fake_bubblewrap))).run(["touch", str(tmp_path / "ran")], {})
    assert "\n" not in str(raised.value)


def test_an_interpreter_that_is_not_there_or_lives_too_wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SandboxUnavailable, match="does not exist"):
        Sandbox(Configuration(python=tmp_path / "python")).examine()
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text("")
    with pytest.raises(SandboxUnavailable, match="more than Python"):
        Sandbox(Configuration(python=tmp_path / "bin/python")).examine()
