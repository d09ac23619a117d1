from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.reports.agent import AGENTS
from orchestration_assets.reports.calendar import Calendar, parse_period, period_key
from orchestration_assets.reports.composition import compose
from orchestration_assets.reports.model import ReportEntry, ReportKind
from orchestration_assets.reports.selection import build_item, index_by_period, periods_of, selects
from tests.reports.report_material import MONDAY, VIENNA, History, claims, texts

NOON = datetime(2026, 11, 18, 11, tzinfo=UTC)
KINDS = st.sampled_from(list(ReportKind))


@st.composite
def entries(draw: st.DrawFn) -> ReportEntry:
    history = History()
    when = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(hours=draw(st.integers(0, 120 * 24)))
    if draw(st.booleans()):
        return history.note("Talk about caches", draw(st.sampled_from([(), ("plan",), ("blocked",)])), at=when)
    wait = draw(st.one_of(st.none(), st.just(0), st.integers(0, 100 * 24)))
    landed = None if wait is None else when + timedelta(hours=wait)
    branch = (
        draw(st.sampled_from([None, "topic", "gh-pages", "origin/dependabot/pip/x", "release/2.0"]))
        if landed is None
        else None
    )
    return history.commit(
        "Add caches", at=when, landed=landed, branch=branch, is_bot=draw(st.booleans()), vanished=draw(st.booleans())
    )


@given(KINDS, entries())
@settings(max_examples=60, deadline=None)
def test_the_periods_of_an_entry_are_those_whose_reports_select_it(kind: ReportKind, entry: ReportEntry) -> None:
    found = [period_key(period) for period in periods_of(kind, entry, VIENNA)]
    days = (entry.day + timedelta(days=n) for n in range(-10, 180))
    candidates = {period_key(p): p for p in (parse_period(kind, day.isoformat(), VIENNA) for day in days)}
    told = [
        key
        for key, period in candidates.items()
        if selects(kind, period, VIENNA, entry) and (kind is not ReportKind.STANDUP or VIENNA.is_working(period.start))
    ]
    assert found == told
    assert found == list(index_by_period(kind, [entry], VIENNA))


@pytest.mark.parametrize("kind", list(ReportKind))
def test_what_landed_on_its_own_day_is_in_one_period(kind: ReportKind) -> None:
    assert len(periods_of(kind, History().commit("Add caches"), VIENNA)) == 1


def test_completed_means_landed_as_it_stood_at_the_end_of_the_period() -> None:
    history = History()
    history.commit("Add caches", at=datetime(2026, 11, 12, 9, tzinfo=UTC), landed=NOON)
    assert texts(compose(history.item(key="2026-W46"))) == []
    assert texts(compose(history.item(key="2026-W46")), "In progress") == ["Add caches"]
    assert texts(compose(history.item(key="2026-W47"))) == ["Added caches"]
    assert texts(compose(history.item(key="2026-W47")), "In progress") == []


def test_a_later_landing_makes_no_earlier_document_stale() -> None:
    before, after = History(), History()
    for history, landed in ((before, None), (after, datetime(2026, 12, 3, tzinfo=UTC))):
        branch = None if landed else "topic"
        history.commit("Add caches", at=NOON, landed=landed, branch=branch)
    for kind, key in (
        (ReportKind.STATUS_REPORT, "2026-W47"),
        (ReportKind.STANDUP, "2026-11-19"),
        (ReportKind.SUMMARY, "2026-11"),
    ):
        agent = AGENTS[kind]
        assert agent.input_hash(before.item(kind, key)) == agent.input_hash(after.item(kind, key))
        assert before.item(kind, key) == after.item(kind, key)
    later = ReportKind.STATUS_REPORT, "2026-W49"
    assert AGENTS[later[0]].input_hash(before.item(*later)) != AGENTS[later[0]].input_hash(after.item(*later))


def test_the_timezone_moves_a_commit_to_another_standup() -> None:
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    for zone, key in (("UTC", "2026-11-20"), ("Europe/Vienna", "2026-11-23")):
        history = History(calendar=Calendar(zone))
        history.commit("Add caches", at=late)
        assert list(index_by_period(ReportKind.STANDUP, history.entries, history.calendar)) == [key]


def test_a_standup_tells_of_work_by_author_day_landed_or_not() -> None:
    history = History()
    history.commit("Add caches", at=datetime(2026, 11, 13, 9, tzinfo=UTC), landed=NOON)
    history.commit("Fix a race in the pool", at=datetime(2026, 11, 15, 9, tzinfo=UTC), landed=None, branch="pool")
    report = compose(history.item(ReportKind.STANDUP, "2026-11-16"))
    assert set(texts(report, "Yesterday")) == {"Added caches", "Fixed a race in the pool"}
    assert report.title == "Standup, Monday 16 November 2026 (since Friday 13 November)"
    assert set(texts(report, "Today")) == {"Continue: add caches", "Continue: fix a race in the pool"}


def test_plan_notes_are_todays_in_the_standup_of_their_own_day() -> None:
    history = History()
    history.note("Write the migration guide", ["plan"], at=NOON)
    history.note("Call the hosting company", ["todo"], at=datetime(2026, 11, 21, 9, tzinfo=UTC))
    report = compose(history.item(ReportKind.STANDUP, "2026-11-18"))
    assert texts(report, "Today") == ["Write the migration guide"]
    assert texts(report, "Yesterday") == []
    assert list(index_by_period(ReportKind.STANDUP, history.entries, VIENNA)) == ["2026-11-18", "2026-11-23"]
    assert texts(compose(history.item()), "Upcoming") == ["Write the migration guide", "Call the hosting company"]
    assert texts(compose(history.item())) == []


def test_in_progress_is_told_by_the_first_substantive_commit_never_by_the_tip() -> None:
    history = History()
    plan = history.commit("Initial plan", [], landed=None, branch="retry")
    first = history.commit("Retry uploads that time out", landed=None, branch="retry", parents=[plan])
    second = history.commit("wip", landed=None, branch="retry", parents=[first])
    second = history.commit("Log each attempt", landed=None, branch="retry", parents=[second])
    history.commit("[pre-commit.ci] auto fixes", landed=None, branch="retry", parents=[second], is_bot=True)
    report = compose(history.item())
    assert texts(report, "In progress") == ["Retry uploads that time out [4 commits]"]
    assert claims(report, "In progress")[0].evidence[0].quote == "Retry uploads that time out"


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("Forwards every parcel", "Forward every parcel"),
        ("Added a second belt", "Add a second belt"),
        ("don't weigh empty parcels", "Don't weigh empty parcels"),
    ],
)
def test_what_is_in_progress_stands_in_the_imperative_however_it_was_written(subject: str, told: str) -> None:
    history = History()
    history.commit(subject, landed=None, branch="topic")
    assert texts(compose(history.item()), "In progress") == [told]
    standup = compose(history.item(ReportKind.STANDUP, "2026-11-17"))
    assert [text.casefold() for text in texts(standup, "Today")] == [f"continue: {told}".casefold()]


def test_work_on_which_nothing_was_done_in_the_period_says_when_something_was() -> None:
    history = History()
    first = history.commit("Add a second belt", at=datetime(2026, 11, 2, 9, tzinfo=UTC), landed=None, branch="belt")
    history.commit(
        "Oil the belt", at=datetime(2026, 11, 12, 9, tzinfo=UTC), landed=None, branch="belt", parents=[first]
    )
    history.commit("Paint the scales", at=datetime(2026, 11, 5, 9, tzinfo=UTC), landed=None, branch="paint")
    told = [texts(compose(history.item(key=key)), "In progress") for key in ("2026-W46", "2026-W47", "2027-W01")]
    assert told == [
        ["Add a second belt [2 commits]", "Paint the scales [commit of 5 November]"],
        ["Add a second belt [2 commits, the last on 12 November]", "Paint the scales [commit of 5 November]"],
        ["Oil the belt [commit of 12 November 2026]"],
    ]


def test_in_progress_leaves_out_bots_releases_pages_and_what_is_stale() -> None:
    history = History()
    history.commit("Bump left-pad", landed=None, branch="dependabot/npm/left-pad")
    history.commit("Publish the site", landed=None, branch="gh-pages")
    history.commit("Backport the parser", landed=None, branch="release/2.0")
    history.commit("Add a thing once tried", at=datetime(2026, 9, 20, tzinfo=UTC), landed=None, branch="old")
    history.commit("Update the snapshots", landed=None, branch="snapshots", is_bot=True)
    history.commit("Release version 8.5.0", [("CHANGES.md", 3, 1)], landed=None, branch="next")
    history.commit("Add retries", landed=None, branch="origin/retry")
    assert texts(compose(history.item()), "In progress") == ["Add retries"]
    assert [entry.entry.subject for entry in history.item().entries] == ["Release version 8.5.0", "Add retries"]


def test_what_only_publishes_is_no_work_of_yesterday() -> None:
    history = History()
    history.commit("Automated deployment", at=NOON, landed=None, branch="gh-pages")
    assert history.item(ReportKind.STANDUP, "2026-11-19").entries == []


def test_a_commit_picked_onto_the_default_branch_is_told_once() -> None:
    history = History()
    history.commit("Add caches", at=NOON, landed=None, branch="topic")
    history.commit("Add caches", at=NOON)
    report = compose(history.item(ReportKind.STANDUP, "2026-11-19"))
    assert texts(report, "Yesterday") == ["Added caches"]
    assert texts(report, "Today") == []
    assert report.counts["entries"] == 1


def test_equal_views_give_equal_items_in_whatever_order_rows_come() -> None:
    history = History()
    for number in range(5):
        history.commit(f"Add part {number}", at=NOON)
    period = parse_period("week", MONDAY.isoformat(), VIENNA)
    forward = build_item(ReportKind.STATUS_REPORT, period, VIENNA, history.entries, "")
    backward = build_item(ReportKind.STATUS_REPORT, period, VIENNA, history.entries[::-1], "")
    assert forward == backward


def test_an_unlanded_entry_is_in_no_period_that_has_not_begun() -> None:
    entry = History().commit("Add caches", landed=None, branch="topic")
    assert len(periods_of(ReportKind.STATUS_REPORT, entry, VIENNA)) > 5
    assert len(periods_of(ReportKind.STATUS_REPORT, entry, VIENNA, until=date(2026, 11, 25))) == 2


def test_twenty_thousand_entries_are_indexed_in_no_time() -> None:
    landed, unlanded = History(), History()
    one, other = landed.commit("Add caches"), unlanded.commit("Add caches", landed=None, branch="topic")
    many = [
        (one if n % 2 else other).model_copy(update={"day": MONDAY - timedelta(days=n % 900)}) for n in range(20_000)
    ]
    started = time.process_time()
    for kind in ReportKind:
        index_by_period(kind, many, VIENNA)
    assert time.process_time() - started < 3
