"""Exceptions and their frames, from an event of the SDK's or a webhook's (snake case) or of the REST API's (`entries`, camel case).

What belongs here: bringing both to one shape, and keeping it within bounds: an event may hold megabytes of other people's variables. What
matters most is kept first: the program's own frames before those of libraries, and the innermost before those that called it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from resources.sentry_issues.facts import Frame, RaisedException
from resources.sentry_issues.told import LONGEST_NAME, LONGEST_TEXT, Told, capped

MOST_EXCEPTIONS = 20
"""The last ones: those that came out in the end."""
MOST_FRAMES = 100
"""Of one exception: a quarter from the outside, the others from the inside."""
MOST_VARIABLES = 50
MOST_LINES = 20
"""Around the line of a frame, on each side."""
LONGEST_VARIABLE = 1024
LONGEST_LINE = 512
MOST_CHARACTERS = 256 * 1024
"""Of all frames together."""


class _Budget:
    def __init__(self, left: int) -> None:
        self.left = left

    def pays(self, *texts: str) -> bool:
        """Whether these fit in what is left, which is then less by them. Every text costs a little by itself."""
        cost = sum(len(each) + 8 for each in texts)
        if cost > self.left:
            return False
        self.left -= cost
        return True


def exceptions_of(event: Mapping[str, Any]) -> list[RaisedException]:
    """In Sentry's order: a cause before what it caused, the outermost frame first."""
    raised = [Told(each, "exception") for each in _values(event) if isinstance(each, Mapping)][-MOST_EXCEPTIONS:]
    stacks = [_stack(each) for each in raised]
    budget = _Budget(MOST_CHARACTERS)
    places = [(outer, inner) for outer, stack in enumerate(stacks) for inner in range(len(stack))]
    frames: dict[tuple[int, int], Frame] = {}
    for outer, inner in sorted(places, key=lambda at: (not _is_own(stacks[at[0]][at[1]]), -at[0], -at[1])):
        if (frame := _frame(stacks[outer][inner], budget)) is not None:
            frames[outer, inner] = frame
    return [
        RaisedException(
            type=each.text("type"),
            value=each.text("value", most=LONGEST_TEXT),
            module=each.text("module"),
            handled=each.inner("mechanism").truth("handled"),
            frames=[frames[number, inner] for inner in range(len(stacks[number])) if (number, inner) in frames],
        )
        for number, each in enumerate(raised)
    ]


def _values(event: Mapping[str, Any]) -> list[Any]:
    """The exceptions as they are listed; `exception` may be a list itself."""
    for entry in Told(event, "event").elements("entries"):
        told = Told(entry, "entry")
        if told.text("type") == "exception":
            return told.inner("data").elements("values")
    found = event.get("exception")
    return found if isinstance(found, list) else Told(found, "exception").elements("values")


def _stack(raised: Told) -> list[Told]:
    frames = [
        Told(each, "frame") for each in raised.inner("stacktrace").elements("frames") if isinstance(each, Mapping)
    ]
    outside = MOST_FRAMES // 4
    return frames if len(frames) <= MOST_FRAMES else frames[:outside] + frames[outside - MOST_FRAMES :]


def _is_own(frame: Told) -> bool:
    return frame.truth("in_app", "inApp") is True


def _frame(told: Told, budget: _Budget) -> Frame | None:
    """As much of it as can be paid for; None where not even its place can."""
    names = [told.text("filename"), told.text("abs_path", "absPath"), told.text("module"), told.text("function")]
    if not budget.pays(*names):
        return None
    filename, abs_path, module, function = names
    lineno = told.number("lineno", "lineNo")
    before, line, after = _context(told, lineno)
    if not budget.pays(*before, line, *after):
        before, after = [], []
        line = line if budget.pays(line) else ""
    return Frame(
        filename=filename,
        abs_path=abs_path,
        module=module,
        function=function,
        lineno=lineno,
        pre_context=before,
        context_line=line,
        post_context=after,
        in_app=_is_own(told),
        vars={name: value for name, value in _variables(told) if budget.pays(name, value)},
    )


def _context(told: Told, lineno: int | None) -> tuple[list[str], str, list[str]]:
    """The lines before, at and after the frame's. The REST API numbers them instead of naming them."""
    if isinstance(told.members.get("context"), list) and "context_line" not in told.members:
        numbered = [
            (pair[0], _line(pair[1]))
            for pair in told.elements("context")
            if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], int)
        ]
        at = -1 if lineno is None else lineno
        before = [line for number, line in numbered if number < at]
        line = next((line for number, line in numbered if number == at), "")
        after = [line for number, line in numbered if number > at]
    else:
        before = [_line(each) for each in told.elements("pre_context")]
        line = _line(told.members.get("context_line"))
        after = [_line(each) for each in told.elements("post_context")]
    return before[-MOST_LINES:], line, after[:MOST_LINES]


def _line(value: object) -> str:
    return capped(value, LONGEST_LINE) if isinstance(value, str) else ""


def _variables(told: Told) -> list[tuple[str, str]]:
    """By name: Sentry does not promise an order."""
    found = told.members.get("vars")
    if not isinstance(found, Mapping):
        return []
    named = sorted(found.items(), key=lambda pair: str(pair[0]))[:MOST_VARIABLES]
    return [(capped(str(name), LONGEST_NAME), capped(_written(value), LONGEST_VARIABLE)) for name, value in named]


def _written(value: object) -> str:
    """Text as it is; what the SDK left as a list or an object, as JSON."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return ""
