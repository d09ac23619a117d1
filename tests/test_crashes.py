"""A run that is killed costs nothing but its time, one at a time works in a home, and who only looks need not wait for it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from git_repositories import clean_environment
from killing import NOW, ROOT, Home, assert_as_if_nothing_had_happened, make_history, spread, undisturbed
from terminal import installed_soloist

COMMITS = 40
HORIZON_DAYS = 14
LONGEST_WAIT = 1.0
"""Seconds that a lock of the warehouse may be held."""

_WATCHER = """
import select, sys, time
from orchestration_assets.connections import open_warehouse
from resources.settings import load_settings

warehouse = open_warehouse(load_settings())
with warehouse.read():
    print("watching", flush=True)
waits = []
while not select.select([sys.stdin], [], [], 0.02)[0]:
    begun = time.monotonic()
    with warehouse.read():
        waits.append(time.monotonic() - begun)
print(len(waits), max(waits))
"""
"""Opens reading sessions in a loop until something comes on its standard input; prints how many, and the longest wait for one."""


@pytest.mark.integration
def test_a_killed_run_is_made_good_by_the_next(tmp_path: Path) -> None:
    """One run is killed at some moment of its work, one between one transaction and the next."""
    reference = undisturbed(tmp_path, COMMITS, HORIZON_DAYS)
    killed = 0
    for share in spread(1, random.Random(1)):
        home = reference.copied_home(tmp_path / f"moment-{share:.3f}")
        killed += home.kill_after(share * reference.seconds)
        assert_as_if_nothing_had_happened(home, reference)
    assert killed, "every run was done before it could be killed"
    for share in spread(1, random.Random(2)):
        home = reference.killed_home(tmp_path / f"step-{share:.3f}", share)
        assert_as_if_nothing_had_happened(home, reference)


@pytest.mark.integration
def test_a_second_run_in_a_home_ends_with_a_sentence_and_one_in_another_home_works(tmp_path: Path) -> None:
    homes = [_home(tmp_path / name, make_history(tmp_path / "shop", 10)) for name in ("one", "other")]
    first = homes[0].begin_run()
    homes[0].await_work(first)
    elsewhere = homes[1].begin_run()
    os.kill(first.pid, signal.SIGSTOP)  # Else it might be done before the second has begun.
    try:
        second = installed_soloist("run", "--json", variables=homes[0].variables, cwd=ROOT)
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert second.status == 1
    assert f"process {first.pid}" in second.sentence
    for run in (first, elsewhere):
        said = run.finish()
        assert run.status() == 0, said


@pytest.mark.integration
def test_no_lock_is_held_longer_than_a_second_and_others_can_note_and_show(tmp_path: Path) -> None:
    home = _home(tmp_path / "home", make_history(tmp_path / "shop", 2000))
    with home.entered() as bench:
        bench.query("SELECT 1")
    run = home.begin_run()
    home.await_work(run)
    watcher = _watcher(home)
    noted = installed_soloist("log", "Packed a parcel.", variables=home.variables, cwd=ROOT)
    shown = installed_soloist("notes", "--json", variables=home.variables, cwd=ROOT)
    assert run.status() is None, "the run was done too early to tell"
    said = run.finish()
    assert run.status() == 0, said
    assert (noted.status, shown.status) == (0, 0)
    samples, longest = watcher.communicate("\n", timeout=60)[0].splitlines()[-1].split()
    print(f"The longest of {samples} waits was {float(longest):.3f} s.")
    assert float(longest) < LONGEST_WAIT


def _home(folder: Path, repository: Path) -> Home:
    folder.mkdir(parents=True)
    return Home.at(
        folder,
        {
            "SOLOIST_NOW": NOW.isoformat(),
            "SOLOIST_TIMEZONE": "UTC",
            "SOLOIST_AUTHORS": "all",
            "SOLOIST_REPOSITORIES": str(repository),
        },
    )


def _watcher(home: Home) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WATCHER],
        cwd=ROOT,
        env={**clean_environment(), **home.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "watching\n"
    return process
