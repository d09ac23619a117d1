"""Which findings are told, and in which order: nothing twice, the most important first, at most ten."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from orchestration_assets.reviews.model import MOST_FINDINGS, Category, Finding, Severity

MOST_OF_A_RULE = 3
"""Told; more of them say nothing new."""
NEAR = 2
"""Lines between two places that are one."""
_ALIKE = 0.6
"""Share of words that two sentences about one file have in common where they say the same."""
_WORD = re.compile(r"\w{3,}")
_SEVERITIES = list(Severity)
_CATEGORIES = list(Category)


def ranked(findings: Sequence[Finding], most: int = MOST_FINDINGS) -> tuple[list[Finding], int]:
    """The findings that are told, and how many others there are."""
    kept: list[Finding] = []
    more = 0
    of_rule: Counter[str] = Counter()
    seen: set[tuple[str, str, int | str | None]] = set()
    # What was computed is certain, so that a model says it in vain.
    for each in sorted(findings, key=lambda each: (not each.rule, *_rank(each))):
        # A name that is missing in many lines is one mistake.
        place = (each.rule, each.path, each.why if each.rule == "F821" else each.line)
        if each.rule and place in seen:
            continue
        seen.add(place)
        if each.rule and of_rule[each.rule] == MOST_OF_A_RULE:
            more += 1
        elif not any(_is_same(each, other) for other in kept):
            kept.append(each)
            of_rule[each.rule] += 1
    kept.sort(key=_rank)
    return kept[:most], more + max(0, len(kept) - most)


def _rank(finding: Finding) -> tuple[int, int, str, int, str]:
    """Of two different findings never the same, so that the order in which they were found does not matter."""
    return (
        _SEVERITIES.index(finding.severity),
        _CATEGORIES.index(finding.category),
        finding.path,
        finding.line or 0,
        finding.model_dump_json(),
    )


def _is_same(one: Finding, other: Finding) -> bool:
    if not one.rule and one.category is Category.TESTS and other.rule == "no-tests":
        return True
    if one.path != other.path:
        return (
            not one.rule and not other.rule and one.category is other.category and _alike([one.why], [other.why]) > 0.8
        )
    if one.rule and other.rule:
        # Two rules about one line seldom tell of two mistakes.
        return one.line is not None and one.line == other.line and one.category is other.category
    if one.line is not None and other.line is not None and one.removed == other.removed:
        apart = abs(one.line - other.line)
        if apart == 0 or (apart <= NEAR and one.category is other.category):
            return True
    return one.category is other.category and _alike([one.why], [other.why]) >= _ALIKE


def _alike(one: Iterable[str], other: Iterable[str]) -> float:
    first, second = (set(_WORD.findall(" ".join(texts).lower())) for texts in (one, other))
    return len(first & second) / max(1, min(len(first), len(second)))
