"""What a plan must keep to, whoever wrote it: every rule as a sentence that says what is wrong, for the planner to mend or a person to read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter

from orchestration_assets.code.model import (
    LONGEST_ESTIMATE,
    MOST_CRITERIA,
    MOST_FILES_OF_A_TASK,
    MOST_TASKS,
    Plan,
    Task,
)
from orchestration_assets.code.paths import is_test, objection
from resources.errors import SoloistError

MOST_TOLD = 12
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TASK_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_CRITERION_ID = re.compile(r"[A-Z][0-9]{1,3}")


class PlanRefused(SoloistError):
    """There is no plan to build by."""


def problems(plan: Plan, libraries: Collection[str] = ()) -> list[str]:
    """Why a plan cannot be built, the first dozen sentences; none where it can. `libraries`: distributions that it may use besides the
    standard library."""
    found = [*_counts(plan), *_names(plan), *_files(plan), *_references(plan), *_cycles(plan), *_coverage(plan)]
    found += [
        f"The library {name!r} is not there; what is built uses the standard library"
        + (f" and {', '.join(sorted(libraries))}." if libraries else " alone.")
        for name in plan.libraries
        if name not in libraries
    ]
    return found[:MOST_TOLD]


def _counts(plan: Plan) -> Iterator[str]:
    if not 1 <= len(plan.tasks) <= MOST_TASKS:
        yield f"A plan has 1 to {MOST_TASKS} tasks, this one {len(plan.tasks)}."
    if not 1 <= len(plan.criteria) <= MOST_CRITERIA:
        yield f"A plan has 1 to {MOST_CRITERIA} acceptance criteria, this one {len(plan.criteria)}."
    if not any(task.kind == "test" for task in plan.tasks):
        yield "No task is of the kind test; at least one must show the acceptance criteria."
    for task in plan.tasks:
        if not 1 <= len(task.files) <= MOST_FILES_OF_A_TASK:
            yield f"The task {task.id!r} makes {len(task.files)} files; a task makes 1 to {MOST_FILES_OF_A_TASK}."
        if not 1 <= task.minutes <= LONGEST_ESTIMATE:
            yield f"The estimate of the task {task.id!r} is {task.minutes} minutes; it is between 1 and {LONGEST_ESTIMATE}."
        if not task.description.strip():
            yield f"The task {task.id!r} does not say what is to be done."


def _names(plan: Plan) -> Iterator[str]:
    if not _NAME.fullmatch(plan.name):
        yield f"The project's name {plan.name[:60]!r} is none that Python could import: lower-case letters, digits and underscores."
    for what, ids, pattern in (
        ("task", [task.id for task in plan.tasks], _TASK_ID),
        ("criterion", [criterion.id for criterion in plan.criteria], _CRITERION_ID),
    ):
        for each, count in Counter(ids).items():
            if count > 1:
                yield f"{count} of the plan have the id {each!r}; every {what} needs one of its own."
            if not pattern.fullmatch(each):
                yield f"The id {each[:60]!r} of a {what} is none; write it like {'C1' if what == 'criterion' else 'parse-input'}."


def _files(plan: Plan) -> Iterator[str]:
    owners: dict[str, str] = {}
    for task in plan.tasks:
        for path in task.paths:
            if (reason := objection(path)) is not None:
                yield f"The file {path[:120]!r} of the task {task.id!r} {reason}."
                continue
            if (other := owners.setdefault(path.lower(), task.id)) != task.id:
                yield f"The tasks {other!r} and {task.id!r} both make the file {path}."
            if task.kind == "source" and is_test(path) and not any(t.kind == "test" for t in plan.tasks):
                yield f"The file {path} holds tests; its task must be of the kind test."
        if len({path.lower() for path in task.paths}) < len(task.paths):
            yield f"The task {task.id!r} makes a file twice."
        if task.kind == "test" and not any(is_test(path) for path in task.paths):
            yield f"The task {task.id!r} is of the kind test and makes no file test_*.py."
    for path in owners:
        for parent in _parents(path):
            if parent in owners:
                yield f"{parent} would be a file and the folder of {path}."


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def _references(plan: Plan) -> Iterator[str]:
    tasks = {task.id for task in plan.tasks}
    criteria = {criterion.id for criterion in plan.criteria}
    for task in plan.tasks:
        for each in sorted(set(task.depends_on) - tasks):
            yield f"The task {task.id!r} depends on {each[:60]!r}, which is no task."
        for each in sorted(set(task.criteria) - criteria):
            yield f"The task {task.id!r} names the criterion {each[:20]!r}, which is none of the plan's."


def _cycles(plan: Plan) -> Iterator[str]:
    graph = {task.id: set(task.depends_on) for task in plan.tasks}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        yield f"Tasks wait for each other: {' -> '.join(cycle[:9])}; one of these dependencies must go."


def _coverage(plan: Plan) -> Iterator[str]:
    shown = {criterion for task in plan.tasks if task.kind == "test" for criterion in task.criteria}
    for criterion in plan.criteria:
        if criterion.id not in shown:
            yield f"No task of tests shows the criterion {criterion.id} ({criterion.text[:80]})."


def replacement_problems(plan: Plan, task: Task, replacement: list[Task], libraries: Collection[str] = ()) -> list[str]:
    """Why other tasks cannot stand in the place of one."""
    if not 1 <= len(replacement) <= 3:
        return [f"One to three tasks stand in the place of {task.id!r}, not {len(replacement)}."]
    lost = sorted(set(task.paths) - {path for each in replacement for path in each.paths})
    found = [f"The file {path} of {task.id!r} is made by none of the new tasks; others need it." for path in lost]
    if task.kind == "test" and not set(task.criteria) <= {
        each for new in replacement for each in new.criteria if new.kind == "test"
    }:
        found.append(f"The new tasks of tests must show what {task.id!r} was to show: {', '.join(task.criteria)}.")
    return (found + problems(plan.replaced(task.id, replacement), libraries))[:MOST_TOLD]
