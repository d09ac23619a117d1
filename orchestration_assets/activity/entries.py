"""What was done on GitHub as worklog entries: merged pull requests, submitted reviews and issues that were dealt with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestration_assets.activity.model import ISSUES, PULL_REQUESTS, SUBMITTED_REVIEWS
from orchestration_assets.worklogs.classification import is_bot
from orchestration_assets.worklogs.ingestion import local_month
from orchestration_assets.worklogs.model import Entry, Source
from orchestration_assets.worklogs.scope import NOREPLY
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from resources.github.facts import Fact, Issue, PullRequest, Review
    from resources.warehouse import Session

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def activity_entries(session: Session, zone: ZoneInfo, now: datetime) -> list[Entry]:
    """The entries of everything that GitHub told by `now`, in the order of time. What an entry was made of once and is one no more is
    vanished."""
    pulls = {(pull.repository.lower(), pull.number): pull for pull in session.rows(PULL_REQUESTS)}
    return sorted(
        [
            *_pull_requests(pulls.values(), zone, now),
            *_reviews(session.rows(SUBMITTED_REVIEWS), pulls, zone, now),
            *_issues(session.rows(ISSUES), zone, now),
        ],
        key=lambda entry: (entry.authored_at, entry.entry_id),
    )


def without_comments(body: str) -> str:
    """The text of a pull request or an issue, less the comments that a template leaves in it."""
    return _COMMENT.sub("", body).strip()


def _pull_requests(pulls: Iterable[PullRequest], zone: ZoneInfo, now: datetime) -> list[Entry]:
    return [
        _entry(
            pull,
            "pull_request",
            pull.author,
            pull.closed_at,
            zone,
            now,
            number=pull.number,
            title=pull.title,
            body=pull.body,
            tags=pull.labels,
            opened_at=pull.opened_at,
            merge_commit=pull.merge_commit,
        )
        for pull in pulls
        if pull.state == "merged" and pull.closed_at
    ]


def _reviews(
    reviews: Iterable[Review], pulls: Mapping[tuple[str, int], PullRequest], zone: ZoneInfo, now: datetime
) -> list[Entry]:
    """Under the title of what was reviewed. Not those of one's own pull requests, which are answers to somebody else's."""
    found = []
    for review in reviews:
        pull = pulls.get((review.repository.lower(), review.pull_request))
        is_own = pull is not None and pull.author == review.author
        if review.state in ("approved", "changes_requested", "commented") and not is_own:
            title = pull.title if pull else ""
            number, author, at = review.pull_request, review.author, review.happened_at
            found.append(_entry(review, "review", author, at, zone, now, number=number, title=title, body=review.body))
    return found


def _issues(issues: Iterable[Issue], zone: ZoneInfo, now: datetime) -> list[Entry]:
    """Those that were closed as done: the work of whoever they were assigned to."""
    return [
        _entry(
            issue,
            "issue",
            (*issue.assignees, issue.author)[0],
            issue.closed_at,
            zone,
            now,
            number=issue.number,
            title=issue.title,
            body=issue.body,
            tags=issue.labels,
            opened_at=issue.opened_at,
        )
        for issue in issues
        if issue.state == "closed" and issue.reason in (None, "completed") and issue.closed_at
    ]


def _entry(
    fact: Fact,
    source: Source,
    login: str,
    at: datetime,
    zone: ZoneInfo,
    now: datetime,
    *,
    number: int,
    title: str,
    body: str,
    tags: Sequence[str] = (),
    opened_at: datetime | None = None,
    merge_commit: str | None = None,
) -> Entry:
    """The entry of what `login` did at an instant. Its text is title and body, less the comments that a template leaves in it. Like a
    commit's, an instant after `now` is not believed: then the month is that in which it was opened, else today's."""
    subject = " ".join(title.split()) or f"#{number}"
    said = without_comments(body)
    text = f"{subject}\n\n{said}" if said else subject
    local = at.astimezone(zone)
    offset = int((local.utcoffset() or timedelta()).total_seconds() // 60)
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
        author_offset=offset,
        committed_at=at,
        committer_offset=offset,
        landed_at=at,
        is_bot=is_bot(login, ""),
        tags=list(tags),
        number=number,
        url=fact.url or None,
        opened_at=opened_at,
        merge_commit=merge_commit,
        month=local_month(at, opened_at or at, zone, now),
        input_hash=content_hash(text, []),
    )
