"""Fifty killed runs over a longer history: each is made good by the one that follows it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from killing import assert_as_if_nothing_had_happened, spread, undisturbed

COMMITS = 300
HORIZON_DAYS = 56
POINTS = 25
"""Points of each kind: after so many seconds, and before so many steps."""


@pytest.mark.soak
def test_runs_killed_at_fifty_points_are_made_good_by_the_next(tmp_path: Path) -> None:
    reference = undisturbed(tmp_path, COMMITS, HORIZON_DAYS)
    for number, (moment, place) in enumerate(
        zip(spread(POINTS, random.Random(3)), spread(POINTS, random.Random(4)), strict=True)
    ):
        home = reference.copied_home(tmp_path / f"moment-{number}")
        home.kill_after(moment * reference.seconds)
        assert_as_if_nothing_had_happened(home, reference)
        home = reference.killed_home(tmp_path / f"step-{number}", place)
        assert_as_if_nothing_had_happened(home, reference)
