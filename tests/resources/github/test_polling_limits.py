"""The poller within a tick's time and GitHub's limits, and what a refusal of one means for the others."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from github_objects import Repository
from github_polled import NAME, asking, expected, filled, later, look, look_until_quiet, waiting
from github_server import DROP, Fault, GitHubServer

from resources.github.client import GitHub
from resources.github.credentials import Token
from resources.inbox import Inbox

pytestmark = pytest.mark.integration


class TestRepositories:
    def test_one_that_fails_stops_no_other(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.put("pull")
        server.repository("bob/secret").put("pull")
        server.repository("bob/mill").put("issue")
        server.fault = lambda request: (
            Fault(403, '{"message": "Must have push access"}') if "secret" in request.path else None
        )
        report = look(server, inbox, ["no/where", "bob/secret", NAME, "bob/mill"])
        assert report.new == 2
        assert len(report.problems) == 2
        assert "GitHub has no repository no/where" in report.problems[0]
        assert "repository bob/secret (403: Must have push access)" in report.problems[1]
        assert report.looked_at == {NAME, "bob/mill"}

    def test_one_list_that_is_refused_stops_no_other(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        filled(engine, 3, 3, 3, 3, 3)
        server.fault = lambda request: Fault(403, '{"message": "No"}') if request.name == "runs" else None
        report = look(server, inbox)
        assert report.problems == [
            "GitHub does not let somebody without SOLOIST_GITHUB_TOKEN read workflow runs of ada/engine (403: No); give it the permission, "
            "or leave the repository out."
        ]
        assert not any("workflow_run" in subject for subject in waiting(inbox))
        assert len({subject.split(":")[1] for subject in waiting(inbox)}) == 5

    def test_one_whose_issues_are_switched_off_has_none(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        engine.put("pull")
        engine.object["has_issues"] = False
        server.fault = lambda request: Fault(410, '{"message": "Gone"}') if request.name == "issues" else None
        assert look(server, inbox).sentence == "1 new facts of 1 repositories."

    def test_a_renamed_one_is_read_on_and_told(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.put("pull")
        look(server, inbox)
        renamed = server.repositories.pop(NAME)
        server.repositories["ada/motor"] = renamed
        renamed.name, renamed.object = "ada/motor", renamed.object | {"full_name": "ada/motor"}
        server.renamed[NAME] = "ada/motor"
        renamed.put("pull")
        report = look(server, inbox, [NAME])
        assert "ada/engine is called ada/motor now" in report.problems[0]
        assert len(waiting(inbox)) == 2

    def test_a_deleted_one_is_told_once_a_look(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        filled(engine, 3, 3, 3, 3, 3)
        look(server, inbox)
        del server.repositories[NAME]
        asked = len(server.requests)
        report = look(server, inbox, [NAME])
        assert len(report.problems) == len(server.requests) - asked == 1
        assert "GitHub has no repository ada/engine" in report.sentence

    def test_another_one_of_the_same_name_is_read_from_the_start(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        engine.put("pull")
        server.tick(86400)
        engine.put("pull")
        look(server, inbox)
        again = Repository(server.tick, 99, NAME)
        server.repositories[NAME] = again
        again.put("pull", 50, at=later(server.clock, days=-3))
        assert look(server, inbox).new == 1

    def test_twice_the_same_is_once(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.put("pull")
        look(server, inbox, [NAME, "Ada/Engine"])
        assert len(server.asked("pulls")) == 1

    def test_none_at_all(self, server: GitHubServer, inbox: Inbox) -> None:
        assert look(server, inbox, []).sentence == "0 new facts of 0 repositories."
        assert server.requests == []


class TestTime:
    def test_a_round_takes_as_many_ticks_as_it_needs(self, server: GitHubServer, inbox: Inbox) -> None:
        server.page_size = 5
        for name in ("ada/engine", "ada/loom", "bob/mill"):
            filled(server.repository(name), 20, 5, 5, 2, 5)
        server.fault = lambda _request: Fault(delay_s=0.02)
        looked_at: set[str] = set()
        ticks = 0
        while waiting(inbox) != expected(server) and ticks < 100:
            ticks += 1
            server.tick(60)
            began = time.monotonic()
            report = look(server, inbox, seconds=0.2)
            assert time.monotonic() - began < 1.5
            assert not report.problems
            assert report.unfinished
            looked_at |= report.looked_at
        assert 3 < ticks < 100
        assert looked_at == set(server.repositories)

    def test_the_next_tick_goes_on_where_the_time_ran_out(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        filled(engine, 1, 1, 1, 1, 1)
        server.fault = lambda request: Fault(delay_s=30) if request.name == "runs" else None
        report = look(server, inbox, seconds=1)
        assert "The time ran out; the next tick goes on." in report.sentence
        asked = len(server.requests)
        server.fault = lambda _request: None
        look(server, inbox)
        assert [each.name for each in server.requests[asked : asked + 3]] == ["engine", "runs", "releases"]
        assert waiting(inbox) == expected(server)

    def test_a_list_longer_than_a_tick_is_gone_on_with(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 2
        filled(engine, 60, 0, 0, 0, 0)
        server.fault = lambda request: Fault(delay_s=0.03) if request.name == "pulls" else None
        for _ in range(200):
            look(server, inbox, seconds=0.2)
            if len(waiting(inbox)) == len(expected(server)):
                break
        server.fault = lambda _request: None
        look_until_quiet(server, inbox)
        assert waiting(inbox) == expected(server)
        assert len(server.asked("pulls")) < 120  # it did not begin at the top each time

    def test_a_server_that_never_answers_in_time_does_not_hold_the_turn(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        filled(engine, 1, 1, 1, 1, 1)
        server.fault = lambda request: Fault(delay_s=30) if request.name == "pulls" else None
        for _ in range(10):
            look(server, inbox, seconds=0.3)
            kinds = {subject.split(":")[1] for subject in waiting(inbox)}
            if kinds == {"issue", "workflow_run", "release", "branch"}:
                break
        assert kinds == {"issue", "workflow_run", "release", "branch"}


class TestLimits:
    def test_nothing_is_asked_until_the_time_that_github_names(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 3
        filled(engine)
        server.remaining = 20
        began = server.clock
        report = look(server, inbox)
        assert report.waits_until == began + timedelta(minutes=30)
        asked = len(server.requests)
        server.tick(29 * 60)
        report = look(server, inbox)
        assert "rate limit is used up until 2026-11-20 09:3" in report.sentence
        assert len(server.requests) == asked
        server.remaining = 5000
        server.tick(2 * 60)
        assert look(server, inbox).waits_until is None
        look_until_quiet(server, inbox)
        assert waiting(inbox) == expected(server)

    def test_it_is_gone_on_with_where_the_limit_came(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        """With 60 questions an hour a long list takes hours; it must not begin at the top each time."""
        server.page_size = 1
        filled(engine, 100, 0, 0, 0, 0)
        for _ in range(12):
            server.remaining = 60
            look(server, inbox)
            server.tick(3600)
        assert sum(":pull_request:" in subject for subject in waiting(inbox)) == 100

    def test_the_pause_grows_from_tick_to_tick(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        server.fault = lambda _request: Fault(429, "{}")
        pauses = []
        for _ in range(5):
            until = look(server, inbox).waits_until
            assert until is not None
            pauses.append((until - server.clock) // timedelta(minutes=1))
            server.clock = until
        assert pauses == [1, 2, 4, 8, 16]
        server.fault = lambda _request: None
        look(server, inbox)
        assert inbox.cursor("github:wait") == ""

    def test_a_clock_that_was_set_back_does_not_make_it_wait_for_days(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        engine.put("pull")
        server.fault = lambda _request: Fault(429, "{}")
        look(server, inbox, now=later(server.clock, days=30))
        server.fault = lambda _request: None
        assert look(server, inbox).new == 1


class TestRefusals:
    def test_an_expired_token_ends_the_tick(self, engine: Repository, server: GitHubServer, inbox: Inbox) -> None:
        server.token = "ghp_abcdefghijklmnop"
        server.repository("bob/mill")
        with GitHub(Token(None), server.url, now=lambda: server.clock) as client:
            report = look(server, inbox, client=client)
        assert report.sentence == (
            "GitHub refuses somebody without SOLOIST_GITHUB_TOKEN (401: Bad credentials); it is wrong, expired or revoked, so put a new one in."
        )
        assert len(server.requests) == 1
        assert look(server, inbox).problems == []

    def test_nobody_there_ends_the_tick(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        server.repository("bob/mill")
        server.repository("cy/loom")
        server.fault = lambda _request: DROP
        report = look(server, inbox)
        assert "does not answer (ServerDisconnectedError)" in report.sentence
        assert {each.path for each in server.requests} == {"/repos/ada/engine", "/repos/bob/mill"}
        server.fault = lambda _request: None
        assert not look(server, inbox).problems


def test_the_token_is_in_no_cursor(inbox: Inbox) -> None:
    with GitHubServer("ghp_abcdefghijklmnop") as server:
        filled(server.repository(NAME), 3, 3, 3, 3, 3)
        look(server, inbox, client=asking(server, server.clock))
        for name in ("pulls", "issues", "runs", "releases", "branches"):
            assert "ghp_" not in (inbox.cursor(f"github:{NAME}:{name}") or "")
