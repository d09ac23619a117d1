"""However events come and whoever is killed meanwhile, the newest state of each subject is made, and made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.draining import (
    POINTS,
    SUBJECTS,
    applied,
    assert_every_newest_state_is_there_once,
    drain_until_killed,
)

pytestmark = pytest.mark.integration


def test_undisturbed_every_state_is_made_at_most_once(tmp_path: Path) -> None:
    assert not drain_until_killed(tmp_path, seed=1)
    assert_every_newest_state_is_there_once(tmp_path)
    runs = applied(tmp_path)
    assert sum(run["failed"] + run["unchanged"] for run in runs) == 0
    assert SUBJECTS <= sum(run["made"] for run in runs) <= 5 * SUBJECTS
    assert not drain_until_killed(tmp_path, seed=1)
    assert len(applied(tmp_path)) == len(runs), "the same deliveries again had an effect"


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_the_next_process_goes_on(tmp_path: Path, point: str) -> None:
    assert drain_until_killed(tmp_path, 2, point, 2)
    assert not drain_until_killed(tmp_path, 2)
    assert_every_newest_state_is_there_once(tmp_path)
