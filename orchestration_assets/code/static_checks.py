"""What can be said of files without running them: syntax, imports, tests that are gone, and the criteria that tests say they show."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping

from orchestration_assets.code.interfaces import defined_names
from orchestration_assets.code.model import Plan, Task
from orchestration_assets.code.modules import module_of, package_of
from orchestration_assets.code.paths import is_test
from orchestration_assets.import_statements import imports_in

ALWAYS_THERE = frozenset({"pytest"})
_ID = r"[A-Z][0-9]{1,3}"
_SHOWS = re.compile(rf"\s*({_ID}(?:(?:, and |, | and |/){_ID})*):")
"""How the docstring of a test begins that shows criteria, as the writer is told."""


def problems(
    plan: Plan, task: Task, files: Mapping[str, str], sources: Mapping[str, str], before: Mapping[str, str]
) -> list[str]:
    """Why the files that a task made cannot be tested. `sources`: the files of what it depends on; `before`: its own as they stood."""
    found: list[str] = []
    trees: dict[str, ast.Module] = {}
    for path, text in files.items():
        if path.endswith(".py"):
            tree = parsed(text)
            if isinstance(tree, str):
                found.append(f"{path} cannot be parsed: {tree}.")
            else:
                trees[path] = tree
    modules = _modules({**sources, **files})
    for path, tree in trees.items():
        found += _import_problems(plan, task, path, tree, modules, {**sources, **files})
    if found or len(trees) < sum(path.endswith(".py") for path in files):
        return found
    found += _lost_tests(files, before)
    if task.kind == "test":
        shown = criteria_shown(files, task.criteria)
        found += [
            f"No test says that it shows the criterion {criterion}; begin the docstring of the test that does with “{criterion}:”."
            for criterion in task.criteria
            if not shown[criterion]
        ]
    return found


def parsed(source: str) -> ast.Module | str:
    """The syntax tree, or why there is none, in words with the line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: it is nested too deeply or holds what no source can"


def tests_of(source: str) -> dict[str, str]:
    """The tests of a file: `test_x` or `TestY::test_x`, to their docstrings; none where it cannot be parsed."""
    tree = parsed(source)
    return {} if isinstance(tree, str) else dict(_tests(tree.body, ""))


def _tests(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name.startswith("test"):
                yield prefix + node.name, ast.get_docstring(node) or ""
            case ast.ClassDef() if node.name.startswith("Test") or any(
                "TestCase" in ast.unparse(base) for base in node.bases
            ):
                yield from _tests(node.body, f"{prefix}{node.name}::")


def criteria_shown(files: Mapping[str, str], criteria: Collection[str]) -> dict[str, list[str]]:
    """The tests (`path::test`) whose docstring begins with the id of a criterion, or with several of which it is one, for each of these."""
    shown: dict[str, list[str]] = {criterion: [] for criterion in criteria}
    for path in sorted(files):
        if is_test(path):
            for test, docstring in tests_of(files[path]).items():
                begins = _SHOWS.match(docstring)
                for criterion in shown.keys() & set(re.findall(_ID, begins[1]) if begins is not None else ()):
                    shown[criterion].append(f"{path}::{test}")
    return shown


def _lost_tests(files: Mapping[str, str], before: Mapping[str, str]) -> Iterator[str]:
    for path, text in before.items():
        if is_test(path) and path in files:
            lost = sorted(tests_of(text).keys() - tests_of(files[path]).keys())
            if lost:
                yield f"{path} no longer holds the tests {', '.join(lost)}; mend a test, and do not take it out."


def imported(tree: ast.Module, path: str) -> Iterator[tuple[int, str, list[str]]]:
    """Every import, in functions too: line, absolute dotted name of the module, and the names taken from it. One that goes above the
    project has the name "", and so has a relative one in a file at the top, which Python refuses."""
    package = package_of(path)
    for each in imports_in(tree):
        module = each.absolute(package) if package or not each.level else None
        yield each.line, module or "", list(each.names or ())


def _modules(sources: Mapping[str, str]) -> dict[str, str]:
    """Dotted name to path, and packages without an `__init__.py` to ""."""
    found = {module: path for path in sources if (module := module_of(path)) is not None}
    for module in list(found):
        while module := module.rpartition(".")[0]:
            found.setdefault(module, "")
    return found


def _import_problems(
    plan: Plan, task: Task, path: str, tree: ast.Module, modules: Mapping[str, str], texts: Mapping[str, str]
) -> Iterator[str]:
    planned = plan.modules
    tops = {module.partition(".")[0] for module in planned}
    for line, module, names in imported(tree, path):
        where = f"{path}, line {line}"
        top = module.partition(".")[0]
        if not module:
            yield f"{where} imports from above the project."
        elif top not in tops:
            if top not in sys.stdlib_module_names and top not in ALWAYS_THERE and top not in plan.libraries:
                yield f"{where} imports {module}, which is neither of the standard library nor of the project."
        elif module in modules:
            yield from _missing_names(where, module, names, modules, texts)
        elif module not in planned:
            yield f"{where} imports {module}, which no task makes."
        elif (owner := plan.owner(planned[module])) is not None and task.id in plan.beneath([owner.id]):
            yield f"{where} imports {module}, which depends on this file: they would import each other."
        else:
            yield f"{where} imports {module}, which the task does not depend on, so that it may not be there."


def _missing_names(
    where: str, module: str, names: list[str], modules: Mapping[str, str], texts: Mapping[str, str]
) -> Iterator[str]:
    text = texts.get(modules[module])
    tree = parsed(text) if text is not None else None
    defined = defined_names(tree) if isinstance(tree, ast.Module) else None
    if defined is None:
        return
    missing = [name for name in names if name != "*" and name not in defined and f"{module}.{name}" not in modules]
    if missing:
        yield f"{where} imports {', '.join(missing)} from {module}, which does not define {'it' if len(missing) == 1 else 'them'}."
