"""Watching a program while it runs: its output within bounds, its time, and the certain end of all its processes.

What belongs here: what both backends do between the start and the reading back. No thread and no file is used, so that
endless output costs what the pipe holds and not more.
"""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from resources.sandbox.interface import Finished, Limits, SandboxFailed

CHUNK = 1 << 16

DIES_WITHIN = 30.0
"""Seconds that the kernel may take to end processes that were killed; it may first have to free much memory."""


@dataclass
class Ending:
    """What was seen of a program until it ended or had to be ended."""

    status: int = 0
    output: dict[str, bytearray] = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})
    truncated: bool = False
    timed_out: bool = False
    seconds: float = 0.0
    stopped: str = ""
    """Why the caller's own check ended it."""

    @property
    def stderr(self) -> bytes:
        return bytes(self.output["stderr"])


def watch(
    process: subprocess.Popen[bytes],
    limits: Limits,
    end: Callable[[], None],
    check: Callable[[], str] | None = None,
    check_every: float = 0.25,
) -> Ending:
    """Reads what `process` writes until it ends by itself, or ends it by `end` when it may not go on. `check` is asked
    from time to time, and says why it may not, or nothing."""
    ending, began = Ending(), time.monotonic()
    deadline = began + limits.seconds
    exited = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(exited, selectors.EVENT_READ, None)
            for name in ("stdout", "stderr"):
                stream = getattr(process, name)
                os.set_blocking(stream.fileno(), False)
                selector.register(stream.fileno(), selectors.EVENT_READ, name)
            running = True
            while running:
                now = time.monotonic()
                if now >= deadline:
                    ending.timed_out = True
                elif check is not None:
                    ending.stopped = check()
                if ending.timed_out or ending.stopped:
                    break
                wait = deadline - now if check is None else min(deadline - now, check_every)
                for key, _ in selector.select(wait):
                    if key.data is None:
                        running = False
                    elif not _take(key.fd, ending, key.data, limits.output):
                        selector.unregister(key.fd)
                if ending.truncated:
                    break
        end()
        for name in ("stdout", "stderr"):
            # All writers are dead: what is in the pipe is the rest.
            while _take(getattr(process, name).fileno(), ending, name, limits.output):
                if ending.truncated:
                    break
    finally:
        os.close(exited)
    ending.status = process.wait(DIES_WITHIN)
    ending.seconds = time.monotonic() - began
    return ending


def _take(stream: int, ending: Ending, name: str, most: int) -> bool:
    """Takes what a pipe holds; False where it holds nothing now, or never will again."""
    try:
        data = os.read(stream, CHUNK)
    except BlockingIOError:
        return False
    kept = ending.output[name]
    room = most - len(kept)
    kept += data[:room]
    ending.truncated |= len(data) > room
    return bool(data)


def kill_inside(process: subprocess.Popen[bytes], inside: int | None) -> None:
    """Kills the first process of a namespace, and so all in it, waits until they are dead, then lets the process
    outside end. Calling it again does nothing. Raises SandboxFailed."""
    if inside is not None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(inside, signal.SIGKILL)
        # The descriptor becomes readable when the last process of the namespace is gone.
        if not is_ready(inside, DIES_WITHIN):
            raise SandboxFailed(
                f"The processes of a sandbox do not end {DIES_WITHIN:.0f} seconds after they were killed; look for a "
                "hanging disk or a lack of memory on this machine."
            )
    else:
        process.kill()
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(DIES_WITHIN)


def is_ready(descriptor: int, seconds: float) -> bool:
    """True once there is something to read. Unlike select, poll knows descriptors above 1023."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


def finish(
    ending: Ending, files: Mapping[str, bytes], notes: Sequence[str], *, out_of_memory: bool = False
) -> Finished:
    # 255 at most; what lies above 128 and is a signal's number is how a shell tells of a signal.
    status = ending.status if ending.status >= 0 else 128 - ending.status
    if ending.timed_out or ending.truncated or ending.stopped:
        status = 128 + signal.SIGKILL
    return Finished(
        exit_code=status,
        signal=status - 128 if 128 < status <= 128 + 64 else None,
        stdout=bytes(ending.output["stdout"]),
        stderr=bytes(ending.output["stderr"]),
        truncated=ending.truncated,
        timed_out=ending.timed_out,
        out_of_memory=out_of_memory,
        seconds=ending.seconds,
        files=files,
        notes=[*notes, *([ending.stopped] if ending.stopped else [])],
    )
