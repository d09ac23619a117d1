"""Pictures of a build: its tasks as a graph, and what was done when. SVG that loads nothing, holds no script and looks the same on any page.

What belongs here: from a plan, or what became of it, to shapes. Equal input gives equal bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise

from orchestration_assets.code.model import Bar, Plan
from orchestration_assets.code.plan_graph import graph_of_plan, minutes

_INK, _PALE, _LINE, _CRITICAL = "#1f2328", "#656d76", "#c4ccd4", "#c0392b"
_BARS = {"write": "#4a7fc1", "check": "#7fb069", "replan": "#b07cc6"}
_FAILED = "#d9534f"
_LEGEND = (
    (_BARS["write"], "written"),
    (_BARS["check"], "tested"),
    (_BARS["replan"], "planned again"),
    (_FAILED, "failed"),
)
_WENT_WELL = ("written", "passed", "replanned", "handed over", "put off")
LONGEST_NAME = 26
"""Characters of a task that are shown; the title of its shape has all."""
_CHARACTER = 7.2
_ROW, _BOX, _COLUMN_GAP, _EDGE = 34, 24, 56, 12
_BAR_ROW, _CHART_WIDTH = 20, 760
MOST_IDLE = 0.1
"""Of the time in which something was done: how long a pause is drawn at most."""
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
"""Seconds between marks of the time."""


def graph_picture(plan: Plan) -> str:
    """The tasks from left to right, each to the right of what it depends on; those of the critical path, by the estimates, in red."""
    graph = graph_of_plan(plan)
    levels = _arranged(graph.levels(), {task.id: task.depends_on for task in plan.tasks})
    critical = graph.critical_path(minutes(plan)).nodes
    on_path = set(pairwise(critical))
    width = round(min(LONGEST_NAME, max((len(task.id) for task in plan.tasks), default=1)) * _CHARACTER) + 16
    tallest = max((len(level) for level in levels), default=1)
    place: dict[str, tuple[int, int]] = {}
    for column, level in enumerate(levels):
        top = _EDGE + (tallest - len(level)) * _ROW // 2
        for row, name in enumerate(level):
            place[name] = (_EDGE + column * (width + _COLUMN_GAP), top + row * _ROW)
    shapes = []
    for task in plan.tasks:
        for other in task.depends_on:
            (left, above), (right, below) = place[other], place[task.id]
            start, end, bend = left + width, right, _COLUMN_GAP // 2
            colour, thick = (_CRITICAL, 2) if (other, task.id) in on_path else (_LINE, 1.2)
            path = f"M{start} {above + _BOX // 2}C{start + bend} {above + _BOX // 2} {end - bend} {below + _BOX // 2} {end} {below + _BOX // 2}"
            shapes.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>')
    for task in plan.tasks:
        x, y = place[task.id]
        colour, thick = (_CRITICAL, 2) if task.id in critical else (_PALE, 1)
        fill = "#eef4fb" if task.kind == "source" else "#eff7ea"
        title = f"{task.id}: {task.title} ({task.minutes} min)"
        shapes.append(
            f'<g><title>{escape(title)}</title><rect x="{x}" y="{y}" width="{width}" height="{_BOX}" rx="5" fill="{fill}" '
            f'stroke="{colour}" stroke-width="{thick}"/>{_text(x + 8, y + 16, _short(task.id))}</g>'
        )
    columns = max(1, len(levels))
    return _picture(columns * (width + _COLUMN_GAP) - _COLUMN_GAP + 2 * _EDGE, tallest * _ROW + 2 * _EDGE, shapes)


def gantt_picture(bars: Sequence[Bar]) -> str:
    """A line for each task, in the order in which they were begun, with what was done of it and how that ended. Pauses, as between a build that was stopped and the one that went on, are cut short."""
    rows = list(dict.fromkeys(bar.task for bar in sorted(bars, key=lambda bar: (bar.start, bar.task))))
    if not rows:
        return _picture(_CHART_WIDTH, _BAR_ROW * 2, [_text(_EDGE, _BAR_ROW, "Nothing was done.")])
    names = round(min(LONGEST_NAME, max(map(len, rows))) * _CHARACTER) + 2 * _EDGE
    drawn, cuts, length = _without_pauses(bars)
    scale = (_CHART_WIDTH - names - _EDGE) / max(length, 0.001)
    bottom = _EDGE + len(rows) * _BAR_ROW
    shapes = []
    for second in _marks(length):
        x = round(names + second * scale, 1)
        shapes.append(f'<path d="M{x} {_EDGE}V{bottom}" stroke="{_LINE}" stroke-width="0.6"/>')
        shapes.append(_text(x, bottom + 14, _duration(second), _PALE, "middle"))
    for at, pause in cuts:
        x = round(names + at * scale, 1)
        shapes.append(
            f"<g><title>{escape(f'a pause of {_duration(pause)}, cut short')}</title>"
            f'<path d="M{x} {_EDGE}V{bottom}" stroke="{_PALE}" stroke-dasharray="3 3"/></g>'
        )
    for number, task in enumerate(rows):
        shapes.append(_text(_EDGE, _EDGE + number * _BAR_ROW + 14, _short(task)))
    for bar, start in drawn:
        y = _EDGE + rows.index(bar.task) * _BAR_ROW + 4
        colour = _BARS.get(bar.step, _PALE) if bar.outcome in _WENT_WELL else _FAILED
        said = f"{bar.task}: {bar.step}, {bar.outcome}, {_duration(bar.seconds)} from {_duration(bar.start)}"
        shapes.append(
            f'<g><title>{escape(said)}</title><rect x="{round(names + start * scale, 1)}" y="{y}" '
            f'width="{max(1.5, round(bar.seconds * scale, 1))}" height="{_BAR_ROW - 8}" rx="2" fill="{colour}" fill-opacity="0.85"/></g>'
        )
    left = names
    for colour, word in _LEGEND:
        shapes.append(
            f'<rect x="{left}" y="{bottom + 24}" width="10" height="10" rx="2" fill="{colour}" fill-opacity="0.85"/>'
        )
        shapes.append(_text(left + 15, bottom + 33, word, _PALE))
        left += round(len(word) * _CHARACTER) + 34
    return _picture(_CHART_WIDTH, bottom + 42, shapes)


def as_markdown(picture: str, what: str) -> str:
    """The picture as an image within the text itself, which Dagster's UI shows."""
    return f"![{what}](data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()})"


def _arranged(levels: Iterable[Sequence[str]], depends_on: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Each level in the order of where what it depends on stands, on the average, so that fewer lines cross."""
    height: dict[str, float] = {}
    arranged = []
    for level in levels:
        wanted = {
            task: sum(height[other] for other in depends_on[task]) / len(depends_on[task]) if depends_on[task] else 0.5
            for task in level
        }
        ordered = sorted(level, key=lambda task: (wanted[task], task))
        height.update((task, (row + 0.5) / len(ordered)) for row, task in enumerate(ordered))
        arranged.append(ordered)
    return arranged


def _without_pauses(bars: Sequence[Bar]) -> tuple[list[tuple[Bar, float]], list[tuple[float, float]], float]:
    """Each bar with where it is drawn, in seconds; where a pause was cut, and how long it was; and the length of it all."""
    ordered = sorted(bars, key=lambda bar: (bar.start, bar.task))
    busy, end = 0.0, ordered[0].start
    for bar in ordered:
        busy += max(0.0, bar.start + bar.seconds - max(end, bar.start))
        end = max(end, bar.start + bar.seconds)
    longest = max(1.0, busy * MOST_IDLE)
    cut, end = 0.0, ordered[0].start
    first, cuts, drawn = ordered[0].start, [], []
    for bar in ordered:
        if (pause := bar.start - end) > longest:
            cuts.append((end - first - cut + longest / 2, pause))
            cut += pause - longest
        drawn.append((bar, bar.start - first - cut))
        end = max(end, bar.start + bar.seconds)
    return drawn, cuts, end - first - cut


def _marks(length: float) -> list[int]:
    step = next((each for each in _TICKS if length / each <= 8), _TICKS[-1])
    return list(range(0, int(length) + 1, step))


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.3g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _text(x: float, y: float, text: str, colour: str = _INK, anchor: str = "start") -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-family="ui-monospace, monospace" font-size="12" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _picture(width: int, height: int, shapes: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    return f'{head}<rect width="{width}" height="{height}" rx="6" fill="#ffffff"/>{"".join(shapes)}</svg>\n'
