"""What is true of every report and resume that is served: every claim cites evidence that exists, and its quotes are verbatim."""

import dagster as dg

from orchestration_assets.reports.assets import resume, standup, status_report, summary


def _citation_check(asset: dg.AssetsDefinition, kind: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset,
        name="every_claim_cites_evidence",
        description="Every claim of every document cites entries that exist, by quotes that stand in them.",
        blocking=True,
        required_resource_keys={"warehouse", "object_store"},
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        from orchestration_assets.reports.judgements import citation_check, every_claim_cites_evidence
        from orchestration_assets.verdicts import judge

        name, rows = citation_check(kind)
        warehouse, store = context.resources.warehouse, context.resources.object_store
        judgement = judge(
            warehouse,
            name,
            "documents",
            lambda session: every_claim_cites_evidence(session, warehouse, store, kind),
            rows=rows,
        )
        return dg.AssetCheckResult(passed=judgement.passed, description=judgement.detail)

    return check


CHECKS = tuple(
    _citation_check(asset, asset.key.to_user_string()) for asset in (standup, status_report, summary, resume)
)
