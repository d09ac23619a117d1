"""The partitions: what a person would backfill. A month of worklogs, a day's standup, a week's status report, a month's summary.

Keys are the first local day of the period, as Dagster writes them (2026-11-16). Partitions are counted in UTC with room at the end, so
that the local today always has one, in whatever timezone the settings name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import dagster as dg

from orchestration_assets.reports.kinds import ReportKind

if TYPE_CHECKING:
    from dagster._core.instance import DynamicPartitionsStore

MAX_PARTITIONS_PER_RUN = 60
MAX_PERIODS_PER_RUN = 50


class _CountedInDates(dg.TimeWindowPartitionsDefinition):
    """Partitions whose keys are counted in dates. They are the same as Dagster's, which walks through all of them as points in time: 0.3 s
    for the days since 1990, several times in every run."""

    kind: ReportKind | None = None

    def get_partition_keys(
        self, current_time: datetime | None = None, dynamic_partitions_store: DynamicPartitionsStore | None = None
    ) -> Sequence[str]:
        with dg.partition_loading_context(current_time, dynamic_partitions_store):
            first, last = self.get_first_partition_key(), self.get_last_partition_key()
        return [] if first is None or last is None else list(_keys(self.kind, first, last))


class _Days(_CountedInDates, dg.DailyPartitionsDefinition):
    kind = ReportKind.STANDUP


class _Weeks(_CountedInDates, dg.WeeklyPartitionsDefinition):
    kind = ReportKind.STATUS_REPORT


class _Months(_CountedInDates, dg.MonthlyPartitionsDefinition):
    kind = ReportKind.SUMMARY


FIRST_MONTH = date(1970, 1, 1)
MONTHS = _Months(start_date=FIRST_MONTH.isoformat(), end_offset=2)
"""Months of entries. Git knows no commit before 1970."""

STANDUP_DAYS = _Days(start_date="1990-01-01", end_offset=2)
REPORT_WEEKS = _Weeks(start_date="1990-01-01", day_offset=1, end_offset=2)
"""ISO weeks; the key is their Monday."""
SUMMARY_MONTHS = _Months(start_date="1990-01-01", end_offset=2)

CALENDARS: dict[ReportKind, dg.TimeWindowPartitionsDefinition] = {
    ReportKind.STANDUP: STANDUP_DAYS,
    ReportKind.STATUS_REPORT: REPORT_WEEKS,
    ReportKind.SUMMARY: SUMMARY_MONTHS,
}


def next_key(kind: ReportKind | None, key: str) -> str:
    """The key of the partition after `key`; None stands for the months of entries."""
    day = date.fromisoformat(key)
    if kind is ReportKind.STANDUP:
        return (day + timedelta(days=1)).isoformat()
    if kind is ReportKind.STATUS_REPORT:
        return (day + timedelta(days=7)).isoformat()
    return date(day.year + day.month // 12, day.month % 12 + 1, 1).isoformat()


def ranges(
    kind: ReportKind | None, keys: Iterable[str], holds_nothing: Callable[[str], bool], longest: int
) -> list[tuple[str, str]]:
    """The fewest (first, last) ranges of at most `longest` partitions that hold all `keys`, and besides them only partitions that hold
    nothing. Keys between two wanted ones that hold something up to date are never asked for."""
    found: list[tuple[str, str]] = []
    length = 0
    for key in sorted(set(keys)):
        if found:
            gap = list(_between(kind, found[-1][1], key))
            if length + len(gap) + 1 <= longest and all(holds_nothing(empty) for empty in gap):
                found[-1] = (found[-1][0], key)
                length += len(gap) + 1
                continue
        found.append((key, key))
        length = 1
    return found


def range_tags(first: str, last: str) -> dict[str, str]:
    """The tags that make a run cover the partitions from `first` to `last`, both included."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def newest_first(found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(found, reverse=True)


@lru_cache(maxsize=8)
def _keys(kind: ReportKind | None, first: str, last: str) -> tuple[str, ...]:
    return (first, *_between(kind, first, last), last) if first < last else (first,)


def _between(kind: ReportKind | None, first: str, last: str) -> Iterable[str]:
    key = next_key(kind, first)
    while key < last:
        yield key
        key = next_key(kind, key)
