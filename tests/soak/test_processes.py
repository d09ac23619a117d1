"""The webhook app, the daemon with its code server, and the runs, each killed again and again at every point between an event and its row,
while more events keep coming."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration_assets.activity.model import PULL_REQUESTS
from orchestration_assets.connections import open_inbox, open_warehouse
from resources.settings import Settings
from tests.github_deliveries import SECRET, deliver, merged
from tests.served_ui import COMMANDS, ServedUi, environment, free_port, serving, wait_for

pytestmark = pytest.mark.soak
POINTS = ("event stored", "batch formed", "run requested", "run started", "rows written", "events settled")
KILLS = int(os.environ.get("SOLOIST_TEST_PROCESS_KILLS", "3"))
"""At every point. Restarting a daemon takes ten seconds, so that twenty at each take three quarters of an hour."""
SUBJECTS = 30
START = datetime(2024, 3, 7, 9, tzinfo=UTC)


class _Sender:
    """What GitHub does: one state of a pull request after another, delivered until it is taken, some of them twice."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        self.newest: dict[int, dict[str, Any]] = {}
        self._sent = 0

    def send(self, url: str, see_to_webhooks: Callable[[], None]) -> None:
        self._sent += 1
        number = self._chance.randrange(SUBJECTS) + 1
        at = (START + timedelta(seconds=self._sent)).strftime("%Y-%m-%dT%H:%M:%SZ")
        payload = merged(number, f"State {self._sent} of {number}", at)
        self.newest[1000 + number] = payload
        for _ in range(1 + (self._chance.random() < 0.3)):
            wait_for("the webhook app to take a delivery", lambda: self._taken(url, payload, see_to_webhooks))

    def _taken(self, url: str, payload: dict[str, Any], see_to_webhooks: Callable[[], None]) -> bool:
        see_to_webhooks()
        with suppress(OSError):
            return deliver(url, "pull_request", f"delivery-{self._sent}", payload) == 202
        return False


@contextmanager
def _webhooks(home: Path, cwd: Path, more: dict[str, str]) -> Iterator[tuple[str, Callable[[], None]]]:
    """Its address, and what starts it again where it was killed."""
    port = free_port()
    running: list[subprocess.Popen[bytes]] = []

    def see_to_it() -> None:
        if not running or running[-1].poll() is not None:
            variables = environment(home, SOLOIST_GITHUB_WEBHOOK_SECRET=SECRET, **more)
            command = [COMMANDS / "soloist", "webhooks", "--port", str(port)]
            running.append(subprocess.Popen(command, cwd=cwd, env=variables))

    try:
        yield f"http://127.0.0.1:{port}", see_to_it
    finally:
        running[-1].terminate()
        running[-1].wait(20)


def _left(kills: Path) -> dict[str, int]:
    return {point: len(list((kills / point).iterdir())) for point in POINTS}


def test_nothing_is_lost_and_nothing_done_twice_whichever_process_is_killed(tmp_path: Path) -> None:
    home, kills = tmp_path / "home", tmp_path / "kills"
    home.mkdir()
    for point in POINTS:
        for number in range(KILLS):
            (kills / point).mkdir(parents=True, exist_ok=True)
            (kills / point / str(number)).touch()
    deadly = {
        "SOLOIST_TEST_KILLS": str(kills),
        "PYTHONPATH": str(Path(__file__).parent.parent / "killed_processes"),
        "SOLOIST_NOW": "2024-03-08T18:00:00+00:00",
    }
    sender = _Sender()
    last_kill, left = time.monotonic(), KILLS * len(POINTS)
    with _webhooks(home, tmp_path, deadly) as (url, see_to_webhooks):
        while left := sum(_left(kills).values()):
            with ExitStack() as running:
                try:
                    served = running.enter_context(serving(home, tmp_path, **deadly))
                except AssertionError:
                    if sum(_left(kills).values()) == left:
                        raise
                    continue  # killed while it started
                while (still := sum(_left(kills).values())) and _is_whole(served):
                    last_kill, left = (time.monotonic(), still) if still != left else (last_kill, left)
                    assert time.monotonic() < last_kill + 300, f"kills that never came: {_left(kills)}"
                    sender.send(url, see_to_webhooks)
                    time.sleep(0.2)
                served.kill()
        for _ in range(SUBJECTS):
            sender.send(url, see_to_webhooks)
    settings = Settings(home=home)
    inbox = open_inbox(settings)
    # Later, so that events are due that wait for a while because runs with them died one after another.
    with serving(home, tmp_path, SOLOIST_NOW="2024-03-09T18:00:00+00:00"):
        wait_for("the inbox to be empty", lambda: not {"waiting", "leased"} & inbox.counts().keys())
    assert inbox.counts().keys() <= {"done", "superseded", "duplicate"}, inbox.counts()
    with open_warehouse(settings).read() as session:
        rows = session.rows(PULL_REQUESTS, order_by="id")
    expected = {str(number): payload["pull_request"]["title"] for number, payload in sender.newest.items()}
    assert {row.id: row.title for row in rows} == expected
    assert len(rows) == len(expected)


def _is_whole(served: ServedUi) -> bool:
    """Whether daemon and code server live: `soloist ui` goes on without one that was killed."""
    if served.process.poll() is not None:
        return False
    commands = [_command(pid) for pid in served.processes()]
    return any("dagster._daemon" in command for command in commands) and any("grpc" in command for command in commands)


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
