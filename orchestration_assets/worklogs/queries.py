"""Which entries an asset works on, and the items and rows round an analysis. Queries only; nothing is decided here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from orchestration_assets.derivation import Inputs
from orchestration_assets.worklogs.model import (
    ENTRIES,
    EXCERPTS,
    Analysis,
    AnalysisItem,
    Entry,
    Excerpt,
    WorklogAnalysis,
)

if TYPE_CHECKING:
    from orchestration_assets.worklogs.scope import Scope
    from resources.warehouse import Session, Warehouse

PAGE = 2000

INPUT_HASH = "sha256(e.input_hash || coalesce(x.output_hash, ''))"
"""What an analysis rests on: the entry, and the excerpts of its diff (their derivation `x`)."""


def analysis_inputs(scope: Scope, months: Collection[date] | None = None) -> Inputs:
    """The entries in scope (of `months`), merges of theirs included, and the hashes of what their analyses rest on; by repository and
    time, so that prompts that share a prefix are neighbours."""
    condition, parameters = scope.condition(with_merges=True)
    if months is not None:
        condition, parameters = f"{condition} AND e.month IN (SELECT unnest(?::DATE[]))", [*parameters, sorted(months)]
    return Inputs(
        f"""SELECT e.entry_id AS key, {INPUT_HASH} AS input_hash, e.repository_id, e.authored_at FROM worklog_entries AS e
        LEFT JOIN derivations AS x ON x.agent = 'code_excerpts' AND x.key = e.entry_id WHERE {condition}""",
        parameters,
        "e.repository_id, e.authored_at, e.key",
    )


def holds_commits(warehouse: Warehouse) -> bool:
    """Whether any repository has ever been read."""
    with warehouse.read() as session:
        return bool(session.query("SELECT 1 FROM worklog_entries WHERE source = 'git' LIMIT 1").num_rows)


def pages(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), PAGE):
        yield keys[start : start + PAGE]


def excerpts_by_entry(session: Session, keys: Sequence[str]) -> dict[str, list[Excerpt]]:
    found: dict[str, list[Excerpt]] = defaultdict(list)
    condition = "entry_id IN (SELECT unnest(?::VARCHAR[]))"
    for row in session.rows(EXCERPTS, where=condition, params=[list(keys)], order_by="entry_id, number"):
        found[row.entry_id].append(row)
    return found


def entries_by_id(session: Session, keys: Sequence[str]) -> dict[str, Entry]:
    condition = "entry_id IN (SELECT unnest(?::VARCHAR[]))"
    return {row.entry_id: row for row in session.rows(ENTRIES, where=condition, params=[list(keys)])}


def analysis_items(warehouse: Warehouse, keys: Sequence[str]) -> Iterator[AnalysisItem]:
    """The items of `keys`, in their order, read page by page: no lock is held between pages, and memory stays bounded."""
    for page in pages(keys):
        with warehouse.read() as session:
            entries, excerpts = entries_by_id(session, page), excerpts_by_entry(session, page)
        for key in page:
            yield AnalysisItem.model_construct(entry=entries[key], excerpts=excerpts.get(key, []))


def analysis_rows(made: Sequence[tuple[AnalysisItem, Analysis]]) -> list[WorklogAnalysis]:
    return [
        WorklogAnalysis.model_construct(**dict(analysis), entry_id=item.entry.entry_id, month=item.entry.month)
        for item, analysis in made
    ]
