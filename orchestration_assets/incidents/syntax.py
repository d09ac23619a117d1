"""Small questions about a syntax tree: what a name ends in, what a statement binds, what kind of class it is.

What belongs here: one node at a time, without knowing the tree of files it comes from.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


def last_name(node: ast.expr) -> str:
    """`c` of `a.b.c`, `a.b.c(...)` and `a.b.c[...]`; "" of anything else."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def first_line(node: AnyFunction) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a function's body runs: everything in it but the inside of functions and classes in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from own_nodes(child)


def top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module, also those under `if` and `try` (guarded imports)."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for name in ("body", "orelse", "finalbody"):
                yield from top_level(getattr(statement, name, []))
            for handler in getattr(statement, "handlers", []):
                yield from top_level(handler.body)


def names_bound(statement: ast.stmt) -> list[str]:
    """By the statement itself, not by those in it."""
    match statement:
        case ast.Import():
            return [each.asname or each.name.partition(".")[0] for each in statement.names]
        case ast.ImportFrom():
            return [each.asname or each.name for each in statement.names]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [statement.name]
        case ast.Assign():
            return [name for target in statement.targets for name in targets(target)]
        case ast.AnnAssign() if statement.value is not None:
            return targets(statement.target)
        case ast.For() | ast.AsyncFor():
            return targets(statement.target)
        case ast.With() | ast.AsyncWith():
            return [name for item in statement.items if item.optional_vars for name in targets(item.optional_vars)]
    return []


def targets(node: ast.expr) -> list[str]:
    """Names that assigning to `node` binds."""
    match node:
        case ast.Name():
            return [node.id]
        case ast.Tuple() | ast.List():
            return [name for each in node.elts for name in targets(each)]
        case ast.Starred():
            return targets(node.value)
    return []


def is_named_tuple(node: ast.ClassDef) -> bool:
    return any(last_name(base) == "NamedTuple" for base in node.bases)


def is_dataclass(node: ast.ClassDef) -> bool:
    return any(last_name(each) in {"dataclass", "define", "frozen", "attrs", "s"} for each in node.decorator_list)


def is_enum(node: ast.ClassDef) -> bool:
    return any(last_name(base) in {"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "ReprEnum"} for base in node.bases)


def annotated_fields(node: ast.ClassDef) -> list[tuple[str, ast.AnnAssign]]:
    """Fields of a dataclass or a named tuple, in order."""
    return [
        (each.target.id, each)
        for each in node.body
        if isinstance(each, ast.AnnAssign)
        and isinstance(each.target, ast.Name)
        and last_name(each.annotation) != "ClassVar"
    ]
