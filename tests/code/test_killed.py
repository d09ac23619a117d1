"""A build whose process is killed at any point goes on: the same bundle in the end, and nothing paid for again but what was in flight."""

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

from orchestration_assets.code.bundle import make_bundle
from orchestration_assets.code.model import Plan
from orchestration_assets.code.releasing import bundle_input
from orchestration_assets.code.state import as_left
from resources.settings import Settings
from tests.code.projects import Project, generated
from tests.code.scripted_model import Fault, Json, ScriptedModel, seeded_latency, whole
from tests.code.workshop import WRONG, ScriptedChecker, Workshop
from tests.scripted_endpoint import Answer, ScriptedEndpoint

IN_FLIGHT = 4
REPAIRED = ("part005", "part011")
"""Their first reply cannot be used. Reply and repair are one question, and are asked again together."""
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


def _repeated(model: ScriptedModel) -> Counter[tuple[str, str, int]]:
    """Requests that were paid for again, of each question: those that ask for a repair count like any other."""
    calls = Counter((call.agent, call.task, call.attempt, call.is_repair) for call in model.calls)
    repeated = Counter[tuple[str, str, int]]()
    for (agent, task, attempt, _), count in calls.items():
        repeated[agent, task, attempt] += count - 1
    return +repeated


def _bundle(folder: Path, shop: Workshop, project: Project) -> dict[str, bytes]:
    """What is handed over, by name."""
    ledger = shop.ledger()
    built = as_left(ledger, "project", project.plan)
    ledger.close()
    assert built is not None
    bundle = make_bundle(bundle_input(Settings(home=folder), shop.warehouse, "project", built))
    return {file.name: file.data for file in bundle.files}


def _points(count: int) -> list[Any]:
    chance = random.Random(20)
    return [pytest.param(2 + number, chance.uniform(0.0, 0.05), id=f"call{2 + number}") for number in range(count)]


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bundle of a build that nobody killed."""
    folder, project = tmp_path_factory.mktemp("unharmed"), generated(24, seed=5)
    with ScriptedEndpoint(_model(project)) as endpoint:
        shop = Workshop(folder, endpoint.url, ScriptedChecker(_checks), IN_FLIGHT)
        assert shop.build(project.plan).is_green
        return _bundle(folder, shop, project)


@pytest.mark.integration
@pytest.mark.parametrize(("number", "after_s"), _points(30))
def test_a_killed_build_goes_on_to_the_same_bundle(
    tmp_path: Path, unharmed: dict[str, bytes], number: int, after_s: float
) -> None:
    project = generated(24, seed=5)
    shop, model, was_at_work = killed_and_resumed(tmp_path, project, number, after_s)
    assert was_at_work, "it ended before it was killed"
    ledger = shop.ledger()
    stored = ledger.load("project")
    assert stored is not None
    assert stored.files == project.files
    assert [(letter.task, letter.outcome) for letter in ledger.dead_letters("project")] == [("part008", "replanned")]
    ledger.close()
    repeated = _repeated(model)
    assert len(repeated) <= IN_FLIGHT, repeated
    assert all(count <= 1 + (question[1] in REPAIRED) for question, count in repeated.items()), repeated
    bundle = _bundle(tmp_path, shop, project)
    assert bundle.keys() == unharmed.keys()
    assert [name for name in unharmed if bundle[name] != unharmed[name]] == []
    assert shop.query("SELECT count(*) AS n FROM replies")[0]["n"] > 0
