"""What importing the definitions costs, against a project of one asset: every run process and every reload pays it."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measuring import alternating, at_most

_ONE_ASSET = """
import dagster as dg

@dg.asset
def only_asset() -> None: ...

defs = dg.Definitions(assets=[only_asset])
"""


def cpu_seconds(code: str, folder: str) -> float:
    """CPU time, user and system, of a fresh interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def results(scale: float = 1.0) -> Iterator[dict[str, object]]:
    rounds = max(3, int(15 * scale))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "one_asset.py").write_text(_ONE_ASSET)
        ours, reference = alternating(
            lambda: cpu_seconds("import orchestration_assets.definitions", folder),
            lambda: cpu_seconds("import one_asset", folder),
            rounds,
        )
        yield at_most(f"import of the definitions, median CPU s of {rounds} starts", ours, reference, 1.15)
