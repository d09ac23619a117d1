"""What was done on GitHub is told once, in its own words, under its number and with a link."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestration_assets.activity.entries import activity_entries
from orchestration_assets.activity.model import TABLE_OF
from orchestration_assets.tables import MIGRATIONS, TABLES
from orchestration_assets.worklogs.model import Entry
from resources.github.facts import Fact
from resources.warehouse import Warehouse
from tests.activity.github_facts import day, issue, pull_request, review

ZONE = ZoneInfo("Europe/Vienna")
NOW = day(29)
AHEAD = datetime(2099, 3, 4, tzinfo=UTC)


@pytest.fixture
def entries_of(tmp_path: Path) -> Callable[[Sequence[Fact]], list[Entry]]:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", specs=TABLES, migrations=MIGRATIONS)

    def made(facts: Sequence[Fact]) -> list[Entry]:
        with warehouse.write() as session:
            for fact in facts:
                session.merge(TABLE_OF[type(fact)], [fact])
            return activity_entries(session, ZONE, NOW)

    return made


def test_a_merged_pull_request_is_an_entry_of_the_day_it_was_merged(
    entries_of: Callable[[Sequence[Fact]], list[Entry]],
) -> None:
    body = "Closes #9.\r\n<!-- Thanks for\ncontributing -->\nIt reads CSV."
    (entry,) = entries_of([pull_request(12, "Add  CSV export", body=body, labels=["export"], merge_commit="b" * 40)])
    assert entry.source == "pull_request"
    assert entry.subject == "Add CSV export"
    assert entry.text == "Add CSV export\n\nCloses #9.\r\n\nIt reads CSV."
    assert entry.authored_at == entry.landed_at == day(17, 11)
    assert entry.opened_at == day(14, 11)
    assert entry.month == date(2026, 11, 1)
    assert (entry.number, entry.tags, entry.merge_commit) == (12, ["export"], "b" * 40)
    assert entry.url == "https://github.com/fern/ledger/pull/12"
    assert entry.repository_id == "github.com/fern/ledger"
    assert (entry.author_name, entry.author_email) == ("fern", "fern@users.noreply.github.com")
    assert entry.text.startswith(entry.subject)


def test_what_is_not_done_is_no_entry(entries_of: Callable[[Sequence[Fact]], list[Entry]]) -> None:
    facts = [
        pull_request(1, "Open", state="open", closed_at=None),
        pull_request(2, "Turned down", state="closed"),
        issue(3, "Open", state="open", reason=None, closed_at=None),
        issue(4, "Not planned", reason="not_planned"),
        issue(5, "Deleted", state="deleted"),
        review(6, state="dismissed"),
        review(1),
    ]
    assert entries_of(facts) == []


def test_a_review_bears_the_title_of_what_was_reviewed(
    entries_of: Callable[[Sequence[Fact]], list[Entry]],
) -> None:
    facts = [
        pull_request(13, "Speed up the importer", author="moss", state="open", closed_at=None),
        review(13),
        review(99),
    ]
    known, unknown = sorted(entries_of(facts), key=lambda entry: entry.number or 0)
    assert (known.source, known.subject, known.author_name) == ("review", "Speed up the importer", "fern")
    assert known.text == "Speed up the importer\n\nLooks good."
    assert unknown.subject == "#99"


def test_a_closed_issue_is_the_work_of_whoever_it_was_assigned_to(
    entries_of: Callable[[Sequence[Fact]], list[Entry]],
) -> None:
    assigned, unassigned = entries_of([issue(9, "Export to CSV"), issue(10, "Print", assignees=[], reason=None)])
    assert (assigned.source, assigned.author_name, assigned.number) == ("issue", "fern", 9)
    assert unassigned.author_name == "moss"


def test_a_date_that_is_still_to_come_is_not_believed(entries_of: Callable[[Sequence[Fact]], list[Entry]]) -> None:
    found = entries_of(
        [
            pull_request(1, "Weigh parcels", opened_at=datetime(2026, 10, 14, tzinfo=UTC), closed_at=AHEAD),
            issue(2, "Weigh parcels", opened_at=AHEAD, closed_at=AHEAD),
            review(3, happened_at=AHEAD),
        ]
    )
    assert {entry.source: entry.month for entry in found} == {
        "pull_request": date(2026, 10, 1),
        "issue": date(2026, 11, 1),
        "review": date(2026, 11, 1),
    }


def test_an_enterprise_host_and_a_bot_are_told_apart(entries_of: Callable[[Sequence[Fact]], list[Entry]]) -> None:
    fact = pull_request(1, "Bump", url="https://git.example.com/fern/ledger/pull/1", author="dependabot[bot]")
    (entry,) = entries_of([fact])
    assert entry.repository_id == "git.example.com/fern/ledger"
    assert entry.is_bot
