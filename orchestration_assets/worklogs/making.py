"""Making entries, excerpts and analyses: read rows, hand them to git or an agent, write rows. The assets call this and add metadata."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import TYPE_CHECKING

from orchestration_assets.derivation import ONLY_CHANGED, Counts, Derived, Policy, derive, pending
from orchestration_assets.verdicts import require_sound
from orchestration_assets.worklogs import excerpting, reading
from orchestration_assets.worklogs.agent import AnalysisAgent
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES
from orchestration_assets.worklogs.queries import analysis_inputs, analysis_items, analysis_rows
from orchestration_assets.worklogs.scope import resolve_scope
from resources.clock import now
from resources.sources import load_sources

if TYPE_CHECKING:
    from resources.language_model.runner import LanguageModel
    from resources.settings import Settings
    from resources.warehouse import Warehouse


def changed_months(warehouse: Warehouse, settings: Settings, now: datetime) -> tuple[set[date], list[str]]:
    """The months whose entries differ from what git and the notes hold, and sentences about sources that cannot be read."""
    found = reading.survey(warehouse, load_sources(settings).repositories, settings.zone, now)
    return found.months(), found.problems


def make_entries(settings: Settings, warehouse: Warehouse, months: set[date]) -> tuple[Counts, list[str]]:
    """Brings the entries of `months` up to date. Also returns sentences about sources that could not be read."""
    found = reading.survey(warehouse, load_sources(settings).repositories, settings.zone, now())
    return reading.ingest(warehouse, found, months), found.problems


def make_excerpts(settings: Settings, warehouse: Warehouse) -> tuple[Counts, list[str]]:
    """Brings the excerpts of the entries in scope up to date. Also returns sentences about diffs that could not be read."""
    with warehouse.read() as session:
        require_sound(session, ENTRIES.name)
        scope = resolve_scope(session, load_sources(settings))
    return excerpting.update(warehouse, scope)


def make_analyses(
    settings: Settings,
    warehouse: Warehouse,
    model: LanguageModel,
    months: Collection[date],
    policy: Policy = ONLY_CHANGED,
) -> Derived:
    """Analyses the stale entries of `months` that are in scope."""
    agent = AnalysisAgent(model.context)
    with warehouse.read() as session:
        require_sound(session, ENTRIES.name)
        inputs = analysis_inputs(resolve_scope(session, load_sources(settings)), months)
        asked = pending(session, agent.name, agent.version, model.maker, inputs, policy)
    return derive(
        warehouse,
        model,
        agent,
        analysis_items(warehouse, list(asked.stale)),
        asked,
        lambda session, made: session.merge(ANALYSES, analysis_rows(made)),
    )
