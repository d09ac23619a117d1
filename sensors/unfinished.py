"""Which runs are not done yet: a sensor that asks for what is stale waits for those that may make it so."""

from datetime import UTC, datetime, timedelta

import dagster as dg

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
RETRY_PATIENCE = timedelta(minutes=5)
"""Within which Dagster begins the retry that it announced of a run."""


def is_to_be_retried(last: dg.RunRecord) -> bool:
    """Whether Dagster runs the last run of something again by itself. It says so before it does, and a daemon that dies in between forgets
    it: then nobody would."""
    announced = last.dagster_run.tags.get("dagster/will_retry") == "true"
    return announced and datetime.now(UTC) - last.update_timestamp < RETRY_PATIENCE
