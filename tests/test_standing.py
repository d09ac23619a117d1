"""A `soloist run` with nothing to do starts no run; whatever could have changed something makes it look."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from git_repositories import GitRepository
from terminal import live_in, made_home, soloist

from resources.processes import PROCESS_TAG

ROOT = Path(__file__).resolve().parents[1]
STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which everything was made."""
    folder = tmp_path_factory.mktemp("standing")
    home, done = made_home(folder)
    assert done.status == 0, done.err
    return home


@pytest.fixture(autouse=True)
def _living(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live_in(template, monkeypatch)
    soloist("run", "--json")


def runs() -> int:
    with dg.DagsterInstance.get() as instance:
        return instance.get_runs_count()


def test_where_nothing_changed_no_run_starts_and_the_counts_are_those_of_the_tables() -> None:
    before = runs()
    done = soloist("run", "--json")
    assert done.status == 0
    assert runs() == before
    assets = json.loads(done.out)["assets"]
    assert {counts["made"] for counts in assets.values()} == {0}
    assert assets["worklog_entries"] == {"read": 2, "made": 0, "unchanged": 2, "failed": 0}
    assert assets["worklog_analyses"]["unchanged"] == 2
    assert assets["status_report"]["unchanged"] == 1
    assert assets["resume"]["unchanged"] == 2
    assert "## Top skills" in soloist("run").out


@pytest.mark.integration
def test_the_run_after_the_one_that_made_everything_starts_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = made_home(tmp_path)
    live_in(home, monkeypatch)
    before = runs()
    assert soloist("run", "--json").status == 0
    assert runs() == before


def commit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    GitRepository(home.parent / "shelf").commit("docs: explain", {"README.md": "x"}, authored="2026-11-19T09:00:00Z")


def profile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (home / "profile.toml").open("a") as file:
        file.write("\n")


def timezone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_TIMEZONE", "Europe/Berlin")


@pytest.mark.integration
@pytest.mark.parametrize("change", [commit, profile, timezone])
def test_what_could_change_something_makes_it_look(
    template: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, pytest.MonkeyPatch], None]
) -> None:
    before = runs()
    change(template, monkeypatch)
    assert soloist("run", "--json").status == 0
    assert runs() > before


@pytest.mark.integration
def test_what_is_asked_for_anew_is_looked_for() -> None:
    before = runs()
    assert soloist("run", "--json", "--since", "2026-01-01").status == 0
    assert runs() > before


@pytest.mark.integration
def test_a_run_that_left_something_out_is_not_complete(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (template / "profile.toml").rename(template / "kept.toml")
    (template / "profile.toml").write_text("[basics\n")
    assert soloist("run", "--json").status == 1
    before = runs()
    assert soloist("run", "--json").status == 1
    assert runs() > before
    (template / "kept.toml").rename(template / "profile.toml")


def test_a_run_whose_process_died_is_failed_though_nothing_changed() -> None:
    naming = "from resources.processes import this_process; print(this_process())"
    gone = subprocess.run([sys.executable, "-c", naming], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    with dg.DagsterInstance.get() as instance:
        dead = dg.DagsterRun(job_name="refresh_worklogs_job", status=STARTED, tags={PROCESS_TAG: gone.strip()})
        instance.add_run(dead)
        assert soloist("run", "--json").status == 0
        found = instance.get_run_by_id(dead.run_id)
        assert found is not None and found.status is dg.DagsterRunStatus.FAILURE
    before = runs()
    assert soloist("run", "--json").status == 0
    assert runs() == before
