"""The assets of this domain: which entries show which skills, and what that adds up to."""

import dagster as dg

from orchestration_assets.asset_support import (
    MODEL_POOL,
    OWNERS,
    MakingConfig,
    code_version,
    model_metadata,
    table_result,
)
from orchestration_assets.worklogs.assets import code_excerpts, worklog_analyses


@dg.asset(
    deps=[worklog_analyses, code_excerpts],
    pool=MODEL_POOL,
    group_name="skills",
    kinds={"duckdb", "openai"},
    owners=OWNERS,
    code_version=code_version("skills/model.py", "skills/detection.py", "skills/prompts/*", "skills/data/*"),
    required_resource_keys={"settings", "warehouse", "language_model"},
)
def skill_evidence(context: dg.AssetExecutionContext, config: MakingConfig) -> dg.MaterializeResult[None]:
    """Which technology or practice each entry shows, by imports, manifests, file types and words, with the quote that shows it."""
    from orchestration_assets.skills.making import make_skill_evidence
    from orchestration_assets.skills.model import SKILL_EVIDENCE

    warehouse, model = context.resources.warehouse, context.resources.language_model
    derived = make_skill_evidence(context.resources.settings, warehouse, model, config.policy)
    return table_result(
        warehouse, SKILL_EVIDENCE, derived.counts, model_metadata(derived, model, context.resources.settings)
    )


@dg.asset(
    deps=[skill_evidence],
    group_name="skills",
    kinds={"duckdb"},
    owners=OWNERS,
    code_version=code_version("skills/model.py", "skills/levels.py", "skills/aggregation.py"),
    required_resource_keys={"settings", "warehouse"},
)
def skills(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """What the evidence adds up to: level, confidence, first and last use, and the order in which to show them."""
    from orchestration_assets.skills.making import make_skills
    from orchestration_assets.skills.model import SKILLS
    from orchestration_assets.skills.presentation import skills_table

    warehouse = context.resources.warehouse
    counts, rows = make_skills(context.resources.settings, warehouse)
    return table_result(warehouse, SKILLS, counts, {"top_skills": dg.MetadataValue.md(skills_table(rows))})
