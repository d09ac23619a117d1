"""Making asset checks: a truth, stated in the name, judged once for the same rows and stored, so that later runs see the verdict."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from orchestration_assets.verdicts import Judgement, judge
from resources.warehouse import Warehouse

if TYPE_CHECKING:
    from resources.warehouse import Session


def stored_check(
    asset: dg.AssetsDefinition,
    name: str,
    table: str,
    description: str,
    question: "Callable[[Session], Judgement]",
    blocking: bool = True,
) -> dg.AssetChecksDefinition:
    """An asset check on the rows of `table`; `question` looks and judges."""

    @dg.asset_check(asset=asset, name=name, description=description, blocking=blocking)
    def check(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        judgement = judge(warehouse, name, table, question)
        severity = dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
        return dg.AssetCheckResult(passed=judgement.passed, severity=severity, description=judgement.detail)

    return check


def none_of(count: int, what: str) -> Judgement:
    """Passes where `count` is 0; `what` says what was counted."""
    return Judgement(count == 0, f"{count} {what}")
