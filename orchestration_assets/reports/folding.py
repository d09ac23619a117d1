"""Fixes, tests and formatting belong to the change that they follow: they are its members, not news of their own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from orchestration_assets.reports.model import ReportEntry
from orchestration_assets.reports.phrasing import subject_key
from orchestration_assets.reports.units import Unit
from orchestration_assets.worklogs.model import Category

_REPAIR = re.compile(r"(?:fixup|squash|amend)!\s+")
_ASIDE = re.compile(r"(?:^|/)(?:changelog|changes|news|readme|history)[^/]*$|\.(?:md|rst|txt|lock)$", re.IGNORECASE)
_FOLLOWERS = frozenset({Category.FIX, Category.TEST, Category.STYLE})
_NEVER_FOLLOWED = frozenset({Category.TEST, Category.STYLE, Category.RELEASE, Category.MERGE})
SMALL = 10
"""A repair of so few lines folds into a change of any size; a larger one only into a change that is no smaller."""


def fold(units: Sequence[Unit]) -> list[Unit]:
    """The units, sorted by time, with followers made members of what they follow; no entry is lost."""
    followers: dict[int, list[int]] = defaultdict(list)
    by_path: dict[tuple[str, str], list[int]] = defaultdict(list)
    by_subject: dict[tuple[str, str], int] = {}
    for position, unit in enumerate(units):
        target = _followed(units, unit, by_path, by_subject)
        if target is not None:
            followers[target].append(position)
            continue
        by_subject[unit.repository, subject_key(unit.lead.entry.subject)] = position
        if not unit.mass and not unit.vague and unit.category not in _NEVER_FOLLOWED:
            for path in _paths(unit):
                by_path[unit.repository, path].append(position)
                by_path[unit.repository, _stem(path)].append(position)
    folded = {position for positions in followers.values() for position in positions}
    return [
        _joined(unit, [units[follower] for follower in followers[position]]) if position in followers else unit
        for position, unit in enumerate(units)
        if position not in folded
    ]


def _followed(
    units: Sequence[Unit],
    unit: Unit,
    by_path: dict[tuple[str, str], list[int]],
    by_subject: dict[tuple[str, str], int],
) -> int | None:
    """The position of the change that a unit follows, the nearest before it; None where it stands for itself."""
    if unit.kind != "commit" or unit.mass:
        return None
    subject = unit.lead.entry.subject
    if repaired := _REPAIR.match(subject):
        return by_subject.get((unit.repository, subject_key(subject[repaired.end() :])))
    if unit.category not in _FOLLOWERS and not unit.vague:
        return None
    paths = _paths(unit)
    main = {path for path in paths if not _ASIDE.search(path)} or paths
    if not main:
        return None
    keys: list[Callable[[str], str]] = [lambda path: path]
    if unit.category is Category.TEST:
        keys.append(_stem)
    for key in keys:
        places = [by_path.get((unit.repository, key(path)), []) for path in sorted(main)]
        touched = [set(place) for place in places if place]
        whole = unit.category is Category.FIX or (unit.vague and unit.category is not Category.STYLE)
        if not touched or (whole and len(touched) < len(places)) or 2 * len(touched) < len(places):
            continue
        for target in sorted(set.intersection(*touched), reverse=True):
            if _may_follow(unit, units[target]):
                return target
    return None


def _may_follow(unit: Unit, target: Unit) -> bool:
    if unit.category is Category.TEST and not unit.vague:
        return True
    if unit.lines > max(SMALL, target.lines):
        return False
    if unit.category is Category.STYLE:
        return True
    return target.category is not Category.FIX and _day(unit.lead) == _day(target.members[-1])


def _joined(unit: Unit, followers: Sequence[Unit]) -> Unit:
    members = (*unit.members, *(member for follower in followers for member in follower.members))
    return replace(unit, members=members, lines=unit.lines + sum(follower.lines for follower in followers))


def _paths(unit: Unit) -> set[str]:
    return {file.path for member in unit.members for file in member.entry.files}


def _stem(path: str) -> str:
    """`stem:parser` for `src/parser.py`, `tests/test_parser.py` and `parser.spec.ts`."""
    name = PurePosixPath(path).name.split(".", 1)[0].lower()
    return "stem:" + re.sub(r"^test_|_test$|_spec$|tests?$", "", name)


def _day(entry: ReportEntry) -> object:
    return entry.day
