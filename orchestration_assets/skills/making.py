"""Making skill evidence and skills: read rows, hand them to the agent or add them up, write rows. The assets call this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration_assets.derivation import (
    DERIVATIONS,
    EXTRACTIVE,
    ONLY_CHANGED,
    Counts,
    Derivation,
    Derived,
    Inputs,
    Policy,
    derive,
    pending,
)
from orchestration_assets.skills.agent import SkillAgent, evidence_rows
from orchestration_assets.skills.aggregation import aggregate
from orchestration_assets.skills.model import SKILL_EVIDENCE, SKILLS, Skill
from orchestration_assets.skills.queries import evidence_fingerprint, evidence_in_scope, skill_inputs, skill_items
from orchestration_assets.skills.taxonomy import load_taxonomy
from orchestration_assets.verdicts import require_sound
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES
from orchestration_assets.worklogs.scope import resolve_scope
from resources.clock import now
from resources.language_model.agent import content_hash
from resources.sources import load_sources

if TYPE_CHECKING:
    from resources.language_model.runner import LanguageModel
    from resources.settings import Settings
    from resources.warehouse import Warehouse

AGGREGATION = "skills"
RULES = "1"
"""Version of the rules of level, confidence and rank."""


def make_skill_evidence(
    settings: Settings, warehouse: Warehouse, model: LanguageModel, policy: Policy = ONLY_CHANGED
) -> Derived:
    """Finds the skills of the stale entries in scope."""
    agent = SkillAgent(model.context)
    with warehouse.read() as session:
        require_sound(session, ENTRIES.name, ANALYSES.name)
        inputs = skill_inputs(resolve_scope(session, load_sources(settings)))
        asked = pending(session, agent.name, agent.version, model.maker, inputs, policy)
    return derive(
        warehouse,
        model,
        agent,
        skill_items(warehouse, list(asked.stale)),
        asked,
        lambda session, made: session.replace(
            SKILL_EVIDENCE,
            [
                row
                for item, mentions in made
                for row in evidence_rows(item, mentions, item.entry.authored_at.astimezone(settings.zone).date())
            ],
            "entry_id IN (SELECT unnest(?::VARCHAR[]))",
            [[item.entry.entry_id for item, _ in made]],
        ),
    )


def make_skills(settings: Settings, warehouse: Warehouse) -> tuple[Counts, list[Skill]]:
    """Adds up the evidence in scope, as of today. Also returns the skills, the most worth showing first."""
    as_of = now().astimezone(settings.zone).date()
    with warehouse.read() as session:
        require_sound(session, SKILL_EVIDENCE.name)
        scope = resolve_scope(session, load_sources(settings))
        input_hash = content_hash(evidence_fingerprint(session, scope), as_of)
        stale = pending(session, AGGREGATION, RULES, EXTRACTIVE, Inputs.of({"all": input_hash})).stale
        rows = [] if stale else session.rows(SKILLS, order_by='"rank"')
        evidence = evidence_in_scope(session, scope) if stale else []
    if not stale:
        return Counts(read=len(rows), unchanged=len(rows)), rows
    rows = aggregate(evidence, as_of, load_taxonomy())
    record = Derivation(
        agent=AGGREGATION,
        key="all",
        input_hash=input_hash,
        output_hash=content_hash(rows),
        agent_version=RULES,
        maker=EXTRACTIVE,
    )
    with warehouse.write() as session:
        changed = session.replace(SKILLS, rows, "true")
        session.merge(DERIVATIONS, [record])
    return Counts(read=len(rows), made=len(rows) - changed.unchanged, unchanged=changed.unchanged), rows
