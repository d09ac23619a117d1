"""The state of a build: the plan, the files, what each item is told next; and what the outcome of a step means for all of these.

What belongs here: no waiting and no asking. `building.py` gets outcomes and brings them here; the ledger keeps what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestration_assets.code.blame import blamed
from orchestration_assets.code.checking import Checked, Reason, Work
from orchestration_assets.code.ledger import Attempt, Changes, DeadLetter, Ledger, Note
from orchestration_assets.code.model import Plan, Task
from orchestration_assets.code.paths import is_test
from orchestration_assets.code.plan_graph import longest_tails
from orchestration_assets.code.planning_agent import Replacement
from orchestration_assets.code.scheduling import Item, Schedule, State, Step
from orchestration_assets.code.writing_agent import Assignment, WritingAgent, Written
from resources.language_model.agent import Failure, content_hash

INTEGRATION = "(integration)"
"""The item that is done when the whole was checked; no task can have its name."""
UNUSABLE = "The last reply could not be used: "

Outcome = tuple[str, str]
"""How a step ended, in a word, and why."""


@dataclass(frozen=True)
class Built:
    """What a build came to. It `is_green` where every task is done and the whole was checked; else `dead` and `blocked` name the tasks that
    failed, and those that wait for them. `checked` holds the last verdict on each task."""

    plan: Plan
    sources: dict[str, str]
    checked: dict[str, Checked]
    integration: Checked | None
    done: tuple[str, ...]
    dead: tuple[str, ...]
    blocked: tuple[str, ...]

    @property
    def is_green(self) -> bool:
        return self.integration is not None and self.integration.passed and not self.dead and not self.blocked


@dataclass
class BuildState:
    """One project at work. `changes` gathers what `save` writes down as one."""

    project: str
    plan: Plan
    sources: dict[str, str]
    notes: dict[str, Note]
    schedule: Schedule
    changes: Changes = field(default_factory=Changes)
    why_lost: dict[str, str] = field(default_factory=dict)
    """The last reason why nothing came of a step, by item."""
    _looked_at: dict[str, dict[str, str]] = field(default_factory=dict)
    """The files that each check which runs was given."""

    def note(self, item_id: str) -> Note:
        return self.notes.setdefault(item_id, Note())

    def assignment(self, item: Item) -> Assignment:
        """What the writer is shown: the task's own files, those of what it depends on, and of what failed through it."""
        note, task = self.note(item.id), self.plan.task(item.id)
        owners = {owner.id for path in note.concerned if (owner := self.plan.owner(path)) is not None}
        reasons = tuple(reason.sentence + (f"\n{reason.detail}" if reason.detail else "") for reason in note.reasons)
        visible = self._files_of(self.plan.beneath([task.id, *owners]))
        return Assignment(self.project, self.plan, task, visible, note.attempts + 1, reasons, tuple(note.concerned))

    def work(self, item: Item) -> Work:
        """What is checked: the task's files, by its own tests and by those that rest on it, were written already, and wait for nothing else."""
        done = {each.id for each in self.schedule.in_state(State.DONE)} | {item.id}
        task = self.plan.task(item.id)
        testing = [task, *(other for other in self.plan.tasks if self._can_test(other, task, done))]
        tests = [path for other in testing for path in other.paths if is_test(path)]
        self._looked_at[item.id] = self._files_of(self.plan.beneath([other.id for other in testing]))
        return Work(self.plan, task, self._looked_at[item.id], tests)

    def whole(self) -> dict[str, str]:
        """All files, to be checked at the end."""
        self._looked_at[INTEGRATION] = dict(self.sources)
        return self._looked_at[INTEGRATION]

    def _can_test(self, other: Task, task: Task, done: set[str]) -> bool:
        return (
            task.id in other.depends_on
            and self.schedule.items[other.id].state is not State.DEAD
            and set(other.depends_on) <= done
            and all(path in self.sources for path in other.paths)
        )

    def _files_of(self, task_ids: set[str]) -> dict[str, str]:
        paths = [path for task in self.plan.tasks if task.id in task_ids for path in task.paths]
        return {path: self.sources[path] for path in paths if path in self.sources}

    def written(self, item: Item, output: Written | Failure, now: float) -> Outcome:
        note = self.note(item.id)
        if isinstance(output, Failure):
            if output.transient:
                return self.lost(item, output.reason, now)
            standing = [reason for reason in note.reasons if not reason.sentence.startswith(UNUSABLE)]
            note.reasons = [*standing, Reason(sentence=UNUSABLE + output.reason)]
            note.attempts += 1
            self.schedule.failed(item.id, now, erred=True)
            return "failed", output.reason
        note.attempts += 1
        if output.fault_in:
            owner = self.plan.owner(output.fault_in)
            assert owner is not None  # the writer's reply was held against the plan
            sentence = f"The fault is in {output.fault_in}, says who was to mend {item.id}: {output.reason}"
            told = Reason(sentence=sentence, path=output.fault_in)
            return self._handed_over(item, {owner.id: [told, *note.reasons]}, now)
        self.sources.update(output.files)
        self.changes.files |= {path: (item.id, text) for path, text in output.files.items()}
        self.schedule.written(item.id, now)
        return "written", ""

    def checked(self, item: Item, checked: Checked, now: float) -> Outcome:
        note = self.note(item.id)
        looked_at = self._looked_at.pop(item.id)
        if changed := sorted(path for path, text in looked_at.items() if self.sources.get(path) != text):
            self.schedule.put_off(item.id, now)
            return "put off", f"{', '.join(changed)} changed meanwhile"
        note.checked = checked
        if checked.passed:
            note.reasons, note.concerned = [], []
            self.schedule.passed(item.id, now)
            return "passed", ""
        if mended := self.schedule.being_mended(item.id):
            self.schedule.put_off(item.id, now)
            return "put off", f"{', '.join(sorted(mended))} is being mended"
        reasons = list(checked.reasons) or [Reason(sentence="The check failed and does not say why.")]
        who = blamed(self.plan, item.id, reasons, self.sources)
        if item.id in who or not who:
            self._tell(item.id, who.get(item.id, reasons))
            self.schedule.failed(item.id, now)
            return "failed", reasons[0].sentence
        return self._handed_over(item, who, now)

    def lost(self, item: Item, reason: str, now: float) -> Outcome:
        """Nobody answered, or the checker broke: nothing is known of the item that was not known before."""
        self.schedule.lost(item.id, now)
        self.why_lost[item.id] = reason
        return "lost", reason

    def replanned(self, item: Item, output: Replacement | Failure, now: float) -> Outcome:
        if isinstance(output, Failure):
            if output.transient:
                return self.lost(item, output.reason, now)
            self.schedule.given_up(item.id, now, erred=True)
            return "given up", output.reason
        old = self.plan.task(item.id)
        self.plan = self.changes.plan = self.plan.replaced(old.id, output.tasks)
        for path in old.paths:
            self.sources.pop(path, None)
        self.changes.removed.add(old.id)
        reasons = [reason.sentence for reason in self.notes.pop(old.id, Note()).reasons]
        self.changes.letters.append(DeadLetter(task=old.id, reasons=reasons, outcome="replanned"))
        items = [Item(task.id, frozenset(task.depends_on)) for task in output.tasks]
        self.schedule.replanned(item.id, items, now, longest_tails(self.plan))
        return "replanned", ""

    def _handed_over(self, item: Item, who: Mapping[str, Sequence[Reason]], now: float) -> Outcome:
        """To whom the reasons blame; where one of these is dead, it is for the item itself to do without."""
        if not self.schedule.can_mend(who):
            reasons = [reason for each in who.values() for reason in each]
            self._tell(item.id, reasons)
            self.schedule.failed(item.id, now)
            return "failed", reasons[0].sentence
        for mended in self.schedule.handed_over(item.id, who, now):
            self._tell(mended, who[mended])
        return "handed over", f"{', '.join(who)} is to be mended: {next(iter(who.values()))[0].sentence}"

    def _tell(self, item_id: str, reasons: Sequence[Reason]) -> None:
        note = self.note(item_id)
        own = self.plan.task(item_id).paths if item_id != INTEGRATION else ()
        named = [path for reason in reasons for path in (reason.test.partition("::")[0], reason.path)]
        note.reasons = list(reasons)
        note.concerned = [path for path in dict.fromkeys(named) if path in self.sources and path not in own]

    def save(self, ledger: Ledger, attempts: Sequence[Attempt]) -> None:
        """Writes down what changed since the last time, as one."""
        changes = self.changes
        changes.attempts += attempts
        for item_id in self.schedule.changed & self.schedule.items.keys():
            item, note = self.schedule.items[item_id], self.note(item_id)
            changes.items[item_id] = (item, note)
            if item.state is State.DEAD or item.step is Step.REPLAN:
                outcome = "given up" if item.state is State.DEAD else "waiting"
                reasons = [reason.sentence for reason in note.reasons]
                changes.letters.append(DeadLetter(task=item_id, reasons=reasons, outcome=outcome))
        ledger.save(self.project, changes)
        self.schedule.changed.clear()
        self.changes = Changes()

    def built(self) -> Built:
        items = {each: item for each, item in self.schedule.items.items() if each != INTEGRATION}
        by_state = {state: tuple(item.id for item in items.values() if item.state is state) for state in State}
        is_whole = self.schedule.items[INTEGRATION].state in (State.DONE, State.DEAD)
        return Built(
            self.plan,
            dict(sorted(self.sources.items())),
            {each: checked for each in items if (checked := self.note(each).checked) is not None},
            self.note(INTEGRATION).checked if is_whole else None,
            by_state[State.DONE],
            by_state[State.DEAD],
            by_state[State.OPEN],
        )


def items_of(plan: Plan) -> dict[str, Item]:
    """An item for each task, and one for the whole."""
    tails = longest_tails(plan)
    items = {task.id: Item(task.id, frozenset(task.depends_on), tails[task.id]) for task in plan.tasks}
    items[INTEGRATION] = Item(INTEGRATION, frozenset(items), 0.0, step=Step.CHECK, writable=False)
    return items


def taken_up(
    ledger: Ledger,
    project: str,
    plan: Plan,
    schedule: Callable[[dict[str, Item]], Schedule],
    *,
    retry_failed: bool,
) -> BuildState:
    """What is left of the build of the same plan, else a new one. `retry_failed` takes the dead letters up again."""
    stored, basis = ledger.load(project), basis_of(plan)
    if stored is None or stored.basis != basis:
        ledger.begin(project, basis, plan, items_of(plan).values())
        stored = ledger.load(project)
        assert stored is not None
    tails = longest_tails(stored.plan)
    for item in stored.items.values():
        item.tail = tails.get(item.id, 0.0)
        if retry_failed and item.state is State.DEAD:
            _revive(item, stored.notes[item.id])
    return BuildState(project, stored.plan, stored.files, stored.notes, schedule(stored.items))


def as_left(ledger: Ledger, project: str, plan: Plan) -> Built | None:
    """What the last build over a plan came to; None where there was none."""
    stored = ledger.load(project)
    if stored is None or stored.basis != basis_of(plan):
        return None
    schedule = Schedule(stored.items, 1, 1, lambda: 0.0)
    return BuildState(project, stored.plan, stored.files, stored.notes, schedule).built()


def basis_of(plan: Plan) -> str:
    """What makes two builds the same: the plan as it was first made, and the version of the writer."""
    return content_hash(plan, WritingAgent().version)


def _revive(item: Item, note: Note) -> None:
    item.state, item.failures, item.replanned = State.OPEN, 0, False
    item.step = Step.WRITE if item.writable else Step.CHECK
    item.is_fix = item.writable and bool(note.attempts)
