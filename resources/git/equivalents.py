"""Branches that are on the default branch already, though git does not see them as merged: squashed, rebased,
cherry-picked.

What belongs here: the comparison by patch-id, which finds a change that landed unedited, and the comparison by title,
which finds one that a forge squashed under the same name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
    found: dict[str, str] = {}
    landings = graph.landings()
    with reader(repository) as git:
        patches = _Patches(git, graph, most_candidates)
        for head in recent[:most_heads]:
            try:
                landing = patches.equivalent(head)
            except GitFailed:
                landing = None
            if landing is None and subjects is not None:
                landing = _by_title(graph, head, subjects, landings)
            if landing is not None:
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
    """The patch-ids of a repository's commits, each asked for once. Every method raises GitFailed where git lacks
    contents."""

    def __init__(self, git: IsolatedGit, graph: CommitGraph, most_candidates: int) -> None:
        self._git = git
        self._graph = graph
        self._most_candidates = most_candidates
        self._ids: dict[str, str] = {}

    def equivalent(self, head: Head) -> str | None:
        """The landed commit that holds the head's whole change, or the last of those that hold it one by one."""
        base = self._graph.merge_base(head.hash)
        if base is None:
            return None
        names = self._git.run(["diff-tree", "-r", "-z", "--name-only", "--no-renames", base, head.hash])
        touched = [os.fsdecode(name) for name in names.split(b"\0") if name]
        if not 0 < len(touched) <= _MOST_FILES:
            return None
        landed = {patch: commit for commit, patch in self._known(self._candidates(base, touched)).items()}
        patch = self._git.run([*_DIFF, "--end-of-options", base, head.hash])
        whole = self._git.run(["patch-id", "--stable"], patch).split()
        if whole and (landing := landed.get(whole[0].decode())):
            return landing
        own = self._known([commit for commit in head.commits if self._parents(commit) == 1])
        matches = [landed.get(patch) for patch in own.values()]
        return matches[0] if matches and all(matches) else None

    def _parents(self, commit: str) -> int:
        return len(self._graph.parents[self._graph.index[commit]])

    def _candidates(self, base: str, paths: Sequence[str]) -> list[str]:
        """Commits that landed since `base` and touch one of the paths, newest first."""
        limits = ["--no-merges", "--full-history", f"--max-count={self._most_candidates}"]
        revisions = [*self._graph.refs.default_tips(), f"^{base}", "--", *paths]
        return self._git.run(["--literal-pathspecs", "rev-list", *limits, *revisions]).decode().split()

    def _known(self, commits: Sequence[str]) -> dict[str, str]:
        """Commit to patch-id, in the given order; commits that change nothing or cannot be read have none."""
        if new := [commit for commit in commits if commit not in self._ids]:
            try:
                self._ask(new)
            except GitFailed:
                lacking = commits_lacking_blobs(self._git, new)
                self._ids.update(dict.fromkeys(lacking, ""))
                self._ask([commit for commit in new if commit not in lacking])
        return {commit: self._ids[commit] for commit in commits if self._ids[commit]}

    def _ask(self, commits: Sequence[str]) -> None:
        asked = "".join(f"{commit}\n" for commit in commits).encode()
        patches = self._git.run([*_DIFF, "--root", "--stdin"], asked)
        lines = self._git.run(["patch-id", "--stable"], patches).splitlines()
        self._ids.update(dict.fromkeys(commits, ""))
        for patch, commit in (line.decode().split() for line in lines if line):
            self._ids[commit] = patch
