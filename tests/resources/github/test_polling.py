"""The poller finds everything once, whichever way it comes."""

from __future__ import annotations

import random
from datetime import datetime

from github_objects import Repository, delivered, sha, stamp
from github_polled import NAME, by_webhook, expected, filled, later, look, look_until_quiet, waiting
from github_server import GitHubServer, Received

from resources.github.events import event_of
from resources.inbox import Event, Inbox


class TestWhatIsFound:
    def test_everything_of_a_repository_on_many_pages(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 10
        filled(engine)
        report = look(server, inbox)
        assert waiting(inbox) == expected(server)
        assert report.new == len(expected(server)) == 117
        assert not report.problems
        assert "117 new facts of 1 repositories" in report.sentence
        assert server.most_at_once == 1

    def test_the_first_look_goes_back_so_many_days(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        server.page_size = 3
        old = later(server.clock, days=-91)
        for _ in range(10):
            engine.put("pull", at=old)
            engine.put("issue", at=old)
            engine.put("run", at=old)
            engine.put("release", at=old)
        new = [engine.put(kind) for kind in ("pull", "issue", "run", "release")]
        look(server, inbox, days=90)
        assert {subject.rpartition(":")[2] for subject in waiting(inbox)} == {str(each["id"]) for each in new}
        assert len(server.asked("pulls")) == 1
        assert len(server.asked("runs")) == 1

    def test_a_quiet_look_costs_no_allowance(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        server.page_size = 10
        filled(engine)
        look_until_quiet(server, inbox)
        remaining, asked = server.remaining, len(server.requests)
        server.tick(60)
        assert look(server, inbox).new == 0
        assert server.remaining == remaining
        assert all("if-none-match" in each.headers for each in server.requests[asked:])
        assert set(server.statuses[asked:]) == {304}
        # One page of what is in the order of change, all pages of what changes in place.
        assert [each.name for each in server.requests[asked:]].count("pulls") == 1
        assert len(server.requests) - asked == 1 + 1 + 1 + 3 + 2 + 3

    def test_only_what_changed_is_kept(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        filled(engine)
        look(server, inbox)
        server.tick(3600)
        engine.put("pull", 3, title="Another")
        engine.put("issue", 2, state="closed", closed_at=stamp(server.clock))
        engine.push("topic/001", sha(77))
        engine.put("run", at=server.clock)
        assert look(server, inbox).new == 4
        assert waiting(inbox) == expected(server)

    def test_pull_requests_are_no_issues(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.put("pull")
        look(server, inbox)
        assert [each.kind for each in inbox.latest()] == ["pull_request"]

    def test_a_label_is_a_change(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.put("issue", 1)
        look(server, inbox)
        engine.put("issue", 1, labels=[{"name": "urgent"}])
        assert look(server, inbox).new == 1
        assert waiting(inbox) == expected(server)

    def test_reviews_of_what_changed(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        for _ in range(3):
            engine.put("pull")
            server.tick(3600)
        look(server, inbox)
        server.page_size = 2
        for state in ("COMMENTED", "CHANGES_REQUESTED", "APPROVED", "PENDING"):
            engine.review(2, state=state)
        asked = len(server.requests)
        look(server, inbox)
        assert [each.path for each in server.requests[asked:] if each.name == "reviews"] == [
            "/repos/ada/engine/pulls/2/reviews",
            "/repositories/1/pulls/2/reviews",
        ]
        kept = [each for each in inbox.latest() if each.kind == "review"]
        assert len(kept) == 3

    def test_a_run_that_ends_long_after_it_began(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.put("run", 1, status="waiting", conclusion=None)
        look(server, inbox)
        server.tick(4 * 86400)
        engine.put("run", 2)
        server.tick(4 * 86400)
        engine.put("run", 3)
        look(server, inbox)
        server.tick(600)
        server.page_size = 1
        look_until_quiet(server, inbox)
        engine.runs[1] |= {"status": "completed", "conclusion": "failure", "updated_at": stamp(server.tick())}
        assert look(server, inbox).new == 1
        assert waiting(inbox) == expected(server)
        asked = len(server.requests)
        look(server, inbox)
        assert not [each for each in server.requests[asked:] if each.name.isdigit()]

    def test_a_run_again(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        for _ in range(5):
            engine.put("run")
        look(server, inbox)
        server.tick(3600)
        server.page_size = 2
        engine.put("run", 6)
        look(server, inbox)
        engine.put("run", 2, run_attempt=2, status="in_progress", conclusion=None)
        look(server, inbox)
        assert waiting(inbox) == expected(server)

    def test_a_release_that_is_changed_back(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        """An older server does not tell when; what says again what it said before must win all the same."""
        engine.put("release", 1)
        for prerelease in (False, True, False, True):
            engine.releases[1]["prerelease"] = prerelease
            server.tick(60)
            look(server, inbox)
            assert waiting(inbox) == expected(server)


class TestBranches:
    def test_a_force_push(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.push("main", sha(1))
        for commit in (2, 3, 2):
            server.tick(60)
            look(server, inbox)
            engine.push("main", sha(commit))
        look(server, inbox)
        assert waiting(inbox) == expected(server)

    def test_one_that_goes_and_comes_back(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        engine.push("main", sha(1))
        engine.push("topic", sha(2))
        look(server, inbox)
        engine.push("topic", None)
        assert look(server, inbox).new == 1
        gone = [each for each in inbox.latest("waiting") if each.subject.endswith("topic")]
        assert b'"commit":null' in gone[0].payload
        engine.push("topic", sha(2))
        look(server, inbox)
        assert waiting(inbox) == expected(server)

    def test_a_push_while_the_branches_are_read(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        """It was told by webhook in part: the poll's instant is older than what it saw."""
        engine.push("main", sha(1))
        look(server, inbox)

        def push(request: Received) -> None:
            if request.name == "branches":
                server.before = lambda _request: None
                by_webhook(inbox, "push", engine.push("main", sha(2)), "d1")
                engine.push("main", sha(3))  # this delivery is lost

        server.before = push
        look(server, inbox)
        look(server, inbox)
        assert waiting(inbox) == expected(server)


class TestWebhooks:
    def test_what_came_by_webhook_makes_no_second_event(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        pull = engine.put("pull")
        review = engine.review(pull["number"])
        for number, (kind, payload) in enumerate(
            [
                ("push", engine.push("main", sha(1))),
                ("pull_request", delivered("pull_request", engine.object, "opened", pull_request=engine.pulls[1])),
                (
                    "pull_request_review",
                    delivered("pull_request_review", engine.object, "submitted", review=review, pull_request=pull),
                ),
                ("issues", delivered("issues", engine.object, "opened", issue=engine.put("issue"))),
                ("release", delivered("release", engine.object, "published", release=engine.put("release"))),
                ("workflow_run", delivered("workflow_run", engine.object, "completed", workflow_run=engine.put("run"))),
            ]
        ):
            by_webhook(inbox, kind, payload, f"d{number}")
        look(server, inbox)
        assert inbox.counts() == {"waiting": 6, "duplicate": 6}
        assert waiting(inbox) == expected(server)

    def test_nor_does_it_after_something_was_made_of_it(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        by_webhook(inbox, "issues", delivered("issues", engine.object, "opened", issue=engine.put("issue")), "d1")
        batch = inbox.lease()
        assert batch is not None
        inbox.finish(batch.id, [each.id for each in batch.events], {})
        look(server, inbox)
        assert inbox.counts() == {"done": 1, "duplicate": 1}

    def test_what_was_missed_for_an_hour_is_found_by_the_next_look(
        self, server: GitHubServer, engine: Repository, inbox: Inbox
    ) -> None:
        filled(engine)
        look(server, inbox)
        chance = random.Random(7)
        for number in range(300):
            server.tick(12)
            kind = chance.choice(["pull", "issue", "run"])
            found = engine.put(kind, chance.randint(1, 30), title=f"Title {number}")
            if kind == "issue" and chance.random() < 0.5:
                by_webhook(inbox, "issues", delivered("issues", engine.object, "edited", issue=found), f"d{number}")
        look(server, inbox)
        assert waiting(inbox) == expected(server)

    def test_a_late_webhook_does_not_win(self, server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
        old = delivered("issues", engine.object, "opened", issue=engine.put("issue", 1))
        engine.put("issue", 1, title="Newer")
        look(server, inbox)
        by_webhook(inbox, "issues", old, "late")
        assert waiting(inbox) == expected(server)


def test_an_event_is_the_same_by_either_way(server: GitHubServer, engine: Repository, inbox: Inbox) -> None:
    from resources.github import reading

    issue = engine.put("issue")
    fact = reading.issue(issue, NAME)
    event: Event = event_of(fact, "x")
    look(server, inbox)
    kept = inbox.latest()[0]
    assert (event.subject, event.kind, event.payload, event.happened_at) == (
        kept.subject,
        kept.kind,
        kept.payload,
        kept.happened_at,
    )
    assert kept.delivery_id.startswith("poll:")
    assert len(kept.delivery_id) < 40
    assert isinstance(kept.happened_at, datetime)
