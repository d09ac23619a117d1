"""The commit graph: what is on the default branch, since when, and what is still on branches of its own.

What belongs here: one pass over the history without diffs, and walks over the result. All walks are iterative and visit
a commit once (but for `unmerged_heads`, which lists every head's commits).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from resources.git.parsing import LATEST
from resources.git.process import GitFailed, IsolatedGit
from resources.git.refs import Refs
from resources.git.repository import Repository, reader, relevant_refs, unreadable

_FORMAT = "%H|%at|%ct|%P"
_DAY = 86_400
_SOME, _MANY = 3, 10


@dataclass(frozen=True, slots=True)
class Head:
    """A branch, here or on a remote, that holds commits which are not on the default branch."""

    ref: str
    name: str
    """The branch's short name, without the remote."""
    hash: str
    commits: tuple[str, ...]
    """The unlanded commits that it holds, newest first; other heads may hold some of them too."""


@dataclass(frozen=True)
class CommitGraph:
    """Commits with their parents, children always before parents; the lists run in parallel, times are Unix seconds."""

    hashes: list[str]
    parents: list[tuple[str, ...]]
    """None at the boundary of a shallow clone."""
    authored: list[int]
    committed: list[int]
    refs: Refs
    index: dict[str, int] = field(repr=False)
    """Position of each hash in the lists."""
    foxtrots: set[str] = field(default_factory=set)
    """Merges of the default branch into something else, from `git pull` or a branch brought up to date: where one of them became part of
    the default branch itself, that branch's own line goes on along the second parent."""

    def landings(self) -> dict[str, int]:
        """When each commit became reachable from the default branch: commit to Unix seconds.

        A commit on the branch's own (first-parent) line lands itself and all that it brought in. Clocks that run backwards
        are evened out: the time is the latest committer time on the line so far, without those that lie over a day after
        the next ten. The reflog is not asked, because it differs between clones and is forgotten after some months: a
        fast-forward lands its commits at their committer times.
        """
        return {commit: seconds for commit, (_, seconds) in self._landed.items()}

    def landed_by(self) -> dict[str, str]:
        """The merge commit on the default branch that brought each commit in, for those that a merge brought in."""
        return {commit: landing for commit, (landing, _) in self._landed.items() if landing != commit}

    def unmerged_heads(self) -> list[Head]:
        """Branches with commits that are not on the default branch, sorted by name.

        A branch and its remote copy count once: the one that is ahead stands for both, the local one where they are
        equal.
        """
        heads: list[Head] = []
        for ref, name in sorted(_branches(self.refs.hashes), key=lambda branch: (branch[1], branch[0])):
            tip = self.refs.hashes[ref]
            if tip in self.index and tip not in self._landed:
                heads.append(Head(ref, name, tip, tuple(self._unlanded_from(tip))))
        tips_by_name: dict[str, list[Head]] = {}
        for head in heads:
            tips_by_name.setdefault(head.name, []).append(head)
        return [head for same in tips_by_name.values() for head in _without_copies(same)]

    def branch_of(self) -> dict[str, str]:
        """The branch that each unlanded commit belongs to; where several hold it, the one with the fewest unlanded
        commits."""
        owners: dict[str, str] = {}
        for head in sorted(self.unmerged_heads(), key=lambda head: (len(head.commits), head.name, head.ref)):
            for commit in head.commits:
                owners.setdefault(commit, head.name)
        return owners

    def merge_base(self, commit: str) -> str | None:
        """The newest commit of the default branch that an unlanded commit builds on."""
        landed = (parent for each in self._unlanded_from(commit) for parent in self.parents[self.index[each]])
        return min((parent for parent in landed if parent in self._landed), key=self.index.__getitem__, default=None)

    @cached_property
    def _landed(self) -> dict[str, tuple[str, int]]:
        """Commit to the commit that landed it (itself on the first-parent line) and when."""
        landed: dict[str, tuple[str, int]] = {}
        for tip in self.refs.default_tips():
            line = self._first_parent_line(tip, landed)[::-1]
            times = _credible([self.committed[self.index[commit]] for commit in line])
            time = 0
            for commit, seconds in zip(line, times, strict=True):
                time = max(time, seconds, self._base_time(commit, landed))
                landed[commit] = (commit, time)
                for other in self._new_ancestors(self.parents[self.index[commit]], landed):
                    landed[other] = (commit, time)
        return landed

    def _first_parent_line(self, tip: str, landed: dict[str, tuple[str, int]]) -> list[str]:
        line: list[str] = []
        while tip in self.index and tip not in landed:
            line.append(tip)
            tip = self._previous(tip)
        return line

    def _base_time(self, commit: str, landed: dict[str, tuple[str, int]]) -> int:
        previous = self._previous(commit)
        return landed[previous][1] if previous in landed else 0

    def _previous(self, commit: str) -> str:
        """The commit before this one on its branch's own line; "" for none."""
        parents = self.parents[self.index[commit]]
        return parents[1] if commit in self.foxtrots and len(parents) == 2 else next(iter(parents), "")

    def _new_ancestors(self, commits: Iterable[str], known: dict[str, tuple[str, int]]) -> Iterator[str]:
        """The given commits and their ancestors that are not in `known`, to which the caller adds each at once."""
        waiting = [commit for commit in commits if commit in self.index]
        while waiting:
            commit = waiting.pop()
            if commit not in known:
                yield commit
                waiting.extend(parent for parent in self.parents[self.index[commit]] if parent in self.index)

    def _unlanded_from(self, tip: str) -> list[str]:
        seen: set[str] = set()
        waiting = [tip]
        while waiting:
            commit = waiting.pop()
            if commit not in seen and commit in self.index and commit not in self._landed:
                seen.add(commit)
                waiting.extend(self.parents[self.index[commit]])
        return sorted(seen, key=self.index.__getitem__)


def read_graph(repository: Repository) -> CommitGraph:
    """The graph of all that relevant refs reach. Raises UnreadableRepository."""
    refs = relevant_refs(repository)
    graph = CommitGraph([], [], [], [], refs, {})
    if not refs.tips():
        return graph
    try:
        with reader(repository) as git:
            arguments = ["log", "--stdin", "--topo-order", f"--format={_FORMAT}", "--no-show-signature"]
            with git.stream(arguments, refs.tips()) as output:
                for line in output:
                    commit, authored, committed, parents = line.decode("ascii").rstrip("\n").split("|")
                    graph.index[commit] = len(graph.hashes)
                    graph.hashes.append(commit)
                    graph.parents.append(tuple(parents.split()))
                    graph.authored.append(min(int(authored or committed or 0), LATEST))
                    graph.committed.append(min(int(committed or authored or 0), LATEST))
            graph.foxtrots.update(_foxtrots(git, refs))
    except GitFailed as error:
        raise unreadable(repository.path, error) from error
    return graph


def _foxtrots(git: IsolatedGit, refs: Refs) -> list[str]:
    """Merges whose message says that the default branch was merged into another one, or a remote's copy of it into ours."""
    branch = re.escape(refs.default_branch)
    said = rf"^Merge (remote-tracking )?branch '([^'/]+/)?{branch}'( of [^ ]+)?( into [^ ]+)?$"
    arguments = ["log", "--stdin", "--merges", "-E", f"--grep={said}", "--format=%H", "--no-show-signature"]
    with git.stream(arguments, refs.tips()) as output:
        return [line.decode("ascii").strip() for line in output]


def _credible(times: Sequence[int]) -> list[int]:
    """The times of a line, with 0 for a clock that ran ahead: one commit from the future would else hold up all after it."""
    credible = []
    for at, seconds in enumerate(times):
        later = times[at + 1 : at + 1 + _MANY]
        ahead = len(later) >= _SOME and seconds > max(later) + _DAY
        credible.append(0 if ahead else seconds)
    return credible


def _branches(hashes: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Full and short names of all branches, here and on remotes."""
    for ref in hashes:
        if ref.startswith("refs/heads/"):
            yield ref, ref.removeprefix("refs/heads/")
        elif ref.startswith("refs/remotes/") and ref.count("/") > 2:
            yield ref, ref.split("/", 3)[3]


def _without_copies(heads: Sequence[Head]) -> list[Head]:
    """Of the heads of one name, those that no other one contains."""
    kept: list[Head] = []
    for head in sorted(heads, key=lambda head: -len(head.commits)):
        if not any(head.hash in other.commits for other in kept):
            kept.append(head)
    return kept
