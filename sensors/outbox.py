"""Publishes what waits in the outbox: a sensor that asks for a run where something is due, and the job of that run."""

from contextlib import closing

import dagster as dg

from sensors.unfinished import UNFINISHED


@dg.op(required_resource_keys={"settings"})
def publish_effects(context: dg.OpExecutionContext) -> None:
    """Says of each effect that was not simply sent why; none of that fails the run."""
    from orchestration_assets.publishing import AnotherPublishes, publish_waiting

    settings = context.resources.settings
    if settings.publish != "on":
        context.log.warning(f"SOLOIST_PUBLISH is {settings.publish}, so nothing is sent.")
        return
    try:
        published = publish_waiting(settings)
    except AnotherPublishes as error:
        context.log.warning(str(error))
        return
    for sentence in published.sentences:
        context.log.warning(sentence)
    context.add_output_metadata(
        {"sent": published.sent, "dead": published.dead, "failed": published.failed, "waiting": published.waiting}
    )


@dg.job(
    executor_def=dg.in_process_executor,
    description="Comments, labels, issues and pull requests that wait in the outbox are sent, each once.",
)
def publish_effects_job() -> None:
    publish_effects()


@dg.sensor(
    job=publish_effects_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Where SOLOIST_PUBLISH is on: asks for a run where something in the outbox is due, one at a time.",
)
def outbox_effects_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    from orchestration_assets.connections import open_outbox
    from resources.errors import SoloistError
    from resources.github.client import open_github
    from resources.settings import load_settings

    settings = load_settings()
    if settings.publish != "on":
        return dg.SkipReason(f"SOLOIST_PUBLISH is {settings.publish}; `soloist publish --dry-run` shows what waits.")
    if not settings.has_inbox:
        return dg.SkipReason("Nothing was put into the outbox yet.")
    if context.instance.get_runs_count(dg.RunsFilter(job_name=publish_effects_job.name, statuses=UNFINISHED)):
        return dg.SkipReason("A run publishes already.")
    try:
        open_github(settings).close()  # settings that do not fit together would fail one run after another
        with closing(open_outbox(settings)) as outbox:
            if outbox.has_due():
                return dg.RunRequest()
    except SoloistError as error:
        return dg.SkipReason(str(error))
    return dg.SkipReason("Nothing in the outbox is due.")
