"""The poller on lists that change while they are read, and on clocks that differ."""

from __future__ import annotations

import pytest
from github_objects import Repository, sha
from github_polled import expected, filled, later, look, look_until_quiet, waiting
from github_server import Fault, GitHubServer, Received

from resources.inbox import Inbox


class TestChangesBetweenPages:
    def test_what_moves_to_the_top_is_met_by_the_next_look(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 10
        for _ in range(30):
            engine.put("pull")

        def touch(request: Received) -> None:
            if request.name == "pulls" and request.page == 2:
                server.before = lambda _request: None
                engine.put("pull", 15, title="Moved up while page 2 was asked for")

        server.before = touch
        look(server, inbox)
        look(server, inbox)
        assert waiting(inbox) == expected(server)

    @pytest.mark.parametrize("kind", ["issue", "run", "release"])
    @pytest.mark.parametrize("at_page", [2, 3])
    def test_what_moves_up_over_the_edge_of_a_page_is_not_lost(
        self, server: GitHubServer, engine: Repository, inbox: Inbox, kind: str, at_page: int
    ) -> None:
        server.page_size = 10
        for _ in range(30):
            engine.put(kind)

        def delete(request: Received) -> None:
            if request.name == f"{kind}s" and request.page == at_page:
                server.before = lambda _request: None
                for number in (28, 27, 26):
                    del getattr(engine, f"{kind}s")[number]

        server.before = delete
        look(server, inbox)
        assert expected(server).items() <= waiting(inbox).items()

    def test_what_moves_up_between_two_ticks_is_not_lost(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 10
        for _ in range(40):
            server.tick(600)
            engine.put("issue")
        refused = Fault(429, "{}", headers={"retry-after": "30"})
        server.fault = lambda request: refused if request.page == 3 else None
        look(server, inbox)
        for number in (38, 37, 36):
            del engine.issues[number]
        server.fault = lambda _request: None
        look_until_quiet(server, inbox)
        assert expected(server).items() <= waiting(inbox).items()

    def test_a_branch_that_went_is_missed_by_a_list_read_in_two_ticks_too(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 10
        filled(engine, 0, 0, 0, 0, 30)
        look(server, inbox)
        engine.push("topic/003", None)
        engine.push("topic/003b", sha(99))
        refused = Fault(429, "{}", headers={"retry-after": "30"})
        server.fault = lambda request: refused if request.page == 2 else None
        look(server, inbox)
        server.fault = lambda _request: None
        look_until_quiet(server, inbox)
        gone = [each.subject for each in inbox.latest("waiting") if b'"commit":null' in each.payload]
        assert [subject.rpartition("/")[2] for subject in gone] == ["003"]

    def test_a_branch_that_moves_up_is_not_taken_for_gone(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 10
        filled(engine, 0, 0, 0, 0, 30)
        look(server, inbox)
        engine.push("topic/020", sha(99))

        def remove(request: Received) -> None:
            if request.name == "branches" and request.page == 2:
                server.before = lambda _request: None
                del engine.branches["topic/003"]

        server.before = remove
        look(server, inbox)
        gone = [each.subject for each in inbox.latest("waiting") if b'"commit":null' in each.payload]
        assert [subject.rpartition("/")[2] for subject in gone] in ([], ["003"])

    def test_a_list_that_lags(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        """What changed before the newest item and shows only after the look."""
        engine.put("pull", 1)
        server.tick(240)
        engine.put("pull", 2)
        look(server, inbox)
        engine.put("pull", 1, at=later(server.clock, minutes=-2), title="Shown late")
        look(server, inbox)
        assert waiting(inbox) == expected(server)

    def test_equal_seconds(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        """What changes in the very second of the newest item, after the look."""
        engine.put("pull", 1)
        look(server, inbox)
        engine.put("pull", 2, at=server.clock)
        engine.put("pull", 1, at=server.clock, title="In the same second")
        look(server, inbox)
        assert waiting(inbox) == expected(server)


class TestClocks:
    @pytest.mark.parametrize("hours", [-30, 30])
    def test_this_machines_clock_may_be_wrong(
        self, server: GitHubServer, engine: Repository, inbox: Inbox, hours: int
    ) -> None:
        filled(engine, 5, 5, 5, 5, 5)
        look(server, inbox, now=later(server.clock, hours=hours))
        server.tick(60)
        engine.put("pull", 2, title="Changed")
        engine.put("issue", 3, title="Changed")
        engine.push("topic/001", sha(9))
        look(server, inbox, now=later(server.clock, hours=hours))
        assert waiting(inbox) == expected(server)

    def test_an_item_from_the_future_hides_nothing(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        engine.put("pull", 1, at=later(server.clock, days=400))
        engine.put("issue", 2, at=later(server.clock, days=400))
        look(server, inbox)
        server.tick(60)
        engine.put("pull", 3)
        engine.put("issue", 4)
        look(server, inbox)
        assert waiting(inbox) == expected(server)
