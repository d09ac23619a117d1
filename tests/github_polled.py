"""What the tests of the poller share: a poll of a loopback GitHub into an inbox on disk, and what the inbox should hold then."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from github_objects import Repository, branch
from github_server import GitHubServer
from pydantic import SecretStr

from resources.github import reading
from resources.github.client import GitHub
from resources.github.credentials import Token
from resources.github.events import event_of
from resources.github.facts import Fact
from resources.github.polling import poll
from resources.inbox import Event, Inbox, Kept
from resources.rest.polling import PollReport

NAME = "ada/engine"
TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
PULLS = "repos/ada/engine/pulls"


def look(
    server: GitHubServer,
    inbox: Inbox,
    names: Iterable[str] | None = None,
    *,
    now: datetime | None = None,
    seconds: float = 30,
    client: GitHub | None = None,
    days: int = 90,
) -> PollReport:
    """One tick, by the clock of the server where none is named."""
    here = now or server.clock
    names = list(server.repositories) if names is None else list(names)
    with client or asking(server, here) as each:
        return poll(each, inbox, names, time.monotonic() + seconds, here, days)


def asking(server: GitHubServer, now: datetime) -> GitHub:
    token = Token(SecretStr(server.token)) if server.token else Token(None)
    return GitHub(token, server.url, now=lambda: now, pause_s=0.001)


def look_until_quiet(server: GitHubServer, inbox: Inbox, ticks: int = 60, **options: float) -> list[PollReport]:
    """Ticks, a minute apart, until one has no problem and brings nothing new."""
    reports = []
    for _ in range(ticks):
        server.tick(60)
        reports.append(look(server, inbox, **options))  # type: ignore[arg-type]
        if reports[-1].new == 0 and not reports[-1].problems and not reports[-1].unfinished:
            return reports
    raise AssertionError(f"never quiet: {reports[-1].sentence}")


def facts_of(where: Repository) -> list[Fact]:
    """Everything that the server has."""
    name = where.object["full_name"]
    return [
        *(reading.pull_request(each, name) for each in where.pulls.values()),
        *(reading.issue(each, name) for each in where.issues.values()),
        *(reading.review(each, name, number) for number, given in where.reviews.items() for each in given),
        *(reading.release(each, name) for each in where.releases.values()),
        *(reading.workflow_run(each, name) for each in where.runs.values()),
        *(reading.branch(branch(each, commit), where.object) for each, commit in where.branches.items()),
    ]


def expected(server: GitHubServer) -> dict[str, str]:
    return {fact.subject: fact.says for each in server.repositories.values() for fact in facts_of(each)}


def waiting(inbox: Inbox) -> dict[str, str]:
    """What waits, by its subject. Each subject once: a second one would be a second effect."""
    kept = inbox.latest("waiting", limit=100_000)
    by_subject = {each.subject: says(each) for each in kept}
    assert len(by_subject) == len(kept), "two events wait about the same thing"
    return by_subject


def says(event: Kept) -> str:
    from resources.github.facts import FACTS

    return FACTS[event.kind].model_validate_json(event.payload).says


def by_webhook(inbox: Inbox, kind: str, payload: object, delivery: str) -> Event:
    fact = reading.delivered(kind, payload)
    assert fact is not None
    event = event_of(fact, delivery)
    inbox.add([event])
    return event


def filled(
    where: Repository, pulls: int = 25, issues: int = 25, runs: int = 25, releases: int = 12, branches: int = 25
) -> None:
    for number in range(max(pulls, issues, runs, releases, branches)):
        if number < pulls:
            pull = where.put("pull")["number"]
            if number % 5 == 0:
                where.review(pull)
        if number < issues:
            where.put("issue")
        if number < runs:
            where.put("run")
        if number < releases:
            where.put("release")
        if number < branches:
            where.push(f"topic/{number:03}", f"{number + 1:040x}")


def later(instant: datetime, **distance: float) -> datetime:
    return instant + timedelta(**distance)


def asking_at(github: GitHubServer, token: str | None = TOKEN, **options: object) -> GitHub:
    secret = SecretStr(token) if token else None
    return GitHub(Token(secret), github.url, **({"now": lambda: github.clock, "pause_s": 0.005} | options))  # type: ignore[arg-type]
