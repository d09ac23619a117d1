"""Where control groups can be made, in both versions: folders that look as the kernel's do."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from resources.processes import this_process
from resources.sandbox import Limits, SandboxFailed
from resources.sandbox.cgroups import Group, Place, find_place, group

LIMITS = Limits(memory=100 << 20, disk=10 << 20, processes=10)


def own(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "own"
    file.write_text(text)
    return file


def version_2(folder: Path, controllers: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cgroup.subtree_control").write_text(controllers)
    return folder


def test_version_2_beside_our_own(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    version_2(root / "user/service", "")
    version_2(root / "user", "cpu memory pids\n")
    assert find_place(root, own(tmp_path, "0::/user/service\n")) == Place(2, root / "user", root / "user")


def test_version_2_beneath_our_own(tmp_path: Path) -> None:
    root = version_2(tmp_path / "cgroup", "memory pids")
    assert find_place(root, own(tmp_path, "0::/\n")) == Place(2, root, root)


@pytest.mark.parametrize("controllers", ["", "cpu memory", "pids"])
def test_version_2_without_the_controllers(tmp_path: Path, controllers: str) -> None:
    root = version_2(tmp_path / "cgroup", controllers)
    assert find_place(root, own(tmp_path, "0::/\n")) is None


def test_version_1_of_our_own_or_as_a_container_shows_it(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    (root / "memory/mine").mkdir(parents=True)
    (root / "pids").mkdir()
    for file in ("memory/mine/memory.limit_in_bytes", "memory/memory.limit_in_bytes", "pids/cgroup.procs"):
        (root / file).touch()
    text = "4:memory:/mine\n8:pids:/of/the/host\n0::/\n"
    assert find_place(root, own(tmp_path, text)) == Place(1, root / "memory/mine", root / "pids")


def test_nowhere(tmp_path: Path) -> None:
    assert find_place(tmp_path, own(tmp_path, "0::/\n")) is None
    assert find_place(tmp_path, tmp_path / "absent") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_not_where_it_may_not_write(tmp_path: Path) -> None:
    root = version_2(tmp_path / "cgroup", "memory pids")
    root.chmod(0o555)
    assert find_place(root, own(tmp_path, "0::/\n")) is None


def test_the_limits_of_version_2_are_written(tmp_path: Path) -> None:
    with group(Place(2, tmp_path, tmp_path), LIMITS) as made:
        made.add(123)
        assert (made.memory / "memory.max").read_text() == str(110 << 20)
        assert (made.memory / "memory.oom.group").read_text() == "1"
        assert (made.memory / "pids.max").read_text() == "13"
        assert (made.memory / "cgroup.procs").read_text() == "123"
        for file in made.memory.iterdir():
            # The kernel removes them with the folder.
            file.unlink()
    assert list(tmp_path.iterdir()) == []


def test_running_out_of_memory_is_seen(tmp_path: Path) -> None:
    assert not Group(2, tmp_path, tmp_path).ran_out_of_memory()
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 0\n")
    assert not Group(2, tmp_path, tmp_path).ran_out_of_memory()
    (tmp_path / "memory.events").write_text("oom_kill 2\n")
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert Group(2, tmp_path, tmp_path).ran_out_of_memory()
    assert Group(1, tmp_path, tmp_path).ran_out_of_memory()


def test_groups_of_processes_that_are_gone_are_removed(tmp_path: Path) -> None:
    root = version_2(tmp_path / "cgroup", "memory pids")
    _, pid, start = this_process().rsplit(":", 2)
    living, dead = root / f"soloist-sandbox-{pid}-{start}-aa", root / f"soloist-sandbox-{pid}-1-bb"
    living.mkdir()
    dead.mkdir()
    find_place(root, own(tmp_path, "0::/\n"))
    assert living.exists()
    assert not dead.exists()
    assert ":" not in socket.gethostname()


def test_a_group_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxFailed, match="cannot be made"), group(Place(2, tmp_path / "none", tmp_path), LIMITS):
        raise AssertionError
