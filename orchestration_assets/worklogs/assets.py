"""The assets of this domain: entries, the noteworthy lines of their diffs, and analyses. Thin: read rows, hand them on, write rows."""

from datetime import date

import dagster as dg

from orchestration_assets.asset_support import OWNERS, finish, made_by, requested_months, table_columns
from orchestration_assets.derivation import Counts, Policy, derive, stale_keys
from orchestration_assets.partitions import MONTHS
from orchestration_assets.verdicts import require_sound
from orchestration_assets.worklogs import excerpting, reading
from orchestration_assets.worklogs.agent import AnalysisAgent
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES, EXCERPTS
from orchestration_assets.worklogs.scope import resolve_scope
from orchestration_assets.worklogs.queries import analysis_hashes, analysis_items, analysis_rows
from resources.clock import now
from resources.language_model.runner import LanguageModel
from resources.settings import Settings
from resources.sources import load_sources
from resources.warehouse import Warehouse

ANALYSIS_AGENT = AnalysisAgent()


@dg.asset(
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="worklogs",
    kinds={"git", "duckdb"},
    owners=OWNERS,
    code_version="1",
    metadata={"dagster/column_schema": table_columns(ENTRIES)},
)
def worklog_entries(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult[None]:
    """What was done: every commit of the watched repositories and every note, a row each, under an id that survives clones and rebases."""
    zone = settings.zone
    found = reading.survey(warehouse, load_sources(settings).repositories, zone, now())
    counts = reading.ingest(warehouse, found, requested_months(context))
    return finish(warehouse, ENTRIES, counts, {"problems": dg.MetadataValue.json(found.problems)})


@dg.asset(
    deps=[worklog_entries],
    group_name="worklogs",
    kinds={"git", "duckdb"},
    owners=OWNERS,
    code_version=str(excerpting.RULES),
    metadata={"dagster/column_schema": table_columns(EXCERPTS)},
)
def code_excerpts(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult[None]:
    """The lines of diffs worth quoting: imports, dependencies added and dropped, and TODOs, of the entries in scope."""
    with warehouse.read() as session:
        require_sound(session, ENTRIES.name)
        scope = resolve_scope(session, load_sources(settings).authors)
    counts, problems = excerpting.update(warehouse, scope)
    return finish(warehouse, EXCERPTS, counts, {"problems": dg.MetadataValue.json(problems)})


@dg.asset(
    deps=[worklog_entries, code_excerpts],
    partitions_def=MONTHS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="language_model",
    group_name="worklogs",
    kinds={"duckdb", "openai"},
    owners=OWNERS,
    code_version=ANALYSIS_AGENT.version,
    metadata={"dagster/column_schema": table_columns(ANALYSES)},
)
def worklog_analyses(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    language_model: dg.ResourceParam[LanguageModel],
) -> dg.MaterializeResult[None]:
    """What each entry was about: category, references, what was touched, activities, blockers and follow-ups, each with its quote."""
    months: set[date] = requested_months(context)
    with warehouse.read() as session:
        require_sound(session, ENTRIES.name)
        scope = resolve_scope(session, load_sources(settings).authors)
        expected = analysis_hashes(session, scope, months)
        stale = stale_keys(
            session, ANALYSIS_AGENT.name, ANALYSIS_AGENT.version, language_model.maker, expected, Policy()
        )
    items = analysis_items(warehouse, stale)
    counts = Counts(read=len(expected) - len(stale), unchanged=len(expected) - len(stale)) + derive(
        warehouse,
        language_model,
        ANALYSIS_AGENT,
        items,
        expected,
        lambda session, made: session.merge(ANALYSES, analysis_rows(made)),
    )
    return finish(warehouse, ANALYSES, counts, made_by(language_model))
