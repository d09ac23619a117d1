"""How the number of requests in flight follows the server."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resources.language_model.concurrency import AdaptiveLimit


def test_one_overload_cuts_once_however_many_requests_tell_of_it() -> None:
    limit = AdaptiveLimit(64)
    for _ in range(64):
        limit.overloaded(sent_at=1.0, now=2.0)
    assert limit.value == 32


def test_an_overload_of_the_next_round_trip_cuts_again() -> None:
    limit = AdaptiveLimit(64)
    limit.overloaded(sent_at=1.0, now=2.0)
    limit.overloaded(sent_at=2.5, now=3.0)
    assert limit.value == 16


def test_a_round_trip_of_answers_doubles_the_limit_up_to_the_maximum() -> None:
    limit = AdaptiveLimit(12)
    limit.overloaded(sent_at=1.0, now=2.0)
    for _ in range(5):
        limit.answered(sent_at=3.0)
    assert limit.value == 6
    limit.answered(sent_at=3.0)
    assert limit.value == 12
    for _ in range(50):
        limit.answered(sent_at=4.0)
    assert limit.value == 12


def test_answers_to_requests_from_before_the_cut_do_not_raise_the_limit() -> None:
    limit = AdaptiveLimit(8)
    limit.overloaded(sent_at=1.0, now=2.0)
    for _ in range(50):
        limit.answered(sent_at=1.5)
    assert limit.value == 4


@given(st.integers(1, 300), st.lists(st.booleans(), max_size=200))
def test_the_limit_stays_between_one_and_the_maximum(maximum: int, answers: list[bool]) -> None:
    limit = AdaptiveLimit(maximum)
    for at, answered in enumerate(answers):
        if answered:
            limit.answered(float(at))
        else:
            limit.overloaded(float(at), float(at))
        assert 1 <= limit.value <= maximum
