"""When an agent is paused, how it comes back, and how many calls are in flight."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.code.breaker import PROBES, CircuitBreaker, InFlightWindow
from orchestration_assets.code.scheduling import Item, Schedule


def opened(at: float = 10.0) -> CircuitBreaker:
    breaker = CircuitBreaker(first_pause_s=30.0)
    for erred in (False, True, True, True, False):
        breaker.came_back(at - 1, at, erred=erred)
    return breaker


def test_it_opens_when_more_than_half_of_the_last_ten_erred() -> None:
    breaker = CircuitBreaker()
    for number in range(20):
        breaker.came_back(0.0, float(number), erred=number % 2 == 1)
    for erred in (False, True):
        breaker.came_back(0.0, 20.0, erred=erred)
        assert breaker.is_closed  # five of the last ten: an older error is forgotten for the new one
    breaker.came_back(0.0, 21.0, erred=True)
    assert not breaker.is_closed and breaker.allowed(21.0) == 0


def test_it_does_not_judge_by_a_few() -> None:
    breaker = CircuitBreaker()
    for _ in range(4):
        breaker.came_back(0.0, 1.0, erred=True)
    assert breaker.is_closed


def test_half_open_it_lets_only_probes_through() -> None:
    breaker = opened(10.0)
    assert breaker.allowed(39.9) == 0
    for left in range(PROBES, 0, -1):
        assert breaker.allowed(40.0) == left
        breaker.sent(40.0)
    assert breaker.allowed(41.0) == 0


def test_it_closes_after_good_probes_and_forgets() -> None:
    breaker = opened(10.0)
    for _ in range(PROBES):
        breaker.sent(40.0)
    for _ in range(PROBES):
        assert not breaker.is_closed
        breaker.came_back(40.0, 42.0, erred=False)
    assert breaker.is_closed
    for _ in range(4):
        breaker.sent(43.0)
        breaker.came_back(43.0, 44.0, erred=True)
    assert breaker.is_closed, "what it knew before it opened counts still"


def test_a_bad_probe_opens_it_for_twice_as_long() -> None:
    breaker = opened(10.0)
    breaker.sent(40.0)
    breaker.came_back(40.0, 41.0, erred=True)
    assert breaker.opens_at == 41.0 + 60.0
    assert breaker.allowed(100.0) == 0 and breaker.allowed(101.0) == PROBES


def test_what_was_sent_before_it_opened_says_nothing_about_a_probe() -> None:
    breaker = opened(10.0)
    breaker.sent(40.0)
    for _ in range(5):
        breaker.came_back(5.0, 41.0, erred=False)
    assert not breaker.is_closed
    breaker.came_back(5.0, 41.0, erred=True)
    assert breaker.opens_at == 40.0


def test_a_schedule_pauses_the_agent_and_goes_on() -> None:
    items = {f"t{n}": Item(f"t{n}") for n in range(20)}
    schedule = Schedule(items, 8, 2, random.Random(0).random, breaker_pause_s=30.0)
    begun = schedule.start(0.0)
    for item in begun[:6]:
        schedule.failed(item.id, 1.0, erred=True)
    assert schedule.start(1.0) == []
    assert schedule.wakes_at(1.0) == 31.0
    probes = schedule.start(31.0)
    assert len(probes) == PROBES
    for item in probes:
        schedule.written(item.id, 32.0)
    assert len(schedule.start(32.0)) > PROBES


@given(st.lists(st.booleans(), max_size=300), st.integers(1, 64), st.integers(0, 2**32))
def test_the_window_stays_between_two_and_the_maximum(losses: list[bool], maximum: int, seed: int) -> None:
    chance, window, now = random.Random(seed), InFlightWindow(maximum), 0.0
    for lost in losses:
        now += chance.random()
        window.came_back(now - chance.random(), now, lost=lost)
        assert min(2, maximum) <= window.value <= maximum


def test_losses_of_one_moment_cut_the_window_once_and_answers_bring_it_back() -> None:
    window = InFlightWindow(32)
    for _ in range(20):
        window.came_back(1.0, 2.0, lost=True)
    assert window.value == 16
    for _ in range(10):
        window.came_back(3.0, 4.0, lost=True)
    assert window.value == 8
    for _ in range(600):
        window.came_back(5.0, 6.0, lost=False)
    assert window.value == 32
