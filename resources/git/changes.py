"""What lies between two commits: which files changed, and each changed line with its surroundings.

What belongs here: the difference of two trees as plain values, for somebody who looks at a proposed change as a whole. What single commits
changed is read by `diffs.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal, NamedTuple

from resources.git.names import decoded, unquoted
from resources.git.process import GitFailed
from resources.git.repository import Repository, reader, unreadable

_DIFF = (
    *("diff-tree", "-r", "-p", "-U3", "-M", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index"),
    *("--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/", "--end-of-options"),
)
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_LONGEST_LINE = 2000
MOST_LINES = 200_000
"""Of one difference; of the files after them nothing but the names is kept."""


class Line(NamedTuple):
    """One line of a hunk. `old` and `new` are its numbers before and after (the first is 1), None where it is not there. A text of more
    than 2,000 characters is cut."""

    sign: Literal["+", "-", " "]
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that two commits hold differently. `lines` are its hunks one after the other, with three lines around each change; none where
    the file is binary or only its name changed."""

    path: str
    """After the change; before it where it was deleted."""
    old_path: str | None
    """Only where it was renamed."""
    status: Literal["added", "modified", "deleted", "renamed"]
    is_binary: bool
    lines: tuple[Line, ...]

    @property
    def added(self) -> int:
        return sum(line.sign == "+" for line in self.lines)

    @property
    def removed(self) -> int:
        return sum(line.sign == "-" for line in self.lines)


def merge_base(repository: Repository, base: str, head: str) -> str | None:
    """The best common ancestor of two commits; None where they have none, or git lacks one of them."""
    with reader(repository) as git:
        try:
            return git.run(["merge-base", "--end-of-options", base, head]).decode().strip() or None
        except GitFailed:
            return None


def changed_files(repository: Repository, base: str, head: str) -> list[ChangedFile]:
    """What `head` changed since it left `base` (hashes), in git's order. Raises UnreadableRepository."""
    start = merge_base(repository, base, head) or base
    with reader(repository) as git:
        try:
            with git.stream([*_DIFF, start, head]) as output:
                return list(parse_difference(output))
        except GitFailed as error:
            raise unreadable(repository.path, error) from error


def parse_difference(stream: IO[bytes]) -> Iterator[ChangedFile]:
    """The files of what `git diff-tree -p` prints of two trees."""
    current: _File | None = None
    room = MOST_LINES
    for line in stream:
        if line.startswith(b"diff --git "):
            if current is not None:
                yield current.finished()
            current = _File(line)
        elif current is None:
            continue
        elif hunk := _HUNK.match(line):
            lines = list(_hunk(stream, hunk))
            current.lines += lines[:room]
            room = max(0, room - len(lines))
        else:
            current.take(line)
    if current is not None:
        yield current.finished()


class _File:
    """What the headers of a patch tell of one file, as they come."""

    def __init__(self, header: bytes) -> None:
        # Of a file that was not renamed both names are one; a renamed one tells them on lines of their own.
        names = header[len(b"diff --git ") : -1]
        half = (len(names) - 1) // 2
        self.path = decoded(unquoted(names[half + 1 :]))[2:]
        self.old_path: str | None = None
        self.status: Literal["added", "modified", "deleted", "renamed"] = "modified"
        self.is_binary = False
        self.lines: list[Line] = []

    def take(self, line: bytes) -> None:
        if line.startswith(b"new file mode"):
            self.status = "added"
        elif line.startswith(b"deleted file mode"):
            self.status = "deleted"
        elif line.startswith(b"rename from "):
            self.status, self.old_path = "renamed", decoded(unquoted(line[len(b"rename from ") : -1]))
        elif line.startswith(b"rename to "):
            self.path = decoded(unquoted(line[len(b"rename to ") : -1]))
        elif line.startswith(b"Binary files "):
            self.is_binary = True

    def finished(self) -> ChangedFile:
        return ChangedFile(self.path, self.old_path, self.status, self.is_binary, tuple(self.lines))


def _hunk(stream: IO[bytes], hunk: re.Match[bytes]) -> Iterator[Line]:
    """The lines of one hunk. Its header says how many of either side belong to it, whatever they look like."""
    old, new = int(hunk[1]), int(hunk[3])
    old_left, new_left = int(hunk[2] or 1), int(hunk[4] or 1)
    while old_left > 0 or new_left > 0:
        line = stream.readline()
        text = decoded(line[1:].rstrip(b"\r\n"))[:_LONGEST_LINE]
        match line[:1]:
            case b"-":
                yield Line("-", old, None, text)
                old, old_left = old + 1, old_left - 1
            case b"+":
                yield Line("+", None, new, text)
                new, new_left = new + 1, new_left - 1
            case b" ":
                yield Line(" ", old, new, text)
                old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
            case b"\\":  # no newline at the end of the file
                continue
            case _:
                return
