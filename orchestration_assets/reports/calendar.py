"""Periods, working days and timezones: which local day an instant belongs to, and which days a report covers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from orchestration_assets.reports.model import Period, ReportKind
from resources.clock import now
from resources.errors import BadInput

Span = Literal["day", "week", "month"]

SPANS: dict[ReportKind, Span] = {
    ReportKind.STANDUP: "day",
    ReportKind.STATUS_REPORT: "week",
    ReportKind.SUMMARY: "month",
}
"""How long the period of each kind of report is."""

EXAMPLES: dict[Span, str] = {"day": "2026-11-20", "week": "2026-W46", "month": "2026-11"}

ONE_DAY = timedelta(days=1)
LAST_DAY = date.max - timedelta(days=100)
"""Later days, which only a broken clock names, count as this one: no calendar could hold the period after them."""

_WEEK = re.compile(r"(\d{4})-?W(\d{1,2})", re.IGNORECASE)
_MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True)
class Calendar:
    """A timezone (IANA name) and the weekdays, Monday 0, on which somebody works.

    Raises BadInput for a name that is no timezone, or where there is no working day.
    """

    timezone: str
    working_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.working_days or not set(self.working_days) <= set(range(7)):
            raise BadInput(
                f"The working days {list(self.working_days)} name no weekday, or one that there is not; "
                "give numbers from 0 (Monday) to 6 (Sunday), such as 0,1,2,3,4."
            )
        object.__setattr__(self, "zone", zone_of(self.timezone))

    def local_day(self, instant: datetime) -> date:
        """The day that the calendar on the wall shows at an aware instant."""
        try:
            return min(instant.astimezone(self.zone).date(), LAST_DAY)
        except OverflowError:
            return LAST_DAY if instant.year > 5000 else date.min + ONE_DAY

    def day(self, day: date) -> Period:
        return Period(kind="day", start=day, end=day, timezone=self.timezone)

    def week(self, day: date) -> Period:
        """The ISO week, Monday to Sunday, that holds `day`."""
        monday = day - timedelta(days=min(day.weekday(), day.toordinal() - 1))
        return Period(kind="week", start=monday, end=monday + timedelta(days=6), timezone=self.timezone)

    def month(self, day: date) -> Period:
        first = day.replace(day=1)
        return Period(kind="month", start=first, end=_next_month(first) - ONE_DAY, timezone=self.timezone)

    def holding(self, span: Span, day: date) -> Period:
        """The day, week or month that holds `day`."""
        makers: dict[Span, Callable[[date], Period]] = {"day": self.day, "week": self.week, "month": self.month}
        return makers[span](min(day, LAST_DAY))

    def bounds(self, period: Period) -> tuple[datetime, datetime]:
        """The first instant of the period and the first one after it, in UTC; a day may have 23 or 25 hours, or none."""
        zone = self.zone if period.timezone == self.timezone else zone_of(period.timezone)
        return _midnight(period.start, zone), _midnight(period.end + ONE_DAY, zone)

    def is_working(self, day: date) -> bool:
        return day.weekday() in self.working_days

    def previous_working_window(self, day: date) -> tuple[date, date]:
        """First and last day that the standup of `day` looks back on: the last working day before it and all days off since then.
        Monday's covers Friday to Sunday."""
        first = day - ONE_DAY
        while not self.is_working(first):
            first -= ONE_DAY
        return first, day - ONE_DAY

    def standup_day(self, day: date) -> date:
        """The day of the standup that tells of work done on `day`: the next working day."""
        return self.working_day_from(min(day, LAST_DAY) + ONE_DAY)

    def working_day_from(self, day: date) -> date:
        """`day` itself if it is a working day, else the next one."""
        while not self.is_working(day):
            day += ONE_DAY
        return day


def zone_of(name: str) -> ZoneInfo:
    """The timezone of an IANA name. Raises BadInput for any other name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadInput(f"{name!r} is no timezone; write an IANA name such as Europe/Vienna or UTC.") from None


def period_key(period: Period) -> str:
    """`2026-11-20`, `2026-W46` or `2026-11`; `parse_period` reads it back."""
    if period.kind == "day":
        return period.start.isoformat()
    if period.kind == "week":
        year, week, _ = period.start.isocalendar()
        return f"{year:04}-W{week:02}"
    return f"{period.start.year:04}-{period.start.month:02}"


def parse_period(kind: ReportKind | Span, text: str, calendar: Calendar, today: date | None = None) -> Period:
    """The period that a person names: `2026-11-20`, `today`, `yesterday` (any day inside a week or month names it), `2026-W46`, `2026-11`.

    `today` is the local day that the words count from; by default the clock's. Raises BadInput for anything else.
    """
    span = SPANS[kind] if isinstance(kind, ReportKind) else kind
    text = text.strip()
    try:
        day = _day_named(span, text, calendar, today)
    except (ValueError, OverflowError):
        inside = "" if span == "day" else ", or a date inside it such as 2026-11-20"
        raise BadInput(
            f"{text!r} is no {span}; write it as {EXAMPLES[span]}{inside}, or as today or yesterday."
        ) from None
    return calendar.holding(span, day)


def _day_named(span: Span, text: str, calendar: Calendar, today: date | None) -> date:
    if text.lower() in ("today", "yesterday"):
        day = calendar.local_day(now()) if today is None else today
        return day if text.lower() == "today" else day - ONE_DAY
    if span == "week" and (found := _WEEK.fullmatch(text)):
        return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    if span == "month" and (found := _MONTH.fullmatch(text)):
        return date(int(found[1]), int(found[2]), 1)
    return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else _no_day(text)


def _no_day(text: str) -> date:
    raise ValueError(text)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day. Where the clock skips midnight, `fold=0` makes it the instant of the jump."""
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
