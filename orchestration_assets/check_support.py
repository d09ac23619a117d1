"""Making asset checks: a truth, stated in the name, judged once for the same rows and stored, so that later runs see the verdict."""

from importlib import import_module

import dagster as dg


def stored_check(
    asset: dg.AssetsDefinition, name: str, table: str, judgements: str, description: str
) -> dg.AssetChecksDefinition:
    """A blocking check on the rows of `table`. The function of the same name in the module `judgements` looks at them and judges."""

    @dg.asset_check(
        asset=asset, name=name, description=description, blocking=True, required_resource_keys={"warehouse"}
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        from orchestration_assets.verdicts import judge

        judgement = judge(context.resources.warehouse, name, table, getattr(import_module(judgements), name))
        return dg.AssetCheckResult(passed=judgement.passed, description=judgement.detail)

    return check
