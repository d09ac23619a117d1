"""Which statements came before a line, and what each of them does to a variable.

What belongs here: the straight line that leads to a statement of a function. Values are not looked at.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from orchestration_assets.incidents.calls import changes, root
from orchestration_assets.incidents.frames import Level, blocks
from orchestration_assets.incidents.syntax import names_bound, own_nodes


def locals_of(level: Level) -> frozenset[str]:
    """Names that belong to the function, or at the top level those that are neither imported nor defined."""
    if level.function is None:
        bound = level.module.bound
        return frozenset(
            name
            for name, each in bound.items()
            if not isinstance(each, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        )
    own = {each.arg for each in ast.walk(level.function.node.args) if isinstance(each, ast.arg)}
    for node in own_nodes(level.function.node):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    return frozenset(own)


def before(body: list[ast.stmt], line: int) -> Iterator[ast.stmt]:
    """What ran before the statement that holds `line`, and the heads of the statements around it, in order."""
    for statement in body:
        if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            inner = [block for block in blocks(statement) if block[0].lineno <= line <= (block[-1].end_lineno or 0)]
            if inner:
                yield statement
                yield from before(inner[0], line)
            return
        yield statement


def around(body: list[ast.stmt], line: int) -> list[ast.stmt]:
    return [each for each in before(body, line) if each.lineno <= line <= (each.end_lineno or each.lineno)]


def binds(statement: ast.stmt, name: str) -> bool:
    return name in names_bound(statement) or (
        bool(blocks(statement))
        and any(
            isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store)
            for each in ast.walk(statement)
        )
    )


def touches(statement: ast.stmt, name: str) -> bool:
    """Whether it may change the object: by a method, an attribute, an element, or a call that is made for its effect."""
    if changes(statement, name):
        return True
    return any(
        isinstance(each, ast.Expr)
        and isinstance(each.value, ast.Call)
        and (
            root(each.value.func) == name
            or any(isinstance(one, ast.Name) and one.id == name for one in each.value.args)
        )
        for each in ast.walk(statement)
    )


def names_in(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def opens(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name | ast.Attribute)
        and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr) in {"open", "suppress", "closing"}
    )


def gone_through(loop: ast.For | ast.comprehension) -> tuple[ast.expr, ast.expr]:
    """What a loop binds and what it goes through, behind `enumerate`."""
    match loop.iter, loop.target:
        case ast.Call(func=ast.Name(id="enumerate"), args=[iterated, *_]), ast.Tuple(elts=[_, target]):
            return target, iterated
    return loop.target, loop.iter
