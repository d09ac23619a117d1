"""What the schedules and the sensor ask for: exactly what is stale, at local times that come once, in runs that Dagster can launch."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.test_utils import create_run_for_test
from dagster._utils.schedules import cron_string_iterator
from git_repositories import GitRepository
from workbench import Workbench

from orchestration_assets.activity.model import ERROR_EVENTS, PULL_REQUESTS
from orchestration_assets.connections import open_language_model
from orchestration_assets.definitions import build_definitions
from orchestration_assets.partitions import MAX_PERIODS_PER_RUN, range_tags
from orchestration_assets.planning import stale_months, stale_periods
from orchestration_assets.reports.kinds import ReportKind
from orchestration_assets.reports.making import make_reports
from orchestration_assets.reports.queries import calendar_of, partition_period
from orchestration_assets.requests import MAX_RUNS
from orchestration_assets.schedules import build_schedules
from orchestration_assets.worklogs.making import changed_months, make_analyses, make_entries
from orchestration_assets.worklogs.model import ANALYSES, ENTRIES
from sensors import repeating
from sensors.inbox_events import inbox_events_sensor
from sensors.new_commits import new_commits_sensor
from sensors.stale_reports import stale_reports_sensor
from tests.activity.github_facts import pull_request
from tests.incidents import crashing

ZONE = "Europe/Berlin"
BERLIN = ZoneInfo(ZONE)
WEDNESDAY = datetime(2024, 4, 3, 3, tzinfo=BERLIN)
REPORT_SCHEDULES = {
    ReportKind.STANDUP: "weekday_standup_schedule",
    ReportKind.STATUS_REPORT: "weekly_status_schedule",
    ReportKind.SUMMARY: "monthly_summary_schedule",
}

Asked = list[tuple[str, str]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with analysed entries from Thursday to the Tuesday after, across the change to summer time, and no report."""
    folder = tmp_path_factory.mktemp("prepared")
    repository = GitRepository(folder / "shelf")
    for number, authored in enumerate(
        (
            "2024-03-28T09:00:00+01:00",
            "2024-03-29T09:00:00+01:00",
            "2024-03-30T23:30:00+00:00",  # Sunday, half past midnight
            "2024-03-31T22:30:00+00:00",  # Monday, half past midnight, already in summer time
            "2024-04-02T09:00:00+02:00",
        )
    ):
        repository.commit(f"Add parcel {number}", files={f"{number}.txt": "parcel"}, authored=authored)
    with pytest.MonkeyPatch.context() as patch:
        _settle(patch, folder / "home")
        bench = Workbench()
        bench.watch(repository.path)
        refresh(bench)
    yield folder


@pytest.fixture
def bench(prepared: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    _settle(monkeypatch, home)
    shutil.copytree(prepared / "home", home, dirs_exist_ok=True)
    return Workbench()


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance that a schedule can look into."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def repository(prepared: Path, bench: Workbench, tmp_path: Path) -> GitRepository:
    """A copy of the watched repository that is watched in its place, to commit to."""
    shutil.copytree(prepared / "shelf", tmp_path / "shelf")
    bench.watch(tmp_path / "shelf")
    refresh(bench)
    return GitRepository(tmp_path / "shelf")


def test_each_report_schedule_asks_for_exactly_the_stale_periods(bench: Workbench) -> None:
    monday = datetime(2024, 4, 1, 7, 30, tzinfo=BERLIN)
    assert asked(bench, "weekday_standup_schedule", monday) == [("2024-03-29", "2024-04-01")]
    assert asked(bench, "weekly_status_schedule", monday) == [("2024-03-25", "2024-04-01")]
    assert asked(bench, "monthly_summary_schedule", monday) == [("2024-03-01", "2024-04-01")]
    make(bench, ReportKind.STANDUP, ["2024-03-29"])
    make(bench, ReportKind.STATUS_REPORT, ["2024-04-01"])
    assert asked(bench, "weekday_standup_schedule", monday) == [("2024-04-01", "2024-04-01")]
    assert asked(bench, "weekly_status_schedule", monday) == [("2024-03-25", "2024-03-25")]


def test_report_schedules_say_why_they_ask_for_nothing(bench: Workbench) -> None:
    for kind, name in REPORT_SCHEDULES.items():
        make_everything(bench, kind)
        evaluated = tick(bench, name, WEDNESDAY)
        assert not evaluated.run_requests
        assert "up to date" in str(evaluated.skip_message)


def test_the_refresh_asks_for_the_months_that_changed_or_else_for_the_current_one(
    bench: Workbench, repository: GitRepository
) -> None:
    assert asked(bench, "nightly_refresh_schedule", WEDNESDAY) == [("2024-04-01", "2024-04-01")]
    repository.commit("Add an old parcel", files={"old.txt": "parcel"}, authored="2023-02-14T09:00:00+01:00")
    repository.commit("Add a parcel", files={"new.txt": "parcel"}, authored="2024-04-02T10:00:00+02:00")
    warehouse, settings = bench.connections.warehouse, bench.connections.settings
    changed, _ = changed_months(warehouse, settings, WEDNESDAY)
    stale = stale_months(warehouse, settings, bench.connections.language_model.maker, changed)
    assert stale == ["2023-02-01", "2024-04-01"]
    assert asked(bench, "nightly_refresh_schedule", WEDNESDAY) == [
        ("2023-02-01", "2023-02-01"),
        ("2024-04-01", "2024-04-01"),
    ]


def test_one_tick_after_days_without_a_daemon_asks_for_everything_of_these_days(bench: Workbench) -> None:
    make(bench, ReportKind.STANDUP, ["2024-03-29"])
    assert asked(bench, "weekday_standup_schedule", WEDNESDAY) == [("2024-04-01", "2024-04-03")]


def test_no_standup_is_asked_for_on_days_off(bench: Workbench) -> None:
    make(bench, ReportKind.STANDUP, ["2024-03-29"])
    for day in (30, 31):
        assert asked(bench, "weekday_standup_schedule", datetime(2024, 3, day, 7, 30, tzinfo=BERLIN)) == []
    assert asked(bench, "weekday_standup_schedule", datetime(2024, 4, 1, 7, 30, tzinfo=BERLIN)) == [
        ("2024-04-01", "2024-04-01")
    ]


def test_working_days_say_which_standup_tells_of_a_day(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_WORKING_DAYS", "sun-thu")
    sunday = datetime(2024, 3, 31, 7, 30, tzinfo=BERLIN)
    assert asked(bench, "weekday_standup_schedule", sunday) == [("2024-03-31", "2024-03-31")]


@pytest.mark.parametrize("day", [date(2024, 3, 31), date(2024, 10, 27)], ids=["to summer time", "from summer time"])
def test_every_tick_comes_once_on_days_on_which_the_clock_changes(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock skips 02:00 to 03:00 on the first of these days and repeats it on the second."""
    monkeypatch.setenv("SOLOIST_TIMEZONE", ZONE)
    first = "03:00" if day.month == 3 else "02:00"
    assert ticks_of("nightly_refresh_schedule", day) == [first, "07:00"]
    assert ticks_of("weekday_standup_schedule", day) == ["03:00", "07:30"]
    assert ticks_of("weekly_status_schedule", day) == ["03:00"]
    assert ticks_of("monthly_summary_schedule", day) == ["03:00"]
    assert ticks_of("weekly_pruning_schedule", day) == ["04:00"]


def test_reports_are_due_in_the_morning_after_their_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_TIMEZONE", ZONE)
    first_of_april, tuesday = date(2024, 4, 1), date(2024, 4, 2)  # the first is a Monday
    for name in REPORT_SCHEDULES.values():
        assert ticks_of(name, first_of_april) == ["03:00", "07:30"]
    assert ticks_of("weekday_standup_schedule", tuesday) == ["03:00", "07:30"]
    assert ticks_of("weekly_status_schedule", tuesday) == ticks_of("monthly_summary_schedule", tuesday) == ["03:00"]


LOOKS_AGAIN = [
    ("hourly_review_schedule", "review_pull_requests_job", "No pull request is open."),
    ("hourly_regression_test_schedule", "make_regression_tests_job", "No error in production was heard of."),
]


@pytest.mark.parametrize(("name", "job", "nothing"), LOOKS_AGAIN)
def test_what_is_open_is_looked_at_again_every_hour_and_where_nothing_is_that_is_said(
    bench: Workbench, lasting: dg.DagsterInstance, name: str, job: str, nothing: str
) -> None:
    with bench.connections.warehouse.write() as session:
        session.merge(PULL_REQUESTS, [pull_request(1, "Merged")])
    assert tick(bench, name, WEDNESDAY).skip_message == nothing
    with bench.connections.warehouse.write() as session:
        session.merge(PULL_REQUESTS, [pull_request(12, "Open", state="open", closed_at=None)])
        session.merge(ERROR_EVENTS, [crashing.event()])
    hours = [WEDNESDAY, WEDNESDAY + timedelta(hours=1), WEDNESDAY + timedelta(hours=1)]
    first, second, same = [request for hour in hours for request in tick(bench, name, hour, lasting).run_requests or []]
    assert first.run_key != second.run_key == same.run_key
    schedule = next(schedule for schedule in build_schedules() if schedule.name == name)
    assert schedule.job_name == job
    create_run_for_test(lasting, job_name=job, status=dg.DagsterRunStatus.STARTED)
    assert tick(bench, name, WEDNESDAY, lasting).skip_message == f"A {job} is at work or waits."


def test_an_hour_that_the_clock_repeats_is_looked_at_twice(bench: Workbench, lasting: dg.DagsterInstance) -> None:
    assert len(ticks_of("hourly_review_schedule", date(2024, 10, 27))) == 25
    with bench.connections.warehouse.write() as session:
        session.merge(PULL_REQUESTS, [pull_request(12, "Open", state="open", closed_at=None)])
    instants = [datetime(2024, 10, 27, hour, 17, tzinfo=UTC).astimezone(BERLIN) for hour in (0, 1)]
    assert instants[0].hour == instants[1].hour == 2
    [first], [second] = (tick(bench, "hourly_review_schedule", when, lasting).run_requests or [] for when in instants)
    assert first.run_key != second.run_key


def test_what_is_asked_for_is_what_a_run_makes(bench: Workbench) -> None:
    definitions = build_definitions()
    [request] = tick(bench, "weekly_status_schedule", WEDNESDAY).run_requests
    assert request.partition_key is None
    job = definitions.resolve_job_def("make_status_report_job")
    assert dg.validate_run_config(job)
    result = job.execute_in_process(instance=bench.instance, tags=request.tags)
    made = {event.partition for event in result.get_asset_materialization_events()}
    assert made == {"2024-03-25", "2024-04-01"}
    assert asked(bench, "weekly_status_schedule", WEDNESDAY) == []


def test_the_first_tick_of_the_sensor_asks_for_everything_and_the_next_for_the_same_runs(bench: Workbench) -> None:
    first, second = sense(bench), sense(bench)
    assert {(request.job_name, *range_of(request)) for request in first.run_requests} == {
        ("make_standup_job", "2024-03-29", "2024-04-03"),
        ("make_status_report_job", "2024-03-25", "2024-04-01"),
        ("make_summary_job", "2024-03-01", "2024-04-01"),
    }
    assert first.cursor is None
    keys = [request.run_key for request in first.run_requests]
    assert len(set(keys)) == len(keys)
    assert [request.run_key for request in second.run_requests] == keys


def test_the_sensor_is_silent_once_everything_is_made_until_something_changes(
    bench: Workbench, repository: GitRepository
) -> None:
    keys = {request.run_key for request in sense(bench).run_requests}
    for kind in ReportKind:
        make_everything(bench, kind)
    quiet = sense(bench)
    assert not quiet.run_requests
    assert quiet.cursor
    assert "Nothing changed" in str(sense(bench, quiet.cursor).skip_message)
    repository.commit("Add another parcel", files={"more.txt": "parcel"}, authored="2024-04-02T12:00:00+02:00")
    refresh(bench)
    again = sense(bench, quiet.cursor).run_requests
    assert {(request.job_name, *range_of(request)) for request in again} == {
        ("make_standup_job", "2024-04-03", "2024-04-03"),
        ("make_status_report_job", "2024-04-01", "2024-04-01"),
        ("make_summary_job", "2024-04-01", "2024-04-01"),
    }
    assert keys.isdisjoint({request.run_key for request in again})


def test_a_cursor_that_the_sensor_did_not_write_changes_nothing(bench: Workbench) -> None:
    for cursor in ("", "{", "\x00ü" * 100, "0" * 64):
        assert len(sense(bench, cursor).run_requests) == 3


def test_the_sensor_waits_while_entries_are_refreshed(bench: Workbench) -> None:
    started = dg.DagsterRunStatus.STARTED
    create_run_for_test(bench.instance, job_name="refresh_worklogs_job", status=started)
    waiting = sense(bench, "seen before")
    assert not waiting.run_requests
    assert waiting.cursor == "seen before"


def test_a_commit_made_before_the_first_look_is_noticed_by_it(bench: Workbench, repository: GitRepository) -> None:
    assert sensed(bench, new_commits_sensor, cursor=None) == []
    repository.commit("Add one more", files={"more.txt": "parcel"}, authored="2024-04-02T12:00:00+02:00")
    [request] = sensed(bench, new_commits_sensor, cursor=None)
    assert range_of(request) == ("2024-04-01", "2024-04-01")


def test_the_first_look_of_a_new_home_asks_for_nothing(
    bench: Workbench, repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settle(monkeypatch, tmp_path / "new")
    new = Workbench()
    new.watch(repository.path)
    assert sensed(new, new_commits_sensor, cursor=None) == []
    [request] = sensed(new, new_commits_sensor, cursor="moved since")
    assert range_of(request) == ("2024-03-01", "2024-04-01")


@pytest.mark.parametrize(
    "sensor", [stale_reports_sensor, new_commits_sensor, inbox_events_sensor], ids=lambda s: s.name
)
def test_what_a_run_failed_to_make_is_asked_for_again_after_a_pause(
    bench: Workbench, repository: GitRepository, sensor: dg.SensorDefinition
) -> None:
    repository.commit("Add one more", files={"more.txt": "parcel"}, authored="2024-04-02T12:00:00+02:00")
    bench.connections.inbox.counts()
    with bench.connections.warehouse.write() as session:
        session.merge(PULL_REQUESTS, [pull_request(12, "Add parcels")])
    asked_for = sensed(bench, sensor)
    assert asked_for
    for request in asked_for:
        create_run_for_test(
            bench.instance, job_name=request.job_name, status=dg.DagsterRunStatus.FAILURE, tags=dict(request.tags)
        )
    keys = [request.run_key for request in asked_for]
    ended(bench, WEDNESDAY - repeating.FIRST_PAUSE + timedelta(seconds=1))
    assert [request.run_key for request in sensed(bench, sensor)] == keys
    ended(bench, WEDNESDAY - repeating.FIRST_PAUSE)
    assert [request.run_key for request in sensed(bench, sensor)] == [f"{key}:1" for key in keys]


def test_a_run_of_the_sensor_covers_at_most_fifty_periods(bench: Workbench) -> None:
    days = 5 * MAX_PERIODS_PER_RUN
    grow(bench, days)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOLOIST_HORIZON_DAYS", str(2 * days))
        requests = sense(bench).run_requests
        stale = {key for kind in ReportKind for key in stale_keys(bench, kind)}
    assert len(stale) > MAX_PERIODS_PER_RUN
    standups = [range_of(request) for request in requests if request.job_name == "make_standup_job"]
    assert 1 < len(standups) <= MAX_RUNS
    for first, last in standups:
        assert (date.fromisoformat(last) - date.fromisoformat(first)).days < MAX_PERIODS_PER_RUN
    asked_for = {key for request in requests for key in stale if range_of(request)[0] <= key <= range_of(request)[1]}
    assert asked_for == stale


def _settle(patch: pytest.MonkeyPatch, home: Path) -> None:
    patch.setenv("SOLOIST_HOME", str(home))
    patch.setenv("SOLOIST_TIMEZONE", ZONE)
    patch.setenv("SOLOIST_NOW", WEDNESDAY.isoformat())
    patch.setenv("SOLOIST_AUTHORS", "all")


def refresh(bench: Workbench) -> None:
    """What the monthly chain does to entries and analyses."""
    connected = bench.connections
    months = {date(2023, 2, 1), date(2024, 3, 1), date(2024, 4, 1)}
    make_entries(connected.settings, connected.warehouse, months)
    make_analyses(connected.settings, connected.warehouse, connected.language_model, months)


def make(bench: Workbench, kind: ReportKind, keys: Sequence[str]) -> None:
    connected = bench.connections
    periods = [partition_period(kind, key, calendar_of(connected.settings)) for key in keys]
    make_reports(kind, periods, connected.settings, connected.warehouse, connected.store, connected.language_model)


def stale_keys(bench: Workbench, kind: ReportKind) -> list[str]:
    connected = bench.connections
    maker = open_language_model(connected.settings).maker
    with connected.warehouse.read() as session:
        return stale_periods(session, connected.settings, maker, [kind], WEDNESDAY)[0].keys


def make_everything(bench: Workbench, kind: ReportKind) -> None:
    make(bench, kind, stale_keys(bench, kind))


def grow(bench: Workbench, days: int) -> None:
    """An entry on each of the days before the first one, like it in all else."""
    with bench.connections.warehouse.write() as session:
        entry = session.rows(ENTRIES, order_by="authored_at")[0]
        analysis = next(row for row in session.rows(ANALYSES) if row.entry_id == entry.entry_id)
        times = [entry.authored_at - timedelta(days=number) for number in range(1, days + 1)]
        twins = [
            entry.model_copy(update={"entry_id": f"twin-{number}", "authored_at": when, "landed_at": when})
            for number, when in enumerate(times)
        ]
        session.merge(
            ENTRIES, [twin.model_copy(update={"month": twin.authored_at.date().replace(day=1)}) for twin in twins]
        )
        session.merge(ANALYSES, [analysis.model_copy(update={"entry_id": twin.entry_id}) for twin in twins])


def ticks_of(name: str, day: date) -> list[str]:
    """The local times at which Dagster's own iterator makes the schedule tick on a day, each instant as often as it comes."""
    schedule = next(schedule for schedule in build_schedules() if schedule.name == name)
    zone = str(schedule.execution_timezone)
    start, end = (datetime.combine(each, time(), ZoneInfo(zone)) for each in (day, day + timedelta(days=1)))
    lines = [schedule.cron_schedule] if isinstance(schedule.cron_schedule, str) else list(schedule.cron_schedule)
    found: list[datetime] = []
    for line in lines:
        instants = cron_string_iterator(start.timestamp(), line, zone)
        found += itertools.takewhile(lambda instant: instant.timestamp() < end.timestamp(), instants)
    return [f"{instant:%H:%M}" for instant in sorted(found)]


def tick(
    bench: Workbench, name: str, when: datetime, instance: dg.DagsterInstance | None = None
) -> dg.ScheduleExecutionData:
    schedule = next(schedule for schedule in build_schedules() if schedule.name == name)
    instance = instance or bench.instance
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=when) as context:
        return schedule.evaluate_tick(context)


def asked(bench: Workbench, name: str, when: datetime) -> Asked:
    requests = tick(bench, name, when).run_requests or []
    assert len({request.run_key for request in requests}) == len(requests)
    return [range_of(request) for request in requests]


def sense(bench: Workbench, cursor: str | None = None) -> dg.SensorExecutionData:
    with dg.build_sensor_context(instance=bench.instance, cursor=cursor) as context:
        return stale_reports_sensor.evaluate_tick(context)


def sensed(bench: Workbench, sensor: dg.SensorDefinition, cursor: str | None = "seen before") -> list[dg.RunRequest]:
    with dg.build_sensor_context(instance=bench.instance, cursor=cursor) as context:
        return list(sensor.evaluate_tick(context).run_requests or [])


def ended(bench: Workbench, when: datetime) -> None:
    """Says of every run that it was last heard of then."""
    storage = bench.instance.run_storage
    assert isinstance(storage, SqlRunStorage)
    with storage.connect() as connection:
        connection.execute(RunsTable.update().values(update_timestamp=when.astimezone(UTC).replace(tzinfo=None)))


def range_of(request: dg.RunRequest) -> tuple[str, str]:
    first, last = (request.tags[tag] for tag in range_tags("", ""))
    return first, last
