"""Reading GitHub's objects, which may lack anything: a deleted user, a fork that is gone, null where a value is expected.

Every function takes an object as it was parsed from JSON and gives a fact, or raises Unreadable with one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from resources.github.facts import Branch, Fact, Issue, PullRequest, Release, Review, WorkflowRun

NOBODY = "ghost"
"""The login that GitHub gives a deleted user."""
_NO_COMMIT = "0" * 40
_HEADS = "refs/heads/"
_MOST = 2**63 - 1
"""What a database takes as a whole number."""


class Unreadable(ValueError):
    """Nothing can be taken from it; the text says why."""


def delivered(kind: str, payload: object) -> Fact | None:
    """The fact in a webhook's payload; None where nothing is made of its kind. Raises Unreadable."""
    reader = _DELIVERED.get(kind)
    if reader is None:
        return None
    if not isinstance(payload, Mapping):
        raise Unreadable(f"The payload of {kind} is no object")
    return reader(payload)


def pull_request(found: object, repository: str) -> PullRequest:
    said = _Object(found, "pull request")
    merged = said.time("merged_at")
    closed = said.time("closed_at")
    is_closed = said.text("state") == "closed" or merged is not None
    return PullRequest(
        id=said.id(),
        repository=repository,
        url=said.text("html_url"),
        happened_at=said.instant("updated_at", "created_at"),
        number=said.number("number"),
        title=said.text("title"),
        body=said.text("body"),
        author=said.login("user"),
        state="merged" if merged else "closed" if is_closed else "open",
        draft=said.truth("draft"),
        labels=said.labels(),
        base=said.inner("base").text("ref"),
        head=said.inner("head").text("ref"),
        head_commit=said.inner("head").text("sha"),
        merge_commit=said.text("merge_commit_sha") or None if merged else None,
        opened_at=said.instant("created_at", "updated_at"),
        closed_at=merged or closed,
    )


def issue(found: object, repository: str, deleted: bool = False) -> Issue:
    said = _Object(found, "issue")
    state: Literal["open", "closed"] = "closed" if said.text("state") == "closed" else "open"
    return Issue(
        id=said.id(),
        repository=repository,
        url=said.text("html_url"),
        happened_at=said.instant("updated_at", "created_at"),
        number=said.number("number"),
        title=said.text("title"),
        body=said.text("body"),
        author=said.login("user"),
        assignees=sorted(_Object(each, "user").text("login") for each in said.elements("assignees")),
        state="deleted" if deleted else state,
        reason=said.text("state_reason") or None if state == "closed" else None,
        labels=said.labels(),
        opened_at=said.instant("created_at", "updated_at"),
        closed_at=said.time("closed_at"),
    )


def review(found: object, repository: str, number: int) -> Review:
    said = _Object(found, "review")
    return Review(
        id=said.id(),
        repository=repository,
        url=said.text("html_url"),
        happened_at=said.instant("submitted_at", "updated_at"),
        pull_request=number,
        body=said.text("body"),
        author=said.login("user"),
        state=said.text("state").lower(),
        commit=said.text("commit_id") or None,
    )


def release(found: object, repository: str, deleted: bool = False) -> Release:
    said = _Object(found, "release")
    return Release(
        id=said.id(),
        repository=repository,
        url=said.text("html_url"),
        # Older servers do not tell when it was changed last.
        happened_at=said.instant("updated_at", "published_at", "created_at"),
        tag=said.text("tag_name"),
        title=said.text("name"),
        body=said.text("body"),
        author=said.login("author"),
        draft=said.truth("draft"),
        prerelease=said.truth("prerelease"),
        deleted=deleted,
    )


def workflow_run(found: object, repository: str) -> WorkflowRun:
    said = _Object(found, "workflow run")
    return WorkflowRun(
        id=said.id(),
        repository=repository,
        url=said.text("html_url"),
        happened_at=said.instant("updated_at", "created_at"),
        name=said.text("name"),
        branch=said.text("head_branch") or None,
        commit=said.text("head_sha"),
        status=said.text("status"),
        conclusion=said.text("conclusion") or None,
        attempt=said.count("run_attempt") or 1,
    )


def branch(found: object, repository: object) -> Branch:
    """Of an element of `GET /repos/{owner}/{name}/branches`, and the repository's object. GitHub does not tell when it was pushed to, only
    when the repository last was."""
    said, where = _Object(found, "branch"), _Object(repository, "repository")
    return _branch(where, _HEADS + said.required("name"), said.inner("commit").required("sha"))


def gone_branch(name: str, repository: object) -> Branch:
    """Of a branch that was there and is there no more."""
    return _branch(_Object(repository, "repository"), _HEADS + name, None)


def repository_name(found: object) -> str:
    """`owner/name` of a repository's object."""
    return _Object(found, "repository").required("full_name")


def _push(payload: Mapping[str, Any]) -> Branch:
    said = _Object(payload, "push")
    after = _NO_COMMIT if said.truth("deleted") else said.required("after")
    return _branch(said.inner("repository"), said.required("ref"), None if after == _NO_COMMIT else after)


def _branch(repository: _Object, ref: str, commit: str | None) -> Branch:
    name = repository.required("full_name")
    return Branch(
        id=f"{repository.id()}:{ref}",
        repository=name,
        url=f"{repository.text('html_url')}/tree/{ref.removeprefix(_HEADS)}",
        happened_at=repository.instant("pushed_at", "updated_at"),
        ref=ref,
        commit=commit,
    )


def _of(member: str, read: Callable[[object, str], Fact]) -> Callable[[Mapping[str, Any]], Fact]:
    return lambda payload: read(payload.get(member), repository_name(payload.get("repository")))


def _delivered_issue(payload: Mapping[str, Any]) -> Issue:
    gone = payload.get("action") in ("deleted", "transferred")
    return issue(payload.get("issue"), repository_name(payload.get("repository")), gone)


def _delivered_release(payload: Mapping[str, Any]) -> Release:
    gone = payload.get("action") in ("deleted", "unpublished")
    return release(payload.get("release"), repository_name(payload.get("repository")), gone)


def _delivered_review(payload: Mapping[str, Any]) -> Review:
    number = _Object(payload.get("pull_request"), "pull request").number("number")
    return review(payload.get("review"), repository_name(payload.get("repository")), number)


_DELIVERED: Mapping[str, Callable[[Mapping[str, Any]], Fact]] = {
    "pull_request": _of("pull_request", pull_request),
    "pull_request_target": _of("pull_request", pull_request),
    "issues": _delivered_issue,
    "pull_request_review": _delivered_review,
    "release": _delivered_release,
    "workflow_run": _of("workflow_run", workflow_run),
    "push": _push,
}


class _Object:
    """An object of GitHub's, whose members may be missing, null, or of another type than they should be."""

    def __init__(self, found: object, what: str) -> None:
        self._what = what
        self._members: Mapping[str, Any] = found if isinstance(found, Mapping) else {}

    def inner(self, name: str) -> _Object:
        return _Object(self._members.get(name), name)

    def elements(self, name: str) -> list[object]:
        value = self._members.get(name)
        return value if isinstance(value, list) else []

    def text(self, name: str) -> str:
        value = self._members.get(name)
        return _whole(value) if isinstance(value, str) else ""

    def required(self, name: str) -> str:
        if not (value := self.text(name)):
            raise Unreadable(f"The {self._what} has no {name}")
        return value

    def count(self, name: str) -> int:
        value = self._members.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST else 0

    def number(self, name: str) -> int:
        if (value := self.count(name)) <= 0:
            raise Unreadable(f"The {self._what} has no {name}")
        return value

    def id(self) -> str:
        return str(self.number("id"))

    def truth(self, name: str) -> bool:
        return self._members.get(name) is True

    def login(self, name: str) -> str:
        return self.inner(name).text("login") or NOBODY

    def labels(self) -> list[str]:
        names = (
            _Object(each if isinstance(each, Mapping) else {"name": each}, "label").text("name")
            for each in self.elements("labels")
        )
        return sorted({name for name in names if name})

    def time(self, name: str) -> datetime | None:
        """An instant, written as text or, in a push, as seconds since 1970."""
        value = self._members.get(name)
        try:
            if isinstance(value, int) and not isinstance(value, bool):
                return datetime.fromtimestamp(value, UTC)
            if isinstance(value, str) and value:
                read = datetime.fromisoformat(value)
                return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
        except (ValueError, OverflowError, OSError):
            return None
        return None

    def instant(self, *names: str) -> datetime:
        """The first of these that is one."""
        for name in names:
            if (found := self.time(name)) is not None:
                return found
        raise Unreadable(f"The {self._what} has no {names[0]}")


def _whole(text: str) -> str:
    """With one kind of line end, and without halves of characters, which JSON lets through and nothing else does."""
    return text.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
