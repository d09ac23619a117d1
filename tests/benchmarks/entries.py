"""Reading entries, from git to the closed database, against git's own wall time; and the memory that it takes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from git_repositories import generate
from measuring import alternating, at_most

_READ = """
import json, resource, sys, time
from datetime import datetime, UTC
from pathlib import Path
from zoneinfo import ZoneInfo
from orchestration_assets.tables import TABLES
from orchestration_assets.worklogs import reading
from resources.warehouse import Warehouse

# What is imported is loaded before the clock starts, as git is before its own.
import duckdb
duckdb.connect().execute("SELECT 1").to_arrow_table()
began = time.perf_counter()
warehouse = Warehouse(Path(sys.argv[2]), specs=TABLES)
found = reading.survey(warehouse, [Path(sys.argv[1])], ZoneInfo("UTC"), datetime.now(UTC))
counts = reading.ingest(warehouse, found, found.months())
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "made": counts.made, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def read_entries(repository: Path) -> dict[str, float]:
    """Seconds, rows and peak memory of reading a repository into a new warehouse, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", _READ, str(repository), f"{folder}/warehouse.duckdb"],
            capture_output=True,
            text=True,
            check=True,
        )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def git_log(repository: Path) -> float:
    """Seconds that git takes for the same history."""
    began = time.perf_counter()
    subprocess.run(
        ["git", "-C", str(repository), "log", "--all", "--numstat", "-M", "-z"], stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - began


def results(scale: float = 1.0) -> Iterator[dict[str, object]]:
    many, few = int(20_000 * scale), int(2_000 * scale)
    with tempfile.TemporaryDirectory() as folder:
        large = generate(Path(folder) / "large", commits=many).path
        small = generate(Path(folder) / "small", commits=few).path
        ours, reference = alternating(lambda: read_entries(large)["seconds"], lambda: git_log(large), rounds=3)
        yield at_most(f"entries of {many} commits to the closed database, against git log, s", ours, reference, 1.5)
        grown = median(read_entries(large)["peak_mb"] - read_entries(small)["peak_mb"] for _ in range(5))
        yield {
            "name": f"memory from {few} to {many} commits, MB",
            "ours": round(grown, 1),
            "reference": 100,
            "ratio": round(grown / 100, 3),
            "bar": 1.0,
            "holds": grown < 100,
        }
