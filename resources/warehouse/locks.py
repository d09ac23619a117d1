"""How processes and threads take turns at one file: two advisory lock files beside it, and never a lock on the file
itself.

Everybody takes `<file>.turn` exclusively, then `<file>.lock` (shared to read, exclusive to write), and then gives
`turn` back. Who waits for `lock` holds `turn`, so that later readers queue behind a waiting writer instead of
starving it. The kernel frees both when a process dies. The lock files are never deleted: whoever deletes one lets
two processes hold "the" lock.
"""

from __future__ import annotations

import fcntl
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resources.warehouse.errors import WarehouseError, WarehouseLocked

TURN_POLL = 0.008
"""Seconds between two tries for the turn. flock has no timeout, hence the polling; the one next in line polls
faster."""
LOCK_POLL = 0.0015

_inside: set[tuple[str, int]] = set()
"""(path, thread) of every session that is open in this process."""


class Turnstile:
    """The pair of lock files of the file `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = path.with_name(path.name + ".turn")
        self._lock = path.with_name(path.name + ".lock")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Mark this thread as inside; raises `WarehouseError` where it is already, because it would wait for itself
        for ever."""
        mark = (os.path.realpath(self.path), threading.get_ident())
        if mark in _inside:
            raise WarehouseError(
                f"The warehouse {self.path} is already open in this thread; finish that session before opening another."
            )
        _inside.add(mark)
        try:
            yield
        finally:
            _inside.discard(mark)

    @contextmanager
    def held(self, *, exclusive: bool, deadline: float) -> Iterator[None]:
        """Hold the lock, shared or exclusive. Raises `WarehouseLocked` when `time.monotonic()` passes `deadline`
        before it is free."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(self._lock, flags, 0o666)
        try:
            turn = os.open(self._turn, flags, 0o666)
            try:
                self._take(turn, fcntl.LOCK_EX, deadline, TURN_POLL)
                self._take(lock, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, deadline, LOCK_POLL)
            finally:
                _release(turn)
            if exclusive:
                _sign(lock, str(os.getpid()))
            try:
                yield
            finally:
                if exclusive:
                    _sign(lock, "")
        finally:
            _release(lock)

    def is_awaited(self) -> bool:
        """Whether another process or thread waits for the lock, as seen by one who holds it."""
        try:
            turn = os.open(self._turn, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            _release(turn)
        return False

    def _take(self, descriptor: int, operation: int, deadline: float, poll: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise WarehouseLocked(
                        f"The warehouse {self.path} is in use by {self._holder()}; "
                        "wait until it is done, or stop it, and try again."
                    ) from None
            time.sleep(poll * random.uniform(0.5, 1.5))  # noqa: S311 - so that waiting processes do not march in step

    def _holder(self) -> str:
        """Who holds the lock, as far as is known: readers share it and leave no name; a killed writer's name may be
        left over."""
        with suppress(OSError, ValueError):
            pid = int(self._lock.read_text())
            if pid == os.getpid():
                return "another thread of this process"
            os.kill(pid, 0)
            return f"process {pid}"
        return "another process"


def _sign(lock: int, name: str) -> None:
    """Leave word of who holds the lock, for those who give up waiting; a full disk is no reason not to hold it."""
    with suppress(OSError):
        os.pwrite(lock, f"{name:<20}".encode(), 0)


def _release(descriptor: int) -> None:
    """Unlock before closing: a forked child may share the open file, and would keep the lock."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
