"""How the number of requests in flight follows the server."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from resources.language_model.concurrency import AdaptiveLimit

_SENT = itertools.count(100.0, 10.0)


def rounds(limit: AdaptiveLimit, count: int, refuses: Callable[[int, int], bool], latency: float = 1.0) -> list[int]:
    """The limit in each of so many round trips; `refuses` is told the number of a request in its round, and how many there are."""
    seen = []
    for _ in range(count):
        sent = next(_SENT)
        now = sent + latency
        seen.append(limit.value)
        for request in range(limit.value):
            if refuses(request, seen[-1]):
                limit.refused(sent, now)
            else:
                limit.answered(sent, now)
    return seen


def test_it_begins_at_the_maximum_and_stays_there_while_all_is_answered() -> None:
    assert rounds(AdaptiveLimit(64), 5, lambda *_: False) == [64] * 5


def test_where_everything_is_refused_it_is_halved_once_a_round_trip() -> None:
    assert rounds(AdaptiveLimit(64), 9, lambda *_: True) == [64, 32, 16, 8, 4, 2, 1, 1, 1]


def test_a_few_random_refusals_cost_a_few_places() -> None:
    """Halving for each would leave a handful of 256 in flight at two refusals in a hundred."""
    chance = random.Random(1)
    seen = rounds(AdaptiveLimit(256), 100, lambda *_: chance.random() < 0.06)
    assert sum(seen) / len(seen) > 200


def test_it_settles_near_what_the_server_takes() -> None:
    seen = rounds(AdaptiveLimit(256), 60, lambda request, _: request >= 100)[10:]
    assert 90 < sum(seen) / len(seen) < 115
    assert max(seen) < 120


def test_it_grows_back_when_the_server_takes_more() -> None:
    limit = AdaptiveLimit(128)
    rounds(limit, 4, lambda *_: True)
    assert limit.value == 8
    rounds(limit, 40, lambda *_: False)
    assert limit.value == 128


def test_answers_that_take_twice_as_long_cut_a_quarter_but_never_to_a_crawl() -> None:
    limit = AdaptiveLimit(64)
    rounds(limit, 2, lambda *_: False, latency=1.0)
    assert rounds(limit, 2, lambda *_: False, latency=2.5) == [64, 48]
    rounds(limit, 50, lambda *_: False, latency=9.0)
    assert limit.value >= 12


def test_what_was_sent_before_the_last_change_says_nothing_of_it() -> None:
    limit = AdaptiveLimit(8)
    rounds(limit, 1, lambda *_: True)
    assert limit.value == 4
    for _ in range(50):
        limit.refused(0.5, 20.0)
        limit.answered(0.5, 20.0)
    assert limit.value == 4


def test_a_server_that_was_gone_is_asked_by_one_first() -> None:
    limit = AdaptiveLimit(64)
    limit.restart(5.0)
    assert rounds(limit, 4, lambda *_: False) == [1, 2, 4, 8]


@given(st.integers(1, 300), st.lists(st.booleans(), max_size=200))
def test_the_limit_stays_between_one_and_the_maximum(maximum: int, answers: list[bool]) -> None:
    limit = AdaptiveLimit(maximum)
    for at, answered in enumerate(answers):
        (limit.answered if answered else limit.refused)(float(at), at + 0.5)
        assert 1 <= limit.value <= maximum
