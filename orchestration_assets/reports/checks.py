"""What is true of every report and resume that is served: every claim cites evidence that exists, and its quotes are verbatim."""

from typing import TYPE_CHECKING

import dagster as dg
import orjson

from orchestration_assets.reports.assets import resume, standup, status_report, summary
from orchestration_assets.reports.model import DOCUMENTS, Document
from orchestration_assets.verdicts import Judgement, judge
from orchestration_assets.worklogs.queries import entries_by_id, excerpts_by_entry
from resources.object_store import ObjectStore
from resources.warehouse import Warehouse

if TYPE_CHECKING:
    from resources.warehouse import Session


def cited(document: object) -> list[tuple[str, str]]:
    """(entry id, quote) of everything that a document cites, wherever in it; a claim without evidence counts as citing ("", "")."""
    found: list[tuple[str, str]] = []
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            if "entry_id" in part and "quote" in part:
                found.append((part["entry_id"], part["quote"]))
            elif "text" in part and part.get("evidence") == []:
                found.append(("", ""))
            waiting += part.values()
    return found


def _judge_documents(session: "Session", store: ObjectStore, kind: str) -> Judgement:
    documents = session.rows(DOCUMENTS, where="kind = ? AND format = 'json'", params=[kind])
    broken = sum(_broken_citations(session, store, document) for document in documents)
    return Judgement(broken == 0, f"{broken} claims of {len(documents)} documents cite no existing evidence")


def _broken_citations(session: "Session", store: ObjectStore, document: Document) -> int:
    pieces = cited(orjson.loads(store.get_verified(document.sha256)))
    keys = sorted({entry_id for entry_id, _ in pieces})
    entries, excerpts = entries_by_id(session, keys), excerpts_by_entry(session, keys)
    return sum(
        entry_id not in entries
        or not any(
            quote in string
            for string in (
                entries[entry_id].text,
                *(file.path for file in entries[entry_id].files),
                *(excerpt.line for excerpt in excerpts.get(entry_id, ())),
            )
        )
        for entry_id, quote in pieces
    )


def _citation_check(asset: dg.AssetsDefinition, kind: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset,
        name="every_claim_cites_evidence",
        description="Every claim of every document cites entries that exist, by quotes that stand in them.",
        blocking=True,
    )
    def check(
        warehouse: dg.ResourceParam[Warehouse], object_store: dg.ResourceParam[ObjectStore]
    ) -> dg.AssetCheckResult:
        judgement = judge(
            warehouse,
            f"{kind}.every_claim_cites_evidence",
            DOCUMENTS.name,
            lambda session: _judge_documents(session, object_store, kind),
        )
        return dg.AssetCheckResult(passed=judgement.passed, description=judgement.detail)

    return check


CHECKS = tuple(
    _citation_check(asset, asset.key.to_user_string()) for asset in (standup, status_report, summary, resume)
)
