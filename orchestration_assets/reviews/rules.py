"""The rules by which findings are computed: the table `data/rules.toml`, and how a place that breaks a rule becomes a finding.

What belongs here: what every rule shares. A rule's own eyes are in the module that is named for what it looks at.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from orchestration_assets.reviews.change import Change, added_lines, is_beside, is_test
from orchestration_assets.reviews.model import Category, Finding, Severity
from orchestration_assets.reviews.secrets import masked
from orchestration_assets.worklogs.touched import language
from resources.git import ChangedFile

TABLE = Path(__file__).parent / "data" / "rules.toml"
LONGEST_QUOTE = 200
_LONGEST_NAMED = 300


class Rule(NamedTuple):
    """`why` and `action` may name what was found as `{0}`. `where`: `program` leaves tests, examples and scripts out, `no tests` tests alone."""

    category: Category
    severity: Severity
    why: str
    action: str
    where: str = "everywhere"
    ruff: str = ""
    """The rule of ruff that says the same, where it is not the rule's own name."""


class Spot(NamedTuple):
    """Lines of a file, from 1 and the last one included, that break a rule. `named` is what the rule's sentences name."""

    rule: str
    line: int
    last: int
    named: str = ""


Inspect = Callable[[str, str], Iterable[Spot]]
"""From a path and its text to the places that break rules."""


@lru_cache(maxsize=1)
def rules() -> dict[str, Rule]:
    table: dict[str, dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        name: Rule(
            Category(row["category"]),
            Severity(row["severity"]),
            row["why"],
            row["action"],
            row.get("where", "everywhere"),
            row.get("ruff", ""),
        )
        for name, row in table.items()
    }


def applies(name: str, path: str) -> bool:
    match rules()[name].where:
        case "program":
            return not is_beside(path)
        case "no tests":
            return not is_test(path)
    return True


def finding(name: str, path: str, line: int | None = None, quote: str = "", named: str = "", **more: object) -> Finding:
    rule = rules()[name]
    named = named if len(named) <= _LONGEST_NAMED else f"{named[: _LONGEST_NAMED - 1]}…"
    told = {
        "category": rule.category,
        "severity": rule.severity,
        "path": path,
        "line": line,
        "quote": masked(quote.strip())[:LONGEST_QUOTE],
        "why": rule.why.replace("{0}", named),
        "action": rule.action.replace("{0}", named),
        "rule": name,
    }
    return Finding.model_validate(told | more)


def new_findings(change: Change, files: Sequence[ChangedFile], inspect: Inspect) -> Iterator[Finding]:
    """What the change brings that breaks a rule: on lines that it adds, and neither there before nor moved from elsewhere."""
    known: Counter[tuple[str, str]] = Counter()
    for file in with_gone(change, files):
        if (text := change.before(file)) is not None:
            lines = text.split("\n")
            known.update(
                (spot.rule, _text_at(lines, spot.line)) for spot in _seen(inspect, file.old_path or file.path, text)
            )
    found: list[tuple[ChangedFile, Spot, list[str]]] = []
    for file in files:
        if (text := change.after(file)) is not None:
            lines = text.split("\n")
            found += [(file, spot, lines) for spot in _seen(inspect, file.path, text)]
    added = {id(file): added_lines(file) for file in files}

    def first_added(file: ChangedFile, spot: Spot) -> int | None:
        return next((line for line in range(spot.line, spot.last + 1) if line in added[id(file)]), None)

    # What stands on old lines is what was there before, so that a second one like it is new.
    for file, spot, lines in sorted(found, key=lambda each: first_added(each[0], each[1]) is not None):
        key = (spot.rule, _text_at(lines, spot.line))
        line = first_added(file, spot)
        if known[key] > 0:
            known[key] -= 1
        elif line is not None and applies(spot.rule, file.path):
            yield finding(spot.rule, file.path, line, added[id(file)][line], spot.named)


def _seen(inspect: Inspect, path: str, text: str) -> list[Spot]:
    """Nothing for a text that is nested so deeply that no person wrote it."""
    try:
        return list(inspect(path, text))
    except RecursionError:
        return []


def with_gone(change: Change, files: Sequence[ChangedFile]) -> list[ChangedFile]:
    """The files, and those of their languages that the change takes away: what was in them may come back in one of these."""
    spoken = {language(file.path) for file in files}
    return [*files, *(file for file in change.files if file.status == "deleted" and language(file.path) in spoken)]


def _text_at(lines: Sequence[str], number: int) -> str:
    return lines[number - 1].strip() if 0 < number <= len(lines) else ""
