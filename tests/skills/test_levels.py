"""The rules of level and confidence, at their boundaries."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.skills.levels import MOST_COUNTED, WEIGHTS, WORDS_ONLY, WORDS_WITHOUT_FILES, confidence, level
from orchestration_assets.skills.model import Level, Signal

AS_OF = date(2026, 6, 15)
USED, REGULAR, SUSTAINED = Level.USED, Level.REGULAR, Level.SUSTAINED
COUNTS = st.dictionaries(st.sampled_from(list(WEIGHTS)), st.integers(1, 50), min_size=1)


@pytest.mark.parametrize(
    ("months", "files", "entries", "last_used", "expected"),
    [
        (1, 1, 1, AS_OF, USED),
        (5, 10, 99, AS_OF, USED),
        (6, 9, 99, AS_OF, USED),
        (6, 10, 10, AS_OF, REGULAR),
        (6, 10, 10, date(2009, 1, 1), REGULAR),
        (17, 300, 300, AS_OF, REGULAR),
        (18, 29, 300, AS_OF, REGULAR),
        (18, 30, 30, AS_OF, SUSTAINED),
        (18, 30, 30, date(2025, 6, 1), SUSTAINED),
        (18, 30, 30, date(2025, 5, 31), REGULAR),
        (18, 0, 29, AS_OF, REGULAR),
        (18, 0, 30, AS_OF, SUSTAINED),
        (6, 0, 9, AS_OF, USED),
        (99, 1, 999, AS_OF, USED),
        (18, 30, 30, date(2026, 7, 1), SUSTAINED),
    ],
)
def test_the_level_follows_months_files_and_recency(
    months: int, files: int, entries: int, last_used: date, expected: Level
) -> None:
    assert level(months, files, entries, last_used, AS_OF) is expected


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({}, 0.0),
        ({"import": 1}, 0.6),
        ({"import": 2}, 0.84),
        ({"manifest": 1}, 0.5),
        ({"message": 1}, 0.2),
        ({"message": 3}, 0.488),
        ({"message": 99}, WORDS_ONLY),
        ({"message": 1, "manifest": 1}, 0.6),
        ({"message": 2, "import": 1}, 0.744),
    ],
)
def test_the_confidence_follows_the_formula(signals: dict[Signal, int], expected: float) -> None:
    assert confidence(signals) == pytest.approx(expected)


def test_words_about_a_language_that_left_no_file_weigh_less() -> None:
    assert confidence({"message": 1}, has_file_type=True) == pytest.approx(0.2)
    assert confidence({"message": 9}, has_file_type=True) == WORDS_WITHOUT_FILES
    assert confidence({"message": 9, "file_type": 1}, has_file_type=True) > WORDS_ONLY


@given(COUNTS)
def test_confidence_lies_between_0_and_1_and_words_alone_stay_low(signals: dict[Signal, int]) -> None:
    found = confidence(signals)
    assert 0 < found <= 1
    if set(signals) == {"message"}:
        assert found <= WORDS_ONLY


@given(COUNTS, st.sampled_from(list(WEIGHTS)))
def test_more_evidence_never_lowers_confidence_and_entries_beyond_the_fifth_change_nothing(
    signals: dict[Signal, int], signal: Signal
) -> None:
    more = {**signals, signal: signals.get(signal, 0) + 1}
    assert confidence(more) >= confidence(signals)
    capped = {name: min(count, MOST_COUNTED) for name, count in signals.items()}
    assert confidence(capped) == confidence(signals)
