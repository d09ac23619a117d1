"""A run in which nothing changed, against the same graph whose assets do nothing at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from git_repositories import generate
from measuring import alternating, at_most

_RUN = """
import json, os, sys, time
import dagster as dg
from orchestration_assets import running
from orchestration_assets.commands import quiet_dagster
from orchestration_assets.dagster_home import prepare_home
from orchestration_assets.definitions import ASSETS, build_definitions
from orchestration_assets.partitions import range_tags
from resources.settings import load_settings

definitions = build_definitions()
if sys.argv[1] == "empty":
    import empty_graph
    definitions = empty_graph.definitions()
prepare_home(load_settings())
with quiet_dagster(), dg.DagsterInstance.get() as instance:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        running.execute(definitions, instance, "refresh_worklogs_job", range_tags(sys.argv[2], sys.argv[2]), running.Totals())
        seconds.append(time.perf_counter() - began)
print(json.dumps(sorted(seconds)[1]))
"""


def graph_seconds(kind: str, month: str, environment: dict[str, str]) -> float:
    """Median seconds of three runs of the monthly chain over one month, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, kind, month],
        env={**os.environ, **environment, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return float(json.loads(done.stdout))


def results(scale: float = 1.0) -> Iterator[dict[str, object]]:
    commits = int(2_000 * scale)
    with tempfile.TemporaryDirectory() as folder:
        repository = generate(Path(folder) / "repository", commits=commits).path
        environment = {
            "SOLOIST_HOME": f"{folder}/home",
            "DAGSTER_HOME": f"{folder}/home/dagster",
            "SOLOIST_REPOSITORIES": str(repository),
            "SOLOIST_TIMEZONE": "UTC",
        }
        soloist = str(Path(sys.executable).parent / "soloist")
        for _ in range(2):
            subprocess.run(
                [soloist, "run", "--json"], env={**os.environ, **environment}, check=True, capture_output=True
            )
        done = subprocess.run(
            ["git", "-C", str(repository), "log", "-1", "--format=%ad", "--date=format:%Y-%m-01"],
            capture_output=True,
            text=True,
            check=True,
        )
        month = done.stdout.strip()
        ours, reference = alternating(
            lambda: graph_seconds("ours", month, environment),
            lambda: graph_seconds("empty", month, environment),
            rounds=5,
        )
        yield at_most(f"nothing changed in {commits} commits, against empty bodies, s", ours, reference, 1.5)
