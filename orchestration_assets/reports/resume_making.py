"""Making the resume and its targeted variants: everything in once, documents out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestration_assets.derivation import (
    DERIVATIONS,
    ONLY_CHANGED,
    Counts,
    Derivation,
    Derived,
    Inputs,
    Policy,
    derive,
    pending,
)
from orchestration_assets.reports.documents import Rendered, document_name, store_documents
from orchestration_assets.reports.json_resume import json_resume_bytes
from orchestration_assets.reports.model import DOCUMENTS, Document, Profile, ResumeItem
from orchestration_assets.reports.profile import load_profile
from orchestration_assets.reports.queries import calendar_of, report_entries
from orchestration_assets.reports.resume_agent import DEFAULT_KEY, ResumeAgent
from orchestration_assets.reports.resume_model import ResumeDraft
from orchestration_assets.reports.resume_rendering import render_html, render_markdown, render_pdf
from orchestration_assets.skills.model import SKILL_EVIDENCE, SKILLS
from orchestration_assets.skills.queries import evidence_in_scope
from orchestration_assets.verdicts import require_sound, table_fingerprint
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES
from orchestration_assets.worklogs.scope import Scope, resolve_scope
from resources.clock import now
from resources.language_model.agent import content_hash
from resources.sources import load_sources

if TYPE_CHECKING:
    from datetime import date

    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.settings import Settings
    from resources.warehouse import Session, Warehouse

KEY = "resume"
INPUTS = "resume_inputs"
"""Under this name `derivations` remembers a fingerprint of all inputs, so that a run with nothing new reads no rows."""


@dataclass
class Making:
    """What was made: counts of resumes, what they cost, the names of the documents, and the Markdown of the untargeted one."""

    derived: Derived = field(default_factory=Derived)
    names: list[str] = field(default_factory=list)
    markdown: str = ""


def make_resumes(
    settings: Settings,
    warehouse: Warehouse,
    store: ObjectStore,
    model: LanguageModel,
    policy: Policy = ONLY_CHANGED,
) -> Making:
    """Makes those of the resume and its variants that are stale. Raises BadInput for a broken profile."""
    agent = ResumeAgent(model.context)
    profile = load_profile(settings.profile_path)
    today = now().astimezone(settings.zone).date()
    variants = ["", *sorted(profile.variants)]
    making = Making(Derived(Counts(read=len(variants), unchanged=len(variants))))
    with warehouse.read() as session:
        require_sound(session, ENTRIES.name, ANALYSES.name, SKILL_EVIDENCE.name, SKILLS.name)
        scope = resolve_scope(session, load_sources(settings))
        seen = _fingerprint(session, profile, scope, settings, today)
        if not pending(session, INPUTS, agent.version, model.maker, Inputs.of({KEY: seen}), policy).stale:
            return making
        items = {agent.key(item): item for item in _items(session, settings, scope, profile, variants, today)}
        inputs = Inputs.of({key: agent.input_hash(item) for key, item in items.items()})
        asked = pending(session, agent.name, agent.version, model.maker, inputs, policy)
        before = {row.variant for row in session.rows(DOCUMENTS, where="kind = ?", params=[KEY])}
    uploaded: list[Document] = []

    def upload(made: Sequence[tuple[ResumeItem, ResumeDraft]]) -> None:
        uploaded[:] = store_documents(store, [_render(draft, item, making) for item, draft in made])
        making.names += [document_name(document) for document in uploaded]

    making.derived = derive(
        warehouse,
        model,
        agent,
        [items[key] for key in asked.stale],
        asked,
        lambda session, made: session.merge(DOCUMENTS, uploaded),
        before_commit=upload,
    )
    record = Derivation(
        agent=INPUTS, key=KEY, input_hash=seen, output_hash="", agent_version=agent.version, maker=model.maker
    )
    with warehouse.write() as session:
        _forget(session, agent, before - set(variants))
        if making.derived.counts.failed == 0:
            session.merge(DERIVATIONS, [record])
    return making


def _items(
    session: Session, settings: Settings, scope: Scope, profile: Profile, variants: Sequence[str], today: date
) -> list[ResumeItem]:
    found = report_entries(session, scope, calendar_of(settings))
    entries = [row for row in found if row.entry.source in ("git", "note")]
    skills = session.rows(SKILLS, order_by='"rank"')
    evidence = evidence_in_scope(session, scope)
    return [
        ResumeItem.model_construct(
            profile=profile, variant=variant, entries=entries, skills=skills, skill_evidence=evidence, as_of=today
        )
        for variant in variants
    ]


def _fingerprint(session: Session, profile: Profile, scope: Scope, settings: Settings, today: date) -> str:
    tables = [table_fingerprint(session, spec.name) for spec in (ENTRIES, ANALYSES, SKILL_EVIDENCE, SKILLS)]
    return content_hash(tables, profile, scope.names, scope.line, settings.timezone, today)


def _render(draft: ResumeDraft, item: ResumeItem, making: Making) -> Rendered:
    markdown = render_markdown(draft, item.profile)
    if not item.variant:
        making.markdown = markdown
    return Rendered(
        kind=KEY,
        key=KEY,
        title="Resume" if not item.variant else f"Resume: {item.variant}",
        variant=item.variant,
        formats={
            "md": markdown.encode(),
            "html": render_html(draft, item.profile).encode(),
            "json": json_resume_bytes(draft, item.profile),
            "pdf": render_pdf(draft, item.profile),
        },
    )


def _forget(session: Session, agent: ResumeAgent, variants: set[str]) -> None:
    for variant in variants:
        session.delete(DOCUMENTS, "kind = ? AND variant = ?", [KEY, variant])
        session.delete(DERIVATIONS, "agent = ? AND key = ?", [agent.name, variant or DEFAULT_KEY])
