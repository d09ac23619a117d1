"""The assets of this domain: entries, the noteworthy lines of their diffs, and analyses."""

import dagster as dg

from orchestration_assets.asset_support import (
    MODEL_POOL,
    OWNERS,
    MakingConfig,
    code_version,
    model_metadata,
    requested_months,
    table_result,
)
from orchestration_assets.partitions import MONTHS


@dg.asset(
    deps=["pull_requests", "submitted_reviews", "issues"],
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="worklogs",
    kinds={"git", "github", "duckdb"},
    owners=OWNERS,
    code_version=code_version("worklogs/model.py", "worklogs/ingestion.py", "activity/entries.py"),
    required_resource_keys={"settings", "warehouse"},
)
def worklog_entries(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """What was done, a row each: every commit of the watched repositories (under an id that survives clones and rebases), every note, every
    merged pull request, review and issue that was dealt with."""
    from orchestration_assets.worklogs.making import make_entries
    from orchestration_assets.worklogs.model import ENTRIES

    warehouse = context.resources.warehouse
    counts, problems = make_entries(context.resources.settings, warehouse, requested_months(context))
    return table_result(warehouse, ENTRIES, counts, {"problems": dg.MetadataValue.json(problems)})


@dg.asset(
    deps=[worklog_entries],
    group_name="worklogs",
    kinds={"git", "duckdb"},
    owners=OWNERS,
    code_version=code_version("worklogs/excerpts.py", "worklogs/manifests.py"),
    required_resource_keys={"settings", "warehouse"},
)
def code_excerpts(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """The lines of diffs worth quoting: imports, dependencies added and dropped, and TODOs, of the entries in scope."""
    from orchestration_assets.worklogs.making import make_excerpts
    from orchestration_assets.worklogs.model import EXCERPTS

    warehouse = context.resources.warehouse
    counts, problems = make_excerpts(context.resources.settings, warehouse)
    return table_result(warehouse, EXCERPTS, counts, {"problems": dg.MetadataValue.json(problems)})


@dg.asset(
    deps=[worklog_entries, code_excerpts],
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=MODEL_POOL,
    group_name="worklogs",
    kinds={"duckdb", "openai"},
    owners=OWNERS,
    code_version=code_version("worklogs/model.py", "worklogs/analysis.py", "worklogs/prompts/*", "worklogs/data/*"),
    required_resource_keys={"settings", "warehouse", "language_model"},
)
def worklog_analyses(context: dg.AssetExecutionContext, config: MakingConfig) -> dg.MaterializeResult[None]:
    """What each entry was about: category, references, what was touched, activities, blockers and follow-ups, each with its quote."""
    from orchestration_assets.worklogs.making import make_analyses
    from orchestration_assets.worklogs.model import ANALYSES

    warehouse, model = context.resources.warehouse, context.resources.language_model
    months = requested_months(context)
    derived = make_analyses(context.resources.settings, warehouse, model, months, config.policy)
    return table_result(warehouse, ANALYSES, derived.counts, model_metadata(derived, model, context.resources.settings))
