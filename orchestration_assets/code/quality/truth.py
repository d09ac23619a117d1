"""Expressions whose truth is known before anything runs: constants, and comparisons of something with itself.

What belongs here: one small evaluator of three values, which never runs code.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_HOLDS_FOR_ITSELF = {
    ast.Eq: True,
    ast.LtE: True,
    ast.GtE: True,
    ast.Is: True,
    ast.NotEq: False,
    ast.Lt: False,
    ast.Gt: False,
    ast.IsNot: False,
}


def truth(node: ast.expr) -> bool | None:
    """True or False where the expression can only be that; None where it depends on what runs."""
    match node:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            if not parts:
                return False
            return None if all(isinstance(part, ast.Starred) for part in parts) else True
        case ast.Dict(keys=keys):
            return True if any(key is not None for key in keys) else (False if not keys else None)
        case ast.Lambda() | ast.GeneratorExp():
            return True
        case ast.JoinedStr(values=parts):
            return True if any(isinstance(part, ast.Constant) and part.value for part in parts) else None
        case ast.NamedExpr(value=value):
            return truth(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            known = truth(operand)
            return None if known is None else not known
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return truth(operand)
        case ast.BoolOp(op=joint, values=values):
            return _joined(joint, [truth(value) for value in values])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            known = truth(test)
            if known is not None:
                return truth(body if known else orelse)
            return truth(body) if truth(body) == truth(orelse) else None
        case ast.Compare():
            return _compared(node)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, arguments)
    return None


def _joined(joint: ast.boolop, known: list[bool | None]) -> bool | None:
    decides = isinstance(joint, ast.Or)
    if decides in known:
        return decides
    return None if None in known else not decides


def _compared(node: ast.Compare) -> bool | None:
    """Each link of a chain by itself."""
    known, left = [], node.left
    for kind, right in zip(node.ops, node.comparators, strict=True):
        known.append(_link(left, kind, right))
        left = right
    return _joined(ast.And(), known)


def _link(left: ast.expr, kind: ast.cmpop, right: ast.expr) -> bool | None:
    if ast.dump(left) == ast.dump(right) and type(kind) in _HOLDS_FOR_ITSELF:
        return _HOLDS_FOR_ITSELF[type(kind)]
    if isinstance(kind, ast.In | ast.NotIn):
        held = isinstance(right, ast.Tuple | ast.List | ast.Set) and any(
            ast.dump(part) == ast.dump(left) for part in right.elts
        )
        return (isinstance(kind, ast.In)) if held else None
    if _is_length(left) and isinstance(right, ast.Constant):
        least = right.value
        if (isinstance(kind, ast.GtE) and least == 0) or (isinstance(kind, ast.Gt) and least == -1):
            return True
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        try:
            return bool(_COMPARISONS[type(kind)](left.value, right.value))
        except (KeyError, TypeError):
            return None
    return None


def _is_length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"


def _called(name: str, arguments: list[ast.expr]) -> bool | None:
    match name, arguments:
        case "bool", [argument]:
            return truth(argument)
        case "isinstance", [_, ast.Name(id="object")]:
            return True
        case ("all", [ast.Tuple(elts=[]) | ast.List(elts=[])]):
            return True
    return None
