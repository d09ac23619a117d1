"""The assets of this domain: one operation applies the events of the inbox, and each table that it may write is an asset."""

from collections.abc import Iterator

import dagster as dg

from orchestration_assets.asset_support import OWNERS, code_version, table_result

BATCH_TAG = "soloist/batch"
"""The tag of a run that was asked for to apply one batch of events."""

_DESCRIPTIONS = {
    "pull_requests": "Every pull request of the watched repositories on GitHub, as it was last heard of.",
    "issues": "Every issue on GitHub, as it was last heard of.",
    "submitted_reviews": "The reviews that people submitted to pull requests.",
    "releases": "What was released on GitHub.",
    "workflow_runs": "What GitHub's workflows came to.",
    "branches": "Where each branch on GitHub points.",
    "sentry_issues": "How each issue of the watched projects in Sentry stands.",
    "error_events": "Of each issue in Sentry the last error that shows it, with its stack.",
}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            name,
            description=description,
            group_name="activity",
            kinds={"sentry" if name in ("sentry_issues", "error_events") else "github", "duckdb"},
            owners=OWNERS,
            code_version=code_version("activity/*.py"),
        )
        for name, description in _DESCRIPTIONS.items()
    ],
    required_resource_keys={"settings", "warehouse", "inbox"},
)
def activity(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Applies the batch of events that the run was asked for, or all that wait."""
    from orchestration_assets.activity.applying import apply_waiting
    from orchestration_assets.activity.model import TABLE_OF

    warehouse = context.resources.warehouse
    applied = apply_waiting(warehouse, context.resources.inbox, context.run.tags.get(BATCH_TAG))
    for spec in TABLE_OF.values():
        result = table_result(
            warehouse, spec, applied.counts[spec.name], {"problems": dg.MetadataValue.json(applied.problems)}
        )
        yield dg.MaterializeResult(asset_key=spec.name, metadata=result.metadata)
