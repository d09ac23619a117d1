"""Composing a report without a model: which claims stand in which section, in what words, on what evidence; and counts that reconcile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from orchestration_assets.reports import topics
from orchestration_assets.reports.calendar import Calendar
from orchestration_assets.reports.claims import (
    bots_claim,
    evidence_of,
    line_claim,
    merged_claim,
    note_claim,
    open_claim,
    releases_claim,
    statement_claim,
)
from orchestration_assets.reports.folding import fold
from orchestration_assets.reports.in_progress import OpenWork, open_works
from orchestration_assets.reports.model import (
    ActivityCell,
    Claim,
    Period,
    Report,
    ReportEntry,
    ReportItem,
    ReportKind,
    Section,
    Topic,
)
from orchestration_assets.reports.patterns import Line, lines_of
from orchestration_assets.reports.phrasing import counted
from orchestration_assets.reports.rules import rules
from orchestration_assets.reports.selection import Role, is_blocker_note, is_plan, role_of
from orchestration_assets.reports.units import Sorted, Unit, sort_out
from orchestration_assets.worklogs.model import Category, Statement

MAX_SIMPLE = 7
"""Claims of a section that has no topics."""

STANDUP_LINES = 8
"""A standup's Yesterday is told without headings up to so many lines."""

NOTHING = "Nothing recorded."
HOUSEKEEPING = "Housekeeping"


@dataclass(frozen=True)
class Fact:
    """A claim that the extractive report could make, and what it stands for. `weight` counts its units."""

    claim: Claim
    category: Category | None
    units: int
    topic: str = ""
    cells: tuple[tuple[date, str], ...] = ()


@dataclass
class Draft:
    """A section before it is cut to a page: the facts shown, the facts that did not fit, and what is only counted."""

    title: str
    shown: list[Fact] = field(default_factory=list)
    hidden: list[Fact] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    singular: str = ""
    plural: str = ""
    """What the facts are called where they have no category."""

    def facts(self) -> list[Fact]:
        return [*self.shown, *self.hidden]


@dataclass
class Composition:
    """Everything a report of the item could say."""

    item: ReportItem
    drafts: list[Draft]
    counts: dict[str, int]


def compose(item: ReportItem) -> Report:
    """The extractive report of an item."""
    return assemble(composition_of(item))


def assemble(composition: Composition, dropped: int = 0) -> Report:
    """The report that a composition's drafts make."""
    item, drafts, counts = composition.item, composition.drafts, dict(composition.counts)
    counts["shown"] = sum(fact.units for fact in drafts[0].shown)
    counts["remainder"] = counts["units"] - counts["shown"]
    return Report(
        kind=item.kind,
        title=title_of(item.kind, item.period, _calendar(item)),
        period=item.period,
        scope=item.scope,
        sections=[section_of(draft) for draft in drafts],
        activity=_activity(drafts[0].facts()),
        counts=counts,
        dropped_claims=dropped,
    )


def composition_of(item: ReportItem) -> Composition:
    """Sorts the entries of an item into the sections of its kind of report."""
    calendar = _calendar(item)
    by_role: dict[Role, list[ReportEntry]] = {role: [] for role in Role}
    for entry in item.entries:
        role = role_of(item.kind, item.period, calendar, entry)
        by_role[Role.BLOCKER if is_blocker_note(entry.entry) else role or Role.DONE].append(entry)
    sorted_out = sort_out(by_role[Role.DONE])
    standup = item.kind is ReportKind.STANDUP
    done = _done(sorted_out, fold(sorted_out.units), "Yesterday" if standup else "Completed", standup)
    fresh = [
        entry
        for entry in item.entries
        if role_of(item.kind, item.period, calendar, entry) is not Role.OPEN or _written_in(entry, item.period)
    ]
    said = [claim for entry in by_role[Role.BLOCKER] if not entry.analysis.blockers and (claim := note_claim(entry))]
    said += _statements(fresh, lambda e: e.analysis.blockers, statement_claim)
    blockers = _simple("Blockers", "blocker", "blockers", said)
    plans = [claim for entry in by_role[Role.PLAN] for claim in _plans(entry)]
    others = [entry for entry in fresh if not is_plan(entry.entry)]
    follow_ups = _statements(others, lambda e: e.analysis.follow_ups, statement_claim)
    if standup:
        going_on = [
            entry for entry in by_role[Role.DONE] if entry.entry.source == "git" and entry.entry.landed_at is None
        ]
        continued = [claim for work in open_works(going_on) if (claim := open_claim(work, "Continue: "))]
        drafts = [done, _simple("Today", "plan", "plans", [*plans, *continued, *follow_ups]), blockers]
    else:
        works = open_works(by_role[Role.OPEN])
        drafts = [
            done,
            _open(works, item.period.start),
            _simple("Upcoming", "follow-up", "follow-ups", [*plans, *follow_ups]),
            blockers,
        ]
    return Composition(item, drafts, _counts(item, by_role, sorted_out))


def section_of(draft: Draft) -> Section:
    """A section: facts that share a topic stand together, in the order in which they come."""
    grouped: dict[str, list[Claim]] = {}
    for fact in draft.shown:
        grouped.setdefault(fact.topic, []).append(fact.claim)
    return Section(
        title=draft.title,
        topics=[Topic(title=title, claims=claims) for title, claims in grouped.items()],
        empty=NOTHING,
        remainder=remainder_of(draft),
    )


def remainder_of(draft: Draft) -> str:
    """What is not shown, as typed counts; "" where everything is."""
    by_category: Counter[Category] = Counter()
    others = 0
    for fact in draft.hidden:
        if fact.category is None:
            others += fact.units
        else:
            by_category[fact.category] += fact.units
    kinds = rules().kinds
    parts = [
        counted(count, kinds[category].singular, kinds[category].plural)
        for category, count in sorted(by_category.items(), key=lambda pair: (-pair[1], pair[0].value))
    ]
    if others:
        parts.append(counted(others, draft.singular or "other change", draft.plural or "other changes"))
    parts += draft.counted
    return f"and {', '.join(parts)}" if parts else ""


def title_of(kind: ReportKind, period: Period, calendar: Calendar) -> str:
    """Such as `Standup, Monday 16 November 2026 (since Friday 13 November)`."""
    if kind is ReportKind.STANDUP:
        first, last = calendar.previous_working_window(period.start)
        since = "" if first == last else f" (since {first:%A} {first.day} {first:%B})"
        return f"Standup, {period.start:%A} {period.start.day} {period.start:%B} {period.start.year}{since}"
    if kind is ReportKind.STATUS_REPORT:
        year, week, _ = period.start.isocalendar()
        return f"Status report, week {week} of {year}"
    return f"Summary of {period.start:%B} {period.start.year}"


def _done(sorted_out: Sorted, units: Sequence[Unit], title: str, standup: bool) -> Draft:
    draft = Draft(title)
    speaking = [unit for unit in units if evidence_of(unit.members)]
    silent = len(units) - len(speaking)
    lines = lines_of(speaking)
    groups = (
        topics.flat(lines, STANDUP_LINES)
        if standup and len(lines) <= STANDUP_LINES
        else topics.group(lines, *_page(sorted_out))
    )
    for group in groups:
        draft.shown += [_fact(line, group.title) for line in group.lines]
        draft.hidden += [_fact(line, group.title) for line in group.hidden]
    heading = HOUSEKEEPING if any(fact.topic for fact in draft.shown) else ""
    draft.shown += [fact for fact in _housekeeping(sorted_out, heading) if fact]
    if silent:
        draft.counted.append(counted(silent, "change without a message", "changes without a message"))
    if sorted_out.merges:
        draft.counted.append(counted(len(sorted_out.merges), "merge commit", "merge commits"))
    if sorted_out.undone:
        draft.counted.append(counted(len(sorted_out.undone), "entry taken back", "entries that cancel each other out"))
    return draft


def _page(sorted_out: Sorted) -> tuple[int, int]:
    keeping = bool(sorted_out.bots or sorted_out.releases or sorted_out.merged)
    return (topics.MAX_TOPICS - 1 if keeping else topics.MAX_TOPICS), topics.MAX_LINES


def _housekeeping(sorted_out: Sorted, topic: str) -> Iterable[Fact | None]:
    """One line each for releases, for merges of pull requests that were written elsewhere, and for bots."""
    for entries, make, category in (
        (sorted_out.releases, releases_claim, Category.RELEASE),
        (sorted_out.merged, merged_claim, Category.MERGE),
        (sorted_out.bots, bots_claim, Category.BUILD),
    ):
        claim = make(entries) if entries else None
        if claim:
            yield Fact(
                claim, category, len(entries), topic, tuple((_day_done(entry), category.value) for entry in entries)
            )


def _fact(line: Line, topic: str) -> Fact:
    cells = tuple((_day_done(unit.lead), unit.category.value) for unit in line.units)
    return Fact(line_claim(line), line.category, len(line.units), topic, cells)


def _day_done(entry: ReportEntry) -> date:
    return entry.landed_day or entry.day


def _open(works: Sequence[OpenWork], since: date) -> Draft:
    claims = [open_claim(work, since=since) for work in works]
    draft = _simple("In progress", "branch", "branches", [claim for claim in claims if claim])
    if silent := claims.count(None):
        draft.counted.append(counted(silent, "branch without a message", "branches without a message"))
    return draft


def _simple(title: str, singular: str, plural: str, claims: Sequence[Claim]) -> Draft:
    facts = [Fact(claim, None, 1) for claim in _distinct(claims)]
    return Draft(title, facts[:MAX_SIMPLE], facts[MAX_SIMPLE:], singular=singular, plural=plural)


def _distinct(claims: Sequence[Claim]) -> list[Claim]:
    """Equal sentences once, on the evidence of all."""
    found: dict[str, Claim] = {}
    for claim in claims:
        known = found.get(claim.text.casefold())
        evidence = (
            [*known.evidence, *(e for e in claim.evidence if e not in known.evidence)] if known else claim.evidence
        )
        found[claim.text.casefold()] = Claim(text=known.text if known else claim.text, evidence=evidence)
    return list(found.values())


def _statements(
    entries: Iterable[ReportEntry],
    of: Callable[[ReportEntry], Sequence[Statement]],
    make: Callable[[ReportEntry, Statement], Claim | None],
) -> list[Claim]:
    return [claim for entry in entries for statement in of(entry) if (claim := make(entry, statement))]


def _plans(entry: ReportEntry) -> list[Claim]:
    """What a plan note plans, point by point; where its analysis found no points, the note."""
    told = _statements([entry], lambda e: e.analysis.follow_ups, statement_claim)
    whole = note_claim(entry)
    return told or ([whole] if whole else [])


def _written_in(entry: ReportEntry, period: Period) -> bool:
    return period.start <= entry.day <= period.end


def _activity(facts: Sequence[Fact]) -> list[ActivityCell]:
    cells = Counter(cell for fact in facts for cell in fact.cells)
    return [ActivityCell(day=day, category=category, units=units) for (day, category), units in sorted(cells.items())]


def _counts(item: ReportItem, by_role: dict[Role, list[ReportEntry]], sorted_out: Sorted) -> dict[str, int]:
    """`units` = shown + remainder, and entries = those in units + merges + reverted + in_progress + planned + blocked."""
    housekeeping = len(sorted_out.bots) + len(sorted_out.releases) + len(sorted_out.merged)
    return {
        "entries": len(item.entries),
        "entries_in_units": sum(len(unit.members) for unit in sorted_out.units) + housekeeping,
        "units": len(fold(sorted_out.units)) + housekeeping,
        "merges": len(sorted_out.merges),
        "releases": len(sorted_out.releases),
        "bots": len(sorted_out.bots),
        "reverted": len(sorted_out.undone),
        "in_progress": len(by_role[Role.OPEN]),
        "planned": len(by_role[Role.PLAN]),
        "blocked": len(by_role[Role.BLOCKER]),
    }


def _calendar(item: ReportItem) -> Calendar:
    return Calendar(item.period.timezone, tuple(item.working_days))
