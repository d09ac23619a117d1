"""Making the calendar reports of given periods: items in, documents out, and the documents of periods that hold nothing any more gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestration_assets.derivation import DERIVATIONS, ONLY_CHANGED, Derived, Policy, derive
from orchestration_assets.reports.agent import AGENTS
from orchestration_assets.reports.calendar import period_key
from orchestration_assets.reports.documents import Rendered, store_documents
from orchestration_assets.reports.model import DOCUMENTS, Document, Period, Report, ReportItem, ReportKind
from orchestration_assets.reports.queries import calendar_of, items_of, pending_items, report_entries
from orchestration_assets.reports.rendering import render_html, render_markdown, report_json
from orchestration_assets.verdicts import require_sound
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES
from orchestration_assets.worklogs.scope import resolve_scope
from resources.sources import load_sources

if TYPE_CHECKING:
    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.settings import Settings
    from resources.warehouse import Session, Warehouse


@dataclass
class Making:
    """What was made of the asked periods: the counts of documents, what they cost, and the Markdown of the reports made, by period key."""

    derived: Derived = field(default_factory=Derived)
    markdown: dict[str, str] = field(default_factory=dict)


def make_reports(
    kind: ReportKind,
    periods: Sequence[Period],
    settings: Settings,
    warehouse: Warehouse,
    store: ObjectStore,
    model: LanguageModel,
    policy: Policy = ONLY_CHANGED,
) -> Making:
    """Makes the stale reports among `periods`. Uploads happen before the warehouse is locked; the pointer rows are written last."""
    agent = replace(AGENTS[kind], context=model.context)
    calendar = calendar_of(settings)
    with warehouse.read() as session:
        require_sound(session, ENTRIES.name, ANALYSES.name)
        scope = resolve_scope(session, load_sources(settings))
        since, until = min(p.start for p in periods), max(p.end for p in periods)
        items = items_of(kind, periods, calendar, report_entries(session, scope, calendar, since, until), scope)
        asked, stale = pending_items(session, kind, items, model.maker, policy)
    gone = {period_key(period) for period in periods} - {agent.key(item) for item in items}
    making = Making()
    uploaded: list[Document] = []

    def upload(made: Sequence[tuple[ReportItem, Report]]) -> None:
        rendered = [_render(item, report, making) for item, report in made]
        uploaded[:] = store_documents(store, rendered)

    making.derived = derive(
        warehouse,
        model,
        agent,
        stale,
        asked,
        lambda session, made: session.merge(DOCUMENTS, uploaded),
        before_commit=upload,
    )
    if gone:
        with warehouse.write() as session:
            forget(session, kind, sorted(gone))
    return making


def forget(session: Session, kind: ReportKind, keys: Sequence[str]) -> None:
    """Removes the documents of periods that nothing is recorded for any more; their bytes go with the next `soloist gc`."""
    session.delete(DOCUMENTS, "kind = ? AND key IN (SELECT unnest(?::VARCHAR[]))", [kind.value, list(keys)])
    session.delete(DERIVATIONS, "agent = ? AND key IN (SELECT unnest(?::VARCHAR[]))", [AGENTS[kind].name, list(keys)])


def _render(item: ReportItem, report: Report, making: Making) -> Rendered:
    entries = {row.entry.entry_id: row.entry for row in item.entries}
    markdown = render_markdown(report, entries)
    key = period_key(item.period)
    making.markdown[key] = markdown
    return Rendered(
        kind=item.kind.value,
        key=key,
        title=report.title,
        formats={
            "md": markdown.encode(),
            "html": render_html(report, entries).encode(),
            "json": report_json(report, entries),
        },
    )
