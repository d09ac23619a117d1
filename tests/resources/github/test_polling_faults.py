"""The poller when GitHub fails half of the time, and when the process is killed: complete, without doubles, never stuck."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from github_objects import Repository, sha
from github_polled import NAME, expected, filled, look, look_until_quiet, waiting
from github_server import DROP, HALF, HTML, SERVER_ERROR, Fault, GitHubServer, Received

from resources.github.client import Answer, GitHub
from resources.github.credentials import Token
from resources.inbox import Inbox

pytestmark = pytest.mark.integration


class TestFaults:
    @pytest.mark.parametrize("seed", range(3))
    def test_complete_and_without_doubles(self, server: GitHubServer, inbox: Inbox, seed: int) -> None:
        """It fails half of the time, limits, changes between pages, and each tick has little time."""
        chance = random.Random(seed)
        server.page_size = 7
        for name in ("ada/engine", "ada/loom", "bob/mill"):
            filled(server.repository(name))
        busy = [True]

        def fault(_request: Received) -> Fault | None:
            if chance.random() > (0.5 if busy[0] else 0.1):
                return None
            if chance.random() < 0.02:
                return Fault(
                    403, '{"message": "You have exceeded a secondary rate limit"}', headers={"retry-after": "30"}
                )
            return chance.choice([DROP, SERVER_ERROR, HTML, HALF])

        def change(_request: Received) -> None:
            if busy[0] and chance.random() < 0.3:
                where = chance.choice(list(server.repositories.values()))
                number = chance.randint(1, 40)
                kind = chance.choice(["pull", "issue", "run", "review", "push", "vanish"])
                if kind == "review":
                    where.review(chance.choice(list(where.pulls)))
                elif kind == "push":
                    where.push(f"topic/{number:03}", sha(chance.randint(1, 10**9)))
                elif kind == "vanish":
                    where.issues.pop(number, None)
                else:
                    where.put(kind, number, title=f"Title {chance.random()}")

        server.fault, server.before = fault, change
        for _ in range(15):
            server.tick(60)
            look(server, inbox, seconds=0.25)
        busy[0] = False
        look_until_quiet(server, inbox, 100)
        server.fault = lambda _request: None
        look_until_quiet(server, inbox)
        found, there = waiting(inbox), expected(server)
        assert there.items() <= found.items()
        assert all(":issue:" in subject for subject in found.keys() - there.keys())  # those that vanished
        assert server.most_at_once == 1

    def test_one_bad_object_is_told_and_the_others_are_taken(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        engine.put("pull", 1)
        engine.put("pull", 2)["id"] = None
        engine.pulls[2]["id"] = None
        report = look(server, inbox)
        assert report.new == 1
        assert "Some pull requests of ada/engine cannot be read (The pull request has no id)." in report.problems

    def test_pages_in_a_circle_end(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.put("pull")
        here = f'<{server.url}/repos/ada/engine/releases?page=2>; rel="next"'
        server.fault = lambda request: Fault(200, "[]", headers={"link": here}) if request.name == "releases" else None
        report = look(server, inbox, seconds=5)
        assert report.problems == ["GitHub's pages of the releases of ada/engine go round in a circle."]
        assert len(server.asked("releases")) < 6

    def test_a_page_that_always_fails_does_not_hide_the_rest(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 5
        filled(engine)
        server.fault = lambda request: SERVER_ERROR if request.name == "pulls" and request.page == 3 else None
        for _ in range(8):
            server.tick(60)
            report = look(server, inbox)
            assert any("pull requests of ada/engine (500" in each for each in report.problems)
        pull = engine.put("pull", title="At the top")
        for _ in range(4):
            look(server, inbox)
        assert f"github:pull_request:{pull['id']}" in waiting(inbox)
        server.fault = lambda _request: None
        look_until_quiet(server, inbox)
        assert waiting(inbox) == expected(server)


class Killed(BaseException):
    """The process ends here."""


class DyingClient(GitHub):
    """Its process is killed at its `n`-th question."""

    def __init__(self, server: GitHubServer, n: int) -> None:
        super().__init__(Token(None), server.url, now=lambda: server.clock, pause_s=0.001)
        self.left = n

    def get(self, *arguments: Any, **named: Any) -> Answer:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return super().get(*arguments, **named)


class DyingInbox(Inbox):
    """Its process is killed after its `n`-th transaction."""

    left = 0

    def add(self, events: Any) -> list[bool]:
        new = super().add(events)
        self._dies()
        return new

    def set_cursor(self, name: str, value: str) -> None:
        super().set_cursor(name, value)
        self._dies()

    def _dies(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


class TestKills:
    def test_killed_at_every_question(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        server.page_size = 4
        filled(engine, 9, 9, 9, 5, 9)
        killed = 0
        for n in range(100):
            try:
                look(server, inbox, client=DyingClient(server, n))
                break
            except Killed:
                killed += 1
        look_until_quiet(server, inbox)
        assert killed > 10
        assert waiting(inbox) == expected(server)

    def test_killed_after_every_transaction(self, server: GitHubServer, engine: Repository, tmp_path: Path) -> None:
        server.page_size = 4
        filled(engine, 5, 0, 0, 0, 5)
        engine.put("run", 1, status="queued")
        for n in range(100):
            inbox = DyingInbox(f"sqlite:///{tmp_path / f'{n}.db'}")
            inbox.left = n
            try:
                look(server, inbox)
            except Killed:
                inbox.left = 10**9
                look_until_quiet(server, inbox)
                assert waiting(inbox) == expected(server), n
            else:
                assert n > 10
                return
            finally:
                inbox.close()
        raise AssertionError("never alive")

    def test_a_cursor_moves_only_after_its_list_was_read(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 5
        filled(engine, 20, 0, 0, 0, 0)
        with pytest.raises(Killed):
            look(server, inbox, client=DyingClient(server, 4))
        assert inbox.cursor(f"github:{NAME}:pulls") is None
        assert inbox.counts() == {"waiting": 10}
        look_until_quiet(server, inbox)
        assert inbox.cursor(f"github:{NAME}:pulls") is not None

    def test_a_step_that_kills_is_not_the_first_again(self, server: GitHubServer, inbox: Inbox) -> None:
        for name in ("ada/engine", "bob/mill"):
            server.repository(name).put("pull")
        for n in (0, 0, 0):
            with pytest.raises(Killed):
                look(server, inbox, client=DyingClient(server, n))
        assert inbox.cursor("github:turn") == "github:ada/engine:runs"

    def test_a_spoilt_cursor_counts_as_none(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        filled(engine, 3, 3, 3, 3, 3)
        look(server, inbox)
        for name in ("pulls", "reviews", "issues", "runs", "releases", "branches"):
            inbox.set_cursor(f"github:{NAME}:{name}", '{"repository": "no number"}')
        for name in (f"github:{NAME}", "github:wait", "github:turn"):
            inbox.set_cursor(name, "{rubbish")
        assert not look(server, inbox).problems
        assert waiting(inbox) == expected(server)
