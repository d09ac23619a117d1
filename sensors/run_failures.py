"""Tells of runs that failed, once for each cause: in Sentry, and as an issue on GitHub where a repository for that is named.

Dagster's own run-status sensors move on even where telling fails. This one moves its cursor only after an alert is kept; killed in between,
it finds the failure again, and that it was kept.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from sensors.failure_causes import Cause, cause_of, issue_text

if TYPE_CHECKING:
    from resources.outbox import OpenIssue, Outbox
    from resources.settings import Settings

FAILURES_A_TICK = 50
SECONDS_A_TICK = 15.0
FIRST_LOOK_BACK = timedelta(days=1)
"""Failures before that are history where nobody looked yet."""
SUCCESSES_LOOKED_AT = 20


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of each cause that makes runs fail: to SOLOIST_SENTRY_DSN, and as an issue of SOLOIST_ALERT_REPOSITORY.",
)
def run_failures_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """The cursor is the number of the last failure in Dagster's event log that was looked at."""
    from orchestration_assets.connections import open_outbox
    from resources.clock import now
    from resources.errors import SoloistError
    from resources.settings import load_settings

    settings, told, seen = load_settings(), 0, 0
    failed = list(_failures_after(context.instance, context.cursor, now()))
    if not failed:
        return dg.SkipReason("No run failed since the last look.")
    try:
        outbox = open_outbox(settings)
    except SoloistError as error:
        return dg.SkipReason(str(error))
    ends = time.monotonic() + SECONDS_A_TICK
    try:
        for number, run_id, at in failed:
            if time.monotonic() > ends:
                break
            told += tell_of_failure(context.instance, settings, outbox, run_id, at)
            seen += 1
            context.update_cursor(str(number))
    except SoloistError as error:
        return dg.SkipReason(f"Looked at {seen} of {len(failed)} failed runs: {error}")
    finally:
        outbox.close()
    return dg.SkipReason(f"Looked at {seen} failed runs and told of {told} causes.")


def tell_of_failure(
    instance: dg.DagsterInstance, settings: "Settings", outbox: "Outbox", run_id: str, at: datetime
) -> bool:
    """Keeps why a run failed, and tells of it where that is news; whether it was. A run that Dagster repeats of its own accord is no failure
    yet."""
    from resources.outbox.alerts import Alerts, Failure

    run = instance.get_run_by_id(run_id)
    if run is None or run.tags.get("dagster/will_retry") == "true":
        return False
    cause, step = _cause(instance, run)
    failure, alerts = Failure(cause.hash, cause.says, run_id, at), Alerts(outbox)
    is_news = alerts.is_news(failure, lambda since: _was_well(instance, run.job_name, step, since, at))
    known = alerts.known(cause.hash)
    issue = _issue(settings, cause, run, 1 if known is None else known.failures + 1) if is_news else None
    if is_news:
        _report(settings, cause, run)
    alerts.keep(failure, is_news, issue)
    return is_news


def _failures_after(
    instance: dg.DagsterInstance, cursor: str | None, now: datetime
) -> Iterator[tuple[int, str, datetime]]:
    """Number in the event log, run and instant, the oldest first."""
    if cursor is not None and cursor.isascii() and cursor.isdigit():
        wanted = dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, after_storage_id=int(cursor))
    else:
        wanted = dg.RunStatusChangeRecordsFilter(
            dg.DagsterEventType.RUN_FAILURE, after_timestamp=(now - FIRST_LOOK_BACK).timestamp()
        )
    for record in instance.fetch_run_status_changes(wanted, FAILURES_A_TICK, ascending=True).records:
        yield record.storage_id, record.run_id, datetime.fromtimestamp(record.timestamp, UTC)


def _cause(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[Cause, str | None]:
    """What made the run fail, and the step in which it did: the first that failed; None where none did."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=kinds) if entry.dagster_event]
    for event in events:
        if event.is_step_failure:
            kind, message = _error(event.step_failure_data.error, event.message)
            return cause_of(str(event.step_key), kind, message), event.step_key
    for event in events:
        kind, message = _error(getattr(event.event_specific_data, "error", None), event.message)
        return cause_of(run.job_name, kind, message), None
    return cause_of(run.job_name, "RunFailure", "The run failed without a word."), None


def _error(error: Any, otherwise: str | None) -> tuple[str, str]:
    """Class and message of the error that our code raised, beneath those that Dagster wraps round it."""
    while error is not None and error.cause is not None and str(error.cls_name).startswith("Dagster"):
        error = error.cause
    if error is None:
        return "RunFailure", otherwise or ""
    return str(error.cls_name or "Error"), str(error.message)


def _was_well(instance: dg.DagsterInstance, job: str, step: str | None, since: datetime, until: datetime) -> bool:
    """Whether the step, or the job where no step failed, succeeded in between."""
    wanted = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS], updated_after=since)
    for record in instance.get_run_records(wanted, limit=SUCCESSES_LOOKED_AT):
        if record.end_time is None or not since.timestamp() < record.end_time < until.timestamp():
            continue
        logs = instance.all_logs(record.dagster_run.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS)
        if step is None or any(entry.dagster_event and entry.dagster_event.step_key == step for entry in logs):
            return True
    return False


def _issue(settings: "Settings", cause: Cause, run: dg.DagsterRun, failures: int) -> "OpenIssue | None":
    from resources.errors import BadInput
    from resources.outbox import OpenIssue

    if settings.alert_repository is None:
        return None
    title, body = issue_text(cause, run.run_id, run.job_name, failures)
    try:
        return OpenIssue(repository=settings.alert_repository, title=title, body=body)
    except ValueError:
        raise BadInput(
            f"SOLOIST_ALERT_REPOSITORY is {settings.alert_repository!r}, which GitHub knows no repository under; write it as owner/name."
        ) from None


def _report(settings: "Settings", cause: Cause, run: dg.DagsterRun) -> None:
    """To Sentry, where failures of one cause are one issue. Before the alert is kept: killed in between, Sentry is told twice of one issue."""
    if settings.sentry_dsn is None:
        return
    import sentry_sdk

    from resources.sentry import flush, initialise

    if not sentry_sdk.is_initialized():
        initialise(
            settings.sentry_dsn.get_secret_value(), settings.environment, "soloist", traces=settings.sentry_traces
        )
    with sentry_sdk.new_scope() as scope:
        scope.fingerprint = ["run-failure", cause.hash]
        scope.set_tag("job", run.job_name)
        scope.set_tag("run", run.run_id)
        sentry_sdk.capture_message(f"Runs fail at {cause.says}", level="error")
    flush()
