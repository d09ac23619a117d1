"""Small plots as inline SVG: kinds of work by day, and topics over the weeks of a month. Too little work makes no plot.

Colours are classes of `templates/report.css`, so that a plot follows light and dark and needs no style of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from math import sqrt

from orchestration_assets.reports.model import ActivityCell, Period
from orchestration_assets.worklogs.model import Category

MIN_UNITS = 8
WIDTH = 640

BANDS: dict[str, tuple[Category, ...]] = {
    "features": (Category.FEATURE,),
    "fixes": (Category.FIX, Category.REVERT),
    "improvements": (Category.PERFORMANCE, Category.REFACTORING),
    "documentation": (Category.DOCUMENTATION,),
    "tests": (Category.TEST,),
    "upkeep": (Category.BUILD, Category.CHORE, Category.STYLE, Category.RELEASE, Category.MERGE),
    "other": (Category.OTHER,),
}
"""What a reader can tell apart in a bar, from the bottom up; every category is in one."""

_BAND_OF = {category.value: band for band, categories in BANDS.items() for category in categories}
_BARS_HEIGHT, _BASE, _TOP, _LEFT = 170, 146, 14, 28
_LANE, _LABEL = 24, 210


def bands_in(activity: Sequence[ActivityCell]) -> list[str]:
    """The bands that a plot of the activity shows, for its legend."""
    present = {_BAND_OF[cell.category] for cell in activity if cell.units}
    return [band for band in BANDS if band in present]


def stacked_bars(activity: Sequence[ActivityCell], period: Period) -> str:
    """Units by kind for each day of the period, as an `<svg>`; "" below `MIN_UNITS`, and for a single day."""
    cells = [cell for cell in activity if period.start <= cell.day <= period.end]
    total = sum(cell.units for cell in cells)
    if total < MIN_UNITS or period.start == period.end:
        return ""
    by_day: dict[date, Counter[str]] = {}
    for cell in cells:
        by_day.setdefault(cell.day, Counter())[_BAND_OF[cell.category]] += cell.units
    days = [period.start + timedelta(days=n) for n in range((period.end - period.start).days + 1)]
    highest = max(sum(counts.values()) for counts in by_day.values())
    step = (WIDTH - _LEFT) / len(days)
    parts = [_axis(highest)]
    for position, day in enumerate(days):
        x = _LEFT + position * step
        parts += _bar(day, by_day.get(day, Counter()), x + step * 0.14, step * 0.72, highest)
        if len(days) <= 7 or day.day == 1 or day.day % 5 == 0:
            label = f"{day:%a} {day.day}" if len(days) <= 7 else str(day.day)
            parts.append(_text(x + step / 2, _BASE + 16, label, "middle"))
    return _svg(WIDTH, _BARS_HEIGHT, f"Units of work by day and kind, {total:,} in all", parts)


def topic_lanes(weeks_by_topic: Mapping[str, Mapping[date, int]], period: Period) -> str:
    """A lane for each topic, with a dot for each week (named by its Monday) that it was worked in, as an `<svg>`; "" below `MIN_UNITS`
    entries or two topics."""
    if len(weeks_by_topic) < 2 or sum(sum(weeks.values()) for weeks in weeks_by_topic.values()) < MIN_UNITS:
        return ""
    first = period.start - timedelta(days=period.start.weekday())
    mondays = [first + timedelta(weeks=n) for n in range((period.end - first).days // 7 + 1)]
    step = (WIDTH - _LABEL) / len(mondays)
    at = {monday: _LABEL + (position + 0.5) * step for position, monday in enumerate(mondays)}
    highest = max(count for weeks in weeks_by_topic.values() for count in weeks.values())
    parts: list[str] = []
    for row, (topic, weeks) in enumerate(weeks_by_topic.items()):
        y = 14 + row * _LANE
        active = sorted(at[monday] for monday in weeks if monday in at)
        parts.append(_text(0, y + 4, topic if len(topic) <= 32 else topic[:31] + "…", "start"))
        if len(active) > 1:
            parts.append(f'<line class="lane" x1="{active[0]:.1f}" y1="{y}" x2="{active[-1]:.1f}" y2="{y}"/>')
        for monday, count in sorted(weeks.items()):
            if monday in at:
                title = escape(f"{topic}, week of {monday.isoformat()}: {count:,}")
                radius = 2.5 + 6.5 * sqrt(count / highest)
                parts.append(
                    f'<circle class="dot" cx="{at[monday]:.1f}" cy="{y}" r="{radius:.1f}"><title>{title}</title></circle>'
                )
    height = 14 + len(weeks_by_topic) * _LANE
    parts += [_text(x, height + 6, f"{monday.day} {monday:%b}", "middle") for monday, x in at.items()]
    return _svg(WIDTH, height + 14, "Topics over the weeks of the month", parts)


def _bar(day: date, counts: Counter[str], x: float, width: float, highest: int) -> list[str]:
    parts: list[str] = []
    y = float(_BASE)
    for band in BANDS:
        if not counts[band]:
            continue
        height = counts[band] / highest * (_BASE - _TOP)
        y -= height
        title = f"<title>{day.isoformat()}: {counts[band]:,} {band}</title>"
        drawn = max(height - 1, 0.5)
        parts.append(
            f'<rect class="k-{band}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{drawn:.1f}">{title}</rect>'
        )
    return parts


def _axis(highest: int) -> str:
    top = _text(_LEFT - 6, _TOP + 4, f"{highest:,}", "end")
    return (
        f'<line class="axis" x1="{_LEFT}" y1="{_TOP}" x2="{WIDTH}" y2="{_TOP}"/>{top}'
        f'<line class="axis" x1="{_LEFT}" y1="{_BASE}" x2="{WIDTH}" y2="{_BASE}"/>{_text(_LEFT - 6, _BASE + 4, "0", "end")}'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    body = "".join(parts)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>{body}</svg>'
