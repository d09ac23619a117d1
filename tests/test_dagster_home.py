"""Dagster's databases in a new home are whole or not there, whatever happened while they were made."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration_assets.dagster_home import make_databases, opened_instance
from resources.errors import SoloistError
from resources.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
_MAKER = """
import os, signal, sys
from pathlib import Path

from orchestration_assets.dagster_home import make_databases, opened_instance

event, fatal, seen = sys.argv[2], int(sys.argv[3]), 0

def watch(name, arguments):
    global seen
    if name == event:
        seen += 1
        if seen == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
make_databases(Path(sys.argv[1]))
"""
"""Makes the databases in a folder, and kills itself at the n-th event of a name that Python's audit tells of."""


def contents(home: Path) -> dict[str, set[tuple[object, ...]]]:
    """The tables and indexes of each file, its schema's version and the indexes of Dagster's own that are filled."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for path in sorted(home.rglob("*.db")):
        with sqlite3.connect(path) as connection:
            rows = set(connection.execute("SELECT type, name FROM sqlite_master"))
            rows |= set(connection.execute("SELECT 'version', version_num FROM alembic_version"))
            if ("table", "secondary_indexes") in rows:
                rows |= set(
                    connection.execute(
                        "SELECT 'filled', name FROM secondary_indexes WHERE migration_completed NOT NULL"
                    )
                )
        found[str(path.relative_to(home))] = rows
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[object, ...]]]:
    home = tmp_path_factory.mktemp("whole")
    make_databases(home)
    return contents(home)


def test_a_new_home_gets_all_three(whole: dict[str, set[tuple[object, ...]]]) -> None:
    assert set(whole) == {"history/runs.db", "history/runs/index.db", "schedules/schedules.db"}
    assert all(any(kind == "version" for kind, _ in rows) for rows in whole.values())


@pytest.mark.integration
@pytest.mark.parametrize(("event", "fatal"), [("sqlite3.connect", 4), ("sqlite3.connect", 12), ("os.rename", 2)])
def test_they_are_whole_after_a_kill_while_they_were_made(
    event: str, fatal: int, whole: dict[str, set[tuple[object, ...]]], tmp_path: Path
) -> None:
    killed = subprocess.run([sys.executable, "-c", _MAKER, tmp_path, event, str(fatal)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "history").exists()
    make_databases(tmp_path)
    assert contents(tmp_path) == whole


def test_what_is_there_stays(whole: dict[str, set[tuple[object, ...]]], tmp_path: Path) -> None:
    make_databases(tmp_path)
    with sqlite3.connect(tmp_path / "history" / "runs.db") as connection:
        connection.execute("INSERT INTO daemon_heartbeats (daemon_type, timestamp) VALUES ('test', 0)")
    make_databases(tmp_path)
    with sqlite3.connect(tmp_path / "history" / "runs.db") as connection:
        assert connection.execute("SELECT count(*) FROM daemon_heartbeats").fetchone() == (1,)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "new.lock").mkdir()
    with pytest.raises(SoloistError, match="cannot be used"):
        make_databases(tmp_path)


def test_one_run_at_a_time_loads_a_model_into_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("SOLOIST_MODEL_BACKEND", "vllm")
    with opened_instance(load_settings()) as instance:
        assert instance.event_log_storage.get_concurrency_info("gpu").slot_count == 1
        instance.event_log_storage.set_concurrency_slots("gpu", 2)
    with opened_instance(load_settings()) as instance:
        assert instance.event_log_storage.get_concurrency_info("gpu").slot_count == 2, "what somebody set stays"
    program = (
        "from orchestration_assets.definitions import defs\n"
        "print({asset.op.pool for asset in defs.assets if asset.is_executable} - {None})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "{'gpu'}"
