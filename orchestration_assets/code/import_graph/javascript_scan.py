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
READ_HERE = 32 * 1024
"""Bytes of a file that this process reads itself: the worst of that size takes seconds."""
READ_HERE_TOGETHER = 256 * 1024
"""Bytes of all files together that are not worth the start of another process, which is a tenth of a second."""
MOST_PROCESSES = 8
AHEAD, AHEAD_BYTES = 16, 32 * 1024
"""Files, and bytes of their paths, that a process is told of before it has answered for those before: so that it never waits, and never has
more to read than its pipe holds."""


@dataclass(frozen=True)
class Read:
    """What a file imports, as written, and what is wrong with it: one sentence without its name, or None."""

    imports: tuple[Found, ...] = ()
    broken: str | None = None


def read_files(tree: Tree, files: Sequence[str], sizes: dict[str, int]) -> dict[str, Read]:
    """By file; `sizes` in bytes."""
    found: dict[str, Read] = {}
    small = [file for file in files if sizes[file] <= READ_HERE]
    if sum(sizes[file] for file in small) > READ_HERE_TOGETHER:
        small = []
    for file in small:
        found[file] = _as_read(answer(tree.absolute(file)))
    others = [file for file in files if file not in found]
    if others:
        # The largest first, so that the processes end together.
        found.update(_read_by_processes(tree, sorted(others, key=lambda file: -sizes[file])))
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
        self.told = 0
        self.since = time.monotonic()
        self._rest = b""

    @property
    def output(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def tell(self, file: str, path: str) -> None:
        assert self._process.stdin is not None
        if not self.waiting:
            self.since = time.monotonic()
        self.waiting.append(file)
        line = json.dumps(path).encode() + b"\n"
        self.told += len(line)
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            # It is gone, which its output will say.
            pass

    def answers(self) -> list[tuple[str, Read]] | None:
        """What has come; None where the process has ended."""
        data = os.read(self.output, 1 << 16)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self.since = time.monotonic()
        found = [(self.waiting.popleft(), _as_read(json.loads(line))) for line in lines]
        if not self.waiting:
            self.told = 0
        return found

    def is_late(self) -> bool:
        return bool(self.waiting) and time.monotonic() - self.since > SECONDS_A_FILE

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue


def _read_by_processes(tree: Tree, files: Sequence[str]) -> dict[str, Read]:
    found: dict[str, Read] = {}
    queue = deque(files)
    count = min(len(os.sched_getaffinity(0)), MOST_PROCESSES, len(files))
    readers: list[_Reader] = []
    with selectors.DefaultSelector() as selector:

        def start() -> None:
            reader = _Reader()
            readers.append(reader)
            selector.register(reader.output, selectors.EVENT_READ, reader)
            feed(reader)

        def feed(reader: _Reader) -> None:
            while queue and len(reader.waiting) < AHEAD and (not reader.waiting or reader.told < AHEAD_BYTES):
                file = queue.popleft()
                reader.tell(file, tree.absolute(file))

        def replace(reader: _Reader, sentence: str) -> None:
            """The file it was at is to blame; those it was told of besides go to another."""
            selector.unregister(reader.output)
            readers.remove(reader)
            reader.end()
            if reader.waiting:
                found[reader.waiting.popleft()] = Read(broken=sentence)
                queue.extendleft(reversed(reader.waiting))
            if queue:
                start()

        try:
            for _ in range(count):
                start()
            while any(reader.waiting for reader in readers):
                for key, _ in selector.select(timeout=1.0):
                    reader = key.data
                    answers = reader.answers()
                    if answers is None:
                        replace(
                            reader, "cannot be read: the process that parsed it ended, which the file brought about"
                        )
                        continue
                    found.update(answers)
                    feed(reader)
                for reader in [each for each in readers if each.is_late()]:
                    replace(reader, f"cannot be parsed in {SECONDS_A_FILE:.0f} seconds, and was left out")
        finally:
            for reader in readers:
                reader.end()
    return found
