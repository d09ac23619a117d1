"""The webhook app and the inbox under load: deliveries at 200 a second while the warehouse is locked, rubbish, replays, and a flood that
is drained.

The app is `soloist webhooks` in a process of its own; the clients are this one.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from github_deliveries import SECRET, headers, merged  # noqa: E402
from measuring import at_least, at_most  # noqa: E402
from served_ui import COMMANDS, environment, free_port, wait_for  # noqa: E402

from orchestration_assets.activity.applying import apply_waiting  # noqa: E402
from orchestration_assets.connections import open_inbox, open_warehouse  # noqa: E402
from resources.inbox import Inbox  # noqa: E402
from resources.settings import Settings  # noqa: E402
from sensors.deliveries import Delivery, github_event  # noqa: E402

RATE = 200
"""Deliveries a second."""
CLIENTS = 16


def results(scale: float) -> Iterator[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with _webhooks(home) as (url, pid):
            yield from _steady(home, url, seconds=max(3, int(30 * scale)))
            yield from _rubbish(home, url, pid, max(2000, int(100_000 * scale)))
    with tempfile.TemporaryDirectory() as folder:
        yield from _flood(Path(folder), max(1000, int(10_000 * scale)))


def _steady(home: Path, url: str, seconds: int) -> Iterator[dict[str, object]]:
    count = RATE * seconds
    bodies = [
        json.dumps(merged(number, f"Pull request {number}", "2024-03-07T11:00:00Z")).encode()
        for number in range(1, count + 1)
    ]
    with open_warehouse(Settings(home=home)).write():
        took, statuses = asyncio.run(_paced(f"{url}/webhooks/github", bodies))
    yield at_most(
        "99th percentile of an answer at 200 a second (ms)", statistics.quantiles(took, n=100)[98] * 1000, 300, 1.0
    )
    kept = _kept(home)
    yield at_least("accepted deliveries that lie in the inbox", kept, statuses.count(202), 1.0)
    yield at_least("deliveries that were accepted", statuses.count(202), count, 1.0)
    replayed = bodies[:1000]
    asyncio.run(_paced(f"{url}/webhooks/github", replayed))
    yield at_most("events more after 1,000 replays", _kept(home) - kept + 1, 1, 1.0)


def _rubbish(home: Path, url: str, pid: int, count: int) -> Iterator[dict[str, object]]:
    before, kept = _resident_mb(pid), _kept(home)
    statuses = asyncio.run(_flooded(f"{url}/webhooks/github", count))
    refused = sum(400 <= status < 500 for status in statuses)
    yield at_least(f"of {count:,} malformed bodies and signatures, refused with 4xx", refused, count, 1.0)
    yield at_most("malformed deliveries that were kept", _kept(home) - kept + 1, 1, 1.0)
    yield at_most("memory of the app after them, over that before (MB)", max(0.0, _resident_mb(pid) - before), 50, 1.0)


def _flood(folder: Path, count: int) -> Iterator[dict[str, object]]:
    """By webhook and poll together: of each subject three states, shuffled, three of ten twice."""
    chance, subjects = random.Random(7), count // 3
    events = []
    for number in range(1, subjects + 1):
        for minute, state in ((1, "open"), (2, "closed"), (3, "open")):
            payload = merged(number, f"Pull request {number} {state} {minute}", f"2024-03-07T11:0{minute}:00Z")
            body = json.dumps(payload).encode()
            sent = headers(body, "pull_request", f"{number}-{minute}")
            events.append(github_event(Delivery({key.lower(): value for key, value in sent.items()} | sent, body)))
    events += chance.sample(events, len(events) * 3 // 10)
    chance.shuffle(events)
    settings = Settings(home=folder)
    inbox, warehouse = open_inbox(settings), open_warehouse(settings)
    began = time.perf_counter()
    for start in range(0, len(events), 100):
        inbox.add(events[start : start + 100])
    kept_s = time.perf_counter() - began
    batches = 0
    began = time.perf_counter()
    while (batch := inbox.lease()) is not None:
        batches += 1
        apply_waiting(warehouse, inbox, batch.id)
    drained_s = time.perf_counter() - began
    with warehouse.read() as session:
        newest = session.count("SELECT count(*) FROM pull_requests WHERE title LIKE '% 3'")
    yield at_least(f"subjects of {len(events):,} events that are in their newest state", newest, subjects, 1.0)
    yield at_most("batches, and so runs, that a flood takes", batches, 10, 1.0)
    yield at_least("events kept a second, 100 a commit", len(events) / kept_s, RATE, 1.0)
    yield at_least("subjects applied a second", subjects / drained_s, RATE, 1.0)


@contextmanager
def _webhooks(home: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    process = subprocess.Popen(
        [COMMANDS / "soloist", "webhooks", "--port", str(port)],
        env=environment(home, SOLOIST_GITHUB_WEBHOOK_SECRET=SECRET),
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for("the webhook app", lambda: _answers(url))
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def _paced(url: str, bodies: Sequence[bytes]) -> tuple[list[float], list[int]]:
    """Each is sent at its own instant, whether those before it were answered or not; seconds and status of each answer."""
    took: list[float] = []
    statuses: list[int] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        began = time.perf_counter()

        async def send(number: int, body: bytes) -> None:
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            async with session.post(url, data=body, headers=headers(body, "pull_request", f"d{number}")) as answer:
                await answer.read()
            took.append(time.perf_counter() - due)
            statuses.append(answer.status)

        await asyncio.gather(*(send(number, body) for number, body in enumerate(bodies)))
    return took, statuses


async def _flooded(url: str, count: int) -> list[int]:
    chance = random.Random(3)
    statuses: list[int] = []
    good = json.dumps(merged(1, "A pull request", "2024-03-07T11:00:00Z")).encode()
    async with aiohttp.ClientSession() as session:

        async def work(share: int) -> None:
            for _ in range(share):
                body = chance.choice((good[: chance.randrange(len(good))], chance.randbytes(200), b"", b"{" * 300))
                signed = headers(
                    body, "pull_request", "x", chance.choice((SECRET, "another")) if body != good else "another"
                )
                sent = (
                    signed
                    if body and chance.random() < 0.5
                    else signed | {"X-Hub-Signature-256": chance.randbytes(8).hex()}
                )
                async with session.post(url, data=body, headers=sent) as answer:
                    await answer.read()
                    statuses.append(answer.status)

        await asyncio.gather(*(work(count // CLIENTS + (number < count % CLIENTS)) for number in range(CLIENTS)))
    return statuses


def _kept(home: Path) -> int:
    inbox: Inbox = open_inbox(Settings(home=home))
    try:
        return sum(inbox.counts().values())
    finally:
        inbox.close()


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


if __name__ == "__main__":
    for result in results(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0):
        print(json.dumps(result), flush=True)
