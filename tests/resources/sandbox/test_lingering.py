"""Programs that do not stop by themselves: they write, spin, sleep, ignore signals or hide, and end all the same.

`abuse` of `conftest.py` asserts after each that the host stayed responsive and that nothing is left running.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resources.sandbox import Finished, Limits, Sandbox

pytestmark = pytest.mark.integration

Abuse = Callable[..., Finished]

OUTPUT = 64 << 10
"""What `abuse` allows."""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output(abuse: Abuse, stream: str) -> None:
    done = abuse(f"while True: sys.{stream}.write('x' * 65536)")
    assert done.truncated
    assert not done.timed_out
    assert len(getattr(done, stream)) == OUTPUT
    assert done.signal == signal.SIGKILL
    assert done.seconds < 2


def test_endless_output_on_both(abuse: Abuse) -> None:
    done = abuse("while True: os.write(1, b'x' * 4096); os.write(2, b'y' * 4096)")
    assert done.truncated


def test_endless_output_of_many_processes(abuse: Abuse) -> None:
    done = abuse("[os.fork() for _ in range(3)]\nwhile True: os.write(1, b'x' * 65536)")
    assert done.truncated


def test_spinning_past_the_limit_of_the_processor(abuse: Abuse) -> None:
    done = abuse("while True: pass", Limits(seconds=60, cpu_seconds=1))
    assert done.signal == signal.SIGXCPU
    assert not done.timed_out


def test_spinning_in_all_processes(abuse: Abuse) -> None:
    done = abuse("[os.fork() for _ in range(3)]\nwhile True: pass", Limits(seconds=1))
    assert done.timed_out


def test_sleeping_past_the_limit(abuse: Abuse) -> None:
    done = abuse("print('begun', flush=True)\ntime.sleep(60)", Limits(seconds=2))
    assert done.timed_out
    assert done.signal == signal.SIGKILL
    assert done.stdout == b"begun\n"
    assert 1.9 < done.seconds < 4


def test_ignoring_every_signal(abuse: Abuse) -> None:
    done = abuse(
        """
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    time.sleep(1)
""",
        Limits(seconds=0.5),
    )
    assert done.timed_out


def test_a_daemon_that_outlives_its_parent(abuse: Abuse) -> None:
    done = abuse(
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
os.wait()
print("gone")
""",
    )
    assert done.stdout == b"gone\n"
    assert done.exit_code == 0
    assert done.seconds < 2


def test_a_daemon_that_closes_everything(abuse: Abuse) -> None:
    done = abuse(
        """
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 64)
    while True:
        os.fork() or time.sleep(60)
""",
    )
    assert done.exit_code == 0


def test_closing_the_output_and_going_on(abuse: Abuse) -> None:
    done = abuse("os.closerange(0, 64)\ntime.sleep(60)", Limits(seconds=0.5))
    assert done.timed_out


@pytest.mark.parametrize("target", ["-1", "1", "os.getppid()", "0"])
def test_killing_all_it_can_reach(abuse: Abuse, target: str) -> None:
    bystander = subprocess.Popen(["sleep", "30"])
    try:
        abuse(f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.kill({target}, 15)\nos.kill({target}, 9)")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_no_daemon_outlives_a_caller_that_is_killed(
    sandbox: Sandbox, left: Callable[[str], list[int]], tmp_path: Path
) -> None:
    token = secrets.token_hex(8)
    code = f"""
import sys
from resources.sandbox import Sandbox

print("ready", flush=True)
Sandbox().run([sys.executable, "-I", "-S", "-c", "import os, time; os.fork(); os.setsid(); time.sleep(60)", "{token}"], {{}})
"""
    caller = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path)
    try:
        assert caller.stdout is not None
        assert caller.stdout.read(6) == b"ready\n"
        deadline = time.monotonic() + 20
        # The caller (the launcher does not say), bubblewrap outside and inside, and two of the program.
        while len(left(token)) < 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(left(token)) >= 5
        caller.send_signal(signal.SIGKILL)
        caller.wait()
        while left(token) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left(token) == []
    finally:
        caller.kill()
        caller.communicate()
