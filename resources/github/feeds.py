"""The lists of a repository that are polled, each as data: where it is, what its items are read as, and how it changes.

What belongs here: what GitHub's REST API is like. How a list is read without losing anything is in `walking.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from resources.github import reading
from resources.github.facts import Fact
from resources.language_model.agent import content_hash

Found = Mapping[str, Any]
"""An object of GitHub's."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)
"""How far behind the newest is read again: GitHub's instants are whole seconds, and its lists may lag behind."""
RERUN_WITHIN = timedelta(days=1)
"""How old a workflow run is whose rerun is looked for; that of an older one comes by webhook alone."""


@dataclass(frozen=True)
class Repository:
    """As GitHub tells of it now."""

    id: int
    name: str
    found: Found


def repository_of(found: object) -> Repository:
    """Raises Unreadable."""
    name = reading.repository_name(found)
    number = found.get("id") if isinstance(found, Mapping) else None
    if not isinstance(number, int) or not isinstance(found, Mapping):
        raise reading.Unreadable("The repository has no id")
    return Repository(
        number,
        name,
        {key: found.get(key) for key in ("id", "full_name", "html_url", "pushed_at", "updated_at", "has_issues")},
    )


@dataclass(frozen=True)
class Feed:
    """A list of a repository, the newest first."""

    name: str
    what: str
    """As a sentence calls it."""
    path: str
    read: Callable[[Found, Repository], Fact | None]
    """None for what is no such thing. Raises Unreadable."""
    dated: str | None = None
    """The member by whose instant the list is in order; None where it is in no order of time."""
    ordered: bool = True
    """Whether GitHub promises that order."""
    moves: bool = False
    """Whether a change moves an item to the top: then an unchanged first page means that nothing changed at all."""
    since: bool = False
    """Whether the list can be asked for from an instant on."""
    member: str | None = None
    """Under which the list lies in its object."""
    remembers: bool = False
    """Whether what was taken is remembered, so that of a page that changed only what changed is taken."""

    def mark(self, fact: Fact) -> str:
        """What is remembered of a fact. A change of what nothing is taken from counts as well where it moves an item: it may be a review."""
        return content_hash(fact.says, fact.happened_at.isoformat() if self.moves else "")[:16]

    def floor(self, newest: datetime | None, horizon: datetime) -> datetime:
        """What is older need not be read. `horizon` is how far back the first look goes."""
        if self.dated is None:
            return LONG_AGO
        if newest is None or not (self.moves or self.name == "runs"):
            return horizon
        return newest - (OVERLAP if self.moves else RERUN_WITHIN)

    def url(self, repository: Repository, floor: datetime) -> str:
        since = f"&since={floor.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if self.since else ""
        return f"repos/{repository.name}/{self.path}{since}"

    def items(self, body: Any) -> list[Found]:
        found = body.get(self.member) if self.member and isinstance(body, Mapping) else body
        return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []

    def edge(self, items: Iterable[Found]) -> datetime | None:
        """How far back a page of these goes: to its oldest item, where it is in order."""
        instants = [at for item in items if (at := self.instant(item))]
        return (min if self.ordered else max)(instants, default=None)

    def instant(self, item: Found) -> datetime | None:
        return instant(item.get(self.dated)) if self.dated else None


def instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return at.astimezone(UTC) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _issue(found: Found, repository: Repository) -> Fact | None:
    """GitHub lists pull requests among the issues."""
    return None if found.get("pull_request") else reading.issue(found, repository.name)


def review(found: Found, repository: Repository, number: int) -> Fact | None:
    """Not one that its author has not submitted yet."""
    return None if found.get("state") == "PENDING" else reading.review(found, repository.name, number)


def reviews_url(repository: Repository, number: int) -> str:
    return f"repos/{repository.name}/pulls/{number}/reviews?per_page=100"


def run_url(repository: Repository, number: int) -> str:
    return f"repos/{repository.name}/actions/runs/{number}"


PULLS = Feed(
    "pulls",
    "pull requests",
    "pulls?state=all&sort=updated&direction=desc&per_page=100",
    lambda found, repository: reading.pull_request(found, repository.name),
    dated="updated_at",
    moves=True,
    remembers=True,
)
ISSUES = Feed(
    "issues",
    "issues",
    "issues?state=all&sort=updated&direction=desc&per_page=100",
    _issue,
    dated="updated_at",
    moves=True,
    since=True,
    remembers=True,
)
RUNS = Feed(
    "runs",
    "workflow runs",
    "actions/runs?per_page=100",
    lambda found, repository: reading.workflow_run(found, repository.name),
    dated="created_at",
    member="workflow_runs",
)
RELEASES = Feed(
    "releases",
    "releases",
    "releases?per_page=100",
    lambda found, repository: reading.release(found, repository.name),
    dated="created_at",
    ordered=False,
    remembers=True,
)
BRANCHES = Feed(
    "branches",
    "branches",
    "branches?per_page=100",
    lambda found, repository: reading.branch(found, repository.found),
    remembers=True,
)
REVIEWS = Feed("reviews", "reviews", "", lambda _found, _repository: None)
"""Of the pull requests that changed: no list of the repository, but one of each, see `reviews_url` and `review`."""
