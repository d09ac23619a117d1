"""The assets of this domain: the three calendar reports, and the resume."""

import re
from typing import Any

import dagster as dg

from orchestration_assets.asset_support import (
    MODEL_POOL,
    OWNERS,
    MakingConfig,
    code_version,
    count_metadata,
    model_metadata,
)
from orchestration_assets.partitions import CALENDARS
from orchestration_assets.reports.kinds import ReportKind
from orchestration_assets.skills.assets import skill_evidence, skills
from orchestration_assets.worklogs.assets import worklog_analyses

_CONNECTIONS = {"settings", "warehouse", "object_store", "language_model"}

_DESCRIPTIONS = {
    ReportKind.STANDUP: "What to say at a day's standup: the last working day, today, and blockers; every line with its entries.",
    ReportKind.STATUS_REPORT: "A week on one page: completed, in progress, upcoming and blockers by topic; every line with its entries.",
    ReportKind.SUMMARY: "A month on one page, by topic, with what the days held; every line with its entries.",
}


def calendar_asset(kind: ReportKind) -> dg.AssetsDefinition:
    """The asset of one calendar report: its partitions are the periods, and each period's document is linked from its metadata."""

    @dg.asset(
        name=kind.value,
        description=_DESCRIPTIONS[kind],
        deps=[dg.AssetDep(worklog_analyses, partition_mapping=dg.AllPartitionMapping())],
        partitions_def=CALENDARS[kind],
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=MODEL_POOL,
        group_name="reports",
        kinds={"markdown", "openai"},
        owners=OWNERS,
        code_version=code_version(
            "reports/model.py",
            "reports/composition.py",
            f"reports/prompts/{kind.value}.md",
            "reports/templates/report*",
        ),
        required_resource_keys=_CONNECTIONS,
    )
    def report(context: dg.AssetExecutionContext, config: MakingConfig) -> dg.MaterializeResult[None]:
        from orchestration_assets.reports.calendar import period_key
        from orchestration_assets.reports.making import make_reports
        from orchestration_assets.reports.queries import calendar_of, partition_period

        connected = context.resources
        calendar = calendar_of(connected.settings)
        periods = {key: partition_period(kind, key, calendar) for key in context.partition_keys}
        making = make_reports(
            kind,
            list(periods.values()),
            connected.settings,
            connected.warehouse,
            connected.object_store,
            connected.language_model,
            config.policy,
        )
        documents = _documents(connected, kind.value)
        for key, period in periods.items():
            name = f"{kind.value}/{period_key(period)}"
            if markdown := documents.get(f"{name}.md"):
                preview = (
                    making.markdown.get(period_key(period)) or connected.object_store.get_verified(markdown).decode()
                )
                links = {"document": _link(connected, f"{name}.html"), "preview": _preview(preview)}
                context.add_asset_metadata(links, partition_key=key)
        return dg.MaterializeResult(
            metadata={
                **count_metadata(making.derived.counts),
                **model_metadata(making.derived, connected.language_model, connected.settings),
            }
        )

    return report


standup = calendar_asset(ReportKind.STANDUP)
status_report = calendar_asset(ReportKind.STATUS_REPORT)
summary = calendar_asset(ReportKind.SUMMARY)


@dg.asset(
    deps=[worklog_analyses, skill_evidence, skills],
    pool=MODEL_POOL,
    group_name="reports",
    kinds={"markdown", "openai"},
    owners=OWNERS,
    code_version=code_version(
        "reports/resume*.py", "reports/prompts/resume*", "reports/templates/resume*", "reports/data/*"
    ),
    required_resource_keys=_CONNECTIONS,
)
def resume(context: dg.AssetExecutionContext, config: MakingConfig) -> dg.MaterializeResult[None]:
    """The resume, and one for each targeted variant of the profile, as JSON Resume, Markdown, HTML and PDF; every highlight with evidence."""
    from orchestration_assets.reports.resume_making import make_resumes

    connected = context.resources
    making = make_resumes(
        connected.settings, connected.warehouse, connected.object_store, connected.language_model, config.policy
    )
    metadata: dict[str, Any] = {
        **count_metadata(making.derived.counts),
        **model_metadata(making.derived, connected.language_model, connected.settings),
    }
    documents = _documents(connected, "resume")
    for name in documents:
        metadata[f"document {name}"] = _link(connected, name)
    if markdown := documents.get("resume/resume.md"):
        metadata["preview"] = _preview(making.markdown or connected.object_store.get_verified(markdown).decode())
    return dg.MaterializeResult(metadata=metadata)


def _documents(connected: Any, kind: str) -> dict[str, str]:
    """The sha256 of every document of the kind by its name, whether this run made it or an earlier one."""
    from orchestration_assets.reports.documents import document_name
    from orchestration_assets.reports.model import DOCUMENTS

    with connected.warehouse.read() as session:
        rows = session.rows(DOCUMENTS, where="kind = ?", params=[kind], order_by="variant, format")
    return {document_name(row): row.sha256 for row in rows}


def _link(connected: Any, name: str) -> dg.UrlMetadataValue:
    return dg.MetadataValue.url(f"{connected.settings.documents_url}/documents/{name}")


def _preview(markdown: str) -> dg.MarkdownMetadataValue:
    """The document with smaller headings: the web UI prints big ones over several lines on top of each other."""
    return dg.MetadataValue.md(re.sub(r"(?m)^(#+ )", r"##\1", markdown))
