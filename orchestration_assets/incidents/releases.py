"""From the release that an event names to a commit.

What belongs here: the ways people name releases, in the order in which they are believed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from orchestration_assets.incidents.model import Found
from resources.git import Repository
from resources.git.mirrors import KEPT, default_tips, has_commit
from resources.git.process import GitFailed, run
from resources.github.facts import Release
from resources.source_trees import SourceUnavailable, Trees, at_head

WHOLE_HASH = 40
_HASH = re.compile(r"[0-9a-f]{7,64}")
_MARK = re.compile(r"[0-9a-f]{7,64}(?![0-9a-f])")


@dataclass(frozen=True)
class Commit:
    """`found`: which way it was found."""

    hash: str
    found: Found


def commit_of(
    repository: Repository, release: str | None, at: datetime, releases: Sequence[Release] = ()
) -> Commit | None:
    """The commit that ran when an error happened. `releases`: those of the repository on GitHub. None where there is no commit at all.

    Tried in this order: the release is a hash or ends in one (`shop@1.2.0+4f3c2b1`), it is a tag or the name of a release (`shop@1.2.0`,
    `1.2.0`, `v1.2.0`), and last the newest commit of the default branch at that time.
    """
    for name in _hashes(release or ""):
        if commit := _resolved(repository, name):
            return Commit(commit, "hash")
    names = _names(release or "")
    for name in names:
        if commit := _tagged(repository, name):
            return Commit(commit, "tag")
    for each in releases:
        if not each.deleted and {each.tag, each.title} & set(names) and (commit := _tagged(repository, each.tag)):
            return Commit(commit, "release")
    newest = newest_before(repository, at)
    return Commit(newest, "time") if newest else None


def newest_before(repository: Repository, at: datetime) -> str | None:
    """Of the default branch's own line; its oldest commit where all are newer."""
    tips = default_tips(repository)
    if not tips:
        return None
    where = [f"--git-dir={repository.git_dir}"]
    try:
        found = (
            run(
                where,
                ["rev-list", "--first-parent", "-1", f"--until={int(at.timestamp())}", "--end-of-options", *tips[:1]],
            )
            .decode()
            .strip()
        )
        return found or run(where, ["rev-list", "--first-parent", "--end-of-options", *tips[:1]]).decode().split()[-1]
    except (GitFailed, IndexError):
        return None


def locate(trees: Trees, name: str, release: str | None) -> Repository:
    """A repository that holds the commits of `owner/name`, and of its tags those that the release may be called by. Raises
    SourceUnavailable."""
    repository = at_head(trees, name)
    hashes = _hashes(release or "")
    for whole in [each for each in hashes if len(each) == WHOLE_HASH and not has_commit(repository, each)]:
        # On no branch that was asked for.
        with suppress(SourceUnavailable):
            return trees.repository_with(name, whole)
    names = [] if hashes else _names(release or "")
    if any(_tagged(repository, tag) for tag in names):
        return repository
    for tag in trees.tags_of(name, names):
        try:
            return trees.repository_with(name, f"{KEPT}/tags/{tag}", [f"refs/tags/{tag}"])
        except SourceUnavailable:
            continue
    return repository


def _tagged(repository: Repository, tag: str) -> str | None:
    return _resolved(repository, f"refs/tags/{tag}") or _resolved(repository, f"{KEPT}/tags/{tag}")


def _hashes(release: str) -> list[str]:
    """The release itself, or what stands behind its last `@`, `+`, `-g` or `-`, where it looks like a hash."""
    text = release.strip()
    parts = [text, *re.split(r"[@+:/]|-g?", text)[::-1]]
    return [
        part for part in dict.fromkeys(parts) if _HASH.fullmatch(part) and not (part.isdecimal() and len(part) < 12)
    ]


def _names(release: str) -> list[str]:
    """What a tag of the release may be called."""
    text = release.strip()
    if not text:
        return []
    name, at, version = text.rpartition("@")
    bare = version.partition("+")[0]
    spelled = [text, version, bare]
    spelled += [f"v{each}" for each in (version, bare) if not each.startswith("v")]
    spelled += [each.removeprefix("v") for each in (version, bare)]
    if at:
        spelled += [f"{name}-{bare}", f"{name}-v{bare}", f"{name}/{bare}", f"{name}/v{bare}", f"{name}@{bare}"]
    spelled += [f"release-{bare}", f"release/{bare}"]
    return [each for each in dict.fromkeys(spelled) if _is_name(each)]


def _is_name(text: str) -> bool:
    return bool(re.fullmatch(r"[\w.@+/-]{1,200}", text)) and ".." not in text and not text.startswith("-")


def _resolved(repository: Repository, name: str) -> str | None:
    try:
        asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        return run([f"--git-dir={repository.git_dir}"], asked).decode().strip() or None
    except GitFailed:
        return None
