"""What was done on GitHub as worklog entries: merged pull requests, submitted reviews and issues that were dealt with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestration_assets.activity.model import ISSUES, PULL_REQUESTS, SUBMITTED_REVIEWS
from orchestration_assets.worklogs.classification import is_bot
from orchestration_assets.worklogs.model import Entry, Source
from orchestration_assets.worklogs.scope import NOREPLY
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from resources.github.facts import Fact, Issue, PullRequest, Review
    from resources.warehouse import Session

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def activity_entries(session: Session, zone: ZoneInfo) -> list[Entry]:
    """The entries of everything that GitHub told, in the order of time. What an entry was made of once and is one no more is vanished."""
    pulls = {(pull.repository.lower(), pull.number): pull for pull in session.rows(PULL_REQUESTS)}
    return sorted(
        [
            *_pull_requests(pulls.values(), zone),
            *_reviews(session.rows(SUBMITTED_REVIEWS), pulls, zone),
            *_issues(session.rows(ISSUES), zone),
        ],
        key=lambda entry: (entry.authored_at, entry.entry_id),
    )


def _pull_requests(pulls: Iterable[PullRequest], zone: ZoneInfo) -> list[Entry]:
    return [
        _entry(pull, "pull_request", pull.author, pull.title, pull.body, pull.closed_at, zone, pull.number).model_copy(
            update={"tags": pull.labels, "opened_at": pull.opened_at, "merge_commit": pull.merge_commit}
        )
        for pull in pulls
        if pull.state == "merged" and pull.closed_at
    ]


def _reviews(reviews: Iterable[Review], pulls: Mapping[tuple[str, int], PullRequest], zone: ZoneInfo) -> list[Entry]:
    """Not those of one's own pull requests, which are answers to somebody else's."""
    found = []
    for review in reviews:
        pull = pulls.get((review.repository.lower(), review.pull_request))
        if review.state in ("approved", "changes_requested", "commented") and not (
            pull and pull.author == review.author
        ):
            title = pull.title if pull else ""
            found.append(
                _entry(
                    review, "review", review.author, title, review.body, review.happened_at, zone, review.pull_request
                )
            )
    return found


def _issues(issues: Iterable[Issue], zone: ZoneInfo) -> list[Entry]:
    """Those that were closed as done: the work of whoever they were assigned to."""
    return [
        _entry(
            issue,
            "issue",
            (*issue.assignees, issue.author)[0],
            issue.title,
            issue.body,
            issue.closed_at,
            zone,
            issue.number,
        ).model_copy(update={"tags": issue.labels, "opened_at": issue.opened_at})
        for issue in issues
        if issue.state == "closed" and issue.reason in (None, "completed") and issue.closed_at
    ]


def _entry(
    fact: Fact, source: Source, login: str, title: str, body: str, at: datetime | None, zone: ZoneInfo, number: int
) -> Entry:
    assert at is not None
    subject = " ".join(title.split()) or f"#{number}"
    said = _COMMENT.sub("", body).strip()
    text = f"{subject}\n\n{said}" if said else subject
    offset = at.astimezone(zone).utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    return Entry(
        entry_id=content_hash("github", fact.kind, fact.id),
        source=source,
        repository_id=f"{urlsplit(fact.url).hostname or 'github.com'}/{fact.repository}",
        repository=fact.repository,
        text=text,
        subject=subject,
        author_name=login,
        author_email=f"{login.lower()}@{NOREPLY}",
        authored_at=at,
        author_offset=minutes,
        committed_at=at,
        committer_offset=minutes,
        landed_at=at,
        is_bot=is_bot(login, ""),
        number=number,
        url=fact.url or None,
        month=at.astimezone(zone).date().replace(day=1),
        input_hash=content_hash(text, []),
    )
