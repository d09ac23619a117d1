"""Topics: what lines have in common, from issue to scope to distinctive part of the tree; and how many of each a page can hold."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from orchestration_assets.reports.patterns import Line
from orchestration_assets.reports.phrasing import clip, plain, uncapitalised
from orchestration_assets.reports.rules import rules
from orchestration_assets.reports.units import Unit
from orchestration_assets.worklogs.headings import fold, heading
from orchestration_assets.worklogs.model import Category

MAX_TOPICS = 7
MAX_LINES = 3
MAX_SHARE = 0.3
"""A topic that holds more of the units than this is split."""

FLAT = 7
"""So few lines need no headings."""

OTHER = "Other"


@dataclass
class Group:
    """Lines under one heading; "" where none is needed. `hidden` did not fit."""

    title: str
    lines: list[Line]
    hidden: list[Line] = field(default_factory=list)

    @property
    def units(self) -> int:
        return sum(len(line.units) for line in self.lines)


_TEST_FILE = re.compile(r"^tests?[_-]|[_.-](?:test|spec)s?$", re.IGNORECASE)

Key = tuple[str, str]
"""What a topic is made by ("issue", "name" for a scope or a part of the tree, "repository"), and its name, folded."""


def group(lines: Sequence[Line], max_topics: int = MAX_TOPICS, max_lines: int = MAX_LINES) -> list[Group]:
    """The lines under at most `max_topics` headings of at most `max_lines` lines; what does not fit is in `hidden`."""
    if len(lines) <= FLAT:
        return [Group("", list(lines))] if lines else []
    topics = _split_large(_by_topic(lines), sum(len(line.units) for line in lines))
    topics = _merged_tail(sorted(topics, key=_order), max_topics)
    for topic in topics:
        topic.lines, topic.hidden = topic.lines[:max_lines], topic.lines[max_lines:]
    return topics


def flat(lines: Sequence[Line], at_most: int) -> list[Group]:
    """The best lines without headings."""
    return [Group("", list(lines[:at_most]), list(lines[at_most:]))] if lines else []


def _by_topic(lines: Sequence[Line]) -> list[Group]:
    """Each line under its best key that at least two units share; the rest under Other."""
    repositories = {line.units[0].repository for line in lines}
    keys = [_keys(line, len(repositories) > 1) for line in lines]
    chosen: list[Key | None] = [None] * len(lines)
    counts = Counter(key for line, found in zip(lines, keys, strict=True) for key in found for _ in line.units)
    for position, found in enumerate(keys):
        chosen[position] = next((key for key in found if counts[key] >= 2), None)
    groups: dict[Key | None, list[Line]] = defaultdict(list)
    for line, key in zip(lines, chosen, strict=True):
        groups[key].append(line)
    for key in [key for key, members in groups.items() if key and sum(len(line.units) for line in members) < 2]:
        groups[None] += groups.pop(key)
    if None in groups:
        groups[None].sort(key=lambda line: (-line.score, line.units[0].lead.entry.entry_id))
    return [Group(_title(key, members), members) for key, members in groups.items()]


def _keys(line: Line, with_repository: bool) -> list[Key]:
    """What a line could be filed under, best first."""
    unit = line.units[0]
    prefix = f"{unit.repository}: " if with_repository else ""
    found: list[Key] = [("issue", f"{prefix}{target}") for target in _issues(unit)]
    found += [
        ("name", f"{prefix}{fold(name)}")
        for name in (_shared(line, lambda u: u.scope), _shared(line, lambda u: u.area))
        if name and is_distinctive(name, unit.repository)
    ]
    if with_repository:
        found.append(("repository", unit.repository))
    return found


def _issues(unit: Unit) -> list[str]:
    """Issues that the unit's messages close or concern, other than its own pull request."""
    own = f"#{unit.pull_request}"
    found = [
        reference.target
        for member in unit.members
        for reference in member.analysis.references
        if reference.kind == "issue" and reference.closing and not reference.target.endswith(own)
    ]
    return list(dict.fromkeys(found))[:1]


def _shared(line: Line, of: Callable[[Unit], str | None]) -> str | None:
    """What more than half of the line's units have."""
    counts = Counter(value for value in map(of, line.units) if value)
    if not counts:
        return None
    value, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return value if 2 * count > len(line.units) else None


def is_distinctive(name: str, repository: str) -> bool:
    """False for names that every project has, for files of tests, and for the project's own name, alone or before such a name (`acme-core`
    in `acme`)."""
    if _TEST_FILE.search(name):
        return False
    bare, own = _bare(name), _bare(repository.rsplit("/", maxsplit=1)[-1])
    return name.casefold() not in rules().generic_topics and (bare.removeprefix(own) if own else bare) not in {
        "",
        *rules().generic_topics,
    }


def _title(key: Key | None, lines: Sequence[Line]) -> str:
    if key is None:
        return OTHER
    kind, name = key
    if kind == "issue":
        number = re.search(r"#?\d+$", name)
        return f"Issue #{number[0].lstrip('#')}" if number else OTHER
    if kind == "repository":
        return clip(name, 60)
    spellings = Counter(
        value
        for line in lines
        for unit in line.units
        for value in (unit.scope, unit.area)
        if value and name.endswith(fold(value))
    )
    spelled = min(spellings, key=lambda value: (-spellings[value], value)) if spellings else name
    prefix = name[: len(name) - len(fold(spelled))]
    return clip(prefix + heading(plain(spelled)), 60) or OTHER


def _split_large(topics: list[Group], total: int) -> list[Group]:
    """Topics that hold over `MAX_SHARE` of the units come apart by area, or else by kind of work."""
    found: list[Group] = []
    for topic in topics:
        if topic.units <= MAX_SHARE * total or len(topic.lines) < 2:
            found.append(topic)
            continue
        parts = _parts(topic, _area_of) if topic.title != OTHER else []
        parts = parts if len(parts) > 1 else _parts(topic, _category_of)
        found += parts if len(parts) > 1 else [topic]
    return found


def _parts(topic: Group, key_of: Callable[[Line], tuple[Hashable, str]]) -> list[Group]:
    parts: dict[Hashable, list[Line]] = defaultdict(list)
    names: dict[Hashable, str] = {}
    for line in topic.lines:
        key, name = key_of(line)
        names[key] = name
        parts[key].append(line)
    for key in [key for key, lines in parts.items() if key is not None and sum(len(line.units) for line in lines) < 2]:
        parts[None] += parts.pop(key)
    prefix = "" if topic.title == OTHER else f"{topic.title}: "
    return [
        Group(topic.title if key is None else prefix + (uncapitalised(names[key]) if prefix else names[key]), lines)
        for key, lines in parts.items()
    ]


def _area_of(line: Line) -> tuple[Hashable, str]:
    area = _shared(line, lambda unit: unit.area)
    distinctive = area is not None and is_distinctive(area, line.units[0].repository)
    return (fold(area), heading(plain(area))) if area and distinctive else (None, "")


def _category_of(line: Line) -> tuple[Hashable, str]:
    return (None, "") if line.category is Category.OTHER else (line.category, rules().kinds[line.category].heading)


def _merged_tail(topics: list[Group], max_topics: int) -> list[Group]:
    """Beyond the limit, everything goes to Other."""
    kept = [topic for topic in topics if topic.title != OTHER]
    other = [line for topic in topics if topic.title == OTHER for line in topic.lines]
    room = max_topics - 1 if other or len(kept) > max_topics else max_topics
    other += [line for topic in kept[room:] for line in topic.lines]
    other.sort(key=lambda line: (-line.score, line.units[0].lead.entry.entry_id))
    return kept[:room] + ([Group(OTHER, other)] if other else [])


def _order(topic: Group) -> tuple[float, str]:
    best = sorted((line.score for line in topic.lines), reverse=True)[:MAX_LINES]
    return -sum(best), topic.title


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
