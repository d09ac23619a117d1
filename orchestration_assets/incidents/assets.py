"""The assets of this domain: errors in production, and the regression tests that were made of them."""

from collections.abc import Iterator

import dagster as dg

from orchestration_assets.asset_support import MODEL_POOL, OWNERS, code_version, table_result

_DESCRIPTIONS = {
    "incidents": "Each wanted issue in Sentry: reproduced, mended since, or refused with the reason.",
    "regression_tests": "Tests that were seen to fail as an error in production did, twice, in a sandbox.",
}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            name,
            deps=["error_events", "sentry_issues", "releases"],
            automation_condition=dg.AutomationCondition.eager(),
            description=description,
            group_name="incidents",
            kinds={"sentry", "duckdb"},
            owners=OWNERS,
            code_version=code_version("incidents/*.py", "incidents/prompts/*"),
        )
        for name, description in _DESCRIPTIONS.items()
    ],
    pool=MODEL_POOL,
    required_resource_keys={"settings", "warehouse", "language_model", "sandbox", "outbox"},
)
def incident_tests(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Looks at every wanted issue that changed."""
    from orchestration_assets.effects import propose_tests
    from orchestration_assets.incidents.making import make_incidents
    from orchestration_assets.incidents.model import INCIDENTS, REGRESSION_TESTS
    from orchestration_assets.incidents.presentation import incidents_table
    from resources.outbox.policy import Policy
    from resources.source_trees import open_source_trees

    resources, problems = context.resources, list[str]()
    policy = Policy.of(resources.settings)
    made = make_incidents(
        resources.warehouse,
        open_source_trees(resources.settings),
        resources.sandbox,
        resources.settings.sentry_repositories,
        resources.settings.incidents,
        resources.language_model,
        lambda proposals: propose_tests(resources.outbox, policy, proposals, problems),
    )
    shown = {
        "incidents": dg.MetadataValue.md(incidents_table(made.incidents)),
        "problems": dg.MetadataValue.json(made.problems + problems),
    }
    for spec, counts in ((INCIDENTS, made.counts), (REGRESSION_TESTS, made.test_counts)):
        result = table_result(resources.warehouse, spec, counts, shown)
        yield dg.MaterializeResult(asset_key=spec.name, metadata=result.metadata)
