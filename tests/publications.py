"""What the tests of the outbox share: effects, a policy that lets them through, and a round of publishing against loopback servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from resources.github.client import GitHub
from resources.github.credentials import Token
from resources.outbox import (
    AddLabels,
    Effect,
    KeepComment,
    LinkSentryIssue,
    OpenIssue,
    OpenPullRequest,
    Outbox,
)
from resources.outbox.policy import Policy
from resources.outbox.publisher import Published, publish
from resources.sentry_issues.client import SentryApi
from tests.github_server import GitHubServer
from tests.github_writes import commit_on
from tests.sentry_server import SentryServer

NAME = "ada/engine"
PROJECT = "fern/shelf"
TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
SENTRY_TOKEN = "sntryu_0123456789abcdef0123456789abcdef"
SECRET = "Correct-Horse-Battery-9"
START = datetime(2026, 11, 20, 9, tzinfo=UTC)
POLICY = Policy(frozenset({NAME}), frozenset({"ada/alerts"}), frozenset({PROJECT}), (TOKEN, SENTRY_TOKEN, SECRET))


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass
class World:
    """A GitHub with a repository, a pull request and an issue in it, a Sentry with an issue, and an outbox."""

    github: GitHubServer
    sentry: SentryServer
    outbox: Outbox
    clock: Clock
    number: int
    issue: str
    base_commit: str
    try_s: float = 20.0
    """Seconds that GitHub and Sentry have for an answer."""

    def publish(self, policy: Policy = POLICY, budget_s: float = 50.0) -> Published:
        with (
            asking(self.github, self.clock, self.try_s) as github,
            asking_sentry(self.sentry, self.clock, self.try_s) as sentry,
        ):
            return publish(self.outbox, github, sentry, policy, budget_s)

    def publish_until_quiet(self, rounds: int = 30, policy: Policy = POLICY) -> list[Published]:
        """Rounds, hours apart, until nothing waits."""
        told = []
        for _ in range(rounds):
            told.append(self.publish(policy))
            if not set(self.outbox.counts()) & {"waiting", "leased"}:
                return told
            self.clock.tick(hours=8)
        raise AssertionError(f"never quiet: {told[-1]}")

    def put(self, effect: Effect, key: str = "review:ada/engine#1") -> bool:
        return self.outbox.put({key: effect})[0]

    @property
    def comments(self) -> list[dict[str, Any]]:
        return self.github.written[NAME].every_comment()

    @property
    def pulls(self) -> list[dict[str, Any]]:
        """But for the one that was there before."""
        return [each for each in self.github.repositories[NAME].pulls.values() if each["number"] != self.number]

    @property
    def issues(self) -> list[dict[str, Any]]:
        return list(self.github.repositories[NAME].issues.values())

    @property
    def notes(self) -> list[dict[str, Any]]:
        return self.sentry.notes.get(self.issue, [])

    def comment(self, body: str = "One finding.", **members: Any) -> KeepComment:
        return KeepComment(**{"repository": NAME, "number": self.number, "body": body} | members)

    def pull_request(self, text: str = "def test(): ...\n", **members: Any) -> OpenPullRequest:
        return OpenPullRequest(
            **{
                "repository": NAME,
                "branch": "soloist/regression-1",
                "base": "main",
                "base_commit": self.base_commit,
                "title": "A regression test",
                "body": "It fails as production did.",
                "files": {"tests/test_crash.py": text},
                "commit_message": "test: the crash of yesterday",
                "labels": ("tests",),
            }
            | members
        )

    def labels(self, *names: str) -> AddLabels:
        return AddLabels(repository=NAME, number=self.number, labels=names or ("reviewed",))

    def alert(self, body: str = "It failed.", **members: Any) -> OpenIssue:
        return OpenIssue(**{"repository": NAME, "title": "Runs fail", "body": body} | members)

    def link(self, **members: Any) -> LinkSentryIssue:
        target = {} if "result_of" in members else {"url": "https://github.example/ada/engine/pull/2"}
        return LinkSentryIssue(
            **{"organization": "fern", "issue": self.issue, "text": "A regression test:"} | target | members
        )

    def every_verb(self) -> dict[str, Effect]:
        return {
            "pull:1": self.pull_request(),
            "comment:1": self.comment(),
            "labels:1": self.labels(),
            "alert:1": self.alert(),
            "link:1": self.link(result_of="pull:1"),
        }

    def assert_each_is_there_once(self) -> None:
        """Of `every_verb`."""
        assert [each["body"] for each in self.comments] == ["One finding.\n\n<!-- soloist:comment:1 -->"]
        (pull,) = self.pulls
        assert (pull["title"], pull["state"]) == ("A regression test", "open")
        assert [each["name"] for each in pull["labels"]] == ["tests"]
        assert [each["title"] for each in self.issues] == ["Runs fail"]
        assert [each["data"]["text"] for each in self.notes] == [f"A regression test:\n\n{pull['html_url']}"]
        reviewed = self.github.repositories[NAME].pulls[self.number]["labels"]
        assert [each["name"] for each in reviewed] == ["feature", "reviewed"]
        assert self.outbox.counts() == {"sent": 5}


def world(github: GitHubServer, sentry: SentryServer, url: str) -> World:
    repository = github.repository(NAME)
    base_commit = commit_on(github, repository)
    number = repository.put("pull")["number"]
    github.limit = github.remaining = sentry.limit = sentry.remaining = 10**9
    clock = Clock()
    return World(github, sentry, Outbox(url, clock), clock, number, sentry.put(PROJECT), base_commit)


def asking(server: GitHubServer, clock: Callable[[], datetime], try_s: float = 20.0) -> GitHub:
    return GitHub(Token(SecretStr(TOKEN)), server.url, now=clock, pause_s=0.001, try_s=try_s, write_pause_s=0)


def asking_sentry(server: SentryServer, clock: Callable[[], datetime], try_s: float = 20.0) -> SentryApi:
    return SentryApi(SecretStr(SENTRY_TOKEN), server.url, now=clock, pause_s=0.001, try_s=try_s)


def only(sequence: Iterable[Any]) -> Any:
    (one,) = sequence
    return one
