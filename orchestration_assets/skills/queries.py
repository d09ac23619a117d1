"""Which entries the skill agent works on, and the items, rows and evidence round it. Queries only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from orchestration_assets.derivation import Inputs
from orchestration_assets.skills.model import SKILL_EVIDENCE, SkillEvidence, SkillItem
from orchestration_assets.worklogs.model import ANALYSES, Analysis
from orchestration_assets.worklogs.queries import entries_by_id, excerpts_by_entry, pages

if TYPE_CHECKING:
    from orchestration_assets.worklogs.scope import Scope
    from resources.warehouse import Session, Warehouse


def skill_inputs(scope: Scope) -> Inputs:
    """The analysed entries in scope, and the hashes of what their skills rest on. What GitHub tells of a pull request, its commits show."""
    condition, parameters = scope.condition()
    return Inputs(
        f"""SELECT e.entry_id AS key, sha256(e.input_hash || a.output_hash || coalesce(x.output_hash, '')) AS input_hash,
            e.repository_id, e.authored_at
        FROM worklog_entries AS e
        JOIN derivations AS a ON a.agent = 'worklog_analysis' AND a.key = e.entry_id AND a.reason IS NULL
        LEFT JOIN derivations AS x ON x.agent = 'code_excerpts' AND x.key = e.entry_id
        WHERE e.source IN ('git', 'note') AND {condition}""",
        parameters,
        "e.repository_id, e.authored_at, e.key",
    )


def analyses_by_entry(session: Session, keys: Sequence[str]) -> dict[str, Analysis]:
    condition = "entry_id IN (SELECT unnest(?::VARCHAR[]))"
    return {row.entry_id: row for row in session.rows(ANALYSES, where=condition, params=[list(keys)])}


def skill_items(warehouse: Warehouse, keys: Sequence[str]) -> Iterator[SkillItem]:
    """The items of `keys`, in their order, read page by page without holding a lock between pages."""
    for page in pages(keys):
        with warehouse.read() as session:
            entries, excerpts = entries_by_id(session, page), excerpts_by_entry(session, page)
            analyses = analyses_by_entry(session, page)
        for key in page:
            yield SkillItem.model_construct(entry=entries[key], analysis=analyses[key], excerpts=excerpts.get(key, []))


def evidence_fingerprint(session: Session, scope: Scope) -> str:
    """A hash of the evidence of the entries in scope, whatever its order."""
    condition, parameters = scope.condition()
    row = session.query(
        f"""SELECT count(*) AS n, coalesce(bit_xor(hash(s)), 0) AS h FROM skill_evidence AS s
        WHERE s.entry_id IN (SELECT e.entry_id FROM worklog_entries AS e WHERE {condition})""",
        parameters,
    ).to_pylist()[0]
    return f"{row['n']}-{row['h']:x}"


def evidence_in_scope(session: Session, scope: Scope) -> list[SkillEvidence]:
    condition, parameters = scope.condition()
    return session.rows(
        SKILL_EVIDENCE,
        where=f"entry_id IN (SELECT e.entry_id FROM worklog_entries AS e WHERE {condition})",
        params=parameters,
        order_by="skill, day, entry_id",
    )
