"""The same graph, with the same checks, groups and partitions, whose assets and checks do nothing."""

from __future__ import annotations

import dagster as dg

from orchestration_assets.definitions import ASSETS, CHECKS
from orchestration_assets.jobs import JOBS


def definitions() -> dg.Definitions:
    return dg.Definitions(
        assets=[_emptied(asset) for asset in ASSETS],
        asset_checks=[_emptied_check(check) for check in CHECKS],
        jobs=[job for job in JOBS if job.name != "prune_storage_job"],
        executor=dg.in_process_executor,
    )


def _emptied(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    spec = next(iter(asset.specs))

    @dg.asset(
        name=spec.key.to_user_string(),
        deps=list(spec.deps),
        group_name=spec.group_name,
        partitions_def=asset.partitions_def,
        backfill_policy=asset.backfill_policy,
        pool=asset.op.pool,
    )
    def nothing() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(
            metadata={"counts": dg.MetadataValue.json({"read": 0, "made": 0, "unchanged": 0, "failed": 0})}
        )

    return nothing


def _emptied_check(check: dg.AssetChecksDefinition) -> dg.AssetChecksDefinition:
    spec = next(iter(check.check_specs))

    @dg.asset_check(asset=spec.asset_key, name=spec.name, blocking=spec.blocking)
    def nothing() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    return nothing
