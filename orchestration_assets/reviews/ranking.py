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
    # What was computed is certain, so that a model says it in vain.
    for each in sorted(findings, key=lambda each: (not each.rule, *_rank(each))):
        if not any(_is_same(each, other) for other in kept):
            kept.append(each)
    kept.sort(key=_rank)
    told: list[Finding] = []
    of_rule: Counter[str] = Counter()
    for each in kept:
        of_rule[each.rule] += 1
        if len(told) < most and (not each.rule or of_rule[each.rule] <= MOST_OF_A_RULE):
            told.append(each)
    return told, len(kept) - len(told)


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
        # Rules know what they tell; two of them seldom say the same of one line.
        return (one.rule, one.line) == (other.rule, other.line) or _say_the_same(one, other)
    if one.line is not None and other.line is not None and one.removed == other.removed:
        apart = abs(one.line - other.line)
        if apart == 0 or (apart <= NEAR and one.category is other.category):
            return True
    return one.category is other.category and _alike([one.why], [other.why]) >= _ALIKE


def _say_the_same(one: Finding, other: Finding) -> bool:
    return one.line == other.line and one.category is other.category


def _alike(one: Iterable[str], other: Iterable[str]) -> float:
    first, second = (set(_WORD.findall(" ".join(texts).lower())) for texts in (one, other))
    return len(first & second) / max(1, min(len(first), len(second)))
