"""Reading commits, all of them or some, and going on where git stops.

What belongs here: `read_commits` and its three ways to ask for files. A partial clone lacks contents, a broken disk
lacks anything: git then ends in the middle of the history with an error, which must never pass for its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import islice

from resources.git.parsing import FORMAT, Commit, parse_commits
from resources.git.process import GitFailed, IsolatedGit
from resources.git.refs import read_shallow
from resources.git.repository import Repository, reader, relevant_refs, unreadable

_LOG = (
    *("log", "-z", FORMAT, "--date=raw", "--encoding=UTF-8", "--no-color", "--no-notes", "--no-show-signature"),
    *("--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--stdin", "--ignore-missing"),
)
_BATCH = 2000
_MOST_RESTARTS = 50
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class _Files(IntEnum):
    """What is asked for; each way needs less of the object store than the one before."""

    COUNTED = 0
    NAMED = 1
    NONE = 2


_ARGUMENTS = {
    _Files.COUNTED: ("--numstat", "-M"),
    # Only identical files count as renamed, which needs no contents.
    _Files.NAMED: ("--raw", "--no-abbrev", "-M100%"),
    _Files.NONE: ("--no-patch",),
}


def _ignore(problem: str) -> None:
    pass


def read_commits(
    repository: Repository, hashes: Iterable[str] | None = None, on_problem: Callable[[str], None] = _ignore
) -> Iterator[Commit]:
    """The commits with the given hashes, or all that relevant refs reach, in no promised order and bounded memory.

    Where git lacks contents, those commits come with file names only (`files_complete` is False); `on_problem` then
    gets one sentence at the end, with their number. Raises UnreadableRepository where even the commits cannot be
    walked.
    """
    wanted = None if hashes is None else list(dict.fromkeys(hashes))
    boundary = set(read_shallow(repository.common_dir).decode("ascii", "replace").split())
    with reader(repository, with_mailmap=True) as git:
        reading = _Reading(git)
        try:
            if wanted is None:
                tips = relevant_refs(repository).tips()
                yield from reading.walk([*tips, *(f"^{commit}" for commit in sorted(boundary))] if tips else [])
                at_boundary = _reached(git, tips, boundary)
            else:
                at_boundary = [commit for commit in wanted if commit in boundary]
                yield from reading.some([commit for commit in wanted if commit not in boundary])
        except GitFailed as error:
            raise unreadable(repository.path, error) from error
    if at_boundary:
        with reader(repository, with_mailmap=True, whole=True) as git:
            for commit in _Reading(git).resuming(at_boundary, _Files.NONE):
                commit.files_complete = False
                yield commit
    if problem := reading.problem(repository):
        on_problem(problem)


def _reached(git: IsolatedGit, tips: Sequence[str], boundary: set[str]) -> list[str]:
    """The commits of a shallow clone's boundary that refs still reach."""
    if not boundary or not tips:
        return []
    roots = git.run(["rev-list", "--max-parents=0", "--stdin"], "".join(f"{tip}\n" for tip in tips).encode())
    return [commit for commit in roots.decode().split() if commit in boundary]


def _commits(count: int) -> str:
    return "1 commit" if count == 1 else f"{count:,} commits"


class _Reading:
    """One reading of a history, and the count of what it could not read."""

    def __init__(self, git: IsolatedGit) -> None:
        self._git = git
        self._restarts = _MOST_RESTARTS
        self.incomplete = 0
        self.lost = 0

    def walk(self, tips: Sequence[str]) -> Iterator[Commit]:
        """All commits that the tips reach."""
        if not tips:
            return
        read = 0
        last = ""
        try:
            for commit in self._stream(_Files.COUNTED, tips):
                yield commit
                read += 1
                last = commit.hash
        except GitFailed:
            order = self._git.run(
                ["rev-list", "--stdin", "--ignore-missing"], "".join(f"{tip}\n" for tip in tips).encode()
            )
            hashes = order.decode().split()
            if last and hashes[read - 1] != last:
                raise
            yield from self._carefully(hashes[read:])

    def some(self, hashes: Sequence[str]) -> Iterator[Commit]:
        """The commits with these hashes."""
        known = existing_commits(self._git, hashes)
        self.lost += len(hashes) - len(known)
        read = 0
        try:
            for commit in self._stream(_Files.COUNTED, known, "--no-walk=unsorted") if known else ():
                yield commit
                read += 1
        except GitFailed:
            yield from self._carefully(known[read:])

    def resuming(self, hashes: Sequence[str], files: _Files) -> Iterator[Commit]:
        """These commits; each that git stops at is read again on its own, with less."""
        position = 0
        while position < len(hashes):
            try:
                for commit in self._stream(files, hashes[position:], "--no-walk=unsorted"):
                    yield commit
                    position += 1
                return
            except GitFailed:
                if self._restarts <= 0 or len(hashes) == 1:
                    yield from self._with_less(hashes[position:], files)
                    return
            self._restarts -= 1
            # Git may stop before or after it prints the head of the commit that it stops at, and the last one is held
            # back.
            for commit_hash in hashes[position : position + 2]:
                yield from self.resuming([commit_hash], files)
            position += 2

    def problem(self, repository: Repository) -> str | None:
        """What could not be read, as one sentence."""
        parts = []
        if self.incomplete:
            parts.append(f"{_commits(self.incomplete)} without line counts, because git lacks file contents")
        if self.lost:
            parts.append(f"{_commits(self.lost)} not at all, because git lacks them")
        if not parts:
            return None
        return f"{repository.name}: read {' and '.join(parts)}; a full clone has them."

    def _with_less(self, hashes: Sequence[str], files: _Files) -> Iterator[Commit]:
        if files is _Files.NONE:
            self.lost += len(hashes)
        else:
            yield from self.resuming(hashes, _Files(files + 1))

    def _carefully(self, hashes: Sequence[str]) -> Iterator[Commit]:
        """These commits, those that need a missing blob sorted out beforehand."""
        rest = iter(hashes)
        while batch := list(islice(rest, _BATCH)):
            lacking = commits_lacking_blobs(self._git, batch)
            yield from self.resuming([commit for commit in batch if commit not in lacking], _Files.COUNTED)
            yield from self.resuming([commit for commit in batch if commit in lacking], _Files.NAMED)

    def _stream(self, files: _Files, revisions: Sequence[str], *arguments: str) -> Iterator[Commit]:
        """Raises GitFailed after the last commit that git surely finished."""
        for commit in self._git.finished([*_LOG, *_ARGUMENTS[files], *arguments], parse_commits, revisions):
            if files is not _Files.COUNTED and len(commit.parents) < 2:
                commit.files_complete = False
                self.incomplete += 1
            yield commit


def existing_commits(git: IsolatedGit, hashes: Sequence[str]) -> list[str]:
    """Those of the given texts that are full hashes of commits which git holds."""
    names = [name for name in hashes if _HASH.fullmatch(name)]
    kinds = _kinds(git, names)
    return [name for name in names if kinds[name] == b"commit"]


def commits_lacking_blobs(git: IsolatedGit, hashes: Sequence[str], pathspecs: Sequence[str] = ()) -> set[str]:
    """The commits whose diff needs a blob that is not there; empty where trees are missing too, so that nothing can be
    told."""
    blobs: dict[str, list[str]] = {}
    raw = [
        "log",
        "-z",
        "--format=%x01%H",
        "--raw",
        "--no-renames",
        "--no-abbrev",
        "--ignore-submodules=all",
        "--no-walk=unsorted",
    ]
    try:
        with git.stream([*raw, "--stdin", *(("--", *pathspecs) if pathspecs else ())], hashes) as output:
            commit = ""
            tokens = iter(output.read().decode(errors="replace").split("\0"))
            for token in tokens:
                if token.startswith("\x01"):
                    commit = token[1:]
                elif ":" in token[:2]:
                    _, _, before, after, _ = token.split(" ")
                    next(tokens)
                    for blob in (before, after):
                        if blob.strip("0"):
                            blobs.setdefault(blob, []).append(commit)
    except GitFailed:
        return set()
    kinds = _kinds(git, blobs)
    return {commit for blob, commits in blobs.items() if kinds[blob] != b"blob" for commit in commits}


def _kinds(git: IsolatedGit, names: Iterable[str]) -> dict[str, bytes]:
    """Object name to `commit`, `blob` and so on; something else where git lacks the object."""
    asked = list(names)
    answers = git.run(["cat-file", "--batch-check=%(objecttype)"], "".join(f"{name}\n" for name in asked).encode())
    return dict(zip(asked, answers.splitlines(), strict=True))
