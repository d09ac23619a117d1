"""Events on their way into rows, in processes that are killed at a named point: what a webhook app, a daemon and its runs do, one after
another.

What belongs here: the process that delivers and drains, the points at which it may die, and what must be true at the end.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration_assets.activity.assets import BATCH_TAG
from orchestration_assets.activity.model import PULL_REQUESTS
from orchestration_assets.connections import open_inbox, open_warehouse
from orchestration_assets.definitions import build_definitions
from orchestration_assets.jobs import apply_events_job
from resources.github.facts import PullRequest
from resources.inbox import Event, Inbox
from resources.settings import Settings
from resources.warehouse import Warehouse
from sensors.dead_runs import reap_dead_runs
from sensors.inbox_events import batch_requests
from tests.activity.github_facts import day, event, pull_request

POINTS = ("event stored", "batch formed", "run requested", "run started", "rows written", "events settled")
SUBJECTS = 40
DELIVERED = 25
"""Events in one delivery."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["dagster", "duckdb", "sqlalchemy", "orchestration_assets.definitions", "tests.draining"])


def newest() -> dict[str, PullRequest]:
    """The last state of each pull request, by id."""
    return {fact.id: fact for fact in (_state(number, 4) for number in range(SUBJECTS))}


def deliveries(seed: int) -> list[Event]:
    """Five states of each pull request, by webhook or poll or both, three of ten twice, in any order."""
    chance = random.Random(seed)
    found: list[Event] = []
    for number in range(SUBJECTS):
        for step in range(5):
            ways = chance.choice([("webhook",), ("poll",), ("webhook", "poll")])
            found += [event(_state(number, step), f"{way}-{number}-{step}") for way in ways]
    found += chance.sample(found, len(found) * 3 // 10)
    chance.shuffle(found)
    return found


def _state(number: int, step: int) -> PullRequest:
    """The fourth state is the second again: opened, renamed, closed, opened under the new name, merged."""
    title = f"Pull request {number}" if step == 0 else f"Better pull request {number}"
    state = {2: "closed", 4: "merged"}.get(step, "open")
    return pull_request(
        number + 1, title, state=state, happened_at=day(1 + step), closed_at=day(5) if step == 4 else None
    )


def drain_until_killed(home: Path, seed: int, point: str = "", occurrence: int = 0) -> bool:
    """Delivers and drains in a process of its own, which dies at the n-th time that it comes to the point. Whether it did."""
    process = _FORKS.Process(target=_work, args=(home, seed, point, occurrence))
    process.start()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def assert_every_newest_state_is_there_once(home: Path) -> None:
    settings = Settings(home=home)
    inbox = open_inbox(settings)
    counts = inbox.counts()
    inbox.close()
    assert set(counts) <= {"done", "superseded", "duplicate"}, counts
    with open_warehouse(settings).read() as session:
        rows = session.rows(PULL_REQUESTS, order_by="id")
    assert {row.id: row.state for row in rows} == {fact.id: fact.state for fact in newest().values()}
    assert [row.says for row in rows] == [newest()[row.id].says for row in rows]
    assert len(rows) == SUBJECTS


def applied(home: Path) -> list[dict[str, Any]]:
    """What each finished run said of the rows of pull requests: read, made, unchanged, failed."""
    with _instance(home) as instance:
        events = instance.fetch_materializations(dg.AssetKey("pull_requests"), limit=1000).records
    return [
        dict(record.asset_materialization.metadata["counts"].value)  # type: ignore[arg-type]
        for record in events
        if record.asset_materialization
    ]


def _work(home: Path, seed: int, point: str, occurrence: int) -> None:
    os.environ["SOLOIST_HOME"] = str(home)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    comes_to = _fatal(point, occurrence)
    _watch(comes_to)
    settings = Settings(home=home)
    with _instance(home) as instance:
        inbox = open_inbox(settings)
        listed = deliveries(seed)
        for start in range(0, len(listed), DELIVERED):
            inbox.add(listed[start : start + DELIVERED])
            if start // DELIVERED % 3 == 2:
                _tick(instance, inbox, comes_to)
        while _tick(instance, inbox, comes_to):
            pass


def _tick(instance: dg.DagsterInstance, inbox: Inbox, comes_to: Callable[[str], None]) -> bool:
    """What the daemon does: dead runs are failed, what waits is asked for, and what was asked for runs. Whether there was anything."""
    reap_dead_runs(instance)
    requests = list(batch_requests(instance, inbox))
    job = build_definitions().resolve_job_def(apply_events_job.name)
    for request in requests:
        comes_to("run requested")
        job.execute_in_process(instance=instance, tags={BATCH_TAG: request.tags[BATCH_TAG]}, raise_on_error=False)
    return bool(requests)


def _fatal(point: str, occurrence: int) -> Callable[[str], None]:
    seen = 0

    def comes_to(reached: str) -> None:
        nonlocal seen
        seen += reached == point
        if seen == occurrence and reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return comes_to


def _watch(comes_to: Callable[[str], None]) -> None:
    """Has our own methods say when they are done."""
    _say_after(Inbox, "add", "event stored", comes_to)
    _say_after(Inbox, "lease", "batch formed", comes_to)
    _say_after(Inbox, "batch", "run started", comes_to)
    _say_after(Inbox, "finish", "events settled", comes_to)
    write = Warehouse.write

    from contextlib import contextmanager

    @contextmanager
    def watched(warehouse: Warehouse) -> Any:
        with write(warehouse) as session:
            yield session
        comes_to("rows written")

    Warehouse.write = watched  # type: ignore[method-assign,assignment]


def _say_after(kind: type, name: str, point: str, comes_to: Callable[[str], None]) -> None:
    method = getattr(kind, name)

    @wraps(method)
    def told(*arguments: Any, **more: Any) -> Any:
        result = method(*arguments, **more)
        comes_to(point)
        return result

    setattr(kind, name, told)


def _instance(home: Path) -> dg.DagsterInstance:
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(json.dumps({"telemetry": {"enabled": False}}))
    return dg.DagsterInstance.from_config(str(folder))
