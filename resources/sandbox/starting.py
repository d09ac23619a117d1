"""Starting bubblewrap, up to the moment when everything is ready and nothing of the program has run.

What belongs here: the plan for the launcher (`launcher.py`), the descriptors that go to and fro, and a started sandbox.

The disk is a tmpfs in a mount namespace of the launcher. This process holds a descriptor of it, so it can fill it
before and read it after all processes inside are dead: nothing is ever read while somebody could still swap it.
"""

from __future__ import annotations

import fcntl
import json
import marshal
import os
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from resources.sandbox.cgroups import Group
from resources.sandbox.filling import FOLDER, Owner
from resources.sandbox.interface import SandboxUnavailable
from resources.sandbox.watching import is_ready, kill_inside

STAGE = "/tmp"  # noqa: S108
"""Where the launcher mounts the disk, in a namespace of its own: a folder that every machine has."""

FOLDERS = ("job", "tmp", "shm")
"""Those on the disk that the program may write into."""

STARTS_WITHIN = 30.0
"""Seconds that the launcher and bubblewrap may take on a busy machine."""

LAUNCHER = str(Path(__file__).with_name("launcher.py"))


@dataclass(frozen=True)
class Plan:
    """What the launcher is to do. `views` are paths of the host, each with its place on the disk; `texts` are files to
    be written there; `limits` are the soft and the hard limit of each kind, in the order in which they are set."""

    command: Sequence[str]
    views: Sequence[tuple[str, str]]
    texts: Mapping[str, str]
    disk: int
    files: int
    limits: Mapping[str, tuple[int, int]]


@contextmanager
def start(plan: Plan, descriptors: Descriptors, group: Group | None) -> Iterator[Started]:
    """Bubblewrap with everything set up, waiting to be released; nothing of it is left after the block. Raises
    SandboxUnavailable."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", LAUNCHER, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Programs inside can read this of the first process there.
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                cwd="/",
                pass_fds=[theirs.fileno(), *descriptors.theirs()],
                start_new_session=True,
            )
        started = Started(process, descriptors)
        try:
            descriptors.close_theirs()
            if group is not None:
                # Takes the kernel 5 to 15 ms, in which the launcher's interpreter starts; it waits for its plan.
                group.add(process.pid)
            started.set_up(ours, plan)
            yield started
        finally:
            started.kill()
            started.close()


class Descriptors:
    """The filter's file, and the pipes on which bubblewrap says who is inside and waits to be released."""

    def __init__(self, filter_program: bytes) -> None:
        self.filter = os.memfd_create("filter")
        self.info = os.pipe()
        self.block = os.pipe()
        self._open = {self.filter, *self.info, *self.block}
        os.write(self.filter, filter_program)
        os.lseek(self.filter, 0, os.SEEK_SET)

    def __enter__(self) -> Descriptors:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(*self._open)

    def theirs(self) -> Sequence[int]:
        return [self.filter, self.info[1], self.block[0]]

    def close_theirs(self) -> None:
        # The reading end of `block` stays: it tells whether the release was ever taken.
        self.close(self.filter, self.info[1])

    def close(self, *numbers: int) -> None:
        for number in numbers:
            self._open.remove(number)
            os.close(number)


class Started:
    """One bubblewrap, from the start of its launcher on."""

    def __init__(self, process: subprocess.Popen[bytes], descriptors: Descriptors) -> None:
        self.process = process
        self.inside: int | None = None
        """A descriptor of the first process inside. When it dies, the kernel kills all others there."""
        self.owner: Owner = (0, 0)
        self._descriptors = descriptors
        self._disk: int | None = None
        self._folder: int | None = None

    @property
    def folder(self) -> int:
        assert self._folder is not None
        return self._folder

    def set_up(self, channel: socket.socket, plan: Plan) -> None:
        channel.settimeout(STARTS_WITHIN)
        try:
            rest = {"parent": os.getpid(), "stage": STAGE, "folders": FOLDERS, "inherit": self._descriptors.theirs()}
            channel.sendall(marshal.dumps(asdict(plan) | rest))
            channel.shutdown(socket.SHUT_WR)
            answer, received, _, _ = socket.recv_fds(channel, 1 << 12, 1)
        except OSError as error:
            raise unavailable(f"its launcher does not answer: {error}") from error
        if not received:
            raise unavailable(_understood(answer) if answer else self._complaint())
        self._disk = received[0]
        self.owner = _understood(answer)
        self._folder = os.open("job", FOLDER, dir_fd=self._disk)
        text = b""
        # Bubblewrap closes the pipe when it has said all.
        while is_ready(self._descriptors.info[0], STARTS_WITHIN):
            if not (part := os.read(self._descriptors.info[0], 1 << 12)):
                break
            text += part
        try:
            # The process inside cannot go away before it is released, so this is no other one of the same number.
            self.inside = os.pidfd_open(json.loads(text)["child-pid"])
        except (ValueError, KeyError, OSError):
            raise unavailable(self._complaint()) from None

    def release(self) -> None:
        os.write(self._descriptors.block[1], b"x")

    def kill(self) -> None:
        kill_inside(self.process, self.inside)

    def never_ran(self) -> bool:
        waiting = fcntl.ioctl(self._descriptors.block[0], termios.FIONREAD, bytes(4))
        return int.from_bytes(waiting, sys.byteorder) > 0

    def _complaint(self) -> str:
        # It is about to end by itself, having said why.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        self.process.kill()
        return self.process.communicate()[1].decode(errors="replace")

    def close(self) -> None:
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        for number in (self.inside, self._folder, self._disk):
            if number is not None:
                os.close(number)


def _understood(answer: bytes) -> Any:
    # From our own launcher, before anything else runs.
    return marshal.loads(answer)  # noqa: S302


def unavailable(complaint: str) -> SandboxUnavailable:
    lines = [line for line in complaint.splitlines() if line.strip()]
    said = (lines[-1] if lines else "no reason given").removeprefix("bwrap: ").rstrip(".")
    return SandboxUnavailable(
        f"Bubblewrap cannot make a sandbox on this machine ({said}); allow user namespaces (sysctl "
        "user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), or "
        "configure a container engine."
    )
