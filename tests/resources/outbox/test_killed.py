"""A publisher that is killed, with SIGKILL, at any point leaves exactly one comment, pull request, issue and note once others have gone on."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from datetime import datetime
from multiprocessing.connection import wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from resources.outbox import Outbox
from resources.outbox.publisher import publish
from resources.outbox.store import LEASE
from tests.github_server import GitHubServer, Received
from tests.publications import POLICY, SENTRY_TOKEN, TOKEN, Clock, World, asking, asking_sentry
from tests.publications import world as made_world
from tests.sentry_server import SentryServer

POINTS = ("effect leased", "sent to GitHub", "settled")
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["sqlalchemy", "aiohttp", "gidgethub.aiohttp", "stamina", "resources.outbox.publisher", "tests.publications"]
)


def publish_until_killed(world: World, point: str = "", occurrence: int = 0) -> bool:
    """A round in a process of its own, which dies at the n-th time that it comes to the point. Whether it did."""
    places = (world.github.url, world.sentry.url, str(world.outbox.engine.url), world.clock.now)
    process = _FORKS.Process(target=_work, args=(*places, point, occurrence))
    writes = [0]

    def kill_after_write(request: Received) -> None:
        """GitHub has done it, and nobody hears of that."""
        writes[0] += request.method != "GET"
        if point == "sent to GitHub" and request.method != "GET" and writes[0] == occurrence:
            os.kill(cast(int, process.pid), signal.SIGKILL)
            wait([process.sentinel], 10)  # only one thread may join a process: the other reads its end as 255

    world.github.done = kill_after_write
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _work(github_url: str, sentry_url: str, outbox_url: str, now: datetime, point: str, occurrence: int) -> None:
    clock, seen = Clock(now), 0
    _say_after("lease", "effect leased", lambda reached: comes_to(reached))
    _say_after("sent", "settled", lambda reached: comes_to(reached))

    def comes_to(reached: str) -> None:
        nonlocal seen
        seen += reached == point
        if seen == occurrence and reached == point:
            os.kill(os.getpid(), signal.SIGKILL)

    github, sentry = cast(Any, SimpleNamespace(url=github_url)), cast(Any, SimpleNamespace(url=sentry_url))
    with asking(github, clock) as client, asking_sentry(sentry, clock) as other:
        publish(Outbox(outbox_url, clock), client, other, POLICY)


def _say_after(name: str, point: str, comes_to: Callable[[str], None]) -> None:
    method = getattr(Outbox, name)

    def told(*arguments: Any, **more: Any) -> Any:
        result = method(*arguments, **more)
        if result:
            comes_to(point)
        return result

    setattr(Outbox, name, told)


def kill_and_go_on(folder: Path, point: str, seed: int) -> None:
    chance = random.Random(seed)
    with GitHubServer(TOKEN) as github, SentryServer(SENTRY_TOKEN) as sentry:
        world = made_world(github, sentry, f"sqlite:///{folder}/inbox.db")
        world.outbox.put(world.every_verb())
        kills = 0
        for _ in range(3):
            kills += publish_until_killed(world, point, chance.randint(1, 4))
            world.clock.tick(seconds=LEASE.total_seconds() + 60)
        for _ in range(60):
            publish_until_killed(world)
            if set(world.outbox.counts()) <= {"sent", "dead"}:
                break
            world.clock.tick(hours=1)
        world.outbox.close()
        assert kills
        world.assert_each_is_there_once()


@pytest.mark.integration
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("point", POINTS)
def test_each_effect_is_there_once_after_kills(tmp_path: Path, point: str, seed: int) -> None:
    kill_and_go_on(tmp_path, point, seed)


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
def test_each_effect_is_there_once_after_many_kills(tmp_path: Path, point: str) -> None:
    for seed in range(20):
        (tmp_path / str(seed)).mkdir()
        kill_and_go_on(tmp_path / str(seed), point, 100 + seed)
