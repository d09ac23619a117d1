"""What has to be made again, asked without making anything: the stale months of entries and the stale periods of each report.

Schedules, sensors and the command line all ask here, so that they agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from orchestration_assets.derivation import ONLY_CHANGED, Policy, pending
from orchestration_assets.partitions import (
    FIRST_MONTH,
    MAX_PARTITIONS_PER_RUN,
    MAX_PERIODS_PER_RUN,
    ranges,
)
from orchestration_assets.reports.calendar import Calendar, period_key
from orchestration_assets.reports.judgements import citation_check
from orchestration_assets.reports.model import DOCUMENTS, Period, ReportEntry, ReportKind
from orchestration_assets.reports.queries import (
    calendar_of,
    items_of,
    parse_key,
    partition_key,
    pending_items,
    report_entries,
)
from orchestration_assets.reports.selection import index_by_period
from orchestration_assets.verdicts import is_judged
from orchestration_assets.worklogs.agent import AnalysisAgent
from orchestration_assets.worklogs.queries import analysis_inputs
from orchestration_assets.worklogs.scope import Scope, resolve_scope
from resources import clock
from resources.sources import load_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resources.settings import Settings
    from resources.warehouse import Session, Warehouse

Range = tuple[str, str]
"""First and last partition key of one run, both included."""


@dataclass(frozen=True)
class StalePeriods:
    """The partition keys of the stale periods of one report, and the ranges of runs that make exactly these."""

    kind: ReportKind
    keys: list[str]
    ranges: list[Range]


def stale_months(
    warehouse: Warehouse,
    settings: Settings,
    maker: str,
    changed: set[date],
    since: date | None = None,
    until: date | None = None,
    policy: Policy = ONLY_CHANGED,
) -> list[str]:
    """The keys of the months whose entries changed or whose analyses are stale, oldest first."""
    with warehouse.read() as session:
        months = changed | _months_of_stale_analyses(session, settings, maker, policy)
    first = since.replace(day=1) if since else FIRST_MONTH
    return [m.isoformat() for m in sorted(months) if m >= first and (until is None or m <= until)]


def month_ranges(warehouse: Warehouse, keys: list[str]) -> list[Range]:
    """Runs of at most 60 months that hold the given ones, and besides them only months without entries."""
    with warehouse.read() as session:
        full = session.query("SELECT DISTINCT month FROM worklog_entries")["month"].to_pylist()
    occupied = {month.isoformat() for month in full}
    return ranges(None, keys, lambda key: key not in occupied, MAX_PARTITIONS_PER_RUN)


def stale_periods(
    session: Session,
    settings: Settings,
    maker: str,
    kinds: Sequence[ReportKind],
    now: datetime,
    since: date | None = None,
    until: date | None = None,
    policy: Policy = ONLY_CHANGED,
) -> list[StalePeriods]:
    """The stale periods of these kinds of report. Without `since`: those whose document exists, and those within the horizon of the latest
    entry."""
    calendar = calendar_of(settings)
    scope = resolve_scope(session, load_sources(settings))
    today = calendar.local_day(now)
    start = since or _horizon_start(session, scope, calendar, settings, now) or today
    documented: dict[ReportKind, set[str]] = {kind: set() for kind in kinds}
    for row in session.rows(DOCUMENTS, where="format = 'md'"):
        if row.kind in documented:
            documented[ReportKind(row.kind)].add(row.key)
    made = {kind: [parse_key(kind, key, calendar) for key in keys] for kind, keys in documented.items()}
    entries = report_entries(
        session, scope, calendar, min([start, *(period.start for periods in made.values() for period in periods)])
    )
    found = []
    for kind in kinds:
        index = index_by_period(kind, entries, calendar)
        candidates = _candidates(kind, calendar, index, documented[kind], start, min(until or today, today))
        items = items_of(kind, candidates, calendar, entries, scope)
        _, stale_ones = pending_items(session, kind, items, maker, policy)
        stale = {partition_key(item.period) for item in stale_ones}
        stale |= {partition_key(period) for period in made[kind] if period_key(period) not in index}
        held = {partition_key(parse_key(kind, key, calendar)) for key in index}
        runs = ranges(kind, stale, lambda key, held=held: key not in held, MAX_PERIODS_PER_RUN)  # type: ignore[misc]
        found.append(StalePeriods(kind, sorted(stale), runs))
    return found


def unjudged_periods(session: Session, settings: Settings, kind: ReportKind) -> list[Range]:
    """The newest period that has a document, where no check has judged the documents as they stand: a run was killed before its check.
    A run of any one period judges them all."""
    check, rows = citation_check(kind.value)
    keys = session.query(f"SELECT max(key) AS key FROM {DOCUMENTS.name} WHERE {rows}")["key"].to_pylist()
    if keys == [None] or is_judged(session, check, DOCUMENTS.name, rows):
        return []
    newest = partition_key(parse_key(kind, keys[0], calendar_of(settings)))
    return [(newest, newest)]


def _candidates(
    kind: ReportKind,
    calendar: Calendar,
    index: dict[str, list[ReportEntry]],
    documented: set[str],
    start: date,
    last: date,
) -> list[Period]:
    periods = (parse_key(kind, key, calendar) for key in sorted(index))
    return [
        period
        for period in periods
        if period.start <= last and (period.end >= start or period_key(period) in documented)
    ]


def _horizon_start(
    session: Session, scope: Scope, calendar: Calendar, settings: Settings, now: datetime
) -> date | None:
    """Counted back from the latest entry. A clock that runs ahead is not believed: it would move the horizon past every other entry."""
    condition, parameters = scope.condition()
    latest = session.scalar(
        f"SELECT max(e.authored_at) FROM worklog_entries AS e WHERE e.authored_at <= ? AND {condition}",
        [now + clock.AHEAD, *parameters],
    )
    return calendar.local_day(latest) - settings.horizon if isinstance(latest, datetime) else None


def _months_of_stale_analyses(session: Session, settings: Settings, maker: str, policy: Policy) -> set[date]:
    agent = AnalysisAgent()
    inputs = analysis_inputs(resolve_scope(session, load_sources(settings)))
    stale = list(pending(session, agent.name, agent.version, maker, inputs, policy).stale)
    if not stale:
        return set()
    months = session.query(
        "SELECT DISTINCT month FROM worklog_entries WHERE entry_id IN (SELECT unnest(?::VARCHAR[]))", [stale]
    )
    return set(months["month"].to_pylist())
