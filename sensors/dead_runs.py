"""The reaper: a run whose process is gone is failed, and the pool slots that it held are freed.

The default run launcher has no health check: a run whose worker was killed together with the daemon would stay STARTED for ever.
"""

import time

import dagster as dg

from resources.processes import PROCESS_TAG, is_gone

_ALIVE = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
REAPED_TAG = "soloist/reaped"
"""The id of a run that did not fail by itself: its process is gone. A retry starts with the tags of the run that it repeats."""
NAMED_WITHIN = 180.0
"""Seconds from its start within which a run names its process. One that was killed before it did would have no name for ever."""


def reap_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fails every unfinished run whose process is known to be gone, or that never named one; returns their ids."""
    reaped = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_ALIVE)):
        run, process = record.dagster_run, _process_of(instance, record.dagster_run)
        if is_gone(process) if process else record.start_time and time.time() - record.start_time > NAMED_WITHIN:
            # The slots first: killed in between, the next reaper finds the run again, and who sees it failed finds its slots free.
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            instance.add_run_tags(run.run_id, {REAPED_TAG: run.run_id})
            instance.report_run_failed(
                run, message="The process of this run is gone; the run is failed so that others can start."
            )
            reaped.append(run.run_id)
    return reaped


def _process_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """The process that the run named itself; None before it did. A retry starts with the tags of the run that it repeats."""
    process = run.tags.get(PROCESS_TAG)
    repeated = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    return None if repeated is not None and repeated.tags.get(PROCESS_TAG) == process else process


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process is gone and frees their pool slots.",
)
def dead_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    reaped = reap_dead_runs(context.instance)
    return dg.SkipReason(f"Failed {len(reaped)} dead runs: {', '.join(reaped)}." if reaped else "No dead runs.")
