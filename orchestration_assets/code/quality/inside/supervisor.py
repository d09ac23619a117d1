"""The first process in the sandbox: starts the tests in a child, watches it, and tells the host how it ended.

What belongs here: what must stay true whatever the tests do. This process never runs code of the project. It takes the key from a file that is
gone before the child may begin, makes itself unreadable to its children, and is the only one that has the pipe to the host; so nobody but it can
sign a report, and a report that is missing, cut or signed otherwise is no report.
"""

import ctypes
import hashlib
import hmac
import json
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

CHUNK = 1 << 16
PR_SET_DUMPABLE = 4


def main() -> None:
    folder = Path(__file__).absolute().parent
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    sys.path.insert(0, str(folder))
    # Before the folder is removed, and before there is a key.
    child = __import__("child")
    output, events, go = os.pipe(), os.pipe(), os.pipe()
    process = os.fork()
    if process == 0:
        child.begin(job, output[1], events[1], go[0], [output[0], events[0], go[1]])
    for number in (output[1], events[1], go[0]):
        os.close(number)
    # Its memory and its descriptors are then closed to all other processes of the same user.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    key = (folder / "key").read_bytes()
    shutil.rmtree(folder)
    os.write(go[1], b"g")
    report = json.dumps(watched(process, output[0], events[0], job["seconds"], job["output"], job["events"])).encode()
    write_all(1, hmac.new(key, report, hashlib.sha256).hexdigest().encode() + b"\n" + report)
    # The end of this process is the end of all others here.
    os._exit(0)


def watched(
    process: int, output: int, events: int, seconds: float, most_output: int, most_events: int
) -> dict[str, Any]:
    """How the child ended: `how` (exited, signal, timeout, output, events), the status, what it said, and how many processes there were."""
    began = time.monotonic()
    kept = {output: bytearray(), events: bytearray()}
    dropped, how, status = 0, "", 0
    exited = os.pidfd_open(process)
    poller = select.poll()
    for number in (output, events, exited):
        os.set_blocking(number, False)
        poller.register(number, select.POLLIN)
    while not how:
        left = seconds - (time.monotonic() - began)
        if left <= 0:
            how = "timeout"
            break
        ready = {number for number, _ in poller.poll(left * 1000)}
        for number in ready & kept.keys():
            data = take(number)
            if data == b"":
                poller.unregister(number)
            kept[number] += data or b""
        if len(kept[events]) > most_events:
            how = "events"
        if dropped + len(kept[output]) > most_output:
            how = "output"
        elif len(kept[output]) > CHUNK:
            # Only its end is told.
            dropped += len(kept[output]) - CHUNK
            del kept[output][:-CHUNK]
        if exited in ready and not how:
            how = "exited"
    processes = sum(path.name.isdigit() for path in Path("/proc").iterdir()) if how == "timeout" else 0
    if how == "exited":
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        # Others may hold the pipes open for ever: what they hold now is all that counts.
        for number in kept:
            while (data := take(number)) and len(kept[events]) <= most_events and len(kept[output]) <= most_output:
                kept[number] += data
    else:
        os.kill(process, signal.SIGKILL)
    return {
        "how": "signal" if status < 0 else how,
        "status": status,
        "seconds": time.monotonic() - began,
        "processes": processes,
        "events": kept[events].decode("utf-8", "replace"),
        "output": kept[output][-CHUNK:].decode("utf-8", "replace"),
    }


def take(number: int) -> bytes | None:
    """What a pipe holds, nothing at its end, None where it holds nothing now."""
    try:
        return os.read(number, CHUNK)
    except BlockingIOError:
        return None


def write_all(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


if __name__ == "__main__":
    main()
