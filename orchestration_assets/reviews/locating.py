"""Where the code of a pull request is, and where it left its base branch.

What belongs here: from what GitHub told of a pull request to two commits that git has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resources.errors import SoloistError
from resources.git import Repository, merge_base
from resources.git.mirrors import KEPT, has_commit
from resources.git.repository import relevant_refs
from resources.github.facts import PullRequest
from resources.source_trees import SourceTrees


class NoCommonHistory(SoloistError):
    """A pull request cannot be compared with its base branch."""


@dataclass(frozen=True)
class Located:
    """A pull request in a repository on this machine. `base_commit` is where it left its base branch."""

    pull: PullRequest
    repository: Repository
    base_commit: str


def locate(pull: PullRequest, sources: SourceTrees, tips: Mapping[tuple[str, str], str]) -> Located:
    """Raises SourceUnavailable where its code is not to be had, NoCommonHistory where its base is not, and UnreadableRepository."""
    refs = [f"refs/pull/{pull.number}/head", f"refs/heads/{pull.base}"]
    repository = sources.repository_with(pull.repository, pull.head_commit, refs)
    told = tips.get((pull.repository.lower(), pull.base))
    start = _start(repository, pull, told)
    if start is None and told is not None:
        # A clone may lack what was pushed since; the copy that is fetched has both.
        repository = sources.repository_with(pull.repository, told, refs)
        start = _start(repository, pull, told) if has_commit(repository, pull.head_commit) else None
    if start is None:
        raise NoCommonHistory(
            f"{pull.repository}#{pull.number} cannot be compared with its base branch {pull.base!r}, which {repository.path} "
            "does not have or shares no history with; fetch that branch there."
        )
    return Located(pull, repository, start)


def _start(repository: Repository, pull: PullRequest, told: str | None) -> str | None:
    """The latest commit that the head shares with what is known of the base branch: a clone may know an old state of it, GitHub an
    old one too."""
    latest: str | None = None
    for tip in _tips(repository, pull.base, told):
        start = merge_base(repository, tip, pull.head_commit)
        if (
            start is not None
            and start != latest
            and (latest is None or merge_base(repository, latest, start) == latest)
        ):
            latest = start
    return latest


def _tips(repository: Repository, branch: str, told: str | None) -> list[str]:
    hashes = relevant_refs(repository).hashes
    names = (
        f"refs/remotes/upstream/{branch}",
        f"refs/remotes/origin/{branch}",
        f"{KEPT}/heads/{branch}",
        f"refs/heads/{branch}",
    )
    known = [hashes[name] for name in names if name in hashes]
    return list(dict.fromkeys([*([told] if told and has_commit(repository, told) else []), *known]))
