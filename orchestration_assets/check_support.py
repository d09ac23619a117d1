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


def failure_check(asset: dg.AssetsDefinition, name: str, agent: str) -> dg.AssetChecksDefinition:
    """A check that warns where more of an agent's items failed than the settings allow. It blocks nothing: what was made is sound."""

    @dg.asset_check(
        asset=asset,
        name=name,
        description="The share of items that no output could be made for stays within SOLOIST_FAILURE_THRESHOLD.",
        required_resource_keys={"warehouse", "settings"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        from orchestration_assets.derivation import failures

        with context.resources.warehouse.read() as session:
            failed, items, commonest = failures(session, agent)
        threshold = context.resources.settings.failure_threshold
        because = f"; most often: {commonest}" if commonest else ""
        return dg.AssetCheckResult(
            passed=failed <= threshold * items,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{failed} of {items} items failed{because}",
        )

    return check
