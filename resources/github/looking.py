"""One step of a look: one list of one repository, from the client to the inbox.

What belongs here: what is kept of each list, in which order it is written, and how a failed step is gone on with.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ValidationError

from resources.github.client import GitHub
from resources.github.events import event_of
from resources.github.facts import Branch, Fact, PullRequest, Release
from resources.github.feeds import (
    BRANCHES,
    ISSUES,
    PULLS,
    RELEASES,
    REVIEWS,
    RUNS,
    Feed,
    Found,
    Repository,
    instant,
    repository_of,
    review,
    reviews_url,
    run_url,
)
from resources.github.position import Page, Position, load_position, save_position
from resources.github.reading import Unreadable, gone_branch
from resources.github.walking import Walker
from resources.inbox import Inbox
from resources.language_model.agent import content_hash
from resources.rest.errors import Broken, Denied, Missing, OutOfTime, RestError
from resources.rest.polling import PollReport

FEEDS: Sequence[Feed | None] = (PULLS, None, ISSUES, RUNS, RELEASES, BRANCHES)
"""In the order in which a repository's are read; None is the reviews of the pull requests that changed."""
GIVEN_UP_AFTER = timedelta(days=40)
"""GitHub ends a workflow run, with all that it may wait for, before."""


@dataclass(frozen=True)
class Step:
    """A list of a repository; `feed` None for the reviews."""

    repository: str
    feed: Feed | None

    @property
    def name(self) -> str:
        return f"github:{self.repository.lower()}:{(self.feed or REVIEWS).name}"


def steps_of(repositories: Iterable[str]) -> list[Step]:
    unique: dict[str, str] = {}
    for name in repositories:
        unique.setdefault(name.lower(), name)
    return [Step(name, feed) for name in unique.values() for feed in FEEDS]


class _Kept(BaseModel):
    """A repository as it was last told."""

    etag: str | None
    found: dict[str, Any]


class Look:
    """What the steps of one look share."""

    def __init__(
        self, client: GitHub, inbox: Inbox, deadline: float, horizon: datetime, now: datetime, report: PollReport
    ) -> None:
        self._client, self._inbox, self._deadline = client, inbox, deadline
        self._horizon, self._now, self.report = horizon, now, report
        self._repositories: dict[str, Repository | None] = {}

    def take(self, step: Step) -> None:
        """Raises RestError; what was begun is kept where it makes sense to go on with it."""
        repository = self._repository(step.repository)
        if repository is None or (step.feed is ISSUES and repository.found.get("has_issues") is False):
            return
        position = load_position(self._inbox, step.name, repository.id)
        if step.feed is None:
            self._reviews(step, repository, position)
        else:
            self._list(step, step.feed, repository, position)

    def _repository(self, name: str) -> Repository | None:
        """Asked for once a look; None where that failed already."""
        if name not in self._repositories:
            self._repositories[name] = None
            self._repositories[name] = repository = self._told(name)
            self.report.looked_at.add(name)
            if repository.name.lower() != name.lower():
                self.report.problem(
                    f"{name} is called {repository.name} now; write that into SOLOIST_GITHUB_REPOSITORIES, before somebody else takes "
                    "the old name."
                )
        return self._repositories[name]

    def _told(self, name: str) -> Repository:
        key = f"github:{name.lower()}"
        try:
            kept = _Kept.model_validate_json(self._inbox.cursor(key) or "")
        except ValidationError:
            kept = None
        answer = self._client.get(f"repos/{name}", f"repository {name}", kept.etag if kept else None, self._deadline)
        try:
            if kept and answer.unchanged:
                return repository_of(kept.found)
            repository = repository_of(answer.body)
        except Unreadable as error:
            raise Broken(f"GitHub's answer for the repository {name} cannot be used ({error}).") from None
        self._inbox.set_cursor(key, _Kept(etag=answer.etag, found=dict(repository.found)).model_dump_json())
        return repository

    def _list(self, step: Step, feed: Feed, repository: Repository, position: Position) -> None:
        def take(items: Iterable[Found], since: datetime) -> dict[str, str]:
            return self._take(step, feed, repository, position, items, since)

        walker = Walker(self._client, feed, repository, self._horizon, self._deadline, take)
        try:
            after = walker.walk(position)
            if feed is RUNS:
                self._old_runs(repository, position, after)
            if feed is BRANCHES and after.items != position.items:
                self._gone_branches(repository, position, after)
                if self._told(step.repository).found != repository.found:
                    # Pushed to meanwhile: what was read may be newer than the instant that it was given. It is read again.
                    return
        except RestError as error:
            save_position(self._inbox, step.name, walker.resumed(error))
            raise
        save_position(self._inbox, step.name, after)

    def _take(
        self,
        step: Step,
        feed: Feed,
        repository: Repository,
        position: Position,
        items: Iterable[Found],
        since: datetime,
    ) -> dict[str, str]:
        """Adds to the inbox what is not older than `since`, and not remembered; tells of all what they say."""
        facts = [fact for item in items if (fact := self._fact(feed, repository, item)) is not None]
        said = {fact.id: feed.mark(fact) for fact in facts}
        known = position.items
        wanted = [
            fact
            for fact in facts
            if (feed.dated is None or fact.happened_at >= since)
            and not (feed.remembers and known.get(fact.id) == said[fact.id])
        ]
        if feed is PULLS:
            # Before the pull requests themselves: killed in between, both are read again.
            self._ask_for_reviews(
                step.repository, repository, [fact.number for fact in wanted if isinstance(fact, PullRequest)]
            )
        if feed is RUNS:
            _note_unfinished(items, position)
        self._add(wanted)
        return said

    def _fact(self, feed: Feed, repository: Repository, item: Found) -> Fact | None:
        try:
            return feed.read(item, repository)
        except Unreadable as error:
            self.report.problem(f"Some {feed.what} of {repository.name} cannot be read ({error}).")
            return None

    def _add(self, facts: Iterable[Fact]) -> None:
        self.report.new += sum(self._inbox.add([event_of(fact, self._delivery(fact)) for fact in facts]))

    def _delivery(self, fact: Fact) -> str:
        """Equal for what is read twice. What may say again what it said before without a new instant has the look's instant as well."""
        occasion = self._now.isoformat() if isinstance(fact, Branch | Release) else ""
        return f"poll:{content_hash(fact.subject, fact.says, fact.happened_at.isoformat(), occasion)[:32]}"

    def _ask_for_reviews(self, name: str, repository: Repository, numbers: list[int]) -> None:
        step = Step(name, None)
        position = load_position(self._inbox, step.name, repository.id)
        position.pending += [number for number in numbers if number not in position.pending]
        save_position(self._inbox, step.name, position)

    def _reviews(self, step: Step, repository: Repository, position: Position) -> None:
        pending = position.pending
        try:
            while pending:
                if time.monotonic() >= self._deadline:
                    raise OutOfTime(f"The time was over in the middle of the reviews of {repository.name}.")
                with suppress(Missing):
                    self._reviews_of(repository, pending[0])
                del pending[0]
        except (Broken, Denied):
            # The others first, the next time.
            pending.append(pending.pop(0))
            raise
        finally:
            save_position(self._inbox, step.name, position)

    def _reviews_of(self, repository: Repository, number: int) -> None:
        url: str | None = reviews_url(repository, number)
        feed = replace(REVIEWS, read=lambda found, repository: review(found, repository, number))
        while url is not None:
            answer = self._client.get(url, f"reviews of {repository.name}#{number}", None, self._deadline)
            facts = [self._fact(feed, repository, item) for item in feed.items(answer.body)]
            self._add(fact for fact in facts if fact is not None)
            url = answer.next

    def _old_runs(self, repository: Repository, before: Position, after: Position) -> None:
        """Asks one by one for those that are older than what the list is read for, and were not completed."""
        floor = RUNS.floor(after.newest, self._horizon)
        for number, created in list(after.unfinished.items()):
            if created >= floor:
                continue
            if created < self._now - GIVEN_UP_AFTER:
                del after.unfinished[number]
                continue
            url = run_url(repository, number)
            known = before.pages.get(url)
            try:
                answer = self._client.get(
                    url, f"workflow run of {repository.name}", known.etag if known else None, self._deadline
                )
            except Denied:
                del after.unfinished[number]
                continue
            after.pages[url] = Page(etag=answer.etag)
            if not answer.unchanged and isinstance(answer.body, dict):
                _note_unfinished([answer.body], after)
                self._add(fact for fact in [self._fact(RUNS, repository, answer.body)] if fact is not None)

    def _gone_branches(self, repository: Repository, before: Position, after: Position) -> None:
        names = (key.partition(":refs/heads/")[2] for key in before.items.keys() - after.items.keys())
        self._add(gone_branch(name, repository.found) for name in sorted(names))


def _note_unfinished(items: Iterable[Found], position: Position) -> None:
    for item in items:
        number, created = item.get("id"), instant(item.get("created_at"))
        if not isinstance(number, int) or created is None:
            continue
        if item.get("status") == "completed":
            position.unfinished.pop(number, None)
        else:
            position.unfinished[number] = created
