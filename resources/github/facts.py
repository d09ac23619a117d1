"""What is taken from GitHub, in one shape whichever way it came: webhooks and the REST API say the same of a pull request in different
objects.

A fact holds only what both ways tell. Its subject is GitHub's own number for the thing, so that it survives a renamed repository.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from resources.language_model.agent import content_hash
from resources.rows import Row


class Fact(Row):
    """One thing on GitHub as it was at `happened_at`."""

    kind: ClassVar[str]

    id: str
    repository: str
    """`owner/name`, as GitHub spells it now."""
    url: str
    happened_at: datetime

    @property
    def subject(self) -> str:
        return f"github:{self.kind}:{self.id}"

    @property
    def says(self) -> str:
        """Hash of all but the instant."""
        return content_hash(self.model_dump(mode="json", exclude={"happened_at"}))


class PullRequest(Fact):
    """`merge_commit` where it is merged; before that, GitHub names a commit that it makes for trial."""

    kind = "pull_request"

    number: int
    title: str
    body: str
    author: str
    state: Literal["open", "closed", "merged"]
    draft: bool
    labels: list[str]
    base: str
    head: str
    head_commit: str
    merge_commit: str | None
    opened_at: datetime
    closed_at: datetime | None


class Issue(Fact):
    kind = "issue"

    number: int
    title: str
    body: str
    author: str
    assignees: list[str]
    state: Literal["open", "closed", "deleted"]
    reason: str | None
    """Why it was closed: `completed`, `not_planned`, `duplicate`."""
    labels: list[str]
    opened_at: datetime
    closed_at: datetime | None


class Review(Fact):
    """A review that somebody submitted."""

    kind = "review"

    pull_request: int
    body: str
    author: str
    state: str
    """`approved`, `changes_requested`, `commented` or `dismissed`."""
    commit: str | None


class Release(Fact):
    kind = "release"

    tag: str
    title: str
    body: str
    author: str
    draft: bool
    prerelease: bool
    deleted: bool


class WorkflowRun(Fact):
    kind = "workflow_run"

    name: str
    branch: str | None
    commit: str
    status: str
    conclusion: str | None
    attempt: int


class Branch(Fact):
    """A branch or tag and where it points; `commit` is None once it is gone. Its id is the repository's number and the ref."""

    kind = "branch"

    ref: str
    commit: str | None


FACTS: dict[str, type[Fact]] = {fact.kind: fact for fact in (PullRequest, Issue, Review, Release, WorkflowRun, Branch)}
