"""Which rules a repository's own checks hold it to, or let it break on purpose. A review leaves both to them.

What belongs here: reading the configuration of ruff and flake8 as data, as it was before the change: a change cannot silence its own review.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import rules
from orchestration_assets.worklogs.touched import language

_SELECTOR = re.compile(r"([A-Z]+)(\d*)")
_DEFAULT = ("E4", "E7", "E9", "F")
_FLAKE8 = ("E", "F", "W", "C90")


@dataclass(frozen=True)
class Enforced:
    """The rules of one folder and what is below it. `chosen` are enforced or ignored everywhere, `here` in files that match a pattern."""

    folder: str = ""
    chosen: tuple[str, ...] = ()
    here: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def covers(self, code: str, path: str) -> bool:
        if any(_selects(selector, code) for selector in self.chosen):
            return True
        below = path.removeprefix(f"{self.folder}/") if self.folder else path
        return any(
            (fnmatchcase(below, pattern) or fnmatchcase(below.rpartition("/")[2], pattern))
            and any(_selects(selector, code) for selector in selectors)
            for pattern, selectors in self.here
        )


def without_enforced(change: Change, findings: list[Finding]) -> list[Finding]:
    """The findings that the repository's own checks say nothing about."""
    known: dict[str, Enforced] = {}
    kept = []
    for finding in findings:
        code = _code_of(finding.rule)
        if code and language(finding.path) == "Python":
            folder = finding.path.rpartition("/")[0]
            if folder not in known:
                known[folder] = enforced_in(change, folder)
            if known[folder].covers(code, finding.path):
                continue
        kept.append(finding)
    return kept


def enforced_names(change: Change) -> list[str]:
    """The selectors that hold for the whole repository, for somebody who reads: `ruff E, F, S`."""
    return list(enforced_in(change, "").chosen)


def enforced_in(change: Change, folder: str) -> Enforced:
    """What holds in a folder: as ruff has it, the configuration that is nearest; then flake8's at the top."""
    parts = folder.split("/") if folder else []
    for depth in range(len(parts), -1, -1):
        above = "/".join(parts[:depth])
        prefix = f"{above}/" if above else ""
        for name in (".ruff.toml", "ruff.toml", "pyproject.toml"):
            if f"{prefix}{name}" in change.old_paths:
                table = _ruff_table(change.text(f"{prefix}{name}", after=False) or "", name)
                if table is not None:
                    return _of_ruff(table, above)
    return _of_flake8(change)


def _code_of(rule: str) -> str:
    """The rule of ruff that a finding is one of; "" where ruff has none."""
    if not rule:
        return ""
    return rules()[rule].ruff or (rule if _SELECTOR.fullmatch(rule) else "")


def _selects(selector: str, code: str) -> bool:
    if selector == "ALL":
        return True
    chosen, own = _SELECTOR.fullmatch(selector), _SELECTOR.fullmatch(code)
    if chosen is None or own is None:
        return False
    if not chosen[2]:
        # `PL` is all of pylint's, `C` both of C4 and C90.
        return chosen[1] == own[1] or (chosen[1] == "PL" and own[1].startswith("PL"))
    return chosen[1] == own[1] and own[2].startswith(chosen[2])


def _ruff_table(text: str, name: str) -> Mapping[str, Any] | None:
    """ruff's settings; None where the file is no TOML or says nothing of ruff."""
    try:
        table: Any = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    if name == "pyproject.toml":
        table = table.get("tool", {})
        table = table.get("ruff") if isinstance(table, dict) else None
    return table if isinstance(table, dict) else None


def _of_ruff(table: Mapping[str, Any], folder: str) -> Enforced:
    lint = table.get("lint")
    both: list[Mapping[str, Any]] = [table, *([lint] if isinstance(lint, dict) else [])]
    chosen: list[str] = []
    for key in ("select", "extend-select", "ignore", "extend-ignore"):
        chosen += [text for part in both for text in _texts(part.get(key))]
    if not any("select" in part for part in both):
        chosen += _DEFAULT
    here: list[tuple[str, tuple[str, ...]]] = []
    for key in ("per-file-ignores", "extend-per-file-ignores"):
        for part in both:
            patterns = part.get(key)
            if isinstance(patterns, dict):
                here += [(pattern, tuple(_texts(selectors))) for pattern, selectors in patterns.items()]
    return Enforced(folder, tuple(dict.fromkeys(chosen)), tuple(here))


def _of_flake8(change: Change) -> Enforced:
    for name in (".flake8", "setup.cfg", "tox.ini"):
        if name not in change.old_paths:
            continue
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(change.text(name, after=False) or "")
        except configparser.Error:
            continue
        if parser.has_section("flake8"):
            section = parser["flake8"]
            chosen = [
                selector
                for key in ("select", "extend-select", "ignore", "extend-ignore")
                for selector in re.findall(r"[A-Z]+\d*", section.get(key, ""))
            ]
            return Enforced("", tuple(dict.fromkeys([*chosen, *(() if "select" in section else _FLAKE8)])))
    return Enforced()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))
