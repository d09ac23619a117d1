"""Run requests for what is stale: the same for schedules, sensors and tests."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

from orchestration_assets.connections import open_language_model, open_warehouse
from orchestration_assets.jobs import REPORT_JOBS, refresh_worklogs_job
from orchestration_assets.partitions import range_tags
from orchestration_assets.planning import StalePeriods, month_ranges, stale_months, stale_periods
from orchestration_assets.reports.kinds import ReportKind
from orchestration_assets.worklogs.making import changed_months
from resources.language_model.agent import content_hash
from resources.settings import Settings

MAX_RUNS = 10
"""Runs that one tick asks for at most; the next tick asks for the rest."""


def refresh_requests(
    settings: Settings, now: datetime, occasion: str, *, at_least_one: bool = True
) -> Iterator[dg.RunRequest]:
    """Runs of the monthly chain over exactly the stale months. Where none is, `at_least_one` asks for the current month: what adds entries
    up may be stale."""
    warehouse = open_warehouse(settings)
    changed, _ = changed_months(warehouse, settings, now)
    months = stale_months(warehouse, settings, open_language_model(settings).maker, changed)
    if not months and at_least_one:
        months = [now.astimezone(settings.zone).date().replace(day=1).isoformat()]
    for first, last in month_ranges(warehouse, months):
        yield dg.RunRequest(
            job_name=refresh_worklogs_job.name, run_key=f"{occasion}:{first}:{last}", tags=range_tags(first, last)
        )


def report_requests(settings: Settings, now: datetime, kind: ReportKind, occasion: str) -> Iterator[dg.RunRequest]:
    """Runs over exactly the stale periods of one report, at most 50 a run."""
    maker = open_language_model(settings).maker
    with open_warehouse(settings).read() as session:
        (stale,) = stale_periods(session, settings, maker, [kind], now)
    yield from period_requests(stale, occasion)


def period_requests(stale: StalePeriods, occasion: str) -> Iterator[dg.RunRequest]:
    for first, last in stale.ranges[-MAX_RUNS:]:
        wanted = [key for key in stale.keys if first <= key <= last]
        yield dg.RunRequest(
            job_name=REPORT_JOBS[stale.kind].name,
            run_key=f"{occasion}:{stale.kind}:{content_hash(wanted)[:16]}",
            tags=range_tags(first, last),
        )
