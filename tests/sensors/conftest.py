"""Fixtures of the sensors: a process that ended."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def gone() -> str:
    """A process that ran on this host and ended."""
    code = "from resources.processes import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
