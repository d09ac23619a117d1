"""Dagster's event log behind open connections holds what Dagster's own would hold, and either opens what the other wrote."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from resources.errors import SoloistError
from resources.event_log import OPEN_RUNS, PooledEventLog

ROOT = Path(__file__).resolve().parents[2]
OURS = "event_log_storage:\n  module: resources.event_log\n  class: PooledEventLog\n  config: {}\n"
QUIET = "telemetry:\n  enabled: false\n"
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2020-01-01", end_date="2023-01-01")


@dg.asset(partitions_def=MONTHS, backfill_policy=dg.BackfillPolicy.single_run())
def entries() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset(deps=[entries])
def total() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 7}, data_version=dg.DataVersion("seven"))


@dg.asset_check(asset=total)
def total_is_right() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, description="It is.")


JOB = dg.Definitions(
    assets=[entries, total],
    asset_checks=[total_is_right],
    jobs=[dg.define_asset_job("make", executor_def=dg.in_process_executor)],
).resolve_job_def("make")


def instance(folder: Path, monkeypatch: pytest.MonkeyPatch, configuration: str = OURS) -> dg.DagsterInstance:
    folder.mkdir(exist_ok=True)
    (folder / "dagster.yaml").write_text(QUIET + configuration)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return dg.DagsterInstance.get()


def run(held: dg.DagsterInstance, months: int = 30) -> str:
    tags = {
        "dagster/asset_partition_range_start": "2020-01-01",
        "dagster/asset_partition_range_end": f"{2020 + (months - 1) // 12}-{(months - 1) % 12 + 1:02}-01",
    }
    result = JOB.execute_in_process(instance=held, tags=tags)
    assert result.success
    return str(result.run_id)


def told(held: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """What the log tells of a run and of its assets, without times and numbers."""
    check = dg.AssetCheckKey(dg.AssetKey("total"), "total_is_right")
    records = held.event_log_storage.get_asset_check_execution_history(check, limit=5)
    return {
        "events": [
            (entry.dagster_event_type, entry.step_key, entry.get_dagster_event().partition)
            for entry in held.all_logs(run_id)
            if entry.is_dagster_event and "RESOURCE" not in str(entry.dagster_event_type)
        ],
        "partitions": held.get_materialized_partitions(dg.AssetKey("entries")),
        "latest": str(held.get_latest_materialization_event(dg.AssetKey("total")).asset_materialization.metadata),
        "version": held.get_latest_data_version_record(dg.AssetKey("total")).asset_materialization.tags[
            "dagster/data_version"
        ],
        "checks": [(record.status, record.evaluation.description) for record in records],
        "assets": sorted(key.to_user_string() for key in held.all_asset_keys()),
    }


@pytest.mark.parametrize("batch", ["0", pytest.param("500", marks=pytest.mark.integration)])
def test_it_tells_of_a_run_what_dagsters_own_log_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: str
) -> None:
    with instance(tmp_path / "own", monkeypatch, "") as own:
        expected = told(own, run(own))
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", batch)
    with instance(tmp_path / "ours", monkeypatch) as ours:
        assert isinstance(ours.event_log_storage, PooledEventLog)
        assert told(ours, run(ours)) == expected


def test_either_log_opens_what_the_other_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
    with instance(tmp_path / "home", monkeypatch) as ours:
        first = run(ours)
        expected = told(ours, first)
    with instance(tmp_path / "home", monkeypatch, "") as own:
        assert isinstance(own.event_log_storage, SqliteEventLogStorage)
        assert told(own, first) == expected
        assert own.event_log_storage.alembic_version()[0] == own.event_log_storage.alembic_version()[1]
        second = run(own, 3)
    with instance(tmp_path / "home", monkeypatch) as ours:
        assert told(ours, second)["events"]
        ours.event_log_storage.upgrade()


@pytest.mark.parametrize("missing", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
def test_an_index_whose_making_was_cut_off_is_finished(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instance(tmp_path / "home", monkeypatch) as held:
        expected = told(held, run(held, 1))["events"]
        index = held.event_log_storage.path_for_shard("index")
    with sqlite3.connect(index) as connection:
        connection.execute(missing)
    with instance(tmp_path / "home", monkeypatch) as held:
        assert told(held, run(held, 1))["events"] == expected


@pytest.mark.integration
def test_more_runs_than_files_are_kept_open_are_all_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance(tmp_path / "home", monkeypatch) as held:
        runs = [run(held, 1) for _ in range(OPEN_RUNS + 3)]
        assert {len(told(held, each)["events"]) for each in runs} == {len(told(held, runs[0])["events"])}  # type: ignore[arg-type]
        held.delete_run(runs[0])
        assert not held.all_logs(runs[0])
        held.wipe()
        assert not held.all_logs(runs[1])
        run(held, 1)


@pytest.mark.integration
def test_who_watches_a_run_of_another_process_hears_of_it_while_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The web UI follows a run by watching its log."""
    with instance(tmp_path / "home", monkeypatch) as held:
        run_id = held.create_run_for_job(JOB).run_id
        heard: list[str] = []
        done = threading.Event()

        def listen(event: dg.EventLogEntry, cursor: str) -> None:
            heard.append(event.user_message)
            if event.user_message == "last":
                done.set()

        program = (
            "import logging, sys, time\nimport dagster as dg\nfrom dagster._core.events.log import EventLogEntry\n"
            "with dg.DagsterInstance.get() as held:\n"
            "    print('ready', flush=True)\n"
            "    for text in ('first', 'second', 'last'):\n"
            "        held.handle_new_event(EventLogEntry(None, logging.INFO, text, sys.argv[1], time.time()))\n"
            "        time.sleep(0.3)\n"
            "    sys.stdin.read()\n"  # With its files open: who watches is to hear of it all the same.
        )
        command = [sys.executable, "-c", program, run_id]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None and process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            held.watch_event_logs(run_id, None, listen)
            heard_in_time = done.wait(60)
            process.stdin.close()
            assert heard_in_time, heard
        held.event_log_storage.end_watch(run_id, listen)
        assert [text for text in heard if text in ("first", "second", "last")] == ["first", "second", "last"]


@pytest.mark.integration
def test_processes_that_open_a_new_run_at_the_same_moment_all_find_its_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the daemon that starts a run and the web UI that shows it."""
    with instance(tmp_path / "home", monkeypatch):
        program = (
            "import sys, time\nimport dagster as dg\n"
            "with dg.DagsterInstance.get() as held:\n"
            "    print('ready', flush=True)\n"
            "    begin = float(sys.stdin.readline())\n"
            "    for number in range(40):\n"
            "        while time.time() < begin + number / 20:\n"
            "            pass\n"
            "        assert held.all_logs(f'run-{number}') == []\n"
        )
        started = [
            subprocess.Popen(
                [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        begin = f"{time.time() + 0.3}\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write(begin)
            process.stdin.flush()
        assert [process.wait(60) for process in started] == [0, 0]


@pytest.mark.integration
def test_several_processes_log_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance(tmp_path / "home", monkeypatch) as held:
        run(held, 1)
        program = (
            "import sys\nsys.path[:0] = ['tests/resources']\n"
            "import dagster as dg\nimport test_event_log as t\n"
            "with dg.DagsterInstance.get() as held:\n    print(t.run(held, 12))\n"
        )
        started = [
            subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        runs = [process.communicate()[0].split()[-1] for process in started]
        assert all(process.returncode == 0 for process in started)
        for run_id in runs:
            assert sum(kind == "ASSET_MATERIALIZATION" for kind, *_ in told(held, run_id)["events"]) == 13  # type: ignore[attr-defined]


def test_a_home_that_nobody_named_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not looked for in the folder that one happens to stand in."""
    instance(tmp_path, monkeypatch).dispose()
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SoloistError, match="set DAGSTER_HOME"):
        dg.DagsterInstance.from_config(str(tmp_path))
