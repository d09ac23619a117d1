"""Groups of rows that are committed together."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from resources.language_model.grouping import TICK, Tick, groups


@given(st.lists(st.integers() | st.just(TICK)), st.integers(1, 7))
def test_groups_keep_everything_in_order_and_none_is_empty_or_too_big(elements: list[int | Tick], size: int) -> None:
    grouped = list(groups(elements, size=size, seconds=60))
    assert [each for group in grouped for each in group] == [each for each in elements if not isinstance(each, Tick)]
    assert all(len(group) == size for group in grouped[:-1])
    assert all(0 < len(group) <= size for group in grouped)


def test_a_tick_closes_a_group_that_is_old_enough() -> None:
    assert list(groups([1, 2, TICK, TICK, 3], size=10, seconds=0)) == [[1], [2], [3]]
    assert list(groups([1, 2, TICK, TICK, 3], size=10, seconds=60)) == [[1, 2, 3]]


def test_closing_the_groups_closes_what_they_are_made_of() -> None:
    closed = []

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    grouped = groups(endless(), size=2)
    assert next(grouped) == [1, 1]
    grouped.close()
    assert closed == [True]
