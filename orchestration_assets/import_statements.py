"""The import statements of a Python file, as its syntax tree has them.

What belongs here: where they stand, and the absolute name of the module that they import from. Which file that is, and whether it may be
imported, is told by those who ask.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Import:
    """`import module` where `names` is None, else `from <level dots><module> import names`. `runs`: loading the file does it; what stands in a
    function, or for type checkers alone (`typing_only`), does not."""

    line: int
    module: str
    names: tuple[str, ...] | None
    level: int
    runs: bool
    typing_only: bool

    def absolute(self, package: str) -> str | None:
        """The absolute name of the module, for a file of that package; None where it leads above the topmost."""
        return absolute(self.module, self.level, package)


def absolute(module: str, level: int, package: str) -> str | None:
    """The absolute name of `<level dots><module>` in a file of that package, which is "" for one at the top; None where it leads above."""
    if not level:
        return module
    parts = package.split(".") if package else []
    kept = len(parts) - (level - 1)
    if kept < 0 or (kept == 0 and level > 1):
        return None
    return ".".join([*parts[:kept], *([module] if module else [])])


def imports_in(tree: ast.Module) -> Iterator[Import]:
    """All imports in the order of the file, wherever they stand: in functions, under conditions, for type checkers alone."""
    waiting: list[tuple[ast.AST, bool, bool]] = [(tree, True, False)]
    while waiting:
        node, runs, typing_only = waiting.pop()
        match node:
            case ast.Import(names=aliases):
                yield from (Import(node.lineno, alias.name, None, 0, runs, typing_only) for alias in aliases)
            case ast.ImportFrom(names=aliases):
                names = tuple(alias.name for alias in aliases)
                yield Import(node.lineno, node.module or "", names, node.level, runs, typing_only)
            case ast.If(test=test, body=body, orelse=other) if (typed := _is_for_types(test)) is not None:
                for block, is_for_types in ((other, not typed), (body, typed)):
                    waiting += ((each, runs and not is_for_types, typing_only or is_for_types) for each in block[::-1])
            case _:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    runs = False
                waiting += ((each, runs, typing_only) for each in _inner(node)[::-1])


def _inner(node: ast.AST) -> list[ast.AST]:
    """The statements that a statement holds, in their order."""
    return [each for field in ("body", "handlers", "cases", "orelse", "finalbody") for each in getattr(node, field, ())]


def _is_for_types(test: ast.expr) -> bool | None:
    """True for `TYPE_CHECKING`, alone or with a further condition, False for its opposite, None for another condition."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return False
        case ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case ast.BoolOp(op=ast.And(), values=conditions) if any(_is_for_types(each) for each in conditions):
            return True
        case _:
            return None
