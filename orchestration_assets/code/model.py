"""What a build is made of: the specification, the plan with its tasks, and the rows in which both are kept.

What belongs here: plain values. The bounds in the annotations are those of what a planner may write; what else a plan must keep to is in
`plan_rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from orchestration_assets.code.modules import module_of
from resources.language_model.schemas import at_most, few, number_to
from resources.rows import Row
from resources.warehouse import TableSpec

MOST_TASKS, MOST_FILES_OF_A_TASK, MOST_CRITERIA = 250, 4, 60
LONGEST_ESTIMATE = 480
"""Minutes."""

Name = Annotated[str, at_most(40)]
Line = Annotated[str, at_most(300)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Criterion(_Value):
    """One thing that must be true of what is built, such as C3: `an unknown command exits with 2`."""

    id: Annotated[str, at_most(8)]
    text: Line


class PlannedFile(_Value):
    """A file, and what others may rely on in it: signatures, a line each."""

    path: Annotated[str, at_most(120)]
    interface: Annotated[str, at_most(1200)] = ""


class Task(_Value):
    """One piece of work, done in one go: it owns its files, and starts when the tasks that it depends on are done.

    `criteria` are those that it serves and, where it is a task of tests, those that its tests show.
    """

    id: Name
    title: Annotated[str, at_most(120)]
    kind: Literal["source", "test"]
    description: Annotated[str, at_most(1500)]
    files: Annotated[tuple[PlannedFile, ...], few(MOST_FILES_OF_A_TASK)]
    depends_on: Annotated[tuple[Name, ...], few(40)] = ()
    criteria: Annotated[tuple[Annotated[str, at_most(8)], ...], few(20)] = ()
    minutes: Annotated[int, number_to(LONGEST_ESTIMATE)] = 10

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)


class Plan(_Value):
    """What is to be built. `refusal` says why nothing is; then the rest is empty. `contradictions` are sentences about what the
    specification says twice and differently, and how it was read."""

    refusal: Line = ""
    name: Name = ""
    summary: Annotated[str, at_most(600)] = ""
    contradictions: Annotated[tuple[Line, ...], few(10)] = ()
    libraries: Annotated[tuple[Name, ...], few(10)] = ()
    criteria: Annotated[tuple[Criterion, ...], few(MOST_CRITERIA)] = ()
    tasks: Annotated[tuple[Task, ...], few(MOST_TASKS)] = ()

    @cached_property
    def _tasks(self) -> dict[str, Task]:
        return {task.id: task for task in self.tasks}

    @cached_property
    def _owners(self) -> dict[str, Task]:
        return {path: task for task in self.tasks for path in task.paths}

    @cached_property
    def modules(self) -> dict[str, str]:
        """The modules that it makes: dotted name to path."""
        return {module: path for path in self._owners if (module := module_of(path)) is not None}

    def task(self, task_id: str) -> Task:
        """Raises KeyError for an id that no task has."""
        return self._tasks[task_id]

    def owner(self, path: str) -> Task | None:
        """The task that makes a file; None for a file that is not of the plan."""
        return self._owners.get(path)

    def replaced(self, task_id: str, replacement: Sequence[Task]) -> Plan:
        """The plan with other tasks in the place of one; what depended on it depends on all of them."""
        ids = [task.id for task in replacement]

        def pointed(task: Task) -> Task:
            if task_id not in task.depends_on:
                return task
            depends_on = [each for each in task.depends_on if each != task_id]
            return task.model_copy(update={"depends_on": tuple(dict.fromkeys([*depends_on, *ids]))})

        tasks: list[Task] = []
        for task in self.tasks:
            tasks += list(replacement) if task.id == task_id else [pointed(task)]
        # No `model_copy`: it would copy what was cached of the old tasks.
        return Plan(**{name: getattr(self, name) for name in Plan.model_fields} | {"tasks": tuple(tasks)})

    def beneath(self, task_ids: Iterable[str]) -> set[str]:
        """These tasks, and all that they depend on."""
        found: set[str] = set()
        waiting = list(task_ids)
        while waiting:
            if (task_id := waiting.pop()) not in found and task_id in self._tasks:
                found.add(task_id)
                waiting += self._tasks[task_id].depends_on
        return found


class Specification(Row):
    """The row of `specifications`, keyed by project. `sha256` is of the text; `concerns` are sentences for whoever wrote it."""

    project: str
    title: str
    text: str
    sha256: str
    concerns: list[str] = []
    issue: str = ""
    """`owner/name#12` where it is an issue on GitHub."""
    repository: str = ""
    """`owner/name` that the finished project is proposed to; "" for none."""


class BuildPlan(Row):
    """The row of `build_plans`, keyed by project: the plan as it was first made of a specification. `plan.refusal` may say why there is
    none."""

    project: str
    specification: str
    """The specification's sha256."""
    plan: Plan


class ReleasedFile(Row):
    """The row of `release_bundles`, keyed by (project, name): a file of the bundle that a project is handed over as. Its bytes are in the object
    store under `sha256`."""

    project: str
    name: str
    media_type: str
    sha256: str
    size: int


class Bar(Row):
    """A step of a task on the time line of its project: `start` in seconds since the first one began, how long it took, and how it ended."""

    task: str
    step: str
    start: float
    seconds: float
    outcome: str


class ProjectProposal(Row):
    """A branch and a pull request that are to be made for a finished project. `files` are texts by path. All of it is safe to show: nothing
    from outside can mention, embed or link."""

    project: str
    repository: str
    base: str
    base_commit: str
    branch: str
    title: str
    body: str
    commit_message: str
    files: Mapping[str, str]


class BuildComment(Row):
    """What is to stand under the issue that asked for a build, and is as safe to show."""

    repository: str
    number: int
    body: str


SPECIFICATIONS = TableSpec("specifications", Specification, key=("project",))
BUILD_PLANS = TableSpec("build_plans", BuildPlan, key=("project",))
RELEASE_BUNDLES = TableSpec("release_bundles", ReleasedFile, key=("project", "name"))
