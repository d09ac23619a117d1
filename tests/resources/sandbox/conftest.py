"""One sandbox for all its tests, what the host plants for programs inside, and a way to try something in and out of it.

The tests are skipped where bubblewrap is not there or the kernel lets nobody use it, and only there: a sandbox that lets
something through must fail them.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from resources.sandbox import Finished, Limits, Sandbox

Try = Callable[[str], str]

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
SLOWEST = 1.0
"""Seconds that a loop on the host may be kept from running; without a fence they are many, or the machine dies."""

PRELUDE = """
import ctypes, errno, json, os, platform, signal, socket, struct, sys, time
given = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"

def ok(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def call(x86_64, aarch64, *arguments):
    number = aarch64 if arm else x86_64
    if number is None:
        raise OSError(errno.ENOSYS, "not on this processor")
    # As long: of a bare int that goes by the stack, ctypes leaves the upper half as it was.
    return ok(libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)))

def reached(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(1)
        s.connect(address)

def read(path):
    with open(path, "rb") as file:
        file.read(1)

def must(truth):
    if not truth:
        raise OSError(0, "held")

"""

ENDING = """
except OSError as error:
    print("HELD", error)
else:
    print("ESCAPED")
"""


ALL = """
import os, signal, sys
for name in sorted(os.listdir()):
    if not os.path.isdir(name):
        continue
    number = os.fork()
    if number == 0:
        os.chdir(name)
        said = os.open("said", os.O_CREAT | os.O_WRONLY)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.close(said)
        signal.alarm(5)
        try:
            with open("attempt.py") as file:
                code = file.read()
            exec(compile(code, name, "exec"), {})
        finally:
            sys.stdout.flush()
            os._exit(0)
    if os.WIFSTOPPED(os.waitpid(number, os.WUNTRACED)[1]):
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
"""


def program(attempt: str) -> bytes:
    body = "".join(f"    {line}\n" for line in attempt.strip().splitlines())
    return (PRELUDE + "try:\n" + body + ENDING.lstrip()).encode()


def why_not() -> str:
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed (apt-get install bubblewrap)"
    done = subprocess.run(
        [program, "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, text=True, check=False
    )
    return f"bubblewrap cannot work here: {done.stderr.strip()}" if done.returncode else ""


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    if reason := why_not():
        pytest.skip(reason)
    return Sandbox()


def echo(server: socket.socket) -> None:
    try:
        while True:
            data, address = server.recvfrom(100)
            server.sendto(data, address)
    except OSError:
        return


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a program would find on the host."""
    folder, token = tmp_path_factory.mktemp("host"), secrets.token_hex(8)
    (folder / "secret.txt").write_text(token)
    (folder / "home/.ssh").mkdir(parents=True)
    (folder / "readable").mkdir()
    for name in ("home/.netrc", "home/.ssh/id_ed25519", "home/.gitconfig", "readable/data.txt"):
        (folder / name).write_text(token)
    # Only the sandbox keeps these from being written.
    (folder / "readable").chmod(0o777)
    (folder / "readable/data.txt").chmod(0o666)
    unix, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with socket.create_server(("127.0.0.1", 0)) as tcp, unix, abstract, udp:
        tcp6 = socket.create_server(("::1", 0), family=socket.AF_INET6) if socket.has_ipv6 else tcp
        unix.bind(str(folder / "unix"))
        abstract.bind(f"\0soloist-{token}")
        udp.bind(("127.0.0.1", 0))
        for listener in (unix, abstract):
            listener.listen()
        threading.Thread(target=echo, args=[udp], daemon=True).start()
        os.environ["TOKEN_OF_THE_HOST"] = token
        left_open = os.open(folder / "secret.txt", os.O_RDONLY)
        os.set_inheritable(left_open, True)
        yield {
            "token": token,
            "tcp": tcp.getsockname()[1],
            "tcp6": tcp6.getsockname()[1],
            "udp": udp.getsockname()[1],
            "abstract": f"soloist-{token}",
            "unix": str(folder / "unix"),
            "secret": str(folder / "secret.txt"),
            "home": str(folder / "home"),
            "readable": str(folder / "readable"),
            "pid": os.getpid(),
        }
        os.close(left_open)
        del os.environ["TOKEN_OF_THE_HOST"]
        tcp6.close()


@pytest.fixture(scope="session")
def inside(sandbox: Sandbox, given: dict[str, Any]) -> Callable[[Mapping[str, str]], Mapping[str, str]]:
    """Tries each of some things in one sandbox, in a process and a folder of its own, and returns what each says: HELD
    and why, or ESCAPED. One sandbox for all of them costs a tenth of the time."""

    def attempts(codes: Mapping[str, str]) -> Mapping[str, str]:
        command = [sys.executable, "-I", "-S", "all.py", json.dumps(given)]
        files = {f"{name}/attempt.py": program(code) for name, code in codes.items()} | {"all.py": ALL.encode()}
        done = sandbox.run(command, files, read_only=[Path(given["readable"])], collect=["*/said"])
        assert (done.exit_code, done.stdout, done.stderr) == (0, b"", b""), done
        return {name.partition("/")[0]: said.decode() for name, said in done.files.items()}

    return attempts


@pytest.fixture
def outside(given: dict[str, Any], tmp_path: Path) -> Try:
    """Tries the same on the host. Only for what does no harm there."""

    def attempt(code: str) -> str:
        (tmp_path / "attempt.py").write_bytes(program(code))
        command = [sys.executable, "-I", "-S", "attempt.py", json.dumps(given)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, close_fds=False)
        return done.stdout.decode()

    return attempt


def carrying(token: str) -> list[int]:
    """Processes of the host that carry the token in their command line."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and int(each.name) != os.getpid():
            try:
                if token.encode() in (each / "cmdline").read_bytes():
                    found.append(int(each.name))
            except OSError:
                continue
    return found


@contextmanager
def responsive() -> Iterator[None]:
    """A loop beside the block that sleeps 5 ms at a time; it must go on."""
    worst, over = 0.0, threading.Event()

    def loop() -> None:
        nonlocal worst
        while not over.is_set():
            began = time.monotonic()
            time.sleep(0.005)
            worst = max(worst, time.monotonic() - began)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert worst < SLOWEST


@pytest.fixture
def abuse(sandbox: Sandbox) -> Callable[..., Finished]:
    """Runs a program that takes what it can, and asserts what must hold after each."""

    def run(code: str, limits: Limits = SMALL) -> Finished:
        token = secrets.token_hex(8)
        began = time.monotonic()
        memory = peak()
        prelude = "import os, signal, sys, time\n"
        with responsive():
            done = sandbox.run(
                [sys.executable, "-I", "-S", "abuse.py", token], {"abuse.py": (prelude + code).encode()}, limits=limits
            )
        assert carrying(token) == []
        assert time.monotonic() - began < limits.seconds + 3
        assert len(done.stdout) <= limits.output
        assert len(done.stderr) <= limits.output
        assert peak() - memory < 64 * MIB
        return done

    return run


def peak() -> int:
    """Most memory that this process ever had, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


@pytest.fixture
def left() -> Callable[[str], list[int]]:
    return carrying
