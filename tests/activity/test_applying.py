"""Events become rows once, the newest state stays, and what cannot be used holds nobody up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration_assets.activity.applying import apply_waiting
from orchestration_assets.activity.model import ISSUES, PULL_REQUESTS
from orchestration_assets.derivation import Counts
from orchestration_assets.tables import MIGRATIONS, TABLES
from resources.inbox import Inbox
from resources.warehouse import Warehouse
from tests.activity.github_facts import day, event, issue, pull_request


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb", specs=TABLES, migrations=MIGRATIONS)


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    opened = Inbox(f"sqlite:///{tmp_path}/inbox.db")
    yield opened
    opened.close()


def states(warehouse: Warehouse) -> dict[int, str]:
    with warehouse.read() as session:
        return {row.number: row.state for row in session.rows(PULL_REQUESTS)}


def test_events_become_rows_and_are_done(warehouse: Warehouse, inbox: Inbox) -> None:
    inbox.add([event(pull_request(1, "Add a shelf")), event(pull_request(2, "Add a door")), event(issue(3, "Paint"))])
    applied = apply_waiting(warehouse, inbox, None)
    assert states(warehouse) == {1: "merged", 2: "merged"}
    assert applied.counts["pull_requests"] == Counts(read=2, made=2)
    assert applied.counts["issues"] == Counts(read=1, made=1)
    assert applied.problems == []
    assert inbox.counts() == {"done": 3}
    assert apply_waiting(warehouse, inbox, None).counts["pull_requests"] == Counts()


def test_only_the_batch_that_was_asked_for_is_applied(warehouse: Warehouse, inbox: Inbox) -> None:
    inbox.add([event(pull_request(1, "Add a shelf"))])
    batch = inbox.lease()
    inbox.add([event(pull_request(2, "Add a door"))])
    assert batch
    apply_waiting(warehouse, inbox, batch.id)
    assert states(warehouse) == {1: "merged"}
    assert inbox.counts() == {"done": 1, "waiting": 1}


def test_killed_between_writing_and_settling_it_is_applied_again_and_writes_nothing(
    warehouse: Warehouse, inbox: Inbox
) -> None:
    inbox.add([event(pull_request(1, "Add a shelf"))])
    batch = inbox.lease()
    assert batch
    apply_waiting(warehouse, inbox, batch.id)
    inbox.replay([each.id for each in batch.events])
    assert apply_waiting(warehouse, inbox, None).counts["pull_requests"] == Counts(read=1, unchanged=1)
    assert inbox.counts() == {"done": 1}


def test_an_older_state_never_comes_over_a_newer_one(warehouse: Warehouse, inbox: Inbox) -> None:
    """Two runs at once, of which the one with the older batch is the last to write."""
    inbox.add([event(pull_request(1, "Add a shelf", state="open", happened_at=day(15), closed_at=None))])
    older = inbox.lease()
    inbox.add([event(pull_request(1, "Add a shelf", happened_at=day(17)))])
    newer = inbox.lease()
    assert older
    assert newer
    apply_waiting(warehouse, inbox, newer.id)
    apply_waiting(warehouse, inbox, older.id)
    assert states(warehouse) == {1: "merged"}


def test_what_cannot_be_used_fails_alone_in_one_sentence(warehouse: Warehouse, inbox: Inbox) -> None:
    good = event(pull_request(1, "Add a shelf"))
    inbox.add(
        [
            replace(good, delivery_id="a", subject="a", payload=b'{"id": 3}'),
            replace(good, delivery_id="b", subject="b", kind="unheard_of"),
            good,
        ]
    )
    applied = apply_waiting(warehouse, inbox, None)
    assert states(warehouse) == {1: "merged"}
    assert inbox.counts() == {"waiting": 2, "done": 1}
    assert len(applied.problems) == 2
    assert applied.problems[0].startswith("Event 1 (pull_request of github): Its payload does not fit: ")
    assert applied.problems[1] == "Event 2 (unheard_of of github): Nothing is made of unheard_of."


def test_an_issue_that_is_opened_again_is_open(warehouse: Warehouse, inbox: Inbox) -> None:
    inbox.add([event(issue(3, "Paint"))])
    apply_waiting(warehouse, inbox, None)
    inbox.add([event(issue(3, "Paint", state="open", reason=None, closed_at=None, happened_at=day(19)))])
    apply_waiting(warehouse, inbox, None)
    with warehouse.read() as session:
        assert [row.state for row in session.rows(ISSUES)] == ["open"]
