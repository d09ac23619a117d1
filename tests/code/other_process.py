"""What code prints in a process of its own, where sets have another order."""

from __future__ import annotations

import os
import subprocess
import sys

from resources.settings import ROOT


def printed(code: str, seed: int) -> str:
    """`seed` is that of hashes."""
    variables = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
