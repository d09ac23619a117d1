"""Twenty kills at every point between an event and its row, two of them in every home."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.draining import POINTS, assert_every_newest_state_is_there_once, drain_until_killed

pytestmark = pytest.mark.soak
HOMES = 10


@pytest.mark.parametrize("point", POINTS)
def test_killed_again_and_again_nothing_is_lost_and_nothing_done_twice(tmp_path: Path, point: str) -> None:
    kills = 0
    for seed in range(HOMES):
        home = tmp_path / str(seed)
        kills += drain_until_killed(home, seed, point, 1 + seed % 4)
        kills += drain_until_killed(home, seed, point, 1)
        assert not drain_until_killed(home, seed)
        assert_every_newest_state_is_there_once(home)
    assert kills >= 2 * HOMES - 2
