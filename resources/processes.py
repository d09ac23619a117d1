"""Processes: which one is which, so that a run whose process is gone can be told from one that works, and how often they look for garbage.

A process is named by host, process id and start time: a process id alone is soon given to another process.
"""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path

PROCESS_TAG = "soloist/process"
"""The tag of a Dagster run that names the process it runs in."""


def collect_seldom() -> None:
    """Lets Python look for cycles of garbage a hundred times less often. A run makes hundreds of thousands of small objects that stay, and
    walking over them again and again took a fifth of its time; what is not in a cycle is freed at once all the same."""
    gc.set_threshold(100_000, 50, 100)


def this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{_start_time(os.getpid())}"


def is_gone(process: str) -> bool:
    """True where the process ran on this host and does not any more. A process of another host is never said to be gone."""
    host, pid, start = process.rsplit(":", 2)
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return _start_time(int(pid)) != start


def _start_time(pid: int) -> str | None:
    """Clock ticks from boot to the start of the process, or None where no such process lives (or it is a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return _without_proc(pid)
    return None if fields[0] in "ZX" else fields[19]


def _without_proc(pid: int) -> str | None:
    if Path("/proc/self").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "alive"
