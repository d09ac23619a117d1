"""A program for the inside of a sandbox: it tries to get out, and says on standard output what it could do. It does no
harm where it succeeds.

What belongs here: one function for each attempt, true where it succeeded. It is run by the interpreter inside, so it
imports nothing of ours and no more of Python than it needs.
"""

from __future__ import annotations

# ruff: noqa: PTH108, PTH123
# Paths are joined as text here: some lead through links on purpose.
import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence

NEW_USER = 0x10000000
OUTSIDE = ("/usr", "/etc", "", "/dev")
SETTING = "/proc/sys/kernel/core_pattern"


def connects(port: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(port)), 2).close()
    except OSError:
        return False
    return True


def reads(secret: str) -> bool:
    for beginning in ("", "/proc/1/root", "/proc/self/root", "/proc/self/cwd/.."):
        try:
            with open(beginning + secret, "rb") as file:
                file.read(1)
        except OSError:
            continue
        return True
    return False


def writes(prefix: str) -> bool:
    """Leaves nothing changed: where it gets out, it is on somebody's machine."""
    written = False
    for folder in (*OUTSIDE, prefix):
        path = f"{folder}/soloist-probe-{os.getpid()}"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            written = True
            os.unlink(path)
        except OSError:
            continue
    try:
        # Only opened: that is what is refused, and a write would stay.
        os.close(os.open(SETTING, os.O_WRONLY))
    except OSError:
        return written
    return True


def makes_a_user_namespace() -> bool:
    return bool(ctypes.CDLL(None).unshare(NEW_USER) == 0)


def is_unfiltered() -> bool:
    """A kernel that is no Linux (gVisor) says nothing of filters, and is one itself."""
    with open("/proc/self/status") as file:
        return any(line.split() == ["Seccomp:", "0"] for line in file)


def makes_processes(limit: str) -> bool:
    made: list[int] = []
    try:
        while len(made) <= int(limit):
            number = os.fork()
            if number == 0:
                time.sleep(30)
                os._exit(0)
            made.append(number)
    except OSError:
        return False
    finally:
        for number in made:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
    return True


def main(arguments: Sequence[str]) -> None:
    port, secret, limit = arguments
    attempts: dict[str, Callable[[], bool]] = {
        "reached the network of the host": lambda: connects(port),
        "read a file of the host": lambda: reads(secret),
        "wrote outside its work folder": lambda: writes(sys.prefix),
        "made a user namespace": makes_a_user_namespace,
        "made more processes than allowed": lambda: makes_processes(limit),
        "ran without a filter of system calls": is_unfiltered,
        "ran as root": lambda: os.getuid() == 0 or os.geteuid() == 0,
    }
    escapes = [name for name, attempt in attempts.items() if attempt()]
    print(json.dumps({"tried": len(attempts), "escapes": escapes}))


if __name__ == "__main__":
    main(sys.argv[1:])
