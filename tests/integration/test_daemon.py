"""Runs that a real daemon launches: from a job, a sensor, a schedule and a backfill; and what becomes of them when processes are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorState, InstigatorType, ScheduleInstigatorData
from git_repositories import GitRepository
from served_ui import COMMANDS, ServedUi, command, environment, serving, small_history, tags_of, wait_for
from workbench import Workbench

from orchestration_assets.connections import open_warehouse
from orchestration_assets.partitions import range_tags
from resources.processes import PROCESS_TAG
from resources.settings import Settings
from resources.warehouse import Warehouse

pytestmark = pytest.mark.integration

DAY = 24 * 60 * 60
POOL = "language_model"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("daemon")


@pytest.fixture(scope="module")
def repository(folder: Path) -> GitRepository:
    return small_history(folder / "shelf")


@pytest.fixture(scope="module")
def served(folder: Path, repository: GitRepository) -> Iterator[ServedUi]:
    """A daemon on a home that is up to date."""
    command("soloist", "run", "--repo", repository.path, home=folder / "home", cwd=folder)
    with serving(folder / "home", folder) as found:
        yield found


def test_a_commit_is_noticed_and_exactly_its_month_and_periods_are_made(
    served: ServedUi, repository: GitRepository, folder: Path
) -> None:
    wait_for("the first look at the refs", lambda: ticked(served, "new_commits_sensor"))
    before = {run["runId"] for run in served.runs()}
    repository.commit(
        "feat: count parcels",
        files={"shelf/count.py": "def count():\n    return 0\n"},
        authored="2024-03-13T09:00:00+00:00",
    )
    asked = {
        ("refresh_worklogs_job", "2024-03-01", "2024-03-01"),
        ("make_standup_job", "2024-03-14", "2024-03-14"),
        ("make_status_report_job", "2024-03-11", "2024-03-11"),
        ("make_summary_job", "2024-03-01", "2024-03-01"),
    }
    assert {(run["jobName"], *tags_of(run)) for run in settled(served, before, 4)} == asked
    assert texts(folder, "status_report", "2024-W11") == ["Status report, week 11 of 2024"]
    assert texts(folder, "standup", "2024-03-14") == ["Standup, Thursday 14 March 2024"]


def test_a_backfill_of_past_months_is_one_run(served: ServedUi, repository: GitRepository, folder: Path) -> None:
    repository.commit("Add an old file", files={"old.txt": "old"}, authored="2023-12-05T09:00:00+00:00")
    data = served.graphql(
        """mutation($parameters: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $parameters) {
            __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
        } }""",
        parameters={
            "assetSelection": [{"path": ["worklog_entries"]}, {"path": ["worklog_analyses"]}],
            "partitionNames": ["2023-12-01", "2024-01-01", "2024-02-01"],
        },
    )["launchPartitionBackfill"]
    assert data["__typename"] == "LaunchBackfillSuccess", data

    def ended() -> str:
        found = served.graphql(
            "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }",
            id=data["backfillId"],
        )["partitionBackfillOrError"]["status"]
        return str(found) if found not in ("REQUESTED", "COMPLETING") else ""

    assert wait_for("the end of the backfill", ended) == "COMPLETED_SUCCESS"
    runs = [run for run in served.runs() if run["tags"].get("dagster/backfill") == data["backfillId"]]
    months = {"2023-12-01", "2024-01-01", "2024-02-01"}
    assert [run["made"] for run in runs] == [{"worklog_entries": months, "worklog_analyses": months}]
    assert rows(folder, "SELECT subject FROM worklog_entries WHERE month = '2023-12-01'") == [
        {"subject": "Add an old file"}
    ]


def retries_failures() -> bool:
    """Whether the daemon has looked for failed runs once: in a new home it ignores what failed before."""
    key = f"EVENT_LOG_CONSUMER_CURSOR-{dg.DagsterEventType.RUN_FAILURE.value}"
    with dg.DagsterInstance.get() as instance:
        return bool(instance.daemon_cursor_storage.get_cursor_values({key}))


def test_a_run_whose_process_was_killed_is_failed_and_retried(
    served: ServedUi, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "home" / "dagster"))
    wait_for("the daemon that retries runs", retries_failures)
    with warehouse(folder).write():  # the run waits for its turn until it is killed
        run_id = served.launch("make_summary_job", range_tags("2024-03-01", "2024-03-01"))
        os.kill(worker(served, run_id), signal.SIGKILL)
    assert served.finished(run_id)["status"] == "FAILURE"
    retry = wait_for(
        "a retry", lambda: [run for run in served.runs() if run["tags"].get("dagster/parent_run_id") == run_id]
    )[0]
    assert served.finished(retry["runId"])["status"] == "SUCCESS"


def test_runs_lost_in_a_crash_are_failed_and_a_missed_tick_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon and the worker of a run die; the next `soloist run` fails the run and frees its slot. Days later the daemon starts
    again, and one tick of the schedule asks for what changed meanwhile."""
    repository = small_history(tmp_path / "shelf")
    home = tmp_path / "home"
    command("soloist", "run", "--repo", repository.path, home=home, cwd=tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    with dg.DagsterInstance.get() as instance:
        with serving(home, tmp_path) as served, warehouse(tmp_path).write():
            stop_sensor(served, "new_commits_sensor")  # the schedule is to find what it would
            run_id = served.launch("make_status_report_job", range_tags("2024-03-04", "2024-03-04"))
            worker(served, run_id)
            wait_for("a slot taken", lambda: taken_slots(instance))
            wait_for("schedules that started", lambda: schedule_states(instance))
            served.kill()
        assert status(instance, run_id) is dg.DagsterRunStatus.STARTED
        assert taken_slots(instance) == 1

        process = subprocess.Popen(
            [COMMANDS / "soloist", "run"], cwd=tmp_path, env=environment(home), stdout=subprocess.DEVNULL
        )
        pid = str(process.pid)
        wait_for("the start of the command", lambda: (home / "run.lock").read_text() == pid)
        wait_for("the failure of the dead run", lambda: status(instance, run_id) is dg.DagsterRunStatus.FAILURE)
        assert taken_slots(instance) == 0
        assert process.wait(120) == 0

        repository.commit(
            "feat: count parcels", files={"shelf/count.py": "count = 0\n"}, authored="2024-03-08T09:00:00+00:00"
        )
        for state in schedule_states(instance):
            data = state.instigator_data
            assert isinstance(data, ScheduleInstigatorData)
            long_ago = ScheduleInstigatorData(data.cron_schedule, start_timestamp=time.time() - 5 * DAY)
            instance.update_instigator_state(state.with_data(long_ago))
    with serving(home, tmp_path) as served:
        ticked = wait_for("a run of the schedule", lambda: scheduled(served, "nightly_refresh_schedule"))
        assert [tags_of(run) for run in ticked] == [("2024-03-01", "2024-03-01")]
        assert "dagster/partition" not in ticked[0]["tags"]
        finished = served.finished(ticked[0]["runId"])
        assert finished["status"] == "SUCCESS"
        assert finished["made"]["worklog_entries"] == {"2024-03-01"}
    assert len(rows(tmp_path, "SELECT 1 FROM worklog_entries")) == 4


def test_dagsters_own_command_line_makes_the_same_entries(
    tmp_path: Path, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    command("soloist", "run", "--repo", repository.path, home=ours, cwd=tmp_path)
    (theirs / "dagster").mkdir(parents=True)
    monkeypatch.setenv("SOLOIST_HOME", str(ours))
    months = sorted({str(row["month"]) for row in Workbench().query("SELECT month FROM worklog_entries")})
    assert len(months) >= 2
    for month in months:
        selection = ("--select", "worklog_entries", "--partition", month)
        command(
            *("dagster", "asset", "materialize", *selection, "-m", "orchestration_assets.definitions"),
            home=theirs,
            cwd=tmp_path,
            SOLOIST_REPOSITORIES=str(repository.path),
        )
    expected = Workbench().comparable()["worklog_entries"]
    monkeypatch.setenv("SOLOIST_HOME", str(theirs))
    assert Workbench().comparable()["worklog_entries"] == expected


def ticked(served: ServedUi, sensor: str) -> bool:
    """Whether an evaluation of the sensor has ended."""
    data = served.graphql(
        "query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState { ticks { status } } } } }",
        sensor=_selector(sensor),
    )
    return any(tick["status"] != "STARTED" for tick in data["sensorOrError"]["sensorState"]["ticks"])


def stop_sensor(served: ServedUi, sensor: str) -> None:
    found = served.graphql(
        "query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor { id } } }",
        sensor=_selector(sensor),
    )
    served.graphql("mutation($id: String!) { stopSensor(id: $id) { __typename } }", id=found["sensorOrError"]["id"])


def _selector(sensor: str) -> dict[str, str]:
    return {"repositoryLocationName": "soloist", "repositoryName": "__repository__", "sensorName": sensor}


def settled(served: ServedUi, before: set[str], count: int) -> list[dict[str, Any]]:
    """The runs that came since, once there are `count` of them and all succeeded."""
    new: list[dict[str, Any]] = []

    def look() -> bool:
        new[:] = [run for run in served.runs() if run["runId"] not in before]
        assert not [run for run in new if run["status"] in ("FAILURE", "CANCELED")]
        return len(new) >= count and all(run["status"] == "SUCCESS" for run in new)

    try:
        wait_for(f"{count} runs", look)
    except AssertionError as error:
        error.add_note(f"Instead: {[(run['jobName'], run['status'], *tags_of(run)) for run in new]}")
        raise
    return new


def worker(served: ServedUi, run_id: str) -> int:
    """The process id of the run's worker, once it named itself."""
    name = wait_for("the worker of the run", lambda: served.run(run_id)["tags"].get(PROCESS_TAG))
    return int(name.split(":")[-2])


def scheduled(served: ServedUi, schedule: str) -> list[dict[str, Any]]:
    return [run for run in served.runs() if run["tags"].get("dagster/schedule_name") == schedule]


def schedule_states(instance: dg.DagsterInstance) -> list[InstigatorState]:
    return list(instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE))


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    run = instance.get_run_by_id(run_id)
    return run.status if run else None


def taken_slots(instance: dg.DagsterInstance) -> int:
    return instance.event_log_storage.get_concurrency_info(POOL).active_slot_count


def warehouse(folder: Path) -> Warehouse:
    return open_warehouse(Settings(home=folder / "home"))


def rows(folder: Path, sql: str) -> list[dict[str, object]]:
    with warehouse(folder).read() as session:
        return list(session.query(sql).to_pylist())


def texts(folder: Path, kind: str, key: str) -> list[object]:
    found = rows(folder, f"SELECT title FROM documents WHERE kind = '{kind}' AND key = '{key}' AND format = 'html'")
    return [row["title"] for row in found]
