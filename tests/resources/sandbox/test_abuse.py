"""Programs that take all they can: each is stopped at its limit, the host stays responsive, and nothing is left running.

`abuse` of `conftest.py` asserts the last two after each.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from resources.sandbox import Finished, Limits, Sandbox
from resources.sandbox.cgroups import find_place

pytestmark = pytest.mark.integration

Abuse = Callable[..., Finished]

MIB = 1 << 20
SMALL = Limits(
    seconds=3,
    cpu_seconds=10,
    memory=128 * MIB,
    disk=8 * MIB,
    files=200,
    processes=24,
    open_files=64,
    output=64 << 10,
)

needs_a_cgroup = pytest.mark.skipif(find_place() is None, reason="no cgroup that this user may write")


def test_a_fork_bomb(abuse: Abuse) -> None:
    done = abuse(
        """
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        Limits(seconds=1.5, processes=24, memory=256 * MIB),
    )
    assert done.timed_out


def test_more_processes_than_allowed(abuse: Abuse) -> None:
    done = abuse(
        """
made = 0
try:
    while made < 500:
        if os.fork() == 0:
            time.sleep(60)
        made += 1
except OSError as error:
    print(made, error.errno)
""",
    )
    made, number = done.stdout.split()
    assert 10 <= int(made) <= SMALL.processes + 3
    assert int(number) == 11
    assert done.exit_code == 0


def test_more_threads_than_allowed(abuse: Abuse) -> None:
    done = abuse(
        """
import _thread
made = 0
try:
    while made < 500:
        _thread.start_new_thread(time.sleep, (60,))
        made += 1
except RuntimeError:
    print(made, flush=True)
os._exit(0)
""",
    )
    assert 10 <= int(done.stdout) <= SMALL.processes + 3


def test_memory_of_one_process(abuse: Abuse) -> None:
    done = abuse("parts = []\nwhile True: parts.append(bytearray(b'x' * (1 << 20)))")
    assert done.exit_code != 0
    assert not done.timed_out


@needs_a_cgroup
def test_memory_of_many_processes(abuse: Abuse) -> None:
    done = abuse(
        """
for _ in range(12):
    if os.fork() == 0:
        part = bytearray(b'x' * (40 << 20))
        time.sleep(60)
os.wait()
""",
        replace(SMALL, seconds=30),
    )
    assert done.out_of_memory


@needs_a_cgroup
def test_memory_in_files_without_a_name(abuse: Abuse) -> None:
    done = abuse(
        """
files = []
while True:
    files.append(os.memfd_create("x"))
    os.write(files[-1], b"x" * (4 << 20))
""",
    )
    assert done.out_of_memory or done.exit_code != 0


@needs_a_cgroup
def test_memory_in_pipes_and_sockets(abuse: Abuse) -> None:
    done = abuse(
        """
import fcntl

for _ in range(20):
    if os.fork() == 0:
        kept = []
        while True:
            try:
                kept.append(os.pipe())
                fcntl.fcntl(kept[-1][1], 1031, 1 << 20)
                os.set_blocking(kept[-1][1], False)
                os.write(kept[-1][1], bytes(1 << 20))
            except OSError:
                time.sleep(60)
time.sleep(1)
print("alive")
""",
    )
    assert done.out_of_memory or done.stdout == b"alive\n"


@pytest.mark.parametrize("folder", ["/job", "/tmp", "/dev/shm"])
def test_a_full_disk(abuse: Abuse, folder: str) -> None:
    done = abuse(
        f"""
written = 0
try:
    for number in range(1000):
        with open("{folder}/" + str(number), "wb", buffering=0) as file:
            for _ in range(16):
                written += file.write(b"x" * (1 << 16))
except OSError as error:
    print(written, error.errno)
""",
    )
    written, number = map(int, done.stdout.split())
    assert written <= SMALL.disk
    assert number == 28


def test_all_folders_together_are_one_disk(abuse: Abuse) -> None:
    done = abuse(
        """
written = 0
for folder in ("/job", "/tmp", "/dev/shm"):
    try:
        with open(folder + "/x", "wb", buffering=0) as file:
            while True:
                written += file.write(b"x" * (1 << 16))
    except OSError:
        pass
print(written)
""",
    )
    assert SMALL.disk / 2 < int(done.stdout) <= SMALL.disk


def test_more_names_than_allowed(abuse: Abuse) -> None:
    done = abuse(
        """
made = 0
try:
    while made < 100_000:
        os.mkdir(str(made))
        made += 1
except OSError as error:
    print(made, error.errno)
""",
    )
    made, number = map(int, done.stdout.split())
    assert made <= SMALL.files + 200
    assert number == 28


def test_a_file_longer_than_the_disk(abuse: Abuse) -> None:
    done = abuse(
        """
with open("x", "wb") as file:
    try:
        os.ftruncate(file.fileno(), 1 << 40)
    except OSError as error:
        print(error.errno)
""",
    )
    assert done.stdout == b"27\n"


def test_filling_all_descriptors(abuse: Abuse) -> None:
    done = abuse(
        """
opened = 0
try:
    while opened < 100_000:
        os.dup(0)
        opened += 1
except OSError as error:
    print(opened, error.errno)
""",
    )
    opened, number = map(int, done.stdout.split())
    assert opened <= SMALL.open_files
    assert number == 24


def test_a_huge_command_line(abuse: Abuse) -> None:
    done = abuse(
        """
try:
    os.execv("/bin/true", ["true"] + ["x" * 100_000] * 1000)
except OSError as error:
    print(error.errno)
""",
    )
    assert done.stdout == b"7\n"


def test_a_deep_recursion(abuse: Abuse) -> None:
    done = abuse("sys.setrecursionlimit(10**9)\ndef f(n): return [f(n)]\nf('x')")
    assert done.exit_code != 0
    assert not done.timed_out


@pytest.mark.integration
def test_the_host_works_as_fast_beside_all_abuse_at_once(sandbox: Sandbox) -> None:
    """Forks, memory, disk and output from four sandboxes for ten seconds: a loop on the host keeps its pace."""
    codes = [
        "while True:\n    try: os.fork()\n    except OSError: pass",
        "parts = []\nwhile True:\n    try: parts.append(bytearray(b'x' * (1 << 20)))\n    except MemoryError: parts = []",
        "while True:\n    try: open('/job/x', 'wb').write(b'x' * (7 << 20))\n    except OSError: pass",
        "while True: os.write(1, b'x')",
    ]
    limits = Limits(seconds=10, processes=24, memory=256 * MIB, disk=8 * MIB, output=1 << 30)
    prelude = "import os\n"

    def one(code: str) -> None:
        sandbox.run([sys.executable, "-I", "-S", "-c", prelude + code], {}, limits=limits)

    threads = [threading.Thread(target=one, args=[code]) for code in codes]
    for thread in threads:
        thread.start()
    delays = []
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        time.sleep(0.005)
        delays.append(time.monotonic() - began - 0.005)
    delays.sort()
    assert delays[len(delays) * 99 // 100] < 0.2
    assert delays[-1] < 1.0
