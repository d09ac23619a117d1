"""The jobs: what a schedule, a sensor or a person asks for in one run. All run in one process; fan-out happens inside the assets."""

from datetime import timedelta
from typing import Any

import dagster as dg

from orchestration_assets.reports.kinds import ReportKind

refresh_worklogs_job = dg.define_asset_job(
    "refresh_worklogs_job",
    selection=dg.AssetSelection.groups("worklogs", "skills") | dg.AssetSelection.assets("resume"),
    description="Entries of the asked months, and everything that adds them up: analyses, skills and the resume.",
    executor_def=dg.in_process_executor,
)

apply_events_job = dg.define_asset_job(
    "apply_events_job",
    selection=dg.AssetSelection.groups("activity"),
    description="The newest state of every pull request, issue and review that events in the inbox tell of.",
    executor_def=dg.in_process_executor,
)

review_pull_requests_job = dg.define_asset_job(
    "review_pull_requests_job",
    selection=dg.AssetSelection.groups("reviews"),
    description="The review of every open pull request whose code, base or text changed.",
    executor_def=dg.in_process_executor,
)

make_regression_tests_job = dg.define_asset_job(
    "make_regression_tests_job",
    selection=dg.AssetSelection.groups("incidents"),
    description="A test for each wanted error in production that changed.",
    executor_def=dg.in_process_executor,
)

REPORT_JOBS = {
    kind: dg.define_asset_job(
        f"make_{kind.value}_job",
        selection=dg.AssetSelection.assets(kind.value),
        description=f"Every {kind.value.replace('_', ' ')} of the asked {periods}.",
        executor_def=dg.in_process_executor,
    )
    for kind, periods in (
        (ReportKind.STANDUP, "days"),
        (ReportKind.STATUS_REPORT, "weeks"),
        (ReportKind.SUMMARY, "months"),
    )
}


model_usage_job = dg.define_asset_job(
    "model_usage_job",
    selection=dg.AssetSelection.assets("model_usage"),
    description="What the language model was asked for, added up by day, agent and model.",
    executor_def=dg.in_process_executor,
)


def prune_runs(instance: dg.DagsterInstance, keep_days: int) -> int:
    """Deletes finished runs older than `keep_days` and their events; returns how many. What they made is kept in the warehouse."""
    from resources.clock import now

    finished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
        created_before=now() - timedelta(days=keep_days),
    )
    old = instance.get_run_ids(finished)
    for run_id in old:
        instance.delete_run(run_id)
    return len(old)


@dg.op(required_resource_keys={"settings", "warehouse", "object_store", "inbox", "outbox"})
def prune_storage(context: dg.OpExecutionContext) -> None:
    """Takes out old runs, documents that nothing points at, and unused pages of the warehouse."""
    from orchestration_assets.maintenance import collect_garbage, prune_builds
    from resources.clock import now

    runs = prune_runs(context.instance, context.resources.settings.keep_runs_days)
    collected = collect_garbage(context.resources.warehouse, context.resources.object_store, now())
    old = now() - timedelta(days=context.resources.settings.keep_events_days)
    events, effects = context.resources.inbox.prune(old), context.resources.outbox.prune(old)
    reports = prune_builds(context.resources.settings, old)
    context.log.info(
        f"Removed {runs} runs, {events} events, {effects} effects, {reports} reports of tests and {collected.objects} objects; freed "
        f"{collected.warehouse_bytes} bytes."
    )


@dg.job(executor_def=dg.in_process_executor, description="Old runs, orphaned objects and unused pages go.")
def prune_storage_job() -> None:
    prune_storage()


JOBS: tuple[Any, ...] = (
    apply_events_job,
    refresh_worklogs_job,
    *REPORT_JOBS.values(),
    review_pull_requests_job,
    make_regression_tests_job,
    model_usage_job,
    prune_storage_job,
)
