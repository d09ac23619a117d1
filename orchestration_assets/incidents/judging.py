"""Whether a test failed as the error did: the same exception, out of the same line of the same function, with the same values there.

What belongs here: comparing the report of a run with the event. Both are text from outside.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration_assets.incidents.frames import Place, statement_at
from orchestration_assets.incidents.reprs import HIDDEN
from resources.scrubbing import scrub
from resources.sentry_issues.facts import RaisedException

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_PATH = re.compile(r"(?:/[\w.+-]+)+/(?=[\w.+-])")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")
_CLOCK = re.compile(r"\b(?:\w+\.)*(Moment|Day)\(")
_CLOCKS = {"Moment": "datetime.datetime(", "Day": "datetime.date("}
_MOMENT = re.compile(r"datetime\.datetime\((\d+(?:, \d+){2,6})(?=[,)])")
_GOES_BY = re.compile(
    r"<(?:\w+\.)*(?:\w*iterator|generator|map|zip|filter|enumerate|reversed|\w*reader|DictReader|TextIOWrapper)\b"
)
"""What is gone through once: nothing tells what it still held, and a list stands for it."""
_LONGEST = 4096
_CLOCK_SECONDS = 2.0
"""The event tells the time in whole seconds."""
_SMALL = 1000.0
"""A number with a fraction below this is taken for no time."""


class ReportedFrame(BaseModel):
    model_config = ConfigDict(extra="ignore")
    path: str = ""
    function: str = ""
    line: int = 0
    variables: dict[str, Any] = Field(default_factory=dict)


class ReportedError(BaseModel):
    model_config = ConfigDict(extra="ignore")
    type: str = ""
    module: str = ""
    message: str = ""
    frames: list[ReportedFrame] = Field(default_factory=list, max_length=200)


class Report(BaseModel):
    """What the driver wrote down inside the sandbox."""

    model_config = ConfigDict(extra="ignore")
    outcome: str = ""
    phase: str = ""
    error: ReportedError | None = None

    @classmethod
    def read(cls, content: bytes | None) -> Report | None:
        try:
            return cls.model_validate_json(content) if content else None
        except ValidationError:
            return None


@dataclass(frozen=True)
class Verdict:
    """`agreement`: of the values that can be compared, the share that is the same, from 0 to 1; over all calls that the test makes again
    (`whole`) and in the failing line alone. `complaint`: why it is not the same error; "" where it is."""

    complaint: str
    whole: float = 0.0
    innermost: float = 0.0

    @property
    def is_same(self) -> bool:
        return not self.complaint

    @property
    def is_exact(self) -> bool:
        return self.is_same and self.whole == 1.0


def judge(report: Report | None, raised: RaisedException, places: list[Place]) -> Verdict:
    """Of one run. `places` are the frames of the exception in the tree."""
    if report is None:
        return Verdict("nothing was reported: it was killed, or broke what runs it")
    if report.error is None:
        return Verdict("it passes" if report.outcome == "passed" else f"it ended as {report.outcome[:40]!r}")
    if report.phase != "call":
        return Verdict(f"it fails before it runs ({short(report.error.message) or report.error.type[:60]})")
    error = report.error
    if error.type != raised.type or not _same_module(error.module, raised.module):
        return Verdict(f"it fails with {error.type[:60]} instead of {raised.type[:60]}: {short(error.message)}")
    own = [frame for frame in error.frames if frame.path and not frame.path.startswith("tests/regression/")]
    last = places[-1]
    if not own:
        return Verdict("it fails in the test itself")
    if own[-1].path != last.module.path or not _same_function(own[-1].function, last.frame.function):
        return Verdict(f"it fails in {own[-1].function[:60]} instead of {last.frame.function[:60]}")
    if own[-1].line != last.line:
        return Verdict(f"it fails in line {own[-1].line} instead of {last.line}")
    if not _same_message(error.message, raised.value):
        return Verdict(f"it fails with another message: {short(error.message)}")
    read = _read_in(last)
    # How deep a recursion ends depends on what it began in.
    read = frozenset() if raised.type == "RecursionError" else read
    innermost = _agreement([(own[-1].variables, {k: v for k, v in last.frame.vars.items() if k in read})])
    if innermost < 1.0:
        return Verdict("the values in the failing line are others", innermost=innermost)
    pairs = list(zip(reversed(own), reversed(places), strict=False))
    shared = []
    for frame, place in pairs:
        if (frame.path, frame.line) != (place.module.path, place.line):
            break
        if place.frame.function != "<module>":
            shared.append((frame.variables, place.frame.vars))
    return Verdict("", _agreement(shared), innermost)


def short(text: str) -> str:
    """One line of what may be many."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "")[:200]


def _same_module(reported: str, told: str) -> bool:
    if told in {"__main__", ""}:
        return bool(told) or reported in {"builtins", "__main__"}
    return reported in (told, "__main__") or reported.endswith(f".{told}") or told.endswith(f".{reported}")


def _same_function(reported: str, told: str) -> bool:
    """Python 3.12 gives comprehensions no frame of their own."""
    return reported == told or bool({reported, told} & {"<listcomp>", "<setcomp>", "<dictcomp>"})


def _same_message(reported: str, told: str) -> bool:
    ours, theirs = _plain(reported), _plain(told)
    if theirs.endswith("…"):
        return ours.startswith(theirs[:-1].rstrip("."))
    return ours == theirs or (theirs.endswith("...") and ours.startswith(theirs[:-3]))


def _plain(text: str) -> str:
    """Without what is another each time (addresses, folders), and without the test's own clock."""
    return _CLOCK.sub(lambda found: _CLOCKS[found[1]], _PATH.sub("", _ADDRESS.sub("0x", text[:_LONGEST])))


def _read_in(place: Place) -> frozenset[str]:
    """Variables that the failing statement reads."""
    body = place.module.tree.body if place.function is None else place.function.node.body
    statement = statement_at(body, place.line)
    nodes = ast.walk(statement) if statement is not None else iter(())
    return frozenset(each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))


def _agreement(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]]) -> float:
    same = total = 0
    for reported, told in pairs:
        for name, text in told.items():
            if name.startswith("__") or any(hidden in text for hidden in HIDDEN) or _GOES_BY.match(text):
                continue
            total += 1
            same += name in reported and _equal(reported[name], text)
    return same / total if total else 1.0


def _equal(reported: Any, told: str) -> bool:
    """Whether a value that the driver wrote down is the one that Sentry kept."""
    cut = told.endswith("…")
    try:
        theirs = orjson.loads(told) if told[:1] in {"[", "{"} and not cut else told
    except orjson.JSONDecodeError:
        theirs = told
    if isinstance(theirs, str) and not isinstance(reported, str):
        reported = orjson.dumps(reported, option=orjson.OPT_SORT_KEYS).decode()
    return _alike(reported, theirs)


def _alike(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, str) and isinstance(theirs, str):
        mine, other = _plain(ours), _plain(theirs)
        if other.endswith(("…", "...")):
            return mine.startswith(other.rstrip("….")[:1000])
        return mine == other or _near(mine, other) or scrub(mine) == scrub(other)
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return False
        if all(_alike(one, other) for one, other in zip(ours, theirs, strict=True)):
            return True
        # Sets come in any order.
        return sorted(map(str, ours)) == sorted(map(str, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_alike(value, theirs[key]) for key, value in ours.items())
    return bool(ours == theirs)


def _near(ours: str, theirs: str) -> bool:
    """The same text but for what the clock moves: times within two seconds, and so numbers that may be seconds."""
    moments = [[_instant(each) for each in _MOMENT.findall(text)] for text in (ours, theirs)]
    if moments[0] and len(moments[0]) == len(moments[1]):
        if _MOMENT.sub("#", ours) != _MOMENT.sub("#", theirs):
            return False
        return all(abs(a - b) <= _CLOCK_SECONDS for a, b in zip(*moments, strict=True))
    mine, others = _NUMBER.findall(ours), _NUMBER.findall(theirs)
    if not mine or len(mine) != len(others) or _NUMBER.sub("#", ours) != _NUMBER.sub("#", theirs):
        return False
    pairs = [(float(one), float(other)) for one, other in zip(mine, others, strict=True)]
    return all(one == other or (abs(other) > _SMALL and abs(one - other) <= _CLOCK_SECONDS) for one, other in pairs)


def _instant(numbers: str) -> float:
    """Seconds of a `datetime` from its parts; 0.0 for one that is none."""
    try:
        return datetime(*[int(each) for each in numbers.split(", ")], tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]
    except (ValueError, TypeError, OverflowError):
        return 0.0
