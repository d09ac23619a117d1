"""What is worth a reader's time first: kind of work times the logarithm of its real size, capped."""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p
from typing import TYPE_CHECKING

from orchestration_assets.reports.rules import rules

if TYPE_CHECKING:
    from orchestration_assets.worklogs.model import Category

MAX_LINES = 2000
"""Lines beyond this add nothing: size is no merit."""

VAGUE, MASS, BREAKING = 0.15, 0.3, 1.5
"""Factors for a subject that says nothing, for one that covers too much to be believed, and for a break with what was."""


def score(category: Category, lines: int, vague: bool = False, mass: bool = False, breaking: bool = False) -> float:
    """Rank of one unit; `lines` are the substantive ones."""
    base = rules().kinds[category].weight * (1.0 + log1p(min(max(lines, 0), MAX_LINES)))
    return base * (VAGUE if vague else 1.0) * (MASS if mass else 1.0) * (BREAKING if breaking else 1.0)


def joint_score(scores: Sequence[float]) -> float:
    """Rank of units told in one line: the best of them, and a little for their number."""
    return max(scores) * (1.0 + 0.1 * log1p(len(scores) - 1))
