"""What is done next: the order of a build, as a state machine without I/O, without a clock and without chance of its own.

What belongs here: items and their states, which of them starts next, and what follows from how it ended. There are no batches: an item starts
as soon as what it depends on is done. Instants are monotonic seconds; estimates are in any unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from orchestration_assets.code.breaker import CircuitBreaker, InFlightWindow

MOST_FAILURES = 3
MOST_LOSSES = 3
"""In a row, after which an item is left to the next run."""
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 60.0
PATIENCE_S = 600.0
"""An item that has waited so long goes before one that just became ready, however much depends on the latter."""


class Step(StrEnum):
    """What is to be done with an item next, and which agent does it."""

    WRITE = "write"
    CHECK = "check"
    REPLAN = "replan"


class State(StrEnum):
    OPEN = "open"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    """Among the dead letters: nobody tries it again in this build."""


@dataclass(slots=True)
class Item:
    """One thing to be made. `tail`: the estimated length of the longest chain of work that begins with it, which is what the build still
    takes after it starts. `waits_for` are items that are mended first because this one's check failed through them. What is not `writable` is only
    checked."""

    id: str
    depends_on: frozenset[str] = frozenset()
    tail: float = 1.0
    step: Step = Step.WRITE
    state: State = State.OPEN
    is_fix: bool = False
    """It goes before new work."""
    failures: int = 0
    losses: int = 0
    """How often in a row nothing came of a step: the call got no answer, the checker broke. It says nothing of the item, and each run counts anew."""
    replanned: bool = False
    writable: bool = True
    waits_for: frozenset[str] = frozenset()
    not_before: float = 0.0
    ready_since: float | None = None
    started_at: float = 0.0


@dataclass
class Schedule:
    """`start` says what begins now; how it ended is told by `written`, `passed`, `failed`, `lost`, `handed_over`, `put_off`, `replanned` or
    `given_up`.

    `in_flight` bounds calls of the model (writing and planning again), `checks` the checks at once. `chance` gives numbers in [0, 1) for the
    jitter of pauses. `changed` collects the ids of items that changed since the caller last cleared it.
    """

    items: dict[str, Item]
    in_flight: int
    checks: int
    chance: Callable[[], float]
    patience_s: float = PATIENCE_S
    breaker_pause_s: float = 30.0
    changed: set[str] = field(default_factory=set)
    breakers: dict[Step, CircuitBreaker] = field(init=False)
    window: InFlightWindow = field(init=False)

    def __post_init__(self) -> None:
        self.breakers = {step: CircuitBreaker(self.breaker_pause_s) for step in Step}
        self.window = InFlightWindow(self.in_flight)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nothing will: all is done, dead, left to the next run, or waits for what is dead or left."""
        return not self.in_state(State.RUNNING) and all(map(self._is_blocked, self.in_state(State.OPEN)))

    @property
    def left(self) -> list[Item]:
        """What is open and is not tried again in this run, because nothing came of it too often."""
        return [item for item in self.items.values() if _is_left(item)]

    def in_state(self, state: State) -> list[Item]:
        return [item for item in self.items.values() if item.state is state]

    def start(self, now: float) -> list[Item]:
        """What begins now, each with its `step`: checks, and calls of the model as far as the window and the breakers let them."""
        return [
            *self._begin((Step.CHECK,), self.checks, now),
            *self._begin((Step.REPLAN, Step.WRITE), self.window.value, now),
        ]

    def wakes_at(self, now: float) -> float | None:
        """When to call `start` again though nothing ended: when a pause is over. None where only an end helps."""
        times = [
            item.not_before for item in self.in_state(State.OPEN) if item.not_before > now and self._is_startable(item)
        ]
        times += [breaker.opens_at for breaker in self.breakers.values() if breaker.opens_at is not None]
        return min((time for time in times if time > now), default=None)

    def written(self, item_id: str, now: float) -> None:
        """Its files are there; they are checked next."""
        item = self._ended(item_id, now, erred=False)
        item.step = Step.CHECK

    def passed(self, item_id: str, now: float) -> None:
        """The check says that it is right."""
        item = self._ended(item_id, now, erred=False)
        item.state, item.is_fix = State.DONE, False

    def failed(self, item_id: str, now: float, *, erred: bool = False) -> None:
        """It was written or checked, and is not right. `erred`: its agent gave nothing that could be used, which counts for the breaker."""
        self._count_failure(self._ended(item_id, now, erred=erred))

    def lost(self, item_id: str, now: float) -> None:
        """Nothing came of the step, which is no failure of the item: the same is tried again after a pause, and where that was in vain too often,
        by the next run."""
        item = self._ended(item_id, now, erred=True, lost=True)
        item.losses += 1
        longest = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (item.losses - 1))
        item.not_before = now + longest * (0.5 + self.chance() / 2)

    def can_mend(self, item_ids: Iterable[str]) -> bool:
        """Whether all of these can be written again in this build."""
        return all(self.items[each].writable and self.items[each].state is not State.DEAD for each in item_ids)

    def handed_over(self, item_id: str, to: Iterable[str], now: float) -> list[str]:
        """It is not right because of other items that can be mended: they are, and are checked again before this one is. Gives those that are
        mended from now on; others were on their way already."""
        item = self._ended(item_id, now, erred=False)
        others = [self.items[each] for each in to]
        mended: list[str] = []
        item.step, item.is_fix = Step.CHECK, True
        for other in others:
            if self._waits_on(other, item_id):
                # The other one can only be shown to be right with this one in place.
                item.state = State.DONE
            else:
                item.waits_for |= {other.id}
            if other.state is State.DONE or (other.state is State.OPEN and other.step is Step.CHECK):
                other.state, other.waits_for = State.OPEN, frozenset()
                self.changed.add(other.id)
                self._count_failure(other)
                mended.append(other.id)
        return mended

    def being_mended(self, item_id: str) -> set[str]:
        """What it rests on and is being mended just now, but for what waits for it in turn."""
        beneath = self._beneath(self.items[item_id])
        unfinished = {each for each in beneath if self.items[each].state in (State.OPEN, State.RUNNING)}
        return {each for each in unfinished if not self._waits_on(self.items[each], item_id)}

    def put_off(self, item_id: str, now: float) -> None:
        """Its check says nothing, because files changed meanwhile or are about to; it is checked again when what it rests on is done."""
        mended = self.being_mended(item_id)
        item = self._ended(item_id, now, erred=False)
        item.waits_for |= mended

    def replanned(self, item_id: str, replacement: Sequence[Item], now: float, tails: Mapping[str, float]) -> None:
        """Other items stand in its place; what depended on it depends on all of them. `tails` are those of all items."""
        self._ended(item_id, now, erred=False)
        ids = frozenset(item.id for item in replacement)
        del self.items[item_id]
        self.changed.add(item_id)
        for item in self.items.values():
            for name in ("depends_on", "waits_for"):
                if item_id in (known := getattr(item, name)):
                    setattr(item, name, known - {item_id} | ids)
                    self.changed.add(item.id)
        for item in replacement:
            item.replanned = item.is_fix = True
            self.items[item.id] = item
            self.changed.add(item.id)
        for item in self.items.values():
            item.tail = tails.get(item.id, item.tail)
            if item.id in self._beneath(item):
                item.waits_for = frozenset()
                self.changed.add(item.id)

    def given_up(self, item_id: str, now: float, *, erred: bool = False) -> None:
        """Nothing can stand in its place."""
        item = self._ended(item_id, now, erred=erred)
        item.replanned = True
        item.state = State.DEAD

    def _begin(self, steps: tuple[Step, ...], limit: int, now: float) -> list[Item]:
        running = sum(item.state is State.RUNNING and item.step in steps for item in self.items.values())
        ready = [item for item in self.items.values() if item.step in steps and self._is_ready(item, now)]
        for item in ready:
            if item.ready_since is None:
                item.ready_since = now
        longest = max((item.tail for item in self.items.values()), default=1.0) or 1.0

        def rank(item: Item) -> tuple[bool, float, str]:
            waited = 0.0 if item.ready_since is None else now - item.ready_since
            return not item.is_fix, -(item.tail / longest + waited / self.patience_s), item.id

        begun: list[Item] = []
        for item in sorted(ready, key=rank):
            if running + len(begun) >= limit:
                break
            breaker = self.breakers[item.step]
            if breaker.allowed(now) == 0:
                continue
            breaker.sent(now)
            item.state, item.started_at = State.RUNNING, now
            begun.append(item)
        return begun

    def _is_ready(self, item: Item, now: float) -> bool:
        return item.state is State.OPEN and item.not_before <= now and self._is_startable(item)

    def _is_startable(self, item: Item) -> bool:
        return not _is_left(item) and self._is_free(item)

    def _is_free(self, item: Item) -> bool:
        """Whether all that it waits for is done."""
        return all(self.items[each].state is State.DONE for each in item.waits_for | item.depends_on)

    def _is_blocked(self, item: Item) -> bool:
        if _is_left(item) or self._is_free(item):
            return _is_left(item)
        beneath = [self.items[each] for each in self._beneath(item)]
        return any(each.state is State.DEAD or _is_left(each) for each in beneath)

    def _waits_on(self, item: Item, item_id: str) -> bool:
        return item.id == item_id or item_id in self._beneath(item)

    def _beneath(self, item: Item) -> set[str]:
        """All that it waits for, and all that these wait for."""
        found: set[str] = set()
        waiting = [*item.depends_on, *item.waits_for]
        while waiting:
            if (each := waiting.pop()) not in found:
                found.add(each)
                waiting += [*self.items[each].depends_on, *self.items[each].waits_for]
        return found

    def _ended(self, item_id: str, now: float, *, erred: bool, lost: bool = False) -> Item:
        item = self.items[item_id]
        if item.state is not State.RUNNING:
            raise ValueError(f"{item_id} ended and was not running")
        self.breakers[item.step].came_back(item.started_at, now, erred=erred)
        if item.step is not Step.CHECK:
            self.window.came_back(item.started_at, now, lost=lost)
        item.state, item.ready_since = State.OPEN, None
        item.losses = item.losses if lost else 0
        self.changed.add(item_id)
        return item

    def _count_failure(self, item: Item) -> None:
        """After three, it goes to the planner, once; where that is no help, and where a model can do nothing, it is dead."""
        item.failures += 1
        if not item.writable or (item.failures >= MOST_FAILURES and item.replanned):
            item.state = State.DEAD
        else:
            item.step, item.is_fix = Step.WRITE if item.failures < MOST_FAILURES else Step.REPLAN, True


def _is_left(item: Item) -> bool:
    return item.state is State.OPEN and item.losses >= MOST_LOSSES


def schedule_items(depends_on: Mapping[str, Iterable[str]], tails: Mapping[str, float]) -> dict[str, Item]:
    """An item for each key, to be written first."""
    return {each: Item(each, frozenset(others), tails[each]) for each, others in depends_on.items()}
