"""The lines that commits added and removed, streamed from `git diff-tree -p`.

What belongs here: the parser of patches. It trusts the line counts of each hunk and never the look of a line, because
what was committed may look like a patch itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, Literal, NamedTuple

from resources.git.commits import commits_lacking_blobs, existing_commits
from resources.git.names import decoded, unquoted
from resources.git.process import GitFailed, IsolatedGit
from resources.git.refs import read_shallow
from resources.git.repository import Repository, reader

_PATCH = (
    *("diff-tree", "--stdin", "-r", "--root", "-p", "-U0", "-M", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/", "--full-index"),
)
_LONGEST_LINE = 2000
_BATCH = 500
_MOST_RESTARTS = 200
_HASH = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?\n")
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class DiffLine(NamedTuple):
    """One added or removed line of a commit, without its sign and line end."""

    hash: str
    path: str
    """The file after the commit, or before it where the commit deleted it."""
    old_path: str | None
    """Only where the commit renamed the file."""
    sign: Literal["+", "-"]
    line_number: int
    """In the file after the commit for an added line, before it for a removed one; the first is 1."""
    text: str


def _ignore(problem: str) -> None:
    pass


def read_diff_lines(
    repository: Repository,
    hashes: Iterable[str],
    pathspecs: Sequence[str] = (),
    on_problem: Callable[[str], None] = _ignore,
) -> Iterator[DiffLine]:
    """The changed lines of the given commits in files that match one of git's pathspecs (all files where there is
    none).

    Lines over 2,000 characters are left out, as are merges, binary files, submodules and the boundary of a shallow
    clone. A rename is seen where both paths match. Commits whose contents git lacks are left out whole; `on_problem`
    gets one sentence with their number.
    """
    boundary = set(read_shallow(repository.common_dir).decode("ascii", "replace").split())
    with reader(repository) as git:
        wanted = (commit for commit in existing_commits(git, list(dict.fromkeys(hashes))) if commit not in boundary)
        reading = _Reading(git, pathspecs)
        while batch := list(islice(wanted, _BATCH)):
            yield from reading.lines(batch)
    if reading.skipped:
        number = "1 commit" if reading.skipped == 1 else f"{reading.skipped:,} commits"
        on_problem(
            f"{repository.name}: left out the diff of {number}, because git lacks file contents; a full clone has them."
        )


class _Reading:
    """One reading of diffs, and the count of the commits whose diffs could not be read."""

    def __init__(self, git: IsolatedGit, pathspecs: Sequence[str]) -> None:
        self._git = git
        self._pathspecs = pathspecs
        self._restarts = _MOST_RESTARTS
        self.skipped = 0

    def lines(self, hashes: Sequence[str]) -> Iterator[DiffLine]:
        """All lines of these commits; where git stops, those that it cannot read are sorted out or closed in on by
        halves."""
        finished: set[str] = set()
        try:
            for commit, lines in self._git.finished([*_PATCH, "--", *self._pathspecs], parse_patches, hashes):
                finished.add(commit)
                yield from lines
            return
        except GitFailed:
            self._restarts -= 1
        rest = [commit for commit in hashes if commit not in finished]
        lacking = commits_lacking_blobs(self._git, rest, self._pathspecs)
        self.skipped += len(lacking)
        rest = [commit for commit in rest if commit not in lacking]
        if self._restarts <= 0 or (len(rest) == 1 and not lacking):
            self.skipped += len(rest)
        elif lacking:
            yield from self.lines(rest)
        else:
            yield from self.lines(rest[: len(rest) // 2])
            yield from self.lines(rest[len(rest) // 2 :])


def parse_patches(stream: IO[bytes]) -> Iterator[tuple[str, list[DiffLine]]]:
    """Commits and their changed lines, from what `git diff-tree --stdin -p` prints. Commits without a patch do not
    appear."""
    commit, lines = "", list[DiffLine]()
    old_name = path = b""
    renamed_from: str | None = None
    for line in stream:
        if hunk := _HUNK.match(line):
            lines.extend(_hunk(stream, hunk, commit, decoded(path), renamed_from))
        elif line.startswith(b"diff --git "):
            old_name = path = b""
            renamed_from = None
        elif line.startswith(b"rename from "):
            renamed_from = decoded(unquoted(line[len(b"rename from ") : -1]))
        elif line.startswith(b"--- "):
            old_name = unquoted(line[4:-1])
        elif line.startswith(b"+++ "):
            new_name = unquoted(line[4:-1])
            path = (old_name if new_name == b"/dev/null" else new_name)[2:]
        elif _HASH.fullmatch(line):
            if commit:
                yield commit, lines
            commit, lines = line[:-1].decode(), []
    if commit:
        yield commit, lines


def _hunk(
    stream: IO[bytes], hunk: re.Match[bytes], commit: str, path: str, renamed_from: str | None
) -> Iterator[DiffLine]:
    """The changed lines of one hunk. Its header says how many lines of either side belong to it, whatever they look
    like."""
    old_number, new_number = int(hunk[1]), int(hunk[3])
    old_left, new_left = int(hunk[2] or 1), int(hunk[4] or 1)
    while old_left > 0 or new_left > 0:
        line = stream.readline()
        sign = line[:1]
        if sign == b"-":
            number, old_left, old_number = old_number, old_left - 1, old_number + 1
        elif sign == b"+":
            number, new_left, new_number = new_number, new_left - 1, new_number + 1
        elif sign == b"\\":  # no newline at the end of the file
            continue
        else:
            return
        text = decoded(line[1:].rstrip(b"\r\n"))
        if len(text) <= _LONGEST_LINE:
            yield DiffLine(commit, path, renamed_from, "-" if sign == b"-" else "+", number, text)
