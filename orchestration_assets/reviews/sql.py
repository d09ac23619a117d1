"""Values that become part of the text of an SQL statement, in Python.

What belongs here: telling a value from a name. Names of tables and columns cannot be parameters, so that building them into a statement is
what everybody does; a value that stands behind `=`, in quotes or in a list is what injection lives on.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import Spot, new_findings

_RUNS = frozenset("execute executemany executescript exec_driver_sql raw text query read_sql read_sql_query".split())
_STATEMENT = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|MERGE|WITH|CALL|EXEC)\b", re.IGNORECASE)
_VALUE_FOLLOWS = re.compile(r"(?:[=<>]\s*|\bLIKE\s+|\bVALUES\s*\(\s*|\bIN\s*\(\s*)[('\"%]*$|['\"]%?$", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[srd]|\{[\w.\[\]!:]*\}")
_UNKNOWN = "\0"
"""Stands for what is put in."""


def sql_findings(change: Change) -> Iterator[Finding]:
    return new_findings(change, change.code("Python"), _spots)


def _spots(path: str, text: str) -> Iterator[Spot]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for scope in ast.walk(tree):
        if isinstance(scope, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _in(scope)


def _in(scope: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Spot]:
    nodes = list(_own(scope))
    built = {
        node.targets[0].id: node.value
        for node in nodes
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    }
    for node in nodes:
        if not isinstance(node, ast.Call) or not node.args or _name(node.func) not in _RUNS:
            continue
        statement = node.args[0]
        if isinstance(statement, ast.Name) and statement.id in built:
            statement = built[statement.id]
        if _takes_a_value(statement):
            yield Spot("sql-built-from-values", statement.lineno, statement.end_lineno or statement.lineno)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of functions in it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own(node)


def _takes_a_value(statement: ast.expr) -> bool:
    text, put_in = _template(statement)
    if not put_in or not _STATEMENT.match(text):
        return False
    before = text.split(_UNKNOWN)
    return any(
        _VALUE_FOLLOWS.search("?".join(before[: position + 1])) and not _is_harmless(value)
        for position, value in enumerate(put_in)
    )


def _template(node: ast.expr) -> tuple[str, list[ast.expr]]:
    """A text with a mark for each value that is put in, and these values."""
    match node:
        case ast.Constant(value=str(text)):
            return text, []
        case ast.JoinedStr(values=parts):
            texts, put_in = [], []
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    texts.append(_UNKNOWN)
                    put_in.append(part.value)
                elif isinstance(part, ast.Constant):
                    texts.append(str(part.value))
            return "".join(texts), put_in
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            (first, one), (second, other) = _template(left), _template(right)
            return first + second, [*one, *other]
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=values):
            return _filled(text, list(values.elts) if isinstance(values, ast.Tuple) else [values])
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"), args=args, keywords=keywords
        ):
            return _filled(text, [*args, *(keyword.value for keyword in keywords)])
    return _UNKNOWN, [node]


def _filled(text: str, values: list[ast.expr]) -> tuple[str, list[ast.expr]]:
    marked, count = _PLACEHOLDER.subn(_UNKNOWN, text)
    return marked, (values + values[-1:] * count)[:count] if values else []


def _is_harmless(value: ast.expr) -> bool:
    """Constants, numbers, and what is made of placeholders."""
    match value:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return (
                name.isupper() or "placeholder" in name.lower() or name.lower() in ("marks", "question_marks", "params")
            )
        case ast.Attribute(attr=name):
            return name.isupper()
        case ast.Call(func=ast.Name(id="int" | "float" | "len" | "bool")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join")):
            return True
        case ast.Call(func=function):
            return re.search(r"quote|escape|literal|identifier|placeholder", _name(function), re.IGNORECASE) is not None
        case ast.BinOp(left=left, right=right):
            return _is_harmless(left) and _is_harmless(right)
    return False


def _name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
