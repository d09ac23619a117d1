"""Looks at a Sentry of the tests, and what the inbox makes of it."""

from __future__ import annotations

import json
import time
from typing import Any

from pydantic import SecretStr
from sentry_objects import caught
from sentry_server import SentryServer

from resources.inbox import Inbox, Kept
from resources.rest.polling import PollReport
from resources.sentry_issues.client import SentryApi
from resources.sentry_issues.polling import poll

TOKEN = "canarytoken0123456789abcdefCANARY"
SHELF, CARDS = "fern/shelf", "fern/cards"


def wrong() -> None:
    {}["left"]


SDK = caught(wrong)


def look(
    sentry: SentryServer,
    inbox: Inbox,
    *projects: str,
    seconds: float = 20,
    token: str = TOKEN,
    minutes: float = 1,
    every_open: bool = False,
    **options: Any,
) -> PollReport:
    """One tick, a minute after the last."""
    sentry.tick(minutes * 60)
    options = {"now": lambda: sentry.clock, "pause_s": 0.002} | options
    with SentryApi(SecretStr(token), sentry.url, **options) as client:
        return poll(
            client, inbox, projects or (SHELF,), time.monotonic() + seconds, sentry.clock, every_open=every_open
        )


def newest(inbox: Inbox) -> dict[str, Kept]:
    """By subject: what is or will be made of it."""
    counted = [each for each in inbox.latest(limit=10**6) if each.state in ("waiting", "leased", "done")]
    return {each.subject: each for each in sorted(counted, key=lambda each: (each.happened_at, each.id))}


def effects(inbox: Inbox) -> list[str]:
    """The subjects of which something is made now."""
    subjects = []
    while (batch := inbox.lease()) is not None:
        subjects += [each.subject for each in batch.events]
        inbox.finish(batch.id, [each.id for each in batch.events], {})
    return sorted(subjects)


def stands(inbox: Inbox) -> dict[str, tuple[str, str | None]]:
    """Status and substatus of each issue, as the inbox knows it."""
    known = [json.loads(each.payload) for each in newest(inbox).values() if each.kind == "issue"]
    return {each["id"]: (each["status"], each["substatus"]) for each in known}


def truth(sentry: SentryServer, project: str = SHELF) -> dict[str, tuple[str, str | None]]:
    return {number: (each["status"], each["substatus"]) for number, each in sentry.projects[project].items()}


def errors(inbox: Inbox) -> set[str]:
    return {subject.rpartition(":")[2] for subject in newest(inbox) if subject.startswith("sentry:error:")}
