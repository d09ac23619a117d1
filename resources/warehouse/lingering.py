"""An open file that outlives its session for a moment, because the next session of the same process soon follows.

Opening the file to write and closing it take some 20 ms: the undo journal and the checkpoint are on disk each time. A run that commits
group after group keeps the file open instead, with its lock, until somebody else waits for it.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resources.warehouse.maintenance import log_of

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from resources.warehouse.locks import Turnstile

LINGER_S = 1.0
"""Seconds for which a file is kept open that nobody uses."""
WATCH_S = 0.004
"""Seconds between two looks at whether somebody waits."""
LONGEST_LOG = 64 << 20
"""Bytes of the log from which on it is brought into the file: whoever opens the file after a death has to read it."""


@dataclass
class Opening:
    """The file, open in an engine under its lock, until `stack` is closed."""

    connection: duckdb.DuckDBPyConnection
    stack: ExitStack
    exclusive: bool
    inode: int

    def close(self) -> None:
        self.stack.close()


class Lingering:
    """At most one opening of the file `path` that no session uses. A thread watches it, and closes it as soon as another process or
    thread waits for the file, or nobody has wanted it for a while."""

    def __init__(self, path: Path, turnstile: Turnstile) -> None:
        self.path = path
        self._turnstile = turnstile
        self._mutex = threading.Lock()
        self._kept: Opening | None = None
        self._kept_at = 0.0
        self._watcher: threading.Thread | None = None
        self._is_over = threading.Event()
        _all.add(self)

    def keep(self, opening: Opening) -> None:
        """Take over what a session has left in good order."""
        if self._is_over.is_set() or self._turnstile.is_awaited() or self._log_is_long():
            opening.close()
            return
        with self._mutex:
            previous, self._kept, self._kept_at = self._kept, opening, time.monotonic()
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="warehouse-watch", daemon=True)
                self._watcher.start()
        if previous is not None:
            previous.close()

    def take(self, *, exclusive: bool) -> Opening | None:
        """What is kept, where it serves: to write, what is open to write; to read, either, unless others wait. What does not serve is
        closed."""
        kept = self._released()
        if kept is None:
            return None
        serves = kept.exclusive or not exclusive
        if serves and self._is_in_place(kept) and not self._turnstile.is_awaited():
            return kept
        kept.close()
        return None

    def drop(self) -> None:
        """Close what is kept."""
        if (kept := self._released()) is not None:
            kept.close()

    def forget(self) -> None:
        """Begin anew in a forked child, to which nothing of this belongs."""
        self._mutex = threading.Lock()
        self._is_over = threading.Event()
        self._kept = None
        self._watcher = None

    def end(self) -> None:
        """Close what is kept, for good. The interpreter must not end while the watcher is inside DuckDB: that aborts the process."""
        self._is_over.set()
        self.drop()
        watcher = self._watcher
        if watcher is not None:
            watcher.join()

    def _released(self) -> Opening | None:
        with self._mutex:
            kept, self._kept = self._kept, None
        return kept

    def _watch(self) -> None:
        while not self._is_over.wait(WATCH_S):
            with self._mutex:
                age = time.monotonic() - self._kept_at
                if self._kept is None:
                    if age > LINGER_S:
                        self._watcher = None
                        return
                    continue
                if age < LINGER_S and not self._turnstile.is_awaited():
                    continue
            self.drop()

    def _is_in_place(self, kept: Opening) -> bool:
        try:
            return self.path.stat().st_ino == kept.inode
        except OSError:
            return False

    def _log_is_long(self) -> bool:
        try:
            return log_of(self.path).stat().st_size > LONGEST_LOG
        except OSError:
            return False


_all: weakref.WeakSet[Lingering] = weakref.WeakSet()


def drop_all(path: Path | None = None) -> None:
    """Close what is kept in this process, of the file `path` or of every file."""
    for each in list(_all):
        if path is None or each.path == path:
            each.drop()


def _end_all() -> None:
    for each in list(_all):
        each.end()


def _forget_all() -> None:
    for each in list(_all):
        each.forget()


atexit.register(_end_all)
os.register_at_fork(before=drop_all, after_in_child=_forget_all)
