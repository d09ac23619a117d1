"""Branches that are on the default branch already, though git does not see them as merged: squashed, rebased,
cherry-picked.

What belongs here: the comparison by patch-id, which finds a change that landed unedited, and the comparison by title,
which finds one that a forge squashed under the same name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice

from resources.git.commits import commits_lacking_blobs
from resources.git.graph import CommitGraph, Head
from resources.git.process import GitFailed, IsolatedGit
from resources.git.repository import Repository, reader

_DIFF = ("diff-tree", "-r", "-p", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
_MOST_FILES = 300
_SHORTEST_TITLE = 12
_TAIL = re.compile(r"\s*\((?:#|!|GH-)(\d+)\)\s*$")
_NUMBERED_BRANCH = re.compile(r"(?:^|/)(?:pr|pull|mr)[-_/]?(\d+)(?:$|[-_/])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Landed:
    """A commit of the default branch, as far as a title can tell what it brought."""

    hash: str
    subject: str
    seconds: int
    """When it landed."""


def patch_equivalents(
    repository: Repository,
    graph: CommitGraph,
    heads: Iterable[Head],
    subjects: Mapping[str, str] | None = None,
    *,
    since: int = 0,
    most_heads: int = 100,
    most_candidates: int = 500,
) -> dict[str, str]:
    """Of the unmerged heads, those whose work is on the default branch already: ref to the commit that brought it.

    A head counts if its whole change since it left the default branch has the patch-id of one commit there that touches
    the same files, if each of its commits has, or if `subjects` (commit to first line of its message) are given and
    `landed_by_title` finds one. Only heads with a commit at or after `since` (Unix seconds) are looked at, the
    `most_heads` newest of them, each against the `most_candidates` newest commits. A head whose contents git lacks is
    left out.
    """
    recent = [head for head in heads if head.commits and graph.committed[graph.index[head.hash]] >= since]
    recent.sort(key=lambda head: (-graph.committed[graph.index[head.hash]], head.ref))
    landings = graph.landings()
    with reader(repository) as git:
        found = _Patches(git, graph, landings, most_candidates).equivalents(recent[:most_heads])
    if subjects is not None:
        for head in recent[:most_heads]:
            if head.ref not in found and (landing := _by_title(graph, head, subjects, landings)):
                found[head.ref] = landing
    return found


def landed_by_title(branch: str, subjects: Sequence[str], candidates: Iterable[Landed]) -> str | None:
    """The first candidate that is a squash of the branch by its number or title, else None.

    A squash is told by the number at its end, `Add a reader (#12)`. It is this branch's if the branch, or one of its
    subjects, has that number, or if its title is that of the branch's oldest commit (`subjects[-1]`), its newest, or
    the branch's own name in words. Titles of fewer than three words, or under 12 characters, prove nothing.
    """
    numbers = {found[1] for text in subjects if (found := _TAIL.search(text))}
    if named := _NUMBERED_BRANCH.search(branch):
        numbers.add(named[1])
    titles = {_title(text) for text in (*subjects[:1], *subjects[-1:], branch.rpartition("/")[2])}
    titles = {title for title in titles if len(title) >= _SHORTEST_TITLE and title.count(" ") >= 2}
    for candidate in candidates:
        squash = _TAIL.search(candidate.subject)
        if squash and (squash[1] in numbers or _title(candidate.subject) in titles):
            return candidate.hash
    return None


def _title(subject: str) -> str:
    """A subject without number, case and the punctuation that a branch name cannot keep."""
    return " ".join(re.findall(r"\w+", _TAIL.sub("", subject).replace("_", " ").casefold()))


def _by_title(graph: CommitGraph, head: Head, subjects: Mapping[str, str], landings: Mapping[str, int]) -> str | None:
    started = min(graph.authored[graph.index[commit]] for commit in head.commits)
    candidates = (
        Landed(commit, subjects[commit], landings[commit])
        for commit in graph.hashes
        if landings.get(commit, 0) >= started and commit in subjects
    )
    own = [subjects[commit] for commit in head.commits if commit in subjects]
    return landed_by_title(head.name, own, candidates)


class _Patches:
    """The comparison by patch-id, for all heads at once: few processes, however many heads there are."""

    def __init__(self, git: IsolatedGit, graph: CommitGraph, landings: Mapping[str, int], most_candidates: int) -> None:
        self._git = git
        self._graph = graph
        self._landings = landings
        self._most_candidates = most_candidates

    def equivalents(self, heads: Sequence[Head]) -> dict[str, str]:
        """Ref to the landed commit that holds the head's whole change, or to the last of those that hold it one by one."""
        bases = {head.hash: base for head in heads if (base := self._graph.merge_base(head.hash))}
        touched = {head: paths for head, paths in self._touched(bases).items() if 0 < len(paths) <= _MOST_FILES}
        heads = [head for head in heads if head.hash in touched]
        if not heads:
            return {}
        candidates = self._candidates(bases, touched)
        singles = {head.hash: [commit for commit in head.commits if self._parents(commit) == 1] for head in heads}
        single_ids = self._single_ids({*chain(*candidates.values()), *chain(*singles.values())})
        whole_ids = self._whole_ids({head.hash: bases[head.hash] for head in heads})
        found: dict[str, str] = {}
        for head in heads:
            landed = {single_ids[commit]: commit for commit in candidates[head.hash] if commit in single_ids}
            own = [landed.get(single_ids[commit]) for commit in singles[head.hash] if commit in single_ids]
            landing = landed.get(whole_ids.get(head.hash, "")) or (own[0] if own and all(own) else None)
            if landing:
                found[head.ref] = landing
        return found

    def _parents(self, commit: str) -> int:
        return len(self._graph.parents[self._graph.index[commit]])

    def _touched(self, bases: Mapping[str, str]) -> dict[str, set[bytes]]:
        """Head to the paths in which it differs from its base. Those that git cannot read are missing."""
        try:
            return self._names([f"{head} {base}" for head, base in bases.items()], set(bases))
        except GitFailed:
            return {}

    def _candidates(self, bases: Mapping[str, str], touched: Mapping[str, set[bytes]]) -> dict[str, list[str]]:
        """Head to the commits that landed since its base and touch one of its paths, newest first."""
        oldest = min(self._landings[bases[head]] for head in touched)
        late = [
            commit
            for commit in self._graph.hashes
            if self._landings.get(commit, -1) >= oldest and self._parents(commit) < 2
        ]
        try:
            names = self._names(late, set(late))
        except GitFailed:
            names = {}
        asked = set().union(*touched.values())
        changed = [(commit, paths) for commit in late if (paths := names.get(commit, set()) & asked)]
        return {
            head: list(
                islice(
                    (
                        commit
                        for commit, paths in changed
                        if commit != bases[head]
                        and self._landings[commit] >= self._landings[bases[head]]
                        and not paths.isdisjoint(own)
                    ),
                    self._most_candidates,
                )
            )
            for head, own in touched.items()
        }

    def _names(self, lines: Sequence[str], commits: Set[str]) -> dict[str, set[bytes]]:
        """Commit to the paths that it changes against the parents in its line, else against its own."""
        asked = "".join(f"{line}\n" for line in lines).encode()
        printed = self._git.run(["diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames", "--root"], asked)
        found: dict[str, set[bytes]] = {}
        paths: set[bytes] = set()
        for token in printed.split(b"\0"):
            if len(token) in (40, 64) and (commit := token.decode(errors="replace")) in commits and commit not in found:
                paths = found[commit] = set()
            elif token:
                paths.add(token)
        return found

    def _single_ids(self, commits: Set[str]) -> dict[str, str]:
        """Commit to its patch-id; commits that change nothing or cannot be read have none."""
        try:
            return self._patch_ids(sorted(commits))
        except GitFailed:
            readable = commits - commits_lacking_blobs(self._git, sorted(commits))
            return self._patch_ids(sorted(readable)) if readable < commits else {}

    def _whole_ids(self, bases: Mapping[str, str]) -> dict[str, str]:
        """Head to the patch-id of all that it changed since its base; heads that cannot be read have none."""
        lines = [f"{head} {base}" for head, base in bases.items()]
        try:
            return self._patch_ids(lines)
        except GitFailed:
            found: dict[str, str] = {}
            for line in lines:
                with suppress(GitFailed):
                    found |= self._patch_ids([line])
            return found

    def _patch_ids(self, lines: Sequence[str]) -> dict[str, str]:
        """Commit to the patch-id of its difference from the parents in its line, else from its own. Raises GitFailed where git lacks
        contents."""
        with self._git.stream([*_DIFF, "--root", "--stdin"], lines) as patches:
            printed = self._git.run(["patch-id", "--stable"], patches)
        return {commit: patch for patch, commit in (line.decode().split() for line in printed.splitlines() if line)}
