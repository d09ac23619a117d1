"""Lines: what is told in one sentence. Units that share a sentence pattern share a line: `Added Twinmotion, Homarr and 14 more icons`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestration_assets.reports.phrasing import clip, listing, plural_word
from orchestration_assets.reports.ranking import joint_score
from orchestration_assets.reports.rules import rules
from orchestration_assets.reports.units import Unit
from orchestration_assets.worklogs.model import Category

MIN_MEMBERS = 3
MAX_SLOT = 4
"""Words that may differ between the headlines of a pattern."""

MAX_WORDS = 24

_VERSION = re.compile(r"v?\d+(?:\.\d+)*(?:[-.+]?\w+)*$")
_HASH = re.compile(r"(?=[a-f]*\d)[0-9a-f]{7,40}$")
_ANY_HASH, _ANY_VERSION = "\0", "#"
_ARTICLES = frozenset({"a", "an", "the"})

Pattern = tuple[tuple[str, ...], tuple[str, ...]]
"""Words before and after the slot, in lower case; versions are all alike."""


@dataclass(frozen=True)
class Line:
    """Units told in one sentence. `headline` is imperative; "" for work whose messages say nothing."""

    units: tuple[Unit, ...]
    headline: str

    @property
    def category(self) -> Category:
        return self.units[0].category

    @property
    def score(self) -> float:
        return joint_score([unit.score for unit in self.units])


def lines_of(units: Sequence[Unit]) -> list[Line]:
    """Every unit in exactly one line; best first."""
    lines: list[Line] = []
    rest: list[Unit] = []
    for unit in units:
        (lines.append(Line((unit,), unit.headline)) if unit.mass and not unit.vague else rest.append(unit))
    lines += _vague_lines([unit for unit in rest if unit.vague])
    repeated, rest = _repeated([unit for unit in rest if not unit.vague])
    lines += repeated
    groups: dict[tuple[str, Category], list[Unit]] = defaultdict(list)
    for unit in rest:
        groups[unit.repository, unit.category].append(unit)
    for group in groups.values():
        lines += _patterned(group)
    return sorted(lines, key=_order)


def _order(line: Line) -> tuple[float, str]:
    return -line.score, line.units[0].lead.entry.entry_id


def _vague_lines(units: Sequence[Unit]) -> list[Line]:
    groups: dict[tuple[str, str | None], list[Unit]] = defaultdict(list)
    for unit in units:
        groups[unit.repository, unit.area].append(unit)
    return [Line(tuple(group), "") for group in groups.values()]


def _repeated(units: Sequence[Unit]) -> tuple[list[Line], list[Unit]]:
    """Equal headlines become one line, with the scopes that they differ in; the others are returned as they are."""
    groups: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in units:
        groups[unit.repository, unit.headline.casefold()].append(unit)
    lines, rest = [], []
    for group in groups.values():
        if len(group) == 1:
            rest += group
            continue
        scopes = sorted({unit.scope for unit in group if unit.scope})
        suffix = f" ({listing(scopes, 6)})" if len(scopes) > 1 else ""
        lines.append(Line(_best_first(group), group[0].headline + suffix))
    return lines, rest


def _patterned(units: Sequence[Unit]) -> list[Line]:
    by_pattern: dict[Pattern, list[int]] = defaultdict(list)
    words = [unit.headline.split() for unit in units]
    for position, sentence in enumerate(words):
        for pattern in _patterns(sentence):
            by_pattern[pattern].append(position)
    shared = [(pattern, at) for pattern, at in by_pattern.items() if len(at) >= MIN_MEMBERS]
    shared.sort(key=lambda found: (-len(found[1]) * _content(found[0]), -_fixed(found[0]), found[0]))
    taken: set[int] = set()
    lines: list[Line] = []
    for pattern, positions in shared:
        free = [position for position in positions if position not in taken]
        group = [units[position] for position in free]
        if len(free) < MIN_MEMBERS or not _belongs_together(pattern, group):
            continue
        headline = _combined(pattern, [units[p] for p in free], [words[p] for p in free])
        if headline:
            taken.update(free)
            lines.append(Line(_best_first(group), headline))
    return lines + [Line((unit,), unit.headline) for position, unit in enumerate(units) if position not in taken]


def _patterns(words: Sequence[str]) -> Iterator[Pattern]:
    """Every way to see a sentence as fixed words round a slot."""
    if not 2 <= len(words) <= MAX_WORDS:
        return
    alike = [_alike(word) for word in words]
    for start in range(1, len(words)):
        for end in range(start + 1, min(start + MAX_SLOT, len(words)) + 1):
            if _ANY_HASH in alike[start:end]:
                continue
            yield tuple(alike[:start]), tuple(alike[end:])


def _alike(word: str) -> str:
    return _ANY_HASH if _HASH.match(word) else _ANY_VERSION if _VERSION.match(word) else word.casefold()


def _content(pattern: Pattern) -> int:
    """Fixed words that say something."""
    weak = rules().prepositions | _ARTICLES
    return sum(word not in weak for part in pattern for word in part)


def _fixed(pattern: Pattern) -> int:
    return len(pattern[0]) + len(pattern[1])


def _belongs_together(pattern: Pattern, units: Sequence[Unit]) -> bool:
    """A verb alone is no pattern, unless the units are about one thing as well."""
    if _content(pattern) >= 2:
        return True
    return len({unit.scope or unit.area for unit in units}) == 1 and (units[0].scope or units[0].area) is not None


def _combined(pattern: Pattern, units: Sequence[Unit], sentences: Sequence[Sequence[str]]) -> str:
    """One sentence for all; "" where the slots do not differ enough to be a list."""
    before, after = len(pattern[0]), len(pattern[1])
    ranked = sorted(zip(units, sentences, strict=True), key=lambda pair: -pair[0].score)
    slots = [" ".join(words[before : len(words) - after]) for _, words in ranked]
    names = list(dict.fromkeys(slot.strip(",;:") for slot in slots))
    if len(names) < MIN_MEMBERS or any(
        len(name) > 40 or name.split()[-1].lower() in rules().prepositions for name in names
    ):
        return ""
    first = ranked[0][1]
    suffix = _suffix(first[len(first) - after :], {tuple(words[len(words) - after :]) for words in sentences})
    return clip(" ".join([*first[:before], listing(names), *suffix]), 400)


def _suffix(words: Sequence[str], variants: set[tuple[str, ...]]) -> list[str]:
    """What follows the slot, its noun in the plural; versions that differ are left out with what leads to them."""
    kept = list(words)
    if len({tuple(word.casefold() for word in variant) for variant in variants}) > 1:
        return []
    noun = next((at for at, word in enumerate(kept) if word.casefold() in rules().prepositions), len(kept)) - 1
    if noun >= 0 and _has_plural(kept[noun]):
        kept[noun] = plural_word(kept[noun])
    return kept


def _has_plural(word: str) -> bool:
    known = word.casefold()
    ending = ("tion", "sion", "ing", "ment", "ity", "ance", "ence", "ness", "s", "ly", "ed", "age", "ware", "al")
    return word.isalpha() and word.islower() and not known.endswith(ending) and known not in rules().uncountable


def _best_first(units: Sequence[Unit]) -> tuple[Unit, ...]:
    return tuple(sorted(units, key=lambda unit: (-unit.score, unit.lead.entry.entry_id)))
