"""The test that each process makes before it trusts a sandbox: a program inside really tries to get out.

What belongs here: planting what the program (`probe.py`) is to look for, running it, and refusing on any success.
"""

from __future__ import annotations

import json
import socket
import tempfile
from pathlib import Path

from resources.sandbox.interface import MIB, Backend, Job, Limits, SandboxUnavailable

PROBE = Path(__file__).with_name("probe.py")
ATTEMPTS = 7

_LIMITS = Limits(seconds=30, cpu_seconds=20, memory=512 * MIB, disk=8 * MIB, files=100, processes=16, output=1 << 16)


def check(backend: Backend) -> None:
    """Raises SandboxUnavailable, in one sentence, unless everything that the probe tries fails."""
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.NamedTemporaryFile(prefix="soloist-") as secret:
        secret.write(b"secret")
        secret.flush()
        port = str(listener.getsockname()[1])
        command = [backend.python, "-I", "-S", "probe.py", port, secret.name, str(_LIMITS.processes)]
        done = backend.run(Job(command, {"probe.py": PROBE.read_bytes()}, _LIMITS))
        listener.setblocking(False)
        reached = _was_reached(listener)
    try:
        answer = json.loads(done.stdout)
        tried, escapes = int(answer["tried"]), [str(each) for each in answer["escapes"]]
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise SandboxUnavailable(
            f"The sandbox cannot be trusted: the program that tests it ended with {done.exit_code} "
            f"({lines[-1][:200] if lines else 'no reason given'}); see that {backend.python} works inside."
        ) from None
    if reached:
        escapes.append("reached the listener of the test")
    if escapes or tried != ATTEMPTS:
        raise SandboxUnavailable(
            f"The sandbox cannot be trusted: a test program inside {' and '.join(escapes) or 'tried too little'}; nothing "
            "is run on this machine until that is mended, or another backend is configured."
        )


def _was_reached(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True
