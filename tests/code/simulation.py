"""A build without model, files or clock: a schedule driven by made-up durations and outcomes, and the bounds that no order could beat."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestration_assets.code.scheduling import Item, Schedule, State, Step, schedule_items

Outcome = str
"""`well`, `wrong`, `unusable`, `lost`, or `blames ID`."""


@dataclass
class Started:
    """One step that was started: when, how long it took, and what else could have been started instead."""

    id: str
    step: Step
    is_fix: bool
    at: float
    seconds: float
    waiting_fixes: tuple[str, ...]


@dataclass
class Trace:
    makespan: float = 0.0
    started: list[Started] = field(default_factory=list)
    most_at_once: int = 0

    def bounds(self, depends_on: Mapping[str, set[str]], in_flight: int, checks: int) -> tuple[float, float]:
        """The critical path and the throughput bound, of the durations that there were."""
        total: defaultdict[str, float] = defaultdict(float)
        work = {True: 0.0, False: 0.0}
        for each in self.started:
            total[each.id] += each.seconds
            work[each.step is Step.CHECK] += each.seconds
        return longest_path(depends_on, total), max(work[False] / in_flight, work[True] / checks)


def longest_path(depends_on: Mapping[str, set[str]], weights: Mapping[str, float]) -> float:
    known: dict[str, float] = {}
    for each in depends_on:
        stack = [each]
        while stack:
            at = stack[-1]
            missing = [other for other in depends_on[at] if other not in known]
            if missing:
                stack += missing
                continue
            known[at] = weights.get(at, 0.0) + max((known[other] for other in depends_on[at]), default=0.0)
            stack.pop()
    return max(known.values(), default=0.0)


def simulate(
    schedule: Schedule, seconds: Callable[[Item], float], outcome: Callable[[Item], Outcome], replaces: bool = True
) -> Trace:
    """Runs until it is over. Raises AssertionError where it would wait for ever or breaks a rule."""
    now = 0.0
    order = itertools.count()
    running: list[tuple[float, int, Item]] = []
    trace = Trace()
    while not schedule.is_over:
        begun = schedule.start(now)
        left = [item for item in schedule.items.values() if item.is_fix and schedule._is_ready(item, now)]
        for item in begun:
            took = seconds(item)
            heapq.heappush(running, (now + took, next(order), item))
            fixes = tuple(other.id for other in left if (other.step is Step.CHECK) == (item.step is Step.CHECK))
            trace.started.append(Started(item.id, item.step, item.is_fix, now, took, fixes))
            waits_for = item.depends_on | item.waits_for
            assert all(schedule.items[each].state is State.DONE for each in waits_for), f"{item.id} began too early"
        writing = sum(item.step is not Step.CHECK for _, _, item in running)
        assert writing <= schedule.in_flight and len(running) - writing <= schedule.checks
        trace.most_at_once = max(trace.most_at_once, writing)
        wakes_at = schedule.wakes_at(now)
        assert running or wakes_at is not None, "it waits for nothing"
        if not running or (wakes_at is not None and wakes_at < running[0][0]):
            assert wakes_at is not None and wakes_at > now
            now = wakes_at
            continue
        now, _, item = heapq.heappop(running)
        _end(schedule, item, outcome(item), now, replaces)
    trace.makespan = now
    return trace


def _end(schedule: Schedule, item: Item, outcome: Outcome, now: float, replaces: bool) -> None:
    blamed = (
        outcome[7:]
        if outcome.startswith("blames ") and schedule.can_mend({outcome[7:]} & schedule.items.keys())
        else ""
    )
    if outcome == "lost":
        schedule.lost(item.id, now)
    elif item.step is Step.REPLAN:
        if outcome == "well" and replaces:
            new = Item(f"{item.id}+", item.depends_on - {item.id})
            schedule.replanned(item.id, [new], now, {})
        else:
            schedule.given_up(item.id, now, erred=outcome == "unusable")
    elif outcome == "unusable":
        schedule.failed(item.id, now, erred=item.step is Step.WRITE)
    elif item.step is Step.WRITE:
        if blamed and item.failures and blamed in schedule.items:
            schedule.handed_over(item.id, [blamed], now)
        elif outcome == "well":
            schedule.written(item.id, now)
        else:
            schedule.failed(item.id, now)
    elif outcome != "well" and schedule.being_mended(item.id):
        schedule.put_off(item.id, now)
    elif blamed and blamed in schedule.items and blamed != item.id:
        schedule.handed_over(item.id, [blamed], now)
    elif outcome == "well":
        schedule.passed(item.id, now)
    else:
        schedule.failed(item.id, now)


def random_graph(chance: random.Random, size: int, most: int) -> dict[str, set[str]]:
    """Up to `most` dependencies for each, on those before it."""
    names = [f"t{number:03}" for number in range(size)]
    return {
        name: set(chance.sample(names[:number], min(number, chance.randint(0, most))))
        for number, name in enumerate(names)
    }


def tails(depends_on: Mapping[str, set[str]], estimates: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in reversed(list(depends_on)):
        found[each] = estimates[each] + max((found[other] for other in found if each in depends_on[other]), default=0.0)
    return found


def schedule_of(
    depends_on: Mapping[str, set[str]],
    in_flight: int,
    checks: int,
    chance: random.Random,
    estimates: Mapping[str, float],
) -> Schedule:
    items = schedule_items(depends_on, tails(depends_on, estimates))
    return Schedule(items, in_flight, checks, chance.random)
