"""A run that is killed costs nothing but its time: one more run leaves what an undisturbed one leaves."""

from __future__ import annotations

import random
from pathlib import Path

from killing import assert_as_if_nothing_had_happened, spread, undisturbed

COMMITS = 40
HORIZON_DAYS = 14


def test_a_killed_run_is_made_good_by_the_next(tmp_path: Path) -> None:
    """Three runs are killed at some moment of their work, two between one transaction and the next."""
    reference = undisturbed(tmp_path, COMMITS, HORIZON_DAYS)
    for share in spread(3, random.Random(1)):
        home = reference.copied_home(tmp_path / f"moment-{share:.3f}")
        assert home.kill_after(share * reference.seconds), "the run was done before it could be killed"
        assert_as_if_nothing_had_happened(home, reference)
    for share in spread(2, random.Random(2)):
        home = reference.copied_home(tmp_path / f"step-{share:.3f}")
        assert home.kill_at_step(1 + int(share * reference.steps))
        assert_as_if_nothing_had_happened(home, reference)
