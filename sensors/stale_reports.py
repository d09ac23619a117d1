"""Asks for the reports of exactly those periods whose entries changed since their report was made."""

from collections.abc import Iterator

import dagster as dg

from orchestration_assets.jobs import REPORT_JOBS, refresh_worklogs_job
from orchestration_assets.reports.kinds import ReportKind
from sensors.repeating import repeated


@dg.sensor(
    jobs=list(REPORT_JOBS.values()),
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Compares the stored input hash of every report with its entries, and asks for exactly the stale periods.",
)
def stale_reports_sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """The cursor is a fingerprint of everything the answer rests on, so that a tick that would find nothing new costs one query.
    It moves only once nothing is stale; until then the run keys keep a request from being made twice, unless its run failed."""
    from orchestration_assets.connections import open_language_model, open_warehouse
    from orchestration_assets.planning import stale_periods
    from orchestration_assets.reports.agent import AGENTS
    from orchestration_assets.requests import period_requests
    from orchestration_assets.verdicts import table_fingerprint
    from resources.clock import now
    from resources.language_model.agent import content_hash
    from resources.settings import load_settings
    from resources.sources import load_sources

    at_work = dg.RunsFilter(job_name=refresh_worklogs_job.name, statuses=[dg.DagsterRunStatus.STARTED])
    if context.instance.get_runs_count(at_work):
        yield dg.SkipReason("Entries are being refreshed; what is stale is known after that.")
        return
    settings, instant = load_settings(), now()
    warehouse, maker = open_warehouse(settings), open_language_model(settings).maker
    with warehouse.read() as session:
        seen = content_hash(
            table_fingerprint(session, "worklog_analyses"),
            table_fingerprint(session, "worklog_entries"),
            maker,
            [agent.version for agent in AGENTS.values()],
            settings.timezone,
            settings.working_days,
            settings.horizon_days,
            load_sources(settings).model_dump(mode="json"),
            instant.astimezone(settings.zone).date(),
        )
        if context.cursor == seen:
            yield dg.SkipReason("Nothing changed since the last look.")
            return
        stale = stale_periods(session, settings, maker, list(ReportKind), instant)
    requests = [
        repeated(context.instance, request, instant)
        for periods in stale
        for request in period_requests(periods, seen[:16])
    ]
    yield from requests
    if not requests:
        context.update_cursor(seen)
        yield dg.SkipReason("Every report is up to date.")
