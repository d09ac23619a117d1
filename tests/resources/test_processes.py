"""A process that is gone is told from one that works, and from another one that got its number."""

from __future__ import annotations

import os
import subprocess
import sys

from resources.processes import is_gone, this_process


def test_this_process_is_not_gone() -> None:
    assert not is_gone(this_process())


def test_a_process_that_ended_is_gone_even_while_nobody_collected_it() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "from resources.processes import this_process; print(this_process())"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    name = child.stdout.read().decode().strip()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(name)
    child.wait()
    assert is_gone(name)


def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    host, pid, start = this_process().rsplit(":", 2)
    assert is_gone(f"{host}:{pid}:{int(start) - 1}")


def test_nothing_is_said_of_the_processes_of_other_hosts() -> None:
    assert not is_gone("another-host:1:1")
