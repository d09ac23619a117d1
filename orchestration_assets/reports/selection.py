"""Which entries a period's report speaks of, and as what; and the item that a report agent is given.

The rules, by kind of report:

* A standup of day D tells, under Yesterday, of what was done (author day) since the last working day, landed or not. Plan notes of D are
  Today's, as are branches of those days that had not landed when D began.
* A status report or summary tells of what landed in its period (a note: what is dated in it) as Completed, and of what had not landed at
  its end, and was written in the 60 days before, as In progress. Plan notes of the period are Upcoming.

Whatever became known later (a landing, a deleted branch) is taken out of the item, so that it makes no earlier document stale.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum
from functools import cache, lru_cache

from orchestration_assets.reports.calendar import ONE_DAY, SPANS, Calendar, period_key
from orchestration_assets.reports.model import Period, ReportEntry, ReportItem, ReportKind
from orchestration_assets.reports.rules import rules
from orchestration_assets.worklogs.model import Entry

OPEN_DAYS = 60
"""Unlanded work older than this, counted back from the period's end, is not in progress any more."""

PLAN_TAGS = frozenset({"plan", "todo", "today", "next"})
BLOCKER_TAGS = frozenset({"blocked", "blocker"})


class Role(StrEnum):
    """As what an entry appears in a report."""

    DONE = "done"
    OPEN = "open"
    PLAN = "plan"
    BLOCKER = "blocker"


def role_of(kind: ReportKind, period: Period, calendar: Calendar, entry: ReportEntry) -> Role | None:
    """As what the report of `period` speaks of an entry; None where it does not."""
    done = Role.BLOCKER if is_blocker_note(entry.entry) else Role.DONE
    if kind is ReportKind.STANDUP:
        if is_plan(entry.entry):
            told = entry.day == period.start or calendar.working_day_from(entry.day) == period.start
            return Role.PLAN if told else None
        if is_published(entry.entry):
            return None
        first, last = calendar.previous_working_window(period.start)
        return done if first <= entry.day <= last else None
    if entry.entry.source == "note":
        if not period.start <= entry.day <= period.end:
            return None
        return Role.PLAN if is_plan(entry.entry) else done
    if entry.landed_day is not None and entry.landed_day <= period.end:
        return done if entry.landed_day >= period.start else None
    recent = period.end - timedelta(days=OPEN_DAYS) < entry.day <= period.end
    return Role.OPEN if recent and _may_be_open(entry.entry) else None


def selects(kind: ReportKind, period: Period, calendar: Calendar, entry: ReportEntry) -> bool:
    """Whether the report of `period` speaks of the entry."""
    return role_of(kind, period, calendar, entry) is not None


def periods_of(kind: ReportKind, entry: ReportEntry, calendar: Calendar, until: date | None = None) -> list[Period]:
    """The periods whose reports speak of an entry, in order: one for what landed on its own day, more for what stayed open.

    No period that begins after `until` is given. Standups are given for working days only.
    """
    holding = lru_cache(maxsize=None)(lambda day: calendar.holding(SPANS[kind], day))
    return [period for day in _days_in_periods(kind, entry, calendar) if _begun(period := holding(day), until)]


def index_by_period(
    kind: ReportKind, entries: Iterable[ReportEntry], calendar: Calendar, until: date | None = None
) -> dict[str, list[ReportEntry]]:
    """Period key (`2026-W46`) to the entries that its report speaks of; keys in order of time."""

    @cache
    def place(day: date) -> tuple[Period, str]:
        period = calendar.holding(SPANS[kind], day)
        return period, period_key(period)

    @cache
    def standup_of(day: date) -> date:
        return calendar.standup_day(day)

    found: dict[str, list[ReportEntry]] = defaultdict(list)
    starts: dict[str, date] = {}
    for entry in entries:
        for day in _days_in_periods(kind, entry, calendar):
            period, key = place(day)
            if _begun(period, until):
                found[key].append(entry)
                starts[key] = period.start
    return {key: found[key] for key in sorted(found, key=starts.__getitem__)}


def build_item(
    kind: ReportKind, period: Period, calendar: Calendar, entries: Sequence[ReportEntry], scope: str
) -> ReportItem:
    """The item of a period: the entries that its report speaks of, each once, as they stood at its `as_of`, sorted.

    `as_of` is the end of the period; for a standup, which is held in the morning, it is the beginning of its day.
    """
    start, end = calendar.bounds(period)
    morning = kind is ReportKind.STANDUP
    last_day = period.start - ONE_DAY if morning else period.end
    chosen = [entry for entry in entries if selects(kind, period, calendar, entry)]
    seen = (as_it_stood(entry, last_day) for entry in _without_twins(chosen))
    return ReportItem.model_construct(
        kind=kind,
        period=period,
        as_of=start if morning else end,
        scope=scope,
        entries=sorted(seen, key=lambda entry: (entry.entry.authored_at, entry.entry.entry_id)),
        working_days=list(calendar.working_days),
    )


def as_it_stood(entry: ReportEntry, last_day: date) -> ReportEntry:
    """The entry as it was known at the end of `last_day`: a later landing has not happened, and what heads held it is left out."""
    known = entry.entry
    changes: dict[str, object] = {}
    if known.branch is not None:
        changes["branch"] = None
    if known.vanished:
        changes["vanished"] = False
    hidden = known.source == "git" and (entry.landed_day is None or entry.landed_day > last_day)
    if hidden:
        changes |= {name: None for name in ("landed_at", "merged_by") if getattr(known, name) is not None}
    update: dict[str, object] = {"entry": known.model_copy(update=changes)} if changes else {}
    if hidden and entry.landed_day is not None:
        update["landed_day"] = None
    return entry.model_copy(update=update) if update else entry


def is_plan(entry: Entry) -> bool:
    return entry.source == "note" and not PLAN_TAGS.isdisjoint(entry.tags)


def is_blocker_note(entry: Entry) -> bool:
    return entry.source == "note" and not BLOCKER_TAGS.isdisjoint(entry.tags)


def _may_be_open(entry: Entry) -> bool:
    """Not a bot's, not on a head that holds releases or published pages, and still reachable."""
    if entry.is_bot or entry.vanished:
        return False
    return not is_published(entry) and not _is_on(entry, rules().ignored_branches)


def is_published(entry: Entry) -> bool:
    """Whether a commit lies on a head that only publishes what was built elsewhere, such as `gh-pages`."""
    return _is_on(entry, rules().published_branches)


def _is_on(entry: Entry, heads: re.Pattern[str]) -> bool:
    return entry.branch is not None and heads.search(entry.branch.removeprefix("origin/")) is not None


def _days_in_periods(kind: ReportKind, entry: ReportEntry, calendar: Calendar) -> Iterator[date]:
    """One day inside each period that speaks of the entry."""
    if kind is ReportKind.STANDUP:
        if is_plan(entry.entry):
            yield calendar.working_day_from(entry.day)
        elif not is_published(entry.entry):
            yield calendar.standup_day(entry.day)
        return
    if entry.entry.source == "note":
        yield entry.day
        return
    if (entry.landed_day is None or entry.landed_day > entry.day) and _may_be_open(entry.entry):
        day, last = entry.day, entry.day + timedelta(days=OPEN_DAYS - 1)
        if entry.landed_day is not None:
            last = min(last, entry.landed_day - ONE_DAY)
        while (period := _holding(SPANS[kind], day, calendar)).end <= last:
            yield period.end
            day = period.end + ONE_DAY
    if entry.landed_day is not None:
        yield entry.landed_day


@lru_cache(maxsize=4096)
def _holding(span: str, day: date, calendar: Calendar) -> Period:
    return calendar.week(day) if span == "week" else calendar.month(day)


def _begun(period: Period, until: date | None) -> bool:
    return until is None or period.start <= until


def _without_twins(entries: Sequence[ReportEntry]) -> Iterator[ReportEntry]:
    """A commit that exists twice (picked onto the default branch, rebased) is told of once: as landed, if it has."""
    best: dict[object, ReportEntry] = {}
    for entry in entries:
        known = entry.entry
        twin: object = known.entry_id
        if known.source == "git":
            twin = (known.repository_id, known.author_email, known.authored_at, known.input_hash)
        if twin not in best or _preference(entry) < _preference(best[twin]):
            best[twin] = entry
    yield from best.values()


def _preference(entry: ReportEntry) -> tuple[bool, bool, str]:
    return entry.entry.landed_at is None, entry.entry.vanished, entry.entry.entry_id
