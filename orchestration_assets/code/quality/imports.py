"""Imports of a project: those that go where none may, and those that go in a circle.

What belongs here: what the syntax trees say. Imports within functions and for type checkers alone close no circle, because nothing runs them while
modules are loaded; what they import must be allowed all the same.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from orchestration_assets.code.modules import module_of, package_of
from orchestration_assets.code.quality.files import supports_tests
from orchestration_assets.code.quality.model import Constraints, Reason
from orchestration_assets.import_statements import imports_in

MOST_CYCLES = 20
Trees = Mapping[str, ast.Module]


@dataclass(frozen=True)
class Import:
    """One import: the absolute name of a module ("" where it leads above the project), the names taken from it, and whether loading the file
    runs it."""

    line: int
    module: str
    names: tuple[str, ...]
    runs: bool


def forbidden_imports(trees: Trees, constraints: Constraints) -> Iterator[Reason]:
    """Imports of what is neither of the standard library, nor of the project, nor a library that the plan allows; or that the plan forbids."""
    modules = _modules(trees)
    tops = {module.partition(".")[0] for module in modules}
    for path, tree in trees.items():
        allowed = constraints.libraries | ({"pytest"} if supports_tests(path) else frozenset[str]())
        for each in imports_of(path, tree):
            top, why = each.module.partition(".")[0], ""
            if not each.module:
                why = "something above the project"
            elif forbidden := _forbidden(each, constraints):
                why = f"{forbidden}, which the plan forbids"
            elif top not in tops and top not in sys.stdlib_module_names and top not in allowed:
                why = f"{each.module}, which is neither of the standard library nor of the project, and no library that the plan allows"
            if why:
                sentence = f"{path}, line {each.line}, imports {why}."
                yield Reason(kind="forbidden import", sentence=sentence, path=path, line=each.line)


def _forbidden(each: Import, constraints: Constraints) -> str:
    names = (each.module, *(f"{each.module}.{name}" for name in each.names))
    return next(
        (name for name in names for other in constraints.forbidden if name == other or name.startswith(f"{other}.")), ""
    )


def import_cycles(trees: Trees) -> Iterator[Reason]:
    """Circles of files that import each other while they are loaded, each told once."""
    modules = _modules(trees)
    edges: dict[str, dict[str, int]] = {}
    for path, tree in trees.items():
        edges[path] = {}
        for each in imports_of(path, tree):
            for target in _targets(each, modules) if each.runs else ():
                edges[path].setdefault(target, each.line)
    for _ in range(MOST_CYCLES):
        try:
            TopologicalSorter({path: targets.keys() for path, targets in edges.items()}).prepare()
        except CycleError as error:
            # Each imports the one before it.
            circle = [str(path) for path in error.args[1]][::-1]
            line = edges[circle[0]].pop(circle[1])
            sentence = f"{circle[0]}, line {line}, closes a circle of imports: {' -> '.join(circle)}."
            yield Reason(kind="import cycle", sentence=sentence, path=circle[0], line=line)
        else:
            return


def _targets(each: Import, modules: Mapping[str, str]) -> Iterator[str]:
    """The files that an import names; a package's own only where a name is taken from it that is no module."""
    if not each.names:
        if each.module in modules:
            yield modules[each.module]
        return
    for name in each.names:
        target = modules.get(f"{each.module}.{name}") or modules.get(each.module)
        if target is not None:
            yield target


def imports_of(path: str, tree: ast.Module) -> Iterator[Import]:
    """Every import of a file, with those by `__import__` and `import_module` whose name is written down."""
    package = package_of(path)
    for each in imports_in(tree):
        yield Import(each.line, each.absolute(package) or "", each.names or (), each.runs)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name, function = node.args[0].value, node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if called in ("__import__", "import_module") and isinstance(name, str) and not name.startswith("."):
                yield Import(node.lineno, name, (), False)


def _modules(trees: Trees) -> dict[str, str]:
    return {module: path for path in trees if (module := module_of(path)) is not None}
