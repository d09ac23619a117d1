from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.reports.agent import AGENTS
from orchestration_assets.reports.calendar import SPANS
from orchestration_assets.reports.claims import MAX_EVIDENCE
from orchestration_assets.reports.composition import compose
from orchestration_assets.reports.model import ReportItem, ReportKind
from orchestration_assets.reports.rendering import render_html, render_markdown, report_json
from orchestration_assets.reports.selection import build_item
from orchestration_assets.reports.units import sort_out
from tests.reports.report_material import VIENNA, History, claims, everything, section, texts

SUBJECTS = st.one_of(
    st.sampled_from(
        [
            "wip",
            "copy",
            "fix",
            "Add caches",
            "fix: count from one",
            "test: cover the parser",
            "style: format",
            "v1.2.0-rc.1",
            "",
            "Add Redis support",
            "Add Kafka support",
            "Add SQL support",
            "feat(cli): list notes (#12)",
            'Revert "Add caches"',
            "Merge branch 'main' into topic",
            "Merge pull request #3 from ada/topic\n\nAdd metrics",
            "feat!: drop the old keys\n\nFixes #4",
            "blocked until https://example.com/issues/914 is fixed",
            "Bump rich from 1.0 to 1.1",
            "fixup! Add caches",
        ]
    ),
    st.text(max_size=40),
)
PATHS = st.sampled_from(
    ["src/acme/parser.py", "tests/test_parser.py", "docs/index.md", "web/app.ts", "poetry.lock", "a"]
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    history = History()
    start = datetime(2026, 11, 9, tzinfo=UTC)
    for _ in range(draw(st.integers(0, 25))):
        when = start + timedelta(minutes=draw(st.integers(0, 14 * 24 * 60)))
        text = draw(SUBJECTS)
        if draw(st.integers(0, 5)) == 0:
            history.note(text, draw(st.sampled_from([(), ("plan",), ("blocked",)])), at=when)
            continue
        before = draw(st.sampled_from([None, *history.entries[-3:]]))
        known = before if before and before.entry.source == "git" else None
        history.commit(
            text,
            draw(st.lists(st.tuples(PATHS, st.integers(0, 40), st.integers(0, 40)), max_size=3)),
            at=when,
            landed=draw(st.sampled_from([when, when + timedelta(days=9), None])),
            parents=[known] if known else [],
            merged_by=known if draw(st.booleans()) else None,
            is_merge=text.startswith("Merge"),
            is_bot=draw(st.integers(0, 6)) == 0,
            repository=draw(st.sampled_from(["acme", "acme", "widgets"])),
        )
    return history


def item_of(history: History, kind: ReportKind) -> ReportItem:
    period = VIENNA.holding(SPANS[kind], datetime(2026, 11, 17).date())
    return build_item(kind, period, VIENNA, history.entries, "Your work in acme")


@given(histories(), st.sampled_from(list(ReportKind)))
@settings(max_examples=120, deadline=None)
def test_counts_reconcile_and_every_quote_is_verbatim(history: History, kind: ReportKind) -> None:
    item = item_of(history, kind)
    report = compose(item)
    entries = {row.entry.entry_id: row.entry for row in item.entries}
    counts = report.counts
    assert (
        counts["entries"]
        == len(item.entries)
        == sum(counts[name] for name in ("entries_in_units", "merges", "reverted", "in_progress", "planned", "blocked"))
    )
    assert counts["units"] == counts["shown"] + counts["remainder"]
    assert sum(cell.units for cell in report.activity) <= counts["units"]
    for told in report.sections:
        for claim in claims(report, told.title):
            assert claim.text.strip()
            assert 1 <= len(claim.evidence) <= MAX_EVIDENCE
            for piece in claim.evidence:
                entry = entries[piece.entry_id]
                string = entry.text if piece.where == "message" else entry.files[piece.index].path
                assert piece.quote
                assert string[piece.start : piece.end] == piece.quote


@given(histories())
@settings(max_examples=60, deadline=None)
def test_every_entry_is_sorted_into_exactly_one_place(history: History) -> None:
    entries = sorted(history.entries, key=lambda row: (row.entry.authored_at, row.entry.entry_id))
    found = sort_out(entries)
    placed = [member for unit in found.units for member in unit.members]
    placed += [*found.bots, *found.releases, *found.merged, *found.merges, *found.undone]
    assert sorted(row.entry.entry_id for row in placed) == sorted(row.entry.entry_id for row in entries)


@given(histories(), st.sampled_from(list(ReportKind)))
@settings(max_examples=40, deadline=None)
def test_equal_items_give_equal_bytes(history: History, kind: ReportKind) -> None:
    item, again = item_of(history, kind), ReportItem.model_validate(item_of(history, kind).model_dump())
    agent, entries = AGENTS[kind], history.by_id()
    assert agent.input_hash(item) == agent.input_hash(again)
    one, other = agent.extract(item), agent.extract(again)
    assert render_markdown(one, entries) == render_markdown(other, entries)
    assert render_html(one, entries) == render_html(other, entries)
    assert report_json(one, entries) == report_json(other, entries)


def test_all_members_of_a_claim_are_cited() -> None:
    history = History()
    history.pull_request(9, "Add caches", [f"step {n} of the cache" for n in range(30)])
    assert len(claims(compose(history.item()), "Completed")[0].evidence) == 31


def test_upcoming_comes_from_follow_ups_and_plans_alone() -> None:
    history = History()
    history.commit("Add caches")
    report = compose(history.item())
    assert section(report, "Upcoming").topics == []
    assert section(report, "Upcoming").empty == "Nothing recorded."
    history.commit("Add metrics\n\nFollow-up: document the metrics")
    assert len(texts(compose(history.item()), "Upcoming")) == 1


def test_a_blocker_is_told_with_its_own_words() -> None:
    history = History()
    text = "Pin the driver\n\nBlocked until https://example.com/acme/driver/issues/914 is fixed."
    history.commit(text)
    report = compose(history.item())
    assert len(texts(report, "Blockers")) == 1
    assert "914" in claims(report, "Blockers")[0].evidence[0].quote


def test_a_closing_reference_is_no_blocker() -> None:
    history = History()
    history.commit("Stop blocking the event loop, fixes #68")
    history.commit("Add a band-aid for the blocking call")
    assert texts(compose(history.item()), "Blockers") == []


def test_an_empty_period_says_so_and_invents_nothing() -> None:
    report = compose(History().item())
    assert everything(report).strip() == ""
    assert [told.title for told in report.sections] == ["Completed", "In progress", "Upcoming", "Blockers"]


def test_the_sections_of_a_standup() -> None:
    report = compose(History().item(ReportKind.STANDUP, "2026-11-20"))
    assert [told.title for told in report.sections] == ["Yesterday", "Today", "Blockers"]


def test_activity_counts_units_of_each_kind_by_landing_day() -> None:
    history = History()
    history.commit("feat: add caches", [("src/acme/a.py", 9, 0)], landed=datetime(2026, 11, 18, 9, tzinfo=UTC))
    history.commit("fix: count from one", [("src/acme/b.py", 9, 0)])
    cells = [(cell.day.day, cell.category, cell.units) for cell in compose(history.item()).activity]
    assert cells == [(16, "fix", 1), (18, "feature", 1)]


def test_a_note_is_told_in_the_past_and_work_notes_are_no_plans() -> None:
    history = History()
    history.note("Review the release checklist")
    report = compose(history.item())
    assert texts(report) == ["Reviewed the release checklist"]
    assert texts(report, "Upcoming") == []


def test_a_plan_of_several_points_is_told_point_by_point() -> None:
    history = History()
    history.note("- Write the migration guide\n- Call the hosting company", ["plan"])
    report = compose(history.item(ReportKind.STANDUP, "2026-11-16"))
    assert texts(report, "Today") == ["Write the migration guide", "Call the hosting company"]


def test_a_note_that_is_tagged_blocked_is_a_blocker_and_nothing_done() -> None:
    history = History()
    history.note("Access to the staging database", ["blocked"])
    report = compose(history.item())
    assert texts(report, "Blockers") == ["Access to the staging database"]
    assert texts(report) == []


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("fix: division by zero returns an empty lid", "Fix: division by zero returns an empty lid"),
        ("fix(belt): `lid_open` cannot be read twice", "Fix: `lid_open` cannot be read twice"),
        ("fix: bugfix for the belt", "Bugfix for the belt"),
        ("fix: don't read lids and write labels", "Don't read lids and write labels"),
        ("feat: support for round parcels", "Added support for round parcels"),
        ("feat: heavy parcels", "Heavy parcels"),
        ("fix: Behebt einen Fehler bei der Suche nach Paketen", "Behebt einen Fehler bei der Suche nach Paketen"),
    ],
)
def test_a_fault_is_not_told_as_something_done(subject: str, told: str) -> None:
    """`Division by zero returns an empty lid` under Completed would say that it does so from now on."""
    history = History()
    history.commit(subject)
    assert texts(compose(history.item())) == [told]
