"""The calendar: what is made at which local time. A schedule asks for exactly what is stale, so a missed tick costs nothing: the next one
finds the same and more. Cron is read in the configured timezone; Dagster runs a time that a clock change skips or repeats once.

Every night first the entries are refreshed, then each report's stale periods are asked for. In the morning the entries are refreshed
again, and the report that is due is asked for: the standup on working days, the status report on Mondays, the summary on the first.

Every hour pull requests and errors in production are looked at once more, for what a passing failure was in the way of.
"""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import dagster as dg

from orchestration_assets.jobs import (
    REPORT_JOBS,
    make_regression_tests_job,
    model_usage_job,
    prune_storage_job,
    refresh_worklogs_job,
    review_pull_requests_job,
)
from orchestration_assets.reports.kinds import ReportKind
from resources.timezones import timezone_name

Requests = Iterator[dg.RunRequest | dg.SkipReason]

NIGHTLY = "0 3 * * *"
DUE = {
    ReportKind.STANDUP: (
        "weekday_standup_schedule",
        "30 7 * * *",
        "On working days before the standup, and every night.",
    ),
    ReportKind.STATUS_REPORT: (
        "weekly_status_schedule",
        "30 7 * * 1",
        "On Mondays for the week that ended, and every night.",
    ),
    ReportKind.SUMMARY: (
        "monthly_summary_schedule",
        "30 7 1 * *",
        "On the first for the month that ended, and every night.",
    ),
}

_FINISHED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


def build_schedules() -> list[dg.ScheduleDefinition]:
    """All schedules, in the timezone of the settings (UTC where that is unreadable; `soloist doctor` says so)."""
    timezone = timezone_name()
    return [
        _refresh_schedule(timezone),
        *(_report_schedule(kind, timezone) for kind in ReportKind),
        _usage_schedule(timezone),
        _look_again_schedule(
            "hourly_review_schedule",
            review_pull_requests_job,
            "pull_requests WHERE state = 'open'",
            "No pull request is open.",
            "Every hour, where pull requests are open: reviews that something that passes was in the way of.",
            timezone,
        ),
        _look_again_schedule(
            "hourly_regression_test_schedule",
            make_regression_tests_job,
            "error_events",
            "No error in production was heard of.",
            "Every hour, where errors were heard of: tests that something that passes was in the way of.",
            timezone,
        ),
        dg.ScheduleDefinition(
            name="weekly_pruning_schedule",
            job=prune_storage_job,
            cron_schedule="0 4 * * 0",
            execution_timezone=timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Sundays: old runs and documents that nothing points at go, and the warehouse is compacted.",
        ),
    ]


def _refresh_schedule(timezone: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        cron_schedule=["0 2 * * *", "0 7 * * *"],
        job=refresh_worklogs_job,
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every night, and before the morning's reports: the months whose entries changed, skills and the resume.",
    )
    def nightly_refresh_schedule(context: dg.ScheduleEvaluationContext) -> Requests:
        from orchestration_assets.requests import refresh_requests
        from resources.settings import load_settings

        now = context.scheduled_execution_time
        yield from refresh_requests(load_settings(), now, f"{now:%Y-%m-%dT%H}")

    return nightly_refresh_schedule


def _usage_schedule(timezone: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        cron_schedule="30 3 * * *",
        job=model_usage_job,
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every night, where calls were made since: what the language model was asked for.",
    )
    def nightly_usage_schedule(context: dg.ScheduleEvaluationContext) -> Requests:
        from orchestration_assets.connections import open_warehouse
        from orchestration_assets.usage.making import is_behind
        from resources.settings import load_settings

        with open_warehouse(load_settings()).read() as session:
            uncounted = is_behind(session)
        if uncounted:
            yield dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%H}")
        else:
            yield dg.SkipReason("Every call is counted.")

    return nightly_usage_schedule


def _look_again_schedule(
    name: str, job: Any, rows: str, nothing: str, description: str, timezone: str
) -> dg.ScheduleDefinition:
    """Runs a job as long as there are `rows`. It makes what is stale alone, which is nothing as a rule: what came is looked at when it comes,
    but a source that could not be fetched, a model that was away or a run that failed is nothing that comes."""

    unfinished = [status for status in dg.DagsterRunStatus if status not in _FINISHED]

    @dg.schedule(
        name=name,
        cron_schedule="17 * * * *",
        job=job,
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def look_again_schedule(context: dg.ScheduleEvaluationContext) -> Requests:
        from orchestration_assets.connections import open_warehouse
        from resources.settings import load_settings

        with open_warehouse(load_settings()).read() as session:
            count = session.count(f"SELECT count(*) FROM {rows}")
        if not count:
            yield dg.SkipReason(nothing)
        elif context.instance.get_runs_count(dg.RunsFilter(job_name=job.name, statuses=unfinished)):
            yield dg.SkipReason(f"A {job.name} is at work or waits.")
        else:
            # In UTC: the hour that a clock change repeats is two.
            yield dg.RunRequest(run_key=f"{context.scheduled_execution_time.astimezone(UTC):%Y-%m-%dT%H}")

    return look_again_schedule


def _report_schedule(kind: ReportKind, timezone: str) -> dg.ScheduleDefinition:
    name, due, description = DUE[kind]

    @dg.schedule(
        name=name,
        cron_schedule=[NIGHTLY, due],
        job=REPORT_JOBS[kind],
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def report_schedule(context: dg.ScheduleEvaluationContext) -> Requests:
        from orchestration_assets.requests import report_requests
        from resources.settings import load_settings

        now = context.scheduled_execution_time
        found = list(report_requests(load_settings(), now, kind, f"{now:%Y-%m-%dT%H}"))
        yield from found
        if not found:
            yield dg.SkipReason(f"Every {kind.value.replace('_', ' ')} is up to date.")

    return report_schedule
