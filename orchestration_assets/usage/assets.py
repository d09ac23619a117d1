"""The asset of this domain: what was asked of a model, by day."""

import dagster as dg

from orchestration_assets.asset_support import OWNERS, code_version, table_result
from orchestration_assets.reports.assets import resume, standup, status_report, summary
from orchestration_assets.skills.assets import skill_evidence
from orchestration_assets.worklogs.assets import worklog_analyses


@dg.asset(
    deps=[worklog_analyses, skill_evidence, standup, status_report, summary, resume],
    group_name="usage",
    kinds={"duckdb"},
    owners=OWNERS,
    code_version=code_version("usage/model.py", "usage/making.py"),
    required_resource_keys={"settings", "warehouse"},
)
def model_usage(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Calls, tokens, latency and cost of the language model, by day, agent and model."""
    from orchestration_assets.usage.making import make_usage
    from orchestration_assets.usage.model import MODEL_USAGE
    from orchestration_assets.usage.presentation import usage_plot, usage_table

    counts, rows = make_usage(context.resources.settings, context.resources.warehouse)
    shown = {"usage": dg.MetadataValue.md(usage_table(rows)), "tokens": dg.MetadataValue.md(usage_plot(rows))}
    return table_result(context.resources.warehouse, MODEL_USAGE, counts, shown)
