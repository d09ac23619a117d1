"""Changes in small real git repositories, for tests of reviews."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orchestration_assets.reviews.change import Change
from resources.git import CommitTree, changed_files, open_repository
from tests.git_repositories import Content, GitRepository

Files = Mapping[str, Content]


def committed(path: Path, before: Files, after: Files) -> tuple[GitRepository, str, str]:
    """A repository with two commits, and their hashes: `before`, and what `after` makes of it (None removes a file)."""
    repository = GitRepository(path)
    base = repository.commit("Begin", before)
    return repository, base, repository.commit("Change", after)


@contextmanager
def change(path: Path, before: Files, after: Files, title: str = "Change things") -> Iterator[Change]:
    _, base, head = committed(path, before, after)
    opened = open_repository(path)
    with CommitTree(opened, base) as old, CommitTree(opened, head) as new:
        yield Change(old, new, tuple(changed_files(opened, base, head)), title)
