"""A report for people and for programs: Markdown, a standalone HTML page that prints on A4, and JSON. Equal reports give equal bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson

from orchestration_assets.reports import markup, plots
from orchestration_assets.reports.model import Claim, Period, Report, ReportKind
from orchestration_assets.reports.templating import environment
from orchestration_assets.worklogs.model import Entry
from orchestration_assets.worklogs.wording import plural

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
SHORT_HASH = 7
_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'()\[\]]+")
SHOWN = 4
"""Sources named after a claim; of more, only how many."""


def render_markdown(report: Report, entries_by_id: Mapping[str, Entry]) -> str:
    """CommonMark; every claim ends in the short hashes of what it rests on: `[3f2a1c9, 88d0e11]`."""
    view = {
        "report": report,
        "subtitle": subtitle(report),
        "footer": footer(report),
        "cite": _citer(report, entries_by_id),
    }
    text = _environment().get_template("report.md.j2").render(view)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def render_html(report: Report, entries_by_id: Mapping[str, Entry]) -> str:
    """One page without scripts or anything loaded from elsewhere; each cited hash leads to its quote at the end of the page."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sources = _sources(report, entries_by_id)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            subtitle=subtitle(report),
            footer=footer(report),
            style=style,
            style_hash=f"sha256-{digest}",
            cited=lambda claim: _cited(claim, sources),
            more=lambda claim: max(len(_entry_ids(claim)) - SHOWN, 0),
            sources=list(sources.values()),
            bars=plots.stacked_bars(report.activity, report.period),
            bands=plots.bands_in(report.activity),
            lanes=_lanes(report, entries_by_id),
        )
    )


def report_json(report: Report, entries_by_id: Mapping[str, Entry]) -> bytes:
    """The contract for programs: period, sections, claims with their evidence. `source` is a commit's full hash, or "note"."""
    period = {
        "kind": report.period.kind,
        "start": report.period.start,
        "end": report.period.end,
        "timezone": report.period.timezone,
    }
    sections = [
        {
            "title": section.title,
            "claims": [
                {
                    "text": claim.text,
                    "evidence": [
                        {"entry_id": e.entry_id, "source": source_of(entries_by_id[e.entry_id]), "quote": e.quote}
                        for e in claim.evidence
                    ],
                }
                for topic in section.topics
                for claim in topic.claims
            ],
        }
        for section in report.sections
    ]
    return orjson.dumps(
        {"period": period, "sections": sections},
        option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def source_of(entry: Entry) -> str:
    """Where an entry can be looked up: its full commit hash, its address on GitHub, or "note"."""
    return entry.commit_hash or entry.url or entry.source


def subtitle(report: Report) -> str:
    """Such as `9 to 15 November 2026, Europe/Vienna. Your work in soloist.`"""
    scope = f" {report.scope.rstrip('.')}." if report.scope else ""
    return f"{span_of(report.period)}, {report.period.timezone}.{scope}"


def span_of(period: Period) -> str:
    """`20 November 2026`, `9 to 15 November 2026`, `30 November to 6 December 2026`."""
    start, end = period.start, period.end
    last = f"{end.day} {end:%B} {end.year}"
    if start == end:
        return last
    if start.year != end.year:
        return f"{start.day} {start:%B} {start.year} to {last}"
    return f"{start.day} to {last}" if start.month == end.month else f"{start.day} {start:%B} to {last}"


def footer(report: Report) -> str:
    """Where the claims come from, in figures; "" where nothing was recorded."""
    entries, units, shown = (report.counts.get(name, 0) for name in ("entries", "units", "shown"))
    if not entries:
        return ""
    if not any(section.topics or section.remainder for section in report.sections):
        return f"From {plural(entries, 'entry')}, of which there is nothing to tell."
    told = "" if shown == units or not units else f", {shown:,} of them told above"
    done = f"; {plural(units, 'unit')} of work{told}" if units else ""
    return f"From {plural(entries, 'entry')}{done}."


def _citer(report: Report, entries_by_id: Mapping[str, Entry]) -> object:
    zone = ZoneInfo(report.period.timezone)

    def cite(claim: Claim) -> str:
        ids = _entry_ids(claim)
        labels = list(dict.fromkeys(_linked(entries_by_id[entry_id], zone) for entry_id in ids))
        more = len(labels) - SHOWN
        return ", ".join(labels[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")

    return cite


def _label(entry: Entry, zone: ZoneInfo) -> str:
    if entry.commit_hash:
        return entry.commit_hash[:SHORT_HASH]
    if entry.number is not None:
        return f"{'review of ' if entry.source == 'review' else ''}#{entry.number}"
    return f"note {_local_day(entry, zone).isoformat()}"


def _linked(entry: Entry, zone: ZoneInfo) -> str:
    """The label as Markdown, with a link where there is one."""
    label, address = _label(entry, zone), _address(entry)
    return f"[{label}]({address})" if address else label


def _address(entry: Entry) -> str:
    """Where a browser may be sent to; "" for anything that is no plain web address."""
    return entry.url if entry.url and _WEB_ADDRESS.fullmatch(entry.url) else ""


def _circumstances(entry: Entry, zone: ZoneInfo) -> str:
    """`owner/name, 2026-11-20, open for 3 days; bug, parser`."""
    said = "" if entry.source == "note" else f"{entry.repository}, "
    said += _local_day(entry, zone).isoformat()
    if entry.opened_at is not None:
        said += f", open for {plural(max(1, round((entry.authored_at - entry.opened_at) / timedelta(days=1))), 'day')}"
    return said + (f"; {', '.join(entry.tags)}" if entry.number is not None and entry.tags else "")


def _entry_ids(claim: Claim) -> list[str]:
    return list(dict.fromkeys(evidence.entry_id for evidence in claim.evidence))


def _sources(report: Report, entries_by_id: Mapping[str, Entry]) -> dict[str, dict[str, object]]:
    """Entry id to what the page's list of evidence says of it, in the order in which claims cite."""
    zone = ZoneInfo(report.period.timezone)
    found: dict[str, dict[str, object]] = {}
    for section in report.sections:
        for claim in (claim for topic in section.topics for claim in topic.claims):
            for evidence in claim.evidence:
                entry = entries_by_id[evidence.entry_id]
                source = found.setdefault(
                    evidence.entry_id,
                    {
                        "anchor": f"e{len(found) + 1}",
                        "label": _label(entry, zone),
                        "address": _address(entry),
                        "circumstances": _circumstances(entry, zone),
                        "quotes": [],
                    },
                )
                quotes = source["quotes"]
                if isinstance(quotes, list) and evidence.quote not in quotes:
                    quotes.append(evidence.quote)
    return found


def _cited(claim: Claim, sources: Mapping[str, dict[str, object]]) -> list[dict[str, object]]:
    return [sources[entry_id] for entry_id in _entry_ids(claim)[:SHOWN]]


def _lanes(report: Report, entries_by_id: Mapping[str, Entry]) -> str:
    """Topics of the month's completed work over its weeks."""
    if report.kind is not ReportKind.SUMMARY:
        return ""
    zone = ZoneInfo(report.period.timezone)
    weeks: dict[str, dict[date, int]] = {}
    for topic in report.sections[0].topics if report.sections else []:
        ids = {evidence.entry_id for claim in topic.claims for evidence in claim.evidence}
        counts: dict[date, int] = defaultdict(int)
        for entry in (entries_by_id[entry_id] for entry_id in ids):
            day = (entry.landed_at or entry.authored_at).astimezone(zone).date()
            counts[day - timedelta(days=day.weekday())] += 1
        if topic.title:
            weeks[topic.title] = counts
    return plots.topic_lanes(weeks, report.period)


def _local_day(entry: Entry, zone: ZoneInfo) -> date:
    try:
        return entry.authored_at.astimezone(zone).date()
    except OverflowError:
        return entry.authored_at.date()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from markupsafe import Markup

    made = environment(TEMPLATES)
    made.filters["markdown"] = markup.markdown
    made.filters["rich"] = lambda text: Markup(markup.html(text))  # noqa: S704 - escaped piece by piece
    return made
