"""Reading the JavaScript and TypeScript files of a tree.

The parser keeps Python's lock while it works, and for a few sources it works for hours; so many files, and large ones, are read by
processes that can be ended: each answers file by file, and one that does not answer in time is replaced, its file reported.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestration_assets.code.import_graph import javascript_imports
from orchestration_assets.code.import_graph.javascript_imports import Found, answer
from orchestration_assets.code.import_graph.tree import Tree

SECONDS_A_FILE = 10.0
SECONDS_TO_START = 60.0
"""Of a process that reads files, before it has said that it started."""
PARSED_HERE = 32 * 1024
"""Bytes of a file that this process parses itself: the worst of that size takes seconds."""
READ_HERE = 4 * 1024 * 1024
"""Bytes of all files together that this process reads, to see how much of them is to be parsed."""
SECONDS_HERE = 0.1
"""After which it starts others for the rest; their start takes as long."""
MOST_PROCESSES = 8
BATCH_FILES, BATCH_BYTES = 32, 256 * 1024
"""Files, and their bytes, that a process is told of at a time; it is told of the next before it has answered for the last."""
PIPE_BYTES = 32 * 1024
"""What a pipe surely holds, so that nobody waits for the other to read: paths that are not yet answered for take no more."""


@dataclass(frozen=True)
class Read:
    """What a file imports, as written, and what is wrong with it: one sentence without its name, or None."""

    imports: tuple[Found, ...] = ()
    broken: str | None = None


def read_files(tree: Tree, files: Sequence[str], sizes: dict[str, int]) -> dict[str, Read]:
    """By file; `sizes` in bytes."""
    found: dict[str, Read] = {}
    if sum(sizes[file] for file in files) <= READ_HERE:
        started = time.monotonic()
        for file in sorted(files, key=lambda file: sizes[file]):
            answered = answer(tree.absolute(file), PARSED_HERE)
            if answered is not None:
                found[file] = _as_read(answered)
            if time.monotonic() - started > SECONDS_HERE:
                break
    others = [file for file in files if file not in found]
    if others:
        # The largest first, so that the processes end together.
        reading = _Reading(tree, sorted(others, key=lambda file: -sizes[file]), sizes)
        reading.run(min(len(os.sched_getaffinity(0)), MOST_PROCESSES, len(others)))
        found.update(reading.found)
    return found


def _as_read(answered: dict[str, Any]) -> Read:
    if "unread" in answered:
        return Read(broken=f"cannot be read: {answered['unread']}")
    imports = tuple((how, written, line) for how, written, line in answered["imports"])
    line = answered["line"]
    if line is None:
        return Read(imports)
    return Read(imports, f"cannot be parsed near line {line}; what it imports is read as far as that can be told")


class _Reader:
    """A process that reads files, and those it was told of and has not answered for."""

    def __init__(self) -> None:
        # Isolated, and by its path: a module of the folder that the command runs in is none of its business.
        self._process = subprocess.Popen(
            [sys.executable, "-I", javascript_imports.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.waiting: deque[str] = deque()
        self._has_started = False
        self._told = 0
        self._since = time.monotonic()
        self._rest = b""

    @property
    def output(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def has_room(self) -> bool:
        return len(self.waiting) <= BATCH_FILES // 2 and self._told < PIPE_BYTES

    def tell(self, files: list[str], paths: list[str]) -> None:
        assert self._process.stdin is not None
        if not self.waiting:
            self._since = time.monotonic()
        self.waiting.extend(files)
        line = json.dumps(paths).encode() + b"\n"
        self._told += len(line)
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            # It is gone, which its output will say.
            pass

    def answers(self) -> list[tuple[str, Read]] | None:
        """What has come; None where the process has ended."""
        data = os.read(self.output, 1 << 18)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self._since = time.monotonic()
        if lines and not self._has_started:
            self._has_started = True
            del lines[0]
        found = [(self.waiting.popleft(), _as_read(json.loads(line))) for line in lines]
        if not self.waiting:
            self._told = 0
        return found

    def is_late(self) -> bool:
        most = SECONDS_A_FILE if self._has_started else SECONDS_TO_START
        return bool(self.waiting) and time.monotonic() - self._since > most

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


class _Reading:
    """Files on their way through several processes."""

    def __init__(self, tree: Tree, files: Sequence[str], sizes: dict[str, int]) -> None:
        self._tree, self._sizes = tree, sizes
        self._queue = deque(files)
        # Files that were with a process that had to be ended: each goes alone, so that it is known which one ends it.
        self._doubtful: deque[str] = deque()
        self._readers: list[_Reader] = []
        self._selector = selectors.DefaultSelector()
        self.found: dict[str, Read] = {}

    def run(self, processes: int) -> None:
        try:
            for _ in range(processes):
                self._start()
            while any(reader.waiting for reader in self._readers):
                self._step()
        finally:
            for reader in self._readers:
                reader.end()
            self._selector.close()

    def _step(self) -> None:
        for key, _ in self._selector.select(timeout=1.0):
            reader: _Reader = key.data
            answers = reader.answers()
            if answers is None:
                self._replace(reader, "cannot be read: the process that parsed it ended, which the file brought about")
                continue
            self.found.update(answers)
            self._feed(reader)
        for reader in [each for each in self._readers if each.is_late()]:
            self._replace(reader, f"cannot be parsed in {SECONDS_A_FILE:.0f} seconds, and was left out")

    def _start(self) -> None:
        reader = _Reader()
        self._readers.append(reader)
        self._selector.register(reader.output, selectors.EVENT_READ, reader)
        self._feed(reader)

    def _feed(self, reader: _Reader) -> None:
        while reader.has_room() and (batch := self._next(reader)):
            reader.tell(batch, [self._tree.absolute(file) for file in batch])

    def _next(self, reader: _Reader) -> list[str]:
        if self._doubtful:
            return [] if reader.waiting else [self._doubtful.popleft()]
        batch: list[str] = []
        taken = 0
        while self._queue and len(batch) < BATCH_FILES and taken < BATCH_BYTES:
            batch.append(self._queue.popleft())
            taken += self._sizes[batch[-1]]
        return batch

    def _replace(self, reader: _Reader, sentence: str) -> None:
        self._selector.unregister(reader.output)
        self._readers.remove(reader)
        reader.end()
        if len(reader.waiting) == 1:
            self.found[reader.waiting[0]] = Read(broken=sentence)
        else:
            self._doubtful.extend(reader.waiting)
        if self._queue or self._doubtful:
            self._start()
