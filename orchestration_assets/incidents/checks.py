"""What is true of incidents and regression tests, or else no pull request may rest on them."""

import dagster as dg

_JUDGEMENTS = "orchestration_assets.incidents.judgements"


def _check(asset: str, name: str, description: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset, name=name, description=description, blocking=True, required_resource_keys={"warehouse"}
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        from importlib import import_module

        from orchestration_assets.verdicts import judge

        judgement = judge(context.resources.warehouse, name, asset, getattr(import_module(_JUDGEMENTS), name))
        return dg.AssetCheckResult(passed=judgement.passed, description=judgement.detail)

    return check


CHECKS = (
    _check(
        "regression_tests",
        "every_kept_test_has_failed_as_told",
        "A test is kept for an incident that was reproduced; it has failed twice, and is the text that was run.",
    ),
    _check("incidents", "every_refusal_has_its_reason", "What was refused says why, and has no test."),
)
