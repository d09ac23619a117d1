"""A build at work: the thin loop between the schedule, the model and the checker.

What belongs here: starting what the schedule says, waiting, and handing on how it ended. When something starts is decided in `scheduling.py`,
what an end means in `state.py`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestration_assets.code.checking import CannotCheck, Checked, Checker
from orchestration_assets.code.ledger import Attempt, Ledger
from orchestration_assets.code.model import Plan
from orchestration_assets.code.planning_agent import FailedPart, Replacement, ReplanningAgent
from orchestration_assets.code.scheduling import MOST_LOSSES, Item, Schedule, State, Step
from orchestration_assets.code.state import INTEGRATION, Built, Outcome, taken_up
from orchestration_assets.code.writing_agent import Assignment, WritingAgent, Written
from resources import clock
from resources.errors import SoloistError
from resources.language_model.conversation import Made, unexpected

if TYPE_CHECKING:
    from resources.language_model.asking import Asking

MOST_NAMED = 5
"""Tasks that a sentence lists."""
_SAID = {
    (Step.WRITE, "written"): "is written",
    (Step.WRITE, "failed"): "could not be written",
    (Step.WRITE, "lost"): "got no answer",
    (Step.WRITE, "handed over"): "waits",
    (Step.CHECK, "passed"): "is right",
    (Step.CHECK, "failed"): "is not right",
    (Step.CHECK, "lost"): "could not be tested",
    (Step.CHECK, "handed over"): "waits",
    (Step.CHECK, "put off"): "waits",
    (Step.REPLAN, "replanned"): "was planned again",
    (Step.REPLAN, "given up"): "is given up",
    (Step.REPLAN, "lost"): "got no answer",
}

Result = Made[Assignment, Written] | Made[FailedPart, Replacement] | Checked


class BuildInterrupted(SoloistError):
    """Some step came to nothing again and again, and through no fault of the files: what was done is kept, and the next run goes on."""


@dataclass(frozen=True)
class Terms:
    """How a build works: calls of the model and checks at once, tokens that the model takes, libraries that a plan may name."""

    in_flight: int
    checks: int
    context: int
    libraries: tuple[str, ...] = ()
    chance: Callable[[], float] = random.SystemRandom().random


@dataclass(frozen=True)
class Standing:
    """How far a build is: items done and in all, dead letters, what is written and checked just now, and what is new, a sentence each."""

    done: int
    total: int
    dead: int
    writing: tuple[str, ...]
    checking: tuple[str, ...]
    news: tuple[str, ...]


@dataclass
class Build:
    """One project, from its plan to its files. `maker` is the model that `asking` asks; `tell` hears how far it is."""

    project: str
    ledger: Ledger
    asking: Asking
    maker: str
    checker: Checker
    terms: Terms
    tell: Callable[[Standing], None] = lambda standing: None
    _ended: list[Attempt] = field(default_factory=list)
    _news: list[str] = field(default_factory=list)

    async def run(self, plan: Plan, *, retry_failed: bool = False) -> Built:
        """Goes on from where the ledger says that the last run over the same plan was left. Raises EndpointError where the model is gone,
        CannotCheck where nothing can be tested, and, when nothing else is left to do, BuildInterrupted where some calls or checks were lost
        again and again: what was done until then is kept."""
        self._writer = WritingAgent(self.terms.context)
        self._planner = ReplanningAgent(self.terms.context, self.terms.libraries)
        self._state = taken_up(self.ledger, self.project, plan, self._schedule, retry_failed=retry_failed)
        running: dict[asyncio.Task[Result], tuple[Item, Step]] = {}
        self._pool = ThreadPoolExecutor(self.terms.checks, thread_name_prefix="checks")
        try:
            await self._work(self._state.schedule, running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asyncio.to_thread(self._pool.shutdown)
        self._show(())
        if left := self._state.schedule.left:
            raise BuildInterrupted(self._unfinished(left))
        return self._state.built()

    def _unfinished(self, left: Sequence[Item]) -> str:
        names = ", ".join(item.id for item in left[:MOST_NAMED]) + (", ..." if len(left) > MOST_NAMED else "")
        why = self._state.why_lost[left[0].id].rstrip(".")
        return (
            f"The build of {self.project} is not finished: nothing came of {names} in {MOST_LOSSES} tries each ({why}). What is done is kept; run it "
            "again to go on from there."
        )

    def _schedule(self, items: dict[str, Item]) -> Schedule:
        return Schedule(items, self.terms.in_flight, self.terms.checks, self.terms.chance)

    async def _work(self, schedule: Schedule, running: dict[asyncio.Task[Result], tuple[Item, Step]]) -> None:
        while not schedule.is_over:
            for item in schedule.start(time.monotonic()):
                running[asyncio.create_task(self._do(item))] = (item, item.step)
            self._show(running.values())
            wakes_at = schedule.wakes_at(time.monotonic())
            pause_s = None if wakes_at is None else max(0.0, wakes_at - time.monotonic())
            if not running:
                if pause_s is None:
                    raise RuntimeError("the build waits for nothing")
                await asyncio.sleep(pause_s)
                continue
            ended, _ = await asyncio.wait(running, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task in ended]:
                item, step = running.pop(task)
                self._settle(item, step, task, time.monotonic())
            if ended:
                self._state.save(self.ledger, self._ended)
                self._ended = []

    async def _do(self, item: Item) -> Result:
        state = self._state
        if item.step is Step.WRITE:
            return await self.asking.ask(self._writer, state.assignment(item))
        if item.step is Step.REPLAN:
            reasons = tuple(reason.sentence for reason in state.note(item.id).reasons)
            part = FailedPart(self.project, state.plan, state.plan.task(item.id), reasons)
            return await self.asking.ask(self._planner, part)
        loop = asyncio.get_running_loop()
        if item.id == INTEGRATION:
            return await loop.run_in_executor(self._pool, self.checker.integrate, state.plan, state.whole())
        return await loop.run_in_executor(self._pool, self.checker.check, state.work(item))

    def _settle(self, item: Item, step: Step, task: asyncio.Task[Result], now: float) -> None:
        """Hands on how a step ended. Raises what ends the build."""
        state, seconds = self._state, now - item.started_at
        error = task.exception()
        if error is not None:
            if step is not Step.CHECK or isinstance(error, CannotCheck) or not isinstance(error, Exception):
                raise error
            outcome = state.lost(item, unexpected("checker", f"check {item.id}", error), now)
            self._note(item, step, seconds, outcome)
            return
        result = task.result()
        if isinstance(result, Checked):
            self._note(item, step, seconds, state.checked(item, result, now))
        elif isinstance(result.item, FailedPart):
            outcome = state.replanned(item, result.output, now)
            self._note(item, step, seconds, outcome, result, self._planner.version)
        else:
            outcome = state.written(item, result.output, now)
            self._note(item, step, seconds, outcome, result, self._writer.version)

    def _note(
        self,
        item: Item,
        step: Step,
        seconds: float,
        outcome: Outcome,
        made: Made[Assignment, Written] | Made[FailedPart, Replacement] | None = None,
        version: str = "",
    ) -> None:
        attempt = Attempt(
            task=item.id,
            step=step,
            ended_at=clock.now(),
            seconds=round(seconds, 6),
            outcome=outcome[0],
            reason=outcome[1],
        )
        if made is not None:
            cost = {"calls": made.attempts, "tokens_in": made.tokens.given, "tokens_out": made.tokens.made}
            who = {"maker": self.maker, "agent_version": version, "recalled": made.recalled}
            attempt = attempt.model_copy(update={**who, **cost})
        self._ended.append(attempt)
        self._news.append(f"{item.id} {_SAID[step, outcome[0]]}" + (f": {outcome[1]}" if outcome[1] else ""))

    def _show(self, running: Iterable[tuple[Item, Step]]) -> None:
        listed = list(running)
        states = [item.state for item in self._state.schedule.items.values()]
        self.tell(
            Standing(
                states.count(State.DONE),
                len(states),
                states.count(State.DEAD),
                tuple(item.id for item, step in listed if step is not Step.CHECK),
                tuple(item.id for item, step in listed if step is Step.CHECK),
                tuple(self._news),
            )
        )
        self._news.clear()
