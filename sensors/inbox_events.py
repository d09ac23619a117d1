"""Drains the inbox: one run for a batch of events, and then runs over exactly what they made stale."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from orchestration_assets.activity.assets import BATCH_TAG
from orchestration_assets.jobs import apply_events_job, refresh_worklogs_job
from sensors.dead_runs import REAPED_TAG
from sensors.repeating import repeated
from sensors.unfinished import UNFINISHED, is_to_be_retried

if TYPE_CHECKING:
    from resources.inbox import Inbox

BATCHES_A_TICK = 10


@dg.sensor(
    jobs=[apply_events_job, refresh_worklogs_job],
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Leases what waits in the inbox and asks for one run a batch; where rows changed since, for the entries that rest on them.",
)
def inbox_events_sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """A batch keeps its name until it is settled or given back, and so does its run: killed between leasing and asking, the next tick asks
    again under the same key. The cursor is a fingerprint of the tables; it moves once no entry that rests on them is stale, and until then
    what a run failed to make is asked for again."""
    from orchestration_assets.activity.model import TABLE_OF
    from orchestration_assets.connections import open_inbox, open_warehouse
    from orchestration_assets.requests import refresh_requests
    from orchestration_assets.verdicts import table_fingerprint
    from resources.clock import now
    from resources.language_model.agent import content_hash
    from resources.settings import load_settings

    settings = load_settings()
    if not settings.has_inbox:
        yield dg.SkipReason("No event came yet.")
        return
    inbox = open_inbox(settings)
    try:
        asked = list(batch_requests(context.instance, inbox))
    finally:
        inbox.close()
    if asked:
        yield from asked
        return
    for job in (apply_events_job, refresh_worklogs_job):
        if context.instance.get_runs_count(dg.RunsFilter(job_name=job.name, statuses=UNFINISHED)):
            yield dg.SkipReason(f"A {job.name} is at work; what is stale is known after that.")
            return
    with open_warehouse(settings).read() as session:
        seen = content_hash(*(table_fingerprint(session, spec.name) for spec in TABLE_OF.values()))
        nothing_told = not any(session.count(f"SELECT count(*) FROM {spec.name}") for spec in TABLE_OF.values())
    if context.cursor == seen or nothing_told:
        yield dg.SkipReason("Nothing waits in the inbox.")
        return
    instant = now()
    requests = refresh_requests(settings, instant, f"activity:{seen[:16]}", at_least_one=False)
    stale = [repeated(context.instance, request, instant) for request in requests]
    yield from stale
    if not stale:
        context.update_cursor(seen)
        yield dg.SkipReason("Every entry is up to date.")


def batch_requests(instance: dg.DagsterInstance, inbox: "Inbox") -> Iterator[dg.RunRequest]:
    """A run for each batch that has none, after what dead runs held was given back and what waits was leased."""
    asked: dict[str, dg.RunRecord | None] = {batch: _run_of(instance, batch) for batch in inbox.open_batches()}
    for batch, record in list(asked.items()):
        if record is not None and record.dagster_run.is_finished and not is_to_be_retried(record):
            run = record.dagster_run
            failed = run.status is dg.DagsterRunStatus.FAILURE and run.tags.get(REAPED_TAG) != run.run_id
            inbox.release(batch, f"The run {run.run_id} ended before this event was settled.", pauses=failed)
            del asked[batch]
    while len(asked) < BATCHES_A_TICK and (leased := inbox.lease()) is not None:
        asked[leased.id] = None
    for batch, record in asked.items():
        if record is None:
            yield dg.RunRequest(job_name=apply_events_job.name, run_key=batch, tags={BATCH_TAG: batch})


def _run_of(instance: dg.DagsterInstance, batch: str) -> dg.RunRecord | None:
    """The last run that was asked for a batch."""
    return next(iter(instance.get_run_records(dg.RunsFilter(tags={BATCH_TAG: batch}), limit=1)), None)
