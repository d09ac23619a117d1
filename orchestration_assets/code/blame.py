"""Who has to mend what failed: from the reasons of a check to the tasks whose files are at fault.

The file where an error came up is at fault. Where a test's own assertion failed, what it tests is: of the modules that the test uses, the one
that rests on the others. The writer may say that this is wrong, see `writing_agent.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from orchestration_assets.code.checking import Reason
from orchestration_assets.code.model import Plan, Task
from orchestration_assets.code.paths import is_test
from orchestration_assets.code.static_checks import imported, parsed

MOST_HANDS = 10
"""Through which a name goes from where it is defined to a test."""


def blamed(plan: Plan, task_id: str, reasons: Sequence[Reason], sources: Mapping[str, str]) -> dict[str, list[Reason]]:
    """The ids of the tasks that mend the reasons, each with its own. `task_id` is the task that was checked: it mends what no other can be
    blamed for; where it is none of the plan's, such reasons have nobody."""
    found: dict[str, list[Reason]] = {}
    tasks = {task.id for task in plan.tasks}
    own = plan.task(task_id).paths if task_id in tasks else ()
    for reason in reasons:
        shown_by = reason.test or next((path for path in own if is_test(path)), "")
        task = _at_fault(plan, reason, shown_by, sources)
        if (blamed_id := task.id if task is not None else task_id) in tasks:
            found.setdefault(blamed_id, []).append(reason)
    return found


def _at_fault(plan: Plan, reason: Reason, shown_by: str, sources: Mapping[str, str]) -> Task | None:
    test_path, _, test = shown_by.partition("::")
    if reason.expected and (tested := _tested(plan, test_path, test, sources)) is not None:
        return tested
    return plan.owner(reason.path) or plan.owner(reason.test.partition("::")[0])


def _tested(plan: Plan, path: str, test: str, sources: Mapping[str, str]) -> Task | None:
    """The task that makes what a test tests: of those whose modules the test uses, else its file, the one that rests on most of the others;
    None where the test uses no source of the project."""
    owner = plan.owner(path)
    tree = parsed(sources.get(path, ""))
    if owner is None or isinstance(tree, str):
        return None
    paths = plan.modules
    modules = [
        _defining(module, name, paths, sources)
        for module, name in _used(tree, path, test.rpartition("::")[2].partition("[")[0])
    ]
    used = [plan.owner(paths[module]) for module in modules if module in paths and not is_test(paths[module])]
    candidates = [task for task in used if task is not None and task != owner]
    if not candidates:
        beneath = [plan.task(each) for each in owner.depends_on]
        candidates = [task for task in beneath if task.kind == "source"]
    ids = {task.id for task in candidates}
    return max(candidates, key=lambda task: len(plan.beneath([task.id]) & ids), default=None)


def _defining(module: str, name: str, paths: Mapping[str, str], sources: Mapping[str, str]) -> str:
    """The module that defines a name of another one: a package often only hands on what its modules define."""
    for _ in range(MOST_HANDS):
        tree = parsed(sources.get(paths.get(module, ""), ""))
        further = [
            (found, alias.name)
            for node in (tree.body if isinstance(tree, ast.Module) else ())
            if isinstance(node, ast.ImportFrom)
            for _, found, _ in imported(ast.Module([node], []), paths[module])
            for alias in node.names
            if (alias.asname or alias.name) == name and found in paths
        ]
        if not further:
            break
        module, name = further[-1]
    return module


def _used(tree: ast.Module, path: str, function: str) -> list[tuple[str, str]]:
    """The modules whose names a test function uses, each with the name, "" for the module itself; of the whole file where the function uses
    none."""
    bound: dict[str, list[tuple[str, str]]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            bound |= {(alias.asname or alias.name).partition(".")[0]: [(alias.name, "")] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            _, module, _ = next(imported(ast.Module([node], []), path))
            bound |= {
                alias.asname or alias.name: [(module, alias.name), (f"{module}.{alias.name}", "")]
                for alias in node.names
            }
    bodies = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
    ]
    used = {node.id for body in bodies for node in ast.walk(body) if isinstance(node, ast.Name)}
    inner = [
        (module, name)
        for body in bodies
        for _, module, names in imported(ast.Module(body.body, []), path)
        for name in names or [""]
    ]
    return inner + [module for name in bound if name in used for module in bound[name]] or [
        module for modules in bound.values() for module in modules
    ]
