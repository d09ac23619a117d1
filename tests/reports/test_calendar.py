from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.reports.calendar import Calendar, parse_period, period_key
from orchestration_assets.reports.model import ReportKind
from resources.errors import BadInput

ZONES = (
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
DAYS = st.dates(date(2012, 1, 1), date(2040, 12, 31))
WORKING = st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days)))


@given(DAYS, WORKING)
def test_every_day_belongs_to_exactly_one_standup(day: date, working: tuple[int, ...]) -> None:
    calendar = Calendar("UTC", working)
    told = calendar.standup_day(day)
    around = [day + timedelta(days=n) for n in range(-8, 16)]
    standups = [d for d in around if calendar.is_working(d) and _covers(calendar, d, day)]
    assert standups == [told]


def _covers(calendar: Calendar, standup: date, day: date) -> bool:
    first, last = calendar.previous_working_window(standup)
    return first <= day <= last


def test_monday_covers_friday_to_sunday() -> None:
    calendar = Calendar("Europe/Vienna")
    assert calendar.previous_working_window(date(2026, 11, 16)) == (date(2026, 11, 13), date(2026, 11, 15))
    assert calendar.previous_working_window(date(2026, 11, 17)) == (date(2026, 11, 16), date(2026, 11, 16))
    assert {calendar.standup_day(date(2026, 11, d)) for d in (13, 14, 15)} == {date(2026, 11, 16)}


def test_a_week_from_sunday_to_thursday_has_its_standup_on_sunday() -> None:
    calendar = Calendar("Asia/Jerusalem", (6, 0, 1, 2, 3))
    assert calendar.previous_working_window(date(2026, 11, 15)) == (date(2026, 11, 12), date(2026, 11, 14))


@given(DAYS, st.sampled_from(ZONES), st.sampled_from(["day", "week", "month"]), st.integers(0, 86399))
def test_bounds_hold_exactly_the_instants_of_their_local_days(day: date, zone: str, span: str, seconds: int) -> None:
    calendar = Calendar(zone)
    period = calendar.holding(span, day)  # type: ignore[arg-type]
    start, end = calendar.bounds(period)
    for instant in (start, end - timedelta(seconds=1), start + timedelta(seconds=seconds)):
        assert (start <= instant < end) == (period.start <= calendar.local_day(instant) <= period.end)
    assert not period.start <= calendar.local_day(start - timedelta(seconds=1)) <= period.end
    assert not period.start <= calendar.local_day(end) <= period.end


def test_days_of_the_clock_change_have_23_and_25_hours() -> None:
    calendar = Calendar("Europe/Vienna")
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 10, 26), 24)):
        start, end = calendar.bounds(calendar.day(day))
        assert end - start == timedelta(hours=hours)


def test_a_day_whose_midnight_is_skipped_begins_with_the_jump() -> None:
    calendar = Calendar("America/Sao_Paulo")
    start, end = calendar.bounds(calendar.day(date(2018, 11, 4)))
    assert start == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert end - start == timedelta(hours=23)


def test_the_timezone_moves_an_instant_to_another_day() -> None:
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    assert Calendar("UTC").local_day(late) == date(2026, 11, 19)
    assert Calendar("Europe/Vienna").local_day(late) == date(2026, 11, 20)


def test_clocks_that_are_wrong_do_not_break_the_calendar() -> None:
    for zone in ZONES:
        calendar = Calendar(zone)
        for instant in (
            datetime(9999, 12, 31, tzinfo=UTC),
            datetime(1, 1, 2, tzinfo=UTC),
            datetime(1, 1, 1, tzinfo=UTC),
        ):
            day = calendar.local_day(instant)
            for period in (calendar.day(day), calendar.week(day), calendar.month(day)):
                assert calendar.bounds(period)[0] < calendar.bounds(period)[1]
            assert calendar.standup_day(day) > day


@given(DAYS, st.sampled_from(list(ReportKind)))
def test_a_period_is_read_back_from_its_key(day: date, kind: ReportKind) -> None:
    calendar = Calendar("Europe/Vienna")
    period = parse_period(kind, day.isoformat(), calendar)
    assert period.start <= day <= period.end
    assert parse_period(kind, period_key(period), calendar) == period


def test_periods_as_people_name_them() -> None:
    calendar = Calendar("Europe/Vienna")
    today = date(2026, 11, 20)
    week = parse_period(ReportKind.STATUS_REPORT, "2026-w46", calendar)
    assert (week.start, week.end) == (date(2026, 11, 9), date(2026, 11, 15))
    month = parse_period(ReportKind.SUMMARY, "2026-02", calendar)
    assert (month.start, month.end) == (date(2026, 2, 1), date(2026, 2, 28))
    assert parse_period("day", "yesterday", calendar, today).start == date(2026, 11, 19)
    assert parse_period("week", "today", calendar, today).start == date(2026, 11, 16)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("day", "2026-02-30"),
        ("day", "2026-W46"),
        ("week", "2026-W54"),
        ("week", "2026-11"),
        ("month", "2026-13"),
        ("month", ""),
        ("day", "20.11.2026"),
    ],
)
def test_what_names_no_period_is_refused_in_one_sentence_with_an_example(kind: str, text: str) -> None:
    with pytest.raises(BadInput, match=r"2026-") as error:
        parse_period(kind, text, Calendar("UTC"))  # type: ignore[arg-type]
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../etc/passwd", "Europe", "/etc/localtime", "UTC+1\0"])
def test_what_is_no_timezone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(BadInput, match="Europe/Vienna"):
        Calendar(name)


@pytest.mark.parametrize("days", [(), (7,), (-1, 2)])
def test_working_days_that_there_are_not_are_refused(days: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="working days"):
        Calendar("UTC", days)
