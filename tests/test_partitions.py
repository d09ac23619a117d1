"""Which partitions one run covers: exactly what was asked for, and besides it only partitions that hold nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.partitions import CALENDARS, MONTHS, next_key, ranges
from orchestration_assets.reports.model import ReportKind

KINDS = st.sampled_from([None, *ReportKind])


def keys_from(kind: ReportKind | None, first: str, count: int) -> list[str]:
    found = [first]
    while len(found) < count:
        found.append(next_key(kind, found[-1]))
    return found


@given(
    kind=KINDS,
    wanted=st.sets(st.integers(0, 80), min_size=1),
    empty=st.sets(st.integers(0, 80)),
    longest=st.integers(1, 60),
)
def test_ranges_cover_what_is_asked_and_else_only_what_holds_nothing(
    kind: ReportKind | None, wanted: set[int], empty: set[int], longest: int
) -> None:
    every = keys_from(kind, "2020-01-06" if kind is ReportKind.STATUS_REPORT else "2020-01-01", 81)
    nothing = {every[position] for position in empty - wanted}
    asked = {every[position] for position in wanted}
    covered: list[str] = []
    for first, last in ranges(kind, asked, lambda key: key in nothing, longest):
        span = [key for key in every if first <= key <= last]
        assert len(span) <= longest
        assert first in asked
        assert last in asked
        covered += span
    assert len(covered) == len(set(covered))
    assert asked <= set(covered) <= asked | nothing


def test_keys_are_partitions_that_dagster_knows() -> None:
    today = date.today()
    monday = today - timedelta(days=today.weekday())
    assert today.isoformat() in set(CALENDARS[ReportKind.STANDUP].get_partition_keys())
    assert monday.isoformat() in set(CALENDARS[ReportKind.STATUS_REPORT].get_partition_keys())
    assert today.replace(day=1).isoformat() in set(MONTHS.get_partition_keys())
    assert "1970-01-01" in set(MONTHS.get_partition_keys())


@given(
    kind=KINDS,
    now=st.datetimes(datetime(1989, 12, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
)
@settings(max_examples=20, deadline=None)
def test_keys_are_those_that_dagster_counts(kind: ReportKind | None, now: datetime) -> None:
    ours = MONTHS if kind is None else CALENDARS[kind]
    assert list(ours.get_partition_keys(now)) == list(dg.TimeWindowPartitionsDefinition.get_partition_keys(ours, now))


@given(kind=KINDS, start=st.dates(date(1990, 1, 1), date(2030, 1, 1)))
def test_the_next_key_is_the_next_partition(kind: ReportKind | None, start: date) -> None:
    first = start - timedelta(days=start.weekday()) if kind is ReportKind.STATUS_REPORT else start
    if kind in (None, ReportKind.SUMMARY):
        first = start.replace(day=1)
    following = date.fromisoformat(next_key(kind, first.isoformat()))
    gap = (following - first).days
    assert gap == 1 if kind is ReportKind.STANDUP else gap == 7 if kind is ReportKind.STATUS_REPORT else 28 <= gap <= 31
