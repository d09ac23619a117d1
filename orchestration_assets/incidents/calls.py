"""Which call in the source led from one level of a stack to the next, and which of its arguments is which parameter.

What belongs here: matching one syntax tree with one function, never values.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration_assets.incidents.frames import Level
from orchestration_assets.incidents.sources import Function
from orchestration_assets.incidents.syntax import AnyFunction, last_name

_OPERATORS = {
    "__add__": ast.Add, "__sub__": ast.Sub, "__mul__": ast.Mult, "__matmul__": ast.MatMult, "__truediv__": ast.Div,
    "__floordiv__": ast.FloorDiv, "__mod__": ast.Mod, "__pow__": ast.Pow, "__or__": ast.BitOr, "__and__": ast.BitAnd,
    "__lshift__": ast.LShift, "__rshift__": ast.RShift, "__xor__": ast.BitXor,
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """What a call gives. `receiver` is what a method is called on. `arguments`: by parameter; `rest` and `named` are expressions
    that are spread, so that it is not known which parameters they fill."""

    receiver: ast.expr | None
    arguments: Mapping[str, ast.expr]
    is_complete: bool
    """Whether no parameter may be given that is not in `arguments`."""


def call_between(caller: Level, callee: Level) -> Given | None:
    """None where the source does not tell, or more than one call may be meant."""
    function, statement = callee.function, caller.statement
    if function is None or statement is None:
        return None
    name = function.node.name
    own = list(running_nodes(statement))
    if "property" in function.decorators or "cached_property" in function.decorators:
        found = _same([each for each in own if isinstance(each, ast.Attribute) and each.attr == name])
        return Given(found.value, {}, True) if isinstance(found, ast.Attribute) else None
    if name in _OPERATORS:
        operation = _same(
            [each for each in own if isinstance(each, ast.BinOp) and isinstance(each.op, _OPERATORS[name])]
        )
        if isinstance(operation, ast.BinOp):
            others = function.parameters
            return Given(operation.left, {others[0].arg: operation.right} if others else {}, True)
    if name == "__getitem__":
        got = _same([each for each in own if isinstance(each, ast.Subscript)])
        if isinstance(got, ast.Subscript):
            return Given(got.value, {function.parameters[0].arg: got.slice} if function.parameters else {}, True)
    if name in {"__enter__", "__aenter__"}:
        managers = [
            item.context_expr for each in own if isinstance(each, ast.With | ast.AsyncWith) for item in each.items
        ]
        return Given(managers[0], {}, True) if len(managers) == 1 else None
    if name in {
        "__iter__",
        "__next__",
        "__len__",
        "__contains__",
        "__str__",
        "__repr__",
        "__hash__",
        "__eq__",
        "__lt__",
    }:
        return None
    calls = [each for each in own if isinstance(each, ast.Call) and _calls(each, function, caller)]
    found = _same(calls)
    return bound(found, function) if isinstance(found, ast.Call) else None


def bound(call: ast.Call, function: Function) -> Given:
    arguments = function.node.args
    places = [each.arg for each in [*arguments.posonlyargs, *arguments.args]]
    is_on_class = function.binds_first and isinstance(call.func, ast.Attribute) and _is_class(call.func.value, function)
    takes_self = is_on_class and not {"classmethod"} & function.decorators and function.node.name != "__init__"
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    positional = list(call.args)
    if function.binds_first:
        if takes_self and positional and not isinstance(positional[0], ast.Starred):
            receiver = positional[0]
            positional = positional[1:]
        places = places[1:]
    found: dict[str, ast.expr] = {}
    is_complete = True
    for number, value in enumerate(positional):
        if isinstance(value, ast.Starred):
            is_complete = False
            break
        if number < len(places):
            found[places[number]] = value
    for each in call.keywords:
        if each.arg is None:
            is_complete = False
        else:
            found[each.arg] = each.value
    return Given(receiver, found, is_complete)


def running_nodes(statement: ast.stmt) -> Iterator[ast.expr]:
    """Expressions of one statement: of a compound one only those of its head, and none in a function or class within."""
    for name, value in ast.iter_fields(statement):
        if name in {"body", "orelse", "finalbody", "handlers", "cases"}:
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from (node for node in ast.walk(each) if isinstance(node, ast.expr))
    if isinstance(statement, ast.With | ast.AsyncWith):
        # So that its managers are seen as belonging to it.
        yield statement  # type: ignore[misc]


def _calls(call: ast.Call, function: Function, caller: Level) -> bool:
    name = last_name(call.func) if isinstance(call.func, ast.Name | ast.Attribute) else ""
    wanted = {function.node.name}
    if function.owner is not None and function.node.name in {"__init__", "__new__", "__post_init__"}:
        wanted = {function.owner.name, "cls", "__init__"}
        statement = caller.module.bound.get(name)
        if isinstance(statement, ast.ClassDef) and any(
            last_name(base) == function.owner.name for base in statement.bases
        ):
            wanted.add(name)
    if function.node.name == "__call__":
        return isinstance(call.func, ast.Name | ast.Attribute)
    imported = caller.module.bound.get(name)
    if isinstance(imported, ast.ImportFrom):
        name = next((each.name for each in imported.names if each.asname == name), name)
    return name in wanted


def _is_class(node: ast.expr, function: Function) -> bool:
    return isinstance(node, ast.Name) and function.owner is not None and node.id == function.owner.name


def _same(found: Sequence[ast.expr]) -> ast.expr | None:
    """The one that is meant, where all that may be meant are written alike."""
    written = {ast.unparse(each) for each in found}
    return found[0] if len(written) == 1 else None


def rebinds(node: AnyFunction, name: str) -> bool:
    """Whether the body of a function gives a parameter another value."""
    return any(
        isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store | ast.Del)
        for each in ast.walk(node)
    )


_CHANGES = {
    "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "add", "discard", "update", "setdefault", "popitem",
    "popleft", "appendleft", "move_to_end",
}  # fmt: skip


def changes(node: AnyFunction | ast.stmt, name: str) -> bool:
    """Whether code changes the object that a name stands for, as far as can be seen."""
    for each in ast.walk(node):
        match each:
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _CHANGES and root(value) == name:
                return True
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()) if (
                root(each) == name
            ):
                return True
            case ast.AugAssign(target=target) if root(target) == name:
                return True
    return False


def root(node: ast.expr) -> str:
    """The name that a chain of attributes and subscripts begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
