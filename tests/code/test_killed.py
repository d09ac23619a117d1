"""A build whose process is killed at any point goes on: the same files in the end, and no more calls paid for again than were in flight."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestration_assets.code.model import Plan
from tests.code.projects import Project, generated
from tests.code.scripted_model import Fault, Json, ScriptedModel, seeded_latency, whole
from tests.code.workshop import WRONG, ScriptedChecker, Workshop
from tests.scripted_endpoint import Answer, ScriptedEndpoint

IN_FLIGHT = 4
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["tests.code.workshop", "duckdb", "pyarrow", "aiohttp", "numpy", "sqlalchemy.dialects.sqlite"]
)


def _checks(task: str) -> float:
    return random.Random(task).uniform(0.0, 0.03)


def _build(folder: str, url: str, plan: str) -> None:
    """One run, in a process of its own."""
    Workshop(Path(folder), url, ScriptedChecker(_checks), IN_FLIGHT).build(Plan.model_validate_json(plan))
    Path(folder, "ended").touch()


def _wrong(path: str, number: int) -> Fault:
    def fault(reply: Json) -> Json:
        text = next(edit["content"] for edit in reply["files"] if edit["path"] == path)
        return whole(path, f"{text}{WRONG}\n# {number}\n")(reply)

    return fault


def _model(project: Project) -> ScriptedModel:
    """Which is wrong in every way: at first, unusably, and so often that a part is planned again."""
    faults: dict[str, list[Fault | None]] = {
        "part003": [_wrong("big/part003.py", 1)],
        "part005": [lambda reply: "no JSON"],
        "part008": [_wrong("big/part008.py", number) for number in range(3)],
        "part011": [lambda reply: "no JSON", _wrong("big/part011.py", 1)],
    }
    return ScriptedModel(project, faults, seeded_latency(7, 0.03))


class Killed:
    """A script that has a process killed `after_s` after the n-th request came in."""

    def __init__(self, model: ScriptedModel, number: int, after_s: float) -> None:
        self.model, self.number, self.after_s = model, number, after_s
        self.seen = 0
        self.kill_at: float | None = None

    def __call__(self, request: Json, sent_before: int) -> Answer:
        self.seen += 1
        if self.seen == self.number:
            self.kill_at = time.monotonic() + self.after_s
        return self.model(request, sent_before)


def killed_and_resumed(
    folder: Path, project: Project, number: int, after_s: float
) -> tuple[Workshop, ScriptedModel, bool]:
    """The workshop after a build that was killed and one that went on, and whether the first one was killed at work."""
    model = _model(project)
    script = Killed(model, number, after_s)
    plan = project.plan.model_dump_json()
    with ScriptedEndpoint(script) as endpoint:
        process: Any = _FORKS.Process(target=_build, args=(str(folder), endpoint.url, plan))
        process.start()
        while process.is_alive() and (script.kill_at is None or time.monotonic() < script.kill_at):
            time.sleep(0.001)
        was_at_work = process.is_alive()
        if was_at_work:
            os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        shop = Workshop(folder, endpoint.url, ScriptedChecker(_checks), IN_FLIGHT)
        assert shop.build(project.plan).is_green
    return shop, model, was_at_work


def _repeated(model: ScriptedModel) -> int:
    """Calls that were paid for twice. A call is an item, as in `model_calls`: the repair that was asked for in the same go is part of it."""
    calls = Counter((call.agent, call.task, call.attempt) for call in model.calls if not call.is_repair)
    return sum(count - 1 for count in calls.values())


def _points(count: int) -> list[Any]:
    chance = random.Random(20)
    return [pytest.param(2 + number, chance.uniform(0.0, 0.05), id=f"call{2 + number}") for number in range(count)]


@pytest.mark.integration
@pytest.mark.parametrize(("number", "after_s"), _points(30))
def test_a_killed_build_goes_on_to_the_same_files(tmp_path: Path, number: int, after_s: float) -> None:
    project = generated(24, seed=5)
    shop, model, was_at_work = killed_and_resumed(tmp_path, project, number, after_s)
    assert was_at_work, "it ended before it was killed"
    ledger = shop.ledger()
    stored = ledger.load("project")
    assert stored is not None
    assert stored.files == project.files
    assert [(letter.task, letter.outcome) for letter in ledger.dead_letters("project")] == [("part008", "replanned")]
    ledger.close()
    assert _repeated(model) <= IN_FLIGHT
    assert shop.query("SELECT count(*) AS n FROM replies")[0]["n"] > 0
