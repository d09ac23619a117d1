"""The judgements behind the checks of this domain, each named as its check: it looks at the rows and says whether the truth holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration_assets.skills.model import SKILL_EVIDENCE
from orchestration_assets.skills.taxonomy import load_taxonomy
from orchestration_assets.verdicts import Judgement, none_of
from orchestration_assets.worklogs.grounding import broken_quotes
from orchestration_assets.worklogs.model import Evidence
from orchestration_assets.worklogs.queries import entries_by_id, excerpts_by_entry, pages

if TYPE_CHECKING:
    from resources.warehouse import Session


def skill_quotes_are_verbatim(session: Session) -> Judgement:
    by_entry: dict[str, list[Evidence]] = {}
    for row in session.rows(SKILL_EVIDENCE):
        piece = Evidence(
            entry_id=row.entry_id, where=row.where, index=row.index, start=row.start, end=row.end, quote=row.quote
        )
        by_entry.setdefault(row.entry_id, []).append(piece)
    broken = 0
    for page in pages(list(by_entry)):
        entries, excerpts = entries_by_id(session, page), excerpts_by_entry(session, page)
        broken += sum(len(broken_quotes(by_entry[key], entries, excerpts)) for key in page)
    return none_of(broken, "quotes are not verbatim at their offsets")


def every_skill_is_in_the_taxonomy(session: Session) -> Judgement:
    named = session.query("SELECT DISTINCT skill FROM skill_evidence")["skill"].to_pylist()
    return none_of(len(set(named) - set(load_taxonomy().skills)), "skills are not in the taxonomy")


def every_skill_has_evidence(session: Session) -> Judgement:
    bare = session.count(
        "SELECT count(*) FROM skills WHERE skill NOT IN (SELECT skill FROM skill_evidence) OR count < 1"
    )
    return none_of(bare, "skills have no evidence")
