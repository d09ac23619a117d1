"""The assets of this domain: which entries show which skills, and what that adds up to."""

import dagster as dg

from orchestration_assets.asset_support import OWNERS, finish, made_by, table_columns
from orchestration_assets.derivation import DERIVATIONS, EXTRACTIVE, Counts, Derivation, Policy, derive, stale_keys
from orchestration_assets.skills.agent import SkillAgent, evidence_rows
from orchestration_assets.skills.aggregation import aggregate
from orchestration_assets.skills.model import SKILL_EVIDENCE, SKILLS
from orchestration_assets.skills.presentation import skills_table
from orchestration_assets.skills.queries import evidence_in_scope, skill_hashes, skill_items
from orchestration_assets.skills.taxonomy import load_taxonomy
from orchestration_assets.verdicts import require_sound
from orchestration_assets.worklogs.assets import code_excerpts, worklog_analyses
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES
from orchestration_assets.worklogs.scope import resolve_scope
from resources.clock import now
from resources.language_model.agent import content_hash
from resources.language_model.runner import LanguageModel
from resources.settings import Settings
from resources.sources import load_sources
from resources.warehouse import Warehouse

SKILL_AGENT = SkillAgent()


@dg.asset(
    deps=[worklog_analyses, code_excerpts],
    pool="language_model",
    group_name="skills",
    kinds={"duckdb", "openai"},
    owners=OWNERS,
    code_version=SKILL_AGENT.version,
    metadata={"dagster/column_schema": table_columns(SKILL_EVIDENCE)},
)
def skill_evidence(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    language_model: dg.ResourceParam[LanguageModel],
) -> dg.MaterializeResult[None]:
    """Which technology or practice each entry shows, by imports, manifests, file types and words, with the quote that shows it."""
    with warehouse.read() as session:
        require_sound(session, ENTRIES.name, ANALYSES.name)
        expected = skill_hashes(session, resolve_scope(session, load_sources(settings).authors))
        stale = stale_keys(session, SKILL_AGENT.name, SKILL_AGENT.version, language_model.maker, expected, Policy())
    counts = Counts(read=len(expected) - len(stale), unchanged=len(expected) - len(stale)) + derive(
        warehouse,
        language_model,
        SKILL_AGENT,
        skill_items(warehouse, stale),
        expected,
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
    return finish(warehouse, SKILL_EVIDENCE, counts, made_by(language_model))


@dg.asset(
    deps=[skill_evidence],
    group_name="skills",
    kinds={"duckdb"},
    owners=OWNERS,
    code_version="1",
    metadata={"dagster/column_schema": table_columns(SKILLS)},
)
def skills(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult[None]:
    """What the evidence adds up to: level, confidence, first and last use, and the order in which to show them."""
    as_of = now().astimezone(settings.zone).date()
    with warehouse.read() as session:
        require_sound(session, SKILL_EVIDENCE.name)
        evidence = evidence_in_scope(session, resolve_scope(session, load_sources(settings).authors))
        input_hash = content_hash([(row.entry_id, row.skill) for row in evidence], as_of)
        stale = stale_keys(session, "skills", "1", EXTRACTIVE, {"all": input_hash})
    rows = aggregate(evidence, as_of, load_taxonomy())
    counts = Counts(read=len(rows), unchanged=len(rows))
    if stale:
        with warehouse.write() as session:
            changed = session.replace(SKILLS, rows, "true", [])
            session.merge(
                DERIVATIONS,
                [
                    Derivation(
                        agent="skills",
                        key="all",
                        input_hash=input_hash,
                        output_hash=content_hash(rows),
                        agent_version="1",
                        maker=EXTRACTIVE,
                    )
                ],
            )
        counts = Counts(read=len(rows), made=len(rows) - changed.unchanged, unchanged=changed.unchanged)
    return finish(warehouse, SKILLS, counts, {"top_skills": dg.MetadataValue.md(skills_table(rows))})
