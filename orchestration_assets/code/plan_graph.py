"""The graph of a plan: its tasks and what they depend on, weighed by their estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration_assets.code.model import Plan

if TYPE_CHECKING:
    from orchestration_assets.code.dependency_graph import DependencyGraph


def graph_of_plan(plan: Plan) -> DependencyGraph:
    """An edge from each task to each that it depends on."""
    from orchestration_assets.code.dependency_graph import graph_of

    edges = [(task.id, other) for task in plan.tasks for other in task.depends_on]
    return graph_of(edges, [task.id for task in plan.tasks])


def minutes(plan: Plan) -> dict[str, float]:
    """The estimate of each task."""
    return {task.id: float(task.minutes) for task in plan.tasks}


def longest_tails(plan: Plan) -> dict[str, float]:
    """Of each task: minutes of the longest chain that begins with it, its own included, which is what the build still takes from there."""
    return {task_id: timing.tail for task_id, timing in graph_of_plan(plan).timings(minutes(plan)).items()}


def mermaid(plan: Plan) -> str:
    """A diagram of the tasks, those of the critical path in bold."""
    number = {task.id: place for place, task in enumerate(plan.tasks)}
    critical = graph_of_plan(plan).critical_path(minutes(plan)).nodes
    return "\n".join(
        [
            "flowchart LR",
            *(f'  t{number[task.id]}["{task.id}"]' for task in plan.tasks),
            *(f"  t{number[other]} --> t{number[task.id]}" for task in plan.tasks for other in task.depends_on),
            "  classDef critical stroke-width:3px",
            f"  class {','.join(f't{number[each]}' for each in critical)} critical",
        ]
    )
