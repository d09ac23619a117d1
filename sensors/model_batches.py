"""Sends batch files to the model endpoint, fetches those that were answered, and asks for runs that find the answers."""

from collections.abc import Iterator

import dagster as dg

from orchestration_assets.jobs import REPORT_JOBS, refresh_worklogs_job
from orchestration_assets.reports.kinds import ReportKind

FILES_A_TICK = 1
"""A file takes seconds to send, and a tick should be short."""


@dg.sensor(
    jobs=[refresh_worklogs_job, *REPORT_JOBS.values()],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Where SOLOIST_MODEL_BACKEND is batch: sends what waits for a model, and fetches what was answered.",
)
def model_batches_sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """The run keys hold the instant: a file settles once, and runs that find nothing to do take a second."""
    from orchestration_assets.connections import open_batches, open_warehouse
    from orchestration_assets.requests import refresh_requests, report_requests
    from resources.clock import now
    from resources.language_model.endpoint import EndpointError
    from resources.settings import load_settings

    settings = load_settings()
    try:
        batches = open_batches(settings, open_warehouse(settings))
        progress = batches.advance(FILES_A_TICK) if batches else None
    except EndpointError as error:
        yield dg.SkipReason(str(error))
        return
    if progress is None:
        yield dg.SkipReason("A `soloist run` is at it." if batches else "The model is not asked in batch files.")
        return
    if not progress.settled:
        yield dg.SkipReason(f"{progress.sent} files were sent, {progress.open} are open; none was answered.")
        return
    instant = now()
    occasion = f"batches:{instant.isoformat()}"
    yield from refresh_requests(settings, instant, occasion)
    for kind in ReportKind:
        yield from report_requests(settings, instant, kind, occasion)
