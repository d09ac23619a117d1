"""How fast a build is against what no order of its work could beat: two hundred files, a scripted model on loopback with seeded latencies and
failures, twenty seeds.

The bound is the larger of the critical path and the throughput bound, both computed from the durations that there were: the latencies that the
server drew for every answer, and the seconds that every check took. What the builder itself takes (prompts, commits, the loop, waiting for the
machine) is in the build's time and not in the bound.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from measuring import at_most  # noqa: E402

from tests.code.projects import Project, generated  # noqa: E402
from tests.code.scripted_model import Fault, Json, ScriptedModel, seeded_latency, whole  # noqa: E402
from tests.code.simulation import longest_path  # noqa: E402
from tests.code.workshop import WRONG, ScriptedChecker, Workshop  # noqa: E402
from tests.scripted_endpoint import Answer, ScriptedEndpoint  # noqa: E402

FILES, SEEDS = 200, 20
TEN_MINUTES_S = 2.0
"""Seconds of a task that is estimated at ten minutes, on the average; the estimate itself is off by some 40%."""
CHECK_S = 0.2
CHECKS = 4
AT_ONCE = 4
"""Builds, each in a process of its own: nearly all of their time they wait for the scripted model."""
WRONG_AT_FIRST, UNUSABLE, SERVER_ERRORS = 0.12, 0.03, 0.02


class Failing:
    """A model that answers some requests with an error of the server first."""

    def __init__(self, model: ScriptedModel, seed: int) -> None:
        self.model, self.seed = model, seed

    def __call__(self, request: Json, sent_before: int) -> Answer:
        key = f"{self.seed} {json.dumps(request['messages'])}"
        if sent_before == 0 and random.Random(key).random() < SERVER_ERRORS:
            return Answer(500, {"error": {"message": "a fault that was planted"}})
        return self.model(request, sent_before)


def _faults(project: Project, seed: int) -> dict[str, list[Fault | None]]:
    chance = random.Random(seed)
    found: dict[str, list[Fault | None]] = {}
    for task in project.plan.tasks[:-1]:
        drawn = chance.random()
        if drawn < WRONG_AT_FIRST:
            found[task.id] = [whole(task.paths[0], f"{project.files[task.paths[0]]}{WRONG}\n")]
        elif drawn < WRONG_AT_FIRST + UNUSABLE:
            found[task.id] = [lambda reply: "no JSON"]
    return found


def ratio(files: int, seed: int, in_flight: int) -> tuple[float, float, float]:
    """Seconds of a build over its bound, and the two bounds."""
    project = generated(files, seed)
    minutes = {task.id: task.minutes for task in project.plan.tasks}
    latency = seeded_latency(seed, TEN_MINUTES_S, minutes)
    model = ScriptedModel(project, _faults(project, seed), latency, persists=False)
    checker = ScriptedChecker(lambda task: random.Random(f"{seed} {task}").uniform(0.5, 1.5) * CHECK_S)
    with tempfile.TemporaryDirectory() as folder, ScriptedEndpoint(Failing(model, seed)) as endpoint:
        shop = Workshop(Path(folder), endpoint.url, checker, in_flight, checks=CHECKS, longest_s=1200.0)
        began = time.monotonic()
        built = shop.build(project.plan)
        seconds = time.monotonic() - began
        assert built.is_green and built.sources == project.files
    spent: defaultdict[str, float] = defaultdict(float)
    for call in model.calls:
        spent[call.task] += call.seconds
    asked = sum(spent.values())
    for task, checks in checker.spent.items():
        spent[task] += sum(checks)
    checked = sum(map(sum, checker.spent.values()))
    path = longest_path({task.id: set(task.depends_on) for task in project.plan.tasks}, spent)
    throughput = max(asked / in_flight, checked / CHECKS)
    return seconds, path, throughput


def _warm_ratio(files: int, seed: int, in_flight: int) -> tuple[float, float, float]:
    """`ratio`, after what is imported and opened once was."""
    if not _warm:
        _warm.append(ratio(8, 0, 8)[0])
    return ratio(files, seed, in_flight)


_warm: list[float] = []


def results(scale: float) -> Iterator[dict[str, object]]:
    files, seeds = max(20, round(FILES * scale)), max(3, round(SEEDS * scale))
    for in_flight in (16, 8):
        with ProcessPoolExecutor(AT_ONCE, multiprocessing.get_context("spawn")) as pool:
            measured = list(pool.map(partial(_warm_ratio, files, in_flight=in_flight), range(seeds)))
        ratios = sorted(seconds / max(path, throughput) for seconds, path, throughput in measured)
        by_path = sum(path > throughput for _, path, throughput in measured)
        name = (
            f"seconds of a build of {files} files, {in_flight} in flight, over the bound (the critical path for {by_path} of {seeds} seeds); "
            f"median, of {ratios[0]:.3f} to {ratios[-1]:.3f}"
        )
        median = statistics.median(ratios)
        yield at_most(name, median, 1.0, 1.1)


if __name__ == "__main__":
    for result in results(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0):
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
