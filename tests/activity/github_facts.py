"""Facts of a small repository on GitHub, and the events that tell them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from resources.github.facts import Fact, Issue, PullRequest, Review
from resources.inbox import Event

REPOSITORY = "fern/ledger"


def day(number: int, hour: int = 10) -> datetime:
    """An instant of November 2026."""
    return datetime(2026, 11, number, hour, tzinfo=UTC)


def pull_request(number: int, title: str, **changes: Any) -> PullRequest:
    """One that was merged on the 17th."""
    values: dict[str, Any] = {
        "id": f"1{number}",
        "repository": REPOSITORY,
        "url": f"https://github.com/{REPOSITORY}/pull/{number}",
        "happened_at": day(17, 11),
        "number": number,
        "title": title,
        "body": "",
        "author": "fern",
        "state": "merged",
        "draft": False,
        "labels": [],
        "base": "main",
        "head": "topic",
        "head_commit": "a" * 40,
        "merge_commit": None,
        "opened_at": day(14, 11),
        "closed_at": day(17, 11),
    }
    return PullRequest(**(values | changes))


def review(number: int, **changes: Any) -> Review:
    values: dict[str, Any] = {
        "id": f"2{number}",
        "repository": REPOSITORY,
        "url": f"https://github.com/{REPOSITORY}/pull/{number}#pullrequestreview-2{number}",
        "happened_at": day(18),
        "pull_request": number,
        "body": "Looks good.",
        "author": "fern",
        "state": "approved",
        "commit": None,
    }
    return Review(**(values | changes))


def issue(number: int, title: str, **changes: Any) -> Issue:
    """One that was closed as done on the 17th."""
    values: dict[str, Any] = {
        "id": f"3{number}",
        "repository": REPOSITORY,
        "url": f"https://github.com/{REPOSITORY}/issues/{number}",
        "happened_at": day(17, 12),
        "number": number,
        "title": title,
        "body": "Please.",
        "author": "moss",
        "assignees": ["fern"],
        "state": "closed",
        "reason": "completed",
        "labels": [],
        "opened_at": day(2),
        "closed_at": day(17, 12),
    }
    return Issue(**(values | changes))


def event(fact: Fact, delivery: str | None = None) -> Event:
    return Event(
        source="github",
        delivery_id=delivery or f"{fact.id}:{fact.says}",
        kind=fact.kind,
        subject=fact.subject,
        happened_at=fact.happened_at,
        says=fact.says,
        payload=fact.model_dump_json().encode(),
    )
