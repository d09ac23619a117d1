"""A run that is killed costs nothing but its time: one more run leaves what an undisturbed one leaves."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from killing import Undisturbed, assert_as_if_nothing_had_happened, spread, undisturbed

COMMITS = 40
HORIZON_DAYS = 14


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return undisturbed(tmp_path_factory.mktemp("crashes"), COMMITS, HORIZON_DAYS)


@pytest.mark.parametrize("share", [round(share, 3) for share in spread(3, random.Random(1))])
def test_a_run_killed_at_any_moment_is_made_good_by_the_next(
    reference: Undisturbed, tmp_path: Path, share: float
) -> None:
    home = reference.copied_home(tmp_path / "home")
    assert home.kill_after(share * reference.seconds)
    assert_as_if_nothing_had_happened(home, reference)


@pytest.mark.parametrize("share", [round(share, 3) for share in spread(2, random.Random(2))])
def test_a_run_killed_between_two_transactions_is_made_good_by_the_next(
    reference: Undisturbed, tmp_path: Path, share: float
) -> None:
    home = reference.copied_home(tmp_path / "home")
    assert home.kill_at_step(1 + int(share * reference.steps))
    assert_as_if_nothing_had_happened(home, reference)
