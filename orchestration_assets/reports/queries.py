"""What a calendar report is made from, read from the warehouse: its entries, its items, and which of these are stale. Queries only."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from orchestration_assets.derivation import ONLY_CHANGED, Inputs, Pending, Policy, pending
from orchestration_assets.reports.agent import AGENTS
from orchestration_assets.reports.calendar import SPANS, Calendar, parse_period, period_key
from orchestration_assets.reports.model import Period, ReportEntry, ReportItem, ReportKind
from orchestration_assets.reports.selection import OPEN_DAYS, build_item, index_by_period
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES
from orchestration_assets.worklogs.scope import Scope

if TYPE_CHECKING:
    from resources.settings import Settings
    from resources.warehouse import Session


def calendar_of(settings: Settings) -> Calendar:
    return Calendar(settings.timezone, settings.working_days)


def partition_period(kind: ReportKind, key: str, calendar: Calendar) -> Period:
    """The period of a partition key (the first day of it)."""
    return calendar.holding(SPANS[kind], date.fromisoformat(key))


def partition_key(period: Period) -> str:
    return period.start.isoformat()


def parse_key(kind: ReportKind, key: str, calendar: Calendar) -> Period:
    """The period of a document's key."""
    return parse_period(kind, key, calendar)


def report_entries(
    session: Session, scope: Scope, calendar: Calendar, since: date | None = None, until: date | None = None
) -> list[ReportEntry]:
    """The analysed entries in scope that a report of the days from `since` to `until` may speak of, oldest first."""
    condition, parameters = scope.condition(with_merges=True)
    if since is not None:
        start = datetime.combine(since, datetime.min.time(), UTC) - timedelta(days=OPEN_DAYS + 7)
        condition += " AND (e.authored_at >= ? OR e.landed_at >= ?)"
        parameters = [*parameters, start, start]
    if until is not None:
        # An author's clock may run ahead of the committer's: then it is the landing that lies in the period.
        end = datetime.combine(until, datetime.min.time(), UTC) + timedelta(days=2)
        condition += " AND (e.authored_at < ? OR e.landed_at < ?)"
        parameters = [*parameters, end, end]
    chosen = f"entry_id IN (SELECT e.entry_id FROM worklog_entries AS e WHERE {condition})"
    analyses = {row.entry_id: row for row in session.rows(ANALYSES, where=chosen, params=parameters)}
    entries = session.rows(ENTRIES, where=chosen, params=parameters, order_by="authored_at, entry_id")
    return [
        ReportEntry.model_construct(
            entry=entry,
            analysis=analyses[entry.entry_id],
            day=calendar.local_day(entry.authored_at),
            landed_day=None if entry.landed_at is None else calendar.local_day(entry.landed_at),
        )
        for entry in entries
        if entry.entry_id in analyses
    ]


def items_of(
    kind: ReportKind, periods: Iterable[Period], calendar: Calendar, entries: list[ReportEntry], scope: Scope
) -> list[ReportItem]:
    """The items of those periods that hold anything."""
    index = index_by_period(kind, entries, calendar)
    return [
        build_item(kind, period, calendar, found, scope.line_with(row.entry for row in found))
        for period in periods
        if (found := index.get(period_key(period)))
    ]


def pending_items(
    session: Session, kind: ReportKind, items: Collection[ReportItem], maker: str, policy: Policy = ONLY_CHANGED
) -> tuple[Pending, list[ReportItem]]:
    """Those of `items` whose report is missing or was made from something else."""
    agent = AGENTS[kind]
    by_key = {agent.key(item): item for item in items}
    inputs = Inputs.of({key: agent.input_hash(item) for key, item in by_key.items()})
    asked = pending(session, agent.name, agent.version, maker, inputs, policy)
    return asked, [by_key[key] for key in asked.stale]
