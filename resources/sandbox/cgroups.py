"""Control groups: memory and processes counted over a whole run, where this process may make groups.

What belongs here: finding a place for groups (version 1 or 2), making one for a run, what it says afterwards, and
removing it. A group of a process that was killed is removed by the next one.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from resources.processes import is_gone, this_process
from resources.sandbox.interface import Limits, SandboxFailed

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")

OWN_PROCESSES = 3
"""What a run needs itself: the launcher, and of bubblewrap a process outside that waits and one inside that reaps."""

_PREFIX = "soloist-sandbox"
_REMOVED_WITHIN = 2.0
"""Seconds that the kernel may take to let go of a group whose processes are dead."""


@dataclass(frozen=True)
class Place:
    """Where groups can be made: a folder for each of memory and processes, the same one in version 2."""

    version: int
    memory: Path
    processes: Path

    def __str__(self) -> str:
        return f"cgroup v{self.version}"


@dataclass(frozen=True)
class Group:
    """The group of one run."""

    version: int
    memory: Path
    processes: Path

    @property
    def folders(self) -> Sequence[Path]:
        return list(dict.fromkeys([self.memory, self.processes]))

    def add(self, process: int) -> None:
        """Puts a process into the group, and so all that it will start. Raises SandboxFailed."""
        try:
            for folder in self.folders:
                _write(folder / "cgroup.procs", str(process))
        except OSError as error:
            raise SandboxFailed(
                f"The control group {self.memory} takes no process ({error.strerror}); run Soloist where it may make "
                "control groups, or do without them in the configuration of the sandbox."
            ) from error

    def ran_out_of_memory(self) -> bool:
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        with suppress(OSError):
            for line in (self.memory / name).read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1]) > 0
        return False


def find_place(root: Path = ROOT, own: Path = OWN) -> Place | None:
    """Where this process may make groups that count both memory and processes; None where it may not."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    paths = {name: path for _, names, path in (line.split(":", 2) for line in lines) for name in names.split(",")}
    place = _version_1(root, paths) or _version_2(root, paths)
    if place is None:
        return None
    for folder in {place.memory, place.processes}:
        trial = folder / f"{_PREFIX}-trial-{secrets.token_hex(8)}"
        try:
            trial.mkdir()
            trial.rmdir()
        except OSError:
            return None
    _remove_abandoned(place)
    return place


def _version_1(root: Path, paths: dict[str, str]) -> Place | None:
    found = []
    for name, limit in (("memory", "memory.limit_in_bytes"), ("pids", "cgroup.procs")):
        # Inside a container the path may be the host's, and then the mount shows our own group as its root.
        folders = [root / name / paths[name].lstrip("/"), root / name] if name in paths else []
        folder = next((folder for folder in folders if (folder / limit).exists()), None)
        if folder is None:
            return None
        found.append(folder)
    return Place(1, *found)


def _version_2(root: Path, paths: dict[str, str]) -> Place | None:
    """A group that holds processes cannot give its controllers away, so beside our own is the usual place."""
    own = root / paths.get("", "/").lstrip("/")
    for folder in (own, own.parent):
        with suppress(OSError):
            if folder.is_relative_to(root) and {"memory", "pids"} <= set(
                (folder / "cgroup.subtree_control").read_text().split()
            ):
                return Place(2, folder, folder)
    return None


@contextmanager
def group(place: Place, limits: Limits) -> Iterator[Group]:
    """A new group, removed after the block; its processes must be dead by then. Raises SandboxFailed."""
    _, pid, start = this_process().rsplit(":", 2)
    name = f"{_PREFIX}-{pid}-{start}-{secrets.token_hex(4)}"
    made = Group(place.version, place.memory / name, place.processes / name)
    # What lies on the sandbox's disk is memory to the kernel, and is counted with the rest.
    memory, processes = str(limits.memory + limits.disk), str(limits.processes + OWN_PROCESSES)
    try:
        try:
            for folder in made.folders:
                folder.mkdir()
            if place.version == 2:
                _write(made.memory / "memory.max", memory)
                _write(made.memory / "memory.oom.group", "1")
                _write(made.memory / "memory.swap.max", "0", optional=True)
            else:
                _write(made.memory / "memory.limit_in_bytes", memory)
                _write(made.memory / "memory.memsw.limit_in_bytes", memory, optional=True)
            _write(made.processes / "pids.max", processes)
        except OSError as error:
            raise SandboxFailed(
                f"The control group {error.filename} cannot be made ({error.strerror}); check the mounts of {ROOT}."
            ) from error
        yield made
    finally:
        for folder in made.folders:
            _remove(folder)


def _write(file: Path, value: str, *, optional: bool = False) -> None:
    """Optional is what a kernel without swap accounting does not offer."""
    try:
        file.write_text(value)
    except OSError:
        if not optional:
            raise


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + _REMOVED_WITHIN
    while True:
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                # The next process finds it abandoned.
                return
            time.sleep(0.005)


def _remove_abandoned(place: Place) -> None:
    for folder in {place.memory, place.processes}:
        for each in folder.glob(f"{_PREFIX}-*-*-*"):
            pid, start, _ = each.name.removeprefix(f"{_PREFIX}-").split("-", 2)
            if pid != "trial" and is_gone(f"{socket.gethostname()}:{pid}:{start}"):
                with suppress(OSError):
                    each.rmdir()
