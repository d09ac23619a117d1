"""The judgement behind the check of this domain: it reads what is served, not what was meant, and follows every citation."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import orjson

from orchestration_assets.reports.model import DOCUMENTS
from orchestration_assets.verdicts import Judgement
from orchestration_assets.worklogs.queries import entries_by_id, excerpts_by_entry, pages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestration_assets.worklogs.model import Entry, Excerpt
    from resources.object_store import ObjectStore
    from resources.warehouse import Session, Warehouse


def citation_check(kind: str) -> tuple[str, str]:
    """The name of the verdict on the documents of a kind, and the SQL condition on `documents` that says which rows it is on."""
    return f"{kind}.every_claim_cites_evidence", f"kind = '{kind}'"


def every_claim_cites_evidence(
    session: Session, warehouse: Warehouse, store: ObjectStore, kind: str
) -> Callable[[], Judgement]:
    """Tells, when called, whether every claim of every document of a kind cites entries that exist, by quotes that stand in them. Reading
    the documents takes long, so the warehouse is not locked meanwhile, and opened anew for a page of entries at a time."""
    documents = session.rows(DOCUMENTS, where="kind = ? AND format = 'json'", params=[kind])

    def judgement() -> Judgement:
        quotes: dict[str, list[str]] = defaultdict(list)
        for document in documents:
            for entry_id, quote in cited(orjson.loads(store.get_verified(document.sha256))):
                quotes[entry_id].append(quote)
        broken = sum(_broken_citations(warehouse, quotes, page) for page in pages(sorted(quotes)))
        return Judgement(broken == 0, f"{broken} claims of {len(documents)} documents cite no existing evidence")

    return judgement


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


def _broken_citations(warehouse: Warehouse, quotes: Mapping[str, Sequence[str]], keys: Sequence[str]) -> int:
    with warehouse.read() as session:
        entries, excerpts = entries_by_id(session, keys), excerpts_by_entry(session, keys)
    return sum(
        key not in entries or not _stands_in(quote, entries[key], excerpts.get(key, []))
        for key in keys
        for quote in quotes[key]
    )


def _stands_in(quote: str, entry: Entry, excerpts: list[Excerpt]) -> bool:
    strings = (entry.text, *(file.path for file in entry.files), *(excerpt.line for excerpt in excerpts))
    return bool(quote) and any(quote in string for string in strings)
