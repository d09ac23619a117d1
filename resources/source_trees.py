"""Where the code of a repository on GitHub is to be had: in a watched clone, else in a copy that is fetched from GitHub.

What belongs here: from `owner/name` and a commit to a repository on this machine that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from resources.errors import SoloistError
from resources.git.mirrors import KEPT, advertised, existing, fetch, has_commit, is_whole
from resources.git.process import GitFailed, NotARepository, UnreadableRepository
from resources.git.repository import Repository, open_repository
from resources.rest.errors import RestError

if TYPE_CHECKING:
    from resources.github.facts import Branch
    from resources.settings import Settings


_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_HASH = re.compile(r"[0-9a-f]{40,64}")


class SourceUnavailable(SoloistError):
    """The code of a commit is not to be had; the sentence says where it was looked for."""


class Trees(Protocol):
    """Where commits are had from, as `SourceTrees` does it."""

    def repository_with(self, name: str, commit: str, refs: Sequence[str] = ()) -> Repository: ...

    def tags_of(self, name: str, names: Sequence[str]) -> list[str]: ...


class SourceTrees:
    """`clones` are watched repositories, `mirrors` the folder that copies are kept in, `host` the URL that `/owner/name.git` follows."""

    def __init__(
        self, clones: Sequence[Path], mirrors: Path, host: str, token: Callable[[], str | None] = lambda: None
    ) -> None:
        self._clones, self._mirrors, self._host, self._token = clones, mirrors, host.rstrip("/"), token

    def repository_with(self, name: str, commit: str, refs: Sequence[str] = ()) -> Repository:
        """A repository that holds `commit` of `owner/name`; `refs` (full names) lead to it on the server. Raises SourceUnavailable."""
        for repository in self._watched():
            if repository.name.lower() == name.lower() and is_whole(repository) and has_commit(repository, commit):
                return repository
        return self._mirrored(name, commit, refs)

    def tags_of(self, name: str, names: Sequence[str]) -> list[str]:
        """Those of `names` that are tags of `owner/name` on the server, in their order; none where it does not answer. Raises
        SourceUnavailable where `name` is none."""
        refs = [f"refs/tags/{each}" for each in names]
        try:
            found = advertised(self._address(name), refs, self._token()) if refs else []
        except (GitFailed, RestError):
            return []
        return [ref.removeprefix("refs/tags/") for ref in found]

    def _watched(self) -> Iterator[Repository]:
        for path in self._clones:
            with suppress(NotARepository, UnreadableRepository):
                yield open_repository(path)

    def _advice(self, name: str, commit: str) -> str:
        """What to do for a commit that is not to be had; a clone that was passed over, though it looks like one of it, is named."""
        for repository in self._watched() if _HASH.fullmatch(commit) else ():
            if not has_commit(repository, commit):
                continue
            if not is_whole(repository):
                return f"the watched clone {repository.path} is a partial one, in which files are missing: clone it without --filter"
            return f"the watched clone {repository.path} holds it as {repository.name}: have its remote `origin` name {name}"
        return "clone it and watch the clone, or check SOLOIST_GITHUB_TOKEN"

    def _address(self, name: str) -> str:
        if not _NAME.fullmatch(name) or set(name.split("/")) & {".", ".."}:
            raise SourceUnavailable(f"{name!r} names no repository; it is written owner/name.")
        return f"{self._host}/{name}.git"

    def _mirrored(self, name: str, commit: str, refs: Sequence[str]) -> Repository:
        address, folder = self._address(name), self._mirrors / f"{name}.git"
        if (mirror := existing(folder)) is not None and has_commit(mirror, commit):
            return mirror
        complaint = ""
        # A server may refuse a hash by itself, or have moved a ref on since.
        for wanted in (refs, [commit]) if refs else ([commit],):
            try:
                mirror = fetch(folder, address, wanted, self._token())
            except (GitFailed, RestError) as error:
                complaint = complaint or str(error)
                continue
            if has_commit(mirror, commit):
                return mirror
        raise SourceUnavailable(
            f"The code of {name} at {commit[:12]} is neither in a watched clone nor to be had from {self._host} "
            f"({complaint or 'it is not there'}); {self._advice(name, commit)}."
        )


def at_head(trees: Trees, name: str) -> Repository:
    """A repository that holds the newest commit of the default branch of `owner/name`. Raises SourceUnavailable."""
    try:
        return trees.repository_with(name, "HEAD")
    except SourceUnavailable:
        # A copy has no branch of its own; what was fetched just now lies under another name.
        return trees.repository_with(name, f"{KEPT}/HEAD", ["HEAD"])


def default_branch(own: str, head: str, repository: str, branches: Iterable[Branch]) -> str:
    """The branch that a pull request goes to: that of a clone (`own`), or, of a copy without one ("HEAD"), the branch that GitHub told of
    at the same commit. "" where none is known."""
    if own != "HEAD":
        return own
    at_head = {
        branch.ref.removeprefix("refs/heads/")
        for branch in branches
        if branch.commit == head and branch.repository.lower() == repository.lower() and "refs/tags/" not in branch.ref
    }
    usual = [name for name in ("main", "master") if name in at_head]
    return usual[0] if usual else at_head.pop() if len(at_head) == 1 else ""


def open_source_trees(settings: Settings) -> SourceTrees:
    from resources.sources import load_sources

    def token() -> str | None:
        from resources.github.client import open_github

        if settings.github_app_id is None:
            return settings.github_token.get_secret_value() if settings.github_token else None
        with open_github(settings) as client:
            return client.token()

    return SourceTrees(
        load_sources(settings).repositories, settings.mirrors_path, web_host(settings.github_api_url), token
    )


def web_host(api_url: str) -> str:
    """Where people and git go, from where the API is: `https://github.com` of `https://api.github.com`."""
    parts = urlsplit(api_url)
    host = parts.netloc.removeprefix("api.") if parts.hostname == "api.github.com" else parts.netloc
    return f"{parts.scheme}://{host}"
