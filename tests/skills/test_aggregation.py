"""What evidence adds up to: use and past use, order, and the time it takes."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.skills.aggregation import aggregate
from orchestration_assets.skills.model import Level, Signal, Skill, SkillEvidence
from orchestration_assets.skills.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()
AS_OF = date(2026, 6, 15)


def skill(name: str) -> str:
    found = TAXONOMY.canonical(name)
    assert found is not None, name
    return found


def shows(
    name: str,
    day: date = AS_OF,
    entry: str = "",
    signal: Signal = "import",
    files: tuple[str, ...] = ("a.py",),
    dropped: bool = False,
) -> SkillEvidence:
    return SkillEvidence(
        entry_id=entry or f"{name}{day}",
        skill=skill(name),
        signal=signal,
        dropped=dropped,
        day=day,
        files=list(files),
        where="message",
        index=0,
        start=0,
        end=1,
        quote="x",
    )


def months(name: str, count: int, files: int, last: date = AS_OF, signal: Signal = "import") -> list[SkillEvidence]:
    """Evidence in so many months in a row, spread over so many files."""
    days = [
        date(last.year + (last.month - 1 - back) // 12, (last.month - 1 - back) % 12 + 1, 1) for back in range(count)
    ]
    paths = [f"f{number}.py" for number in range(files)]
    return [shows(name, day, files=tuple(paths[at::count]), signal=signal) for at, day in enumerate(days)]


def only(rows: list[SkillEvidence]) -> Skill:
    (found,) = aggregate(rows, AS_OF, TAXONOMY)
    return found


def test_one_row_adds_up_entries_months_files_and_days() -> None:
    rows = [
        shows("pandas", date(2026, 1, 3), "a", files=("x.py", "y.py")),
        shows("pandas", date(2026, 1, 9), "b", "manifest", files=("y.py",)),
        shows("pandas", date(2026, 3, 1), "c", "message", files=()),
    ]
    found = only(rows)
    assert (found.count, found.months_active, found.files) == (3, 2, 2)
    assert (found.first_used, found.last_used, found.past) == (date(2026, 1, 3), date(2026, 3, 1), False)
    assert (found.level, found.rank, found.name) == (Level.USED, 1, TAXONOMY.skills[skill("pandas")].name)
    assert found.confidence == pytest.approx(1 - 0.4 * 0.5 * 0.8)


def test_level_rises_with_months_and_files() -> None:
    assert only(months("pandas", 5, 40)).level is Level.USED
    assert only(months("pandas", 6, 10)).level is Level.REGULAR
    assert only(months("pandas", 18, 30)).level is Level.SUSTAINED
    assert only(months("pandas", 18, 30, last=date(2024, 1, 1))).level is Level.REGULAR


def test_a_dropped_dependency_is_past_use_with_the_day_it_was_dropped() -> None:
    rows = [shows("pandas", date(2025, 1, 1)), shows("pandas", date(2025, 5, 1), dropped=True)]
    found = only(rows)
    assert (found.past, found.first_used, found.last_used) == (True, date(2025, 1, 1), date(2025, 5, 1))


def test_a_dependency_is_current_when_it_is_used_again() -> None:
    rows = [shows("pandas", date(2025, 5, 1), dropped=True), shows("pandas", date(2025, 6, 1))]
    found = only(rows)
    assert (found.past, found.last_used) == (False, date(2025, 6, 1))


def test_words_alone_do_not_bring_a_dropped_dependency_back() -> None:
    rows = [shows("pandas", date(2025, 5, 1), dropped=True), shows("pandas", date(2025, 6, 1), signal="message")]
    found = only(rows)
    assert (found.past, found.last_used) == (True, date(2025, 5, 1))


def test_what_was_only_ever_dropped_is_past_use() -> None:
    found = only([shows("pandas", date(2025, 5, 1), dropped=True)])
    assert (found.past, found.count, found.level) == (True, 1, Level.USED)


def test_hints_come_after_markup_which_comes_after_past_use_which_comes_after_present() -> None:
    markup = next(name for name, known in TAXONOMY.skills.items() if known.low_value)
    rows = [
        *months(markup, 24, 90),
        shows("django", date(2026, 1, 1)),
        shows("django", date(2026, 2, 1), dropped=True),
        shows("pandas", date(2026, 1, 1)),
        *months("pytest", 20, 40),
        shows("docker", signal="message", files=()),
    ]
    found = aggregate(rows, AS_OF, TAXONOMY)
    assert [each.skill for each in found] == [
        skill("pytest"),
        skill("pandas"),
        skill("django"),
        markup,
        skill("docker"),
    ]
    assert [each.rank for each in found] == [1, 2, 3, 4, 5]


def test_a_language_that_is_only_written_about_stays_low_however_often() -> None:
    rows = [
        shows("rust", day.day, entry=f"e{at}", signal="message", files=())
        for at, day in enumerate(months("rust", 24, 0))
    ]
    found = only(rows)
    assert (found.level, found.confidence) == (Level.USED, 0.4)


def test_words_alone_rank_below_a_single_import() -> None:
    rows = [*(shows("docker", AS_OF, f"d{number}", "message", ()) for number in range(2)), shows("pandas")]
    assert [each.skill for each in aggregate(rows, AS_OF, TAXONOMY)] == [skill("pandas"), skill("docker")]


def test_what_files_show_ranks_above_what_was_written_about_more_often() -> None:
    wordy = next(name for name, known in TAXONOMY.skills.items() if not known.files and not known.low_value)
    words = [row.model_copy(update={"files": []}) for row in months(wordy, 24, 0, signal="message")]
    assert [each.skill for each in aggregate([*words, shows("pandas")], AS_OF, TAXONOMY)] == [skill("pandas"), wordy]


def test_skills_that_the_taxonomy_does_not_hold_are_left_out() -> None:
    assert aggregate([shows("pandas").model_copy(update={"skill": "no-such-skill"})], AS_OF, TAXONOMY) == []
    assert aggregate([], AS_OF, TAXONOMY) == []


ROWS = st.builds(
    shows,
    name=st.sampled_from(["pandas", "django", "rust", "docker"]),
    day=st.dates(date(2020, 1, 1), AS_OF),
    entry=st.text("abc", min_size=1, max_size=3),
    signal=st.sampled_from(["import", "manifest", "file_type", "note_tag", "message"]),
    files=st.lists(st.sampled_from(["a", "b", "c"]), max_size=3).map(tuple),
    dropped=st.booleans(),
)


@given(st.lists(ROWS, max_size=30))
def test_the_order_of_the_evidence_does_not_matter_and_days_are_in_order(rows: list[SkillEvidence]) -> None:
    found = aggregate(rows, AS_OF, TAXONOMY)
    assert found == aggregate(list(reversed(rows)), AS_OF, TAXONOMY)
    assert [each.rank for each in found] == list(range(1, len(found) + 1))
    for each in found:
        assert each.first_used <= each.last_used <= AS_OF
        assert 0 < each.confidence <= 1
        assert each.count >= 1 and each.months_active >= 1


@pytest.mark.integration
def test_a_hundred_thousand_rows_add_up_in_seconds() -> None:
    names = list(TAXONOMY.skills)[:200]
    row = shows("pandas")
    rows = [
        row.model_copy(
            update={
                "entry_id": f"e{number}",
                "skill": names[number % len(names)],
                "day": AS_OF - timedelta(days=number % 3000),
                "files": [f"f{number % 977}.py", f"g{number % 83}.py"],
            }
        )
        for number in range(100_000)
    ]
    started = time.process_time()
    assert len(aggregate(rows, AS_OF, TAXONOMY)) == len(names)
    assert time.process_time() - started < 2
