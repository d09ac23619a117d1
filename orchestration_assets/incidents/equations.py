"""What is known of expressions in the source: which value an expression had when the error happened.

What belongs here: pairs of an expression and its value, from variables that were assigned, arguments that were given, elements of loops,
and what an exception says of the text that it could not read.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any

from orchestration_assets.incidents import shapes
from orchestration_assets.incidents.calls import call_between, rebinds, running_nodes
from orchestration_assets.incidents.frames import Level, blocks
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.slices import gone_through
from orchestration_assets.incidents.sources import Sources
from orchestration_assets.incidents.syntax import last_name, targets
from orchestration_assets.incidents.values import Values
from orchestration_assets.incidents.whitelist import STANDARD

_UNREADABLE = re.compile(
    r"(?:invalid literal for int\(\) with base \d+: |could not convert string to float: )(?P<text>'.*'|\".*\")",
    re.DOTALL,
)
MISSING = object()


@dataclass(frozen=True)
class Equation:
    """At a level, `expression` had `value`. `is_part`: the value is a list of some of the elements."""

    number: int
    expression: ast.expr
    value: Any
    is_part: bool = False


def equations(levels: list[Level], sources: Sources, message: str) -> Iterator[Equation]:
    for number, level in enumerate(levels):
        yield from _assigned(number, level, sources)
        yield from _iterated(number, level, sources)
        yield from _given(number, levels, sources)
        yield from _given_to_library(number, level, sources)
    if levels:
        yield from _complained(len(levels) - 1, levels[-1], message)


def known(level: Level, name: str, sources: Sources) -> Any:
    """A variable as a plain Python value: text, numbers, containers of them, dates, paths. MISSING where it is none of these."""
    text = level.variables.get(name)
    if text is None:
        return MISSING
    scope = level.function.node if level.function else level.module.tree
    shape = shapes.of_parameter(level.function, name) if level.function else shapes.of_local(scope, name)
    try:
        return evaluated(Values(sources, level.module, lambda module, what: ast.Name(what)).rebuild(text, shape))
    except Unrebuildable:
        return MISSING


def evaluated(node: ast.expr) -> Any:
    """Of an expression that `Values` made; MISSING where it makes more than plain values."""
    match node:
        case ast.Constant():
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = evaluated(operand)
            return -inner if isinstance(inner, int | float) else MISSING
        case ast.List() | ast.Tuple() | ast.Set():
            values = [evaluated(each) for each in node.elts]
            if any(each is MISSING for each in values):
                return MISSING
            return values if isinstance(node, ast.List | ast.Set) else tuple(values)
        case ast.Dict():
            pairs = [
                (evaluated(key), evaluated(value)) for key, value in zip(node.keys, node.values, strict=True) if key
            ]
            if any(key is MISSING or value is MISSING or isinstance(key, list | dict) for key, value in pairs):
                return MISSING
            return dict(pairs)
        case ast.Call(func=ast.Name(id="Path"), args=[ast.Constant(value=str() as path)]):
            return PurePosixPath(path)
        case ast.Call(func=ast.Name(id="date" | "datetime" as kind), args=arguments, keywords=[]):
            numbers = [evaluated(each) for each in arguments]
            if all(isinstance(each, int) for each in numbers):
                try:
                    return date(*numbers) if kind == "date" else datetime(*numbers)  # noqa: DTZ001
                except (ValueError, TypeError):
                    return MISSING
    return MISSING


def _assigned(number: int, level: Level, sources: Sources) -> Iterator[Equation]:
    body = level.body
    for statement in _simple(body, level.places[-1].line):
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        names = targets(target)
        if any(_times_bound(level, name) > 1 for name in names):
            continue
        if isinstance(target, ast.Name):
            if (value := known(level, target.id, sources)) is not MISSING:
                yield Equation(number, statement.value, value)
        elif isinstance(target, ast.Tuple):
            values: list[Any] = []
            for each in target.elts:
                value = known(level, targets(each)[0], sources) if targets(each) else MISSING
                values += [*value] if isinstance(each, ast.Starred) and isinstance(value, list) else [value]
            if MISSING not in values:
                yield Equation(number, statement.value, values)


def _iterated(number: int, level: Level, sources: Sources) -> Iterator[Equation]:
    line = level.places[-1].line
    scope = level.function.node if level.function else level.module.tree
    for node in ast.walk(scope):
        if isinstance(node, ast.For) and not node.lineno <= line <= (node.end_lineno or 0):
            continue
        if not isinstance(node, ast.For | ast.comprehension):
            continue
        target, iterated = gone_through(node)
        if isinstance(target, ast.Name) and (value := known(level, target.id, sources)) is not MISSING:
            yield Equation(number, iterated, [value], is_part=True)


def _given(number: int, levels: list[Level], sources: Sources) -> Iterator[Equation]:
    if not number or (function := levels[number].function) is None:
        return
    statement = levels[number - 1].statement
    given = call_between(levels[number - 1], levels[number])
    for name, expression in (given.arguments if given else {}).items():
        if not rebinds(function.node, name) and (value := known(levels[number], name, sources)) is not MISSING:
            yield Equation(number - 1, expression, value)
    # `main(*sys.argv[1:])`
    for node in running_nodes(statement) if statement is not None else ():
        match node:
            case ast.Call(args=[ast.Starred(value=spread)], keywords=[]) if last_name(node.func) == function.node.name:
                own = function.node.args
                names = [each.arg for each in [*own.posonlyargs, *own.args]][1 if function.binds_first else 0 :]
                values = [known(levels[number], name, sources) for name in names if not rebinds(function.node, name)]
                if len(values) != len(names):
                    continue
                defaults = shapes.defaults(function.node)
                while (
                    names
                    and values
                    and names[-1] in defaults
                    and ast.unparse(defaults[names[-1]]) == levels[number].variables.get(names[-1])
                ):
                    names.pop(), values.pop()
                rest = known(levels[number], own.vararg.arg, sources) if own.vararg else ()
                if MISSING not in values and isinstance(rest, list | tuple):
                    yield Equation(number - 1, spread, [*values, *rest])


def _given_to_library(number: int, level: Level, sources: Sources) -> Iterator[Equation]:
    """The first library function that was called is known by its signature; what is decoded at the bottom is what was read."""
    statement = level.statement
    if not level.below or statement is None:
        return
    calls = [each for each in running_nodes(statement) if isinstance(each, ast.Call)]
    first = level.below[0]
    named = [each for each in calls if last_name(each.func) == first.function]
    if len(named) == 1 and (parameters := _signature(first.module, first.function)):
        for name, expression in zip(parameters, named[0].args, strict=False):
            if (text := first.vars.get(name)) is not None:
                try:
                    value = evaluated(Values(sources, level.module, lambda module, what: ast.Name(what)).rebuild(text))
                except Unrebuildable:
                    continue
                if value is not MISSING:
                    yield Equation(number, expression, value)
    reads = [each for each in calls if last_name(each.func) in {"read", "read_text", "load"}]
    for frame in level.below:
        for name in ("input", "data", "s") if frame.function in {"decode", "loads"} else ():
            text = frame.vars.get(name, "")
            if text[:1] in {"b", "'", '"'} and len(reads) == 1:
                try:
                    value = ast.literal_eval(text)
                except (ValueError, SyntaxError, MemoryError, RecursionError):
                    continue
                if isinstance(value, str | bytes):
                    whole = reads[0]
                    if last_name(whole.func) == "load" and whole.args:
                        whole = ast.Call(ast.Attribute(whole.args[0], "read"), [], [])
                    yield Equation(number, whole, value)
                    return


def _signature(module: str, function: str) -> list[str]:
    if module.partition(".")[0] not in STANDARD:
        return []
    try:
        return list(inspect.signature(getattr(importlib.import_module(module), function)).parameters)
    except (ImportError, AttributeError, TypeError, ValueError):
        return []


def _complained(number: int, level: Level, message: str) -> Iterator[Equation]:
    """`int(text)` says in its message what the text was."""
    found = _UNREADABLE.fullmatch(message)
    if found is None or level.statement is None:
        return
    try:
        text = ast.literal_eval(found["text"])
    except (ValueError, SyntaxError):
        return
    for node in ast.walk(level.statement):
        match node:
            case ast.Call(func=ast.Name(id="int" | "float"), args=[parsed, *_]):
                if node.lineno <= level.places[-1].line <= (node.end_lineno or node.lineno):
                    yield Equation(number, parsed, text)


def _simple(body: list[ast.stmt], line: int) -> Iterator[ast.stmt]:
    """Statements that have run, also those in loops and branches around the line."""
    for statement in body:
        if statement.lineno > line:
            return
        if blocks(statement):
            for inner in blocks(statement):
                yield from _simple(inner, line)
        elif (statement.end_lineno or statement.lineno) < line or statement.lineno < line:
            yield statement


def _times_bound(level: Level, name: str) -> int:
    scope = level.function.node if level.function else level.module.tree
    return sum(
        isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Store) for each in ast.walk(scope)
    )
