"""What Sentry cut off of a container: it keeps ten elements. Some of the others the stack itself tells.

What belongs here: elements that loops were at, and values that were looked up, added to a container that may have been cut.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from orchestration_assets.incidents.frames import Level
from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.slices import gone_through
from orchestration_assets.incidents.syntax import own_nodes

BREADTH = 10
"""Elements of a container that Sentry's SDK keeps."""

Literal = Callable[[int, str], ast.expr]
"""The value of a variable at a level, written down. Raises Unrebuildable."""


def complete(levels: list[Level], number: int, name: str, made: ast.expr, literal: Literal) -> ast.expr:
    """The container with what is known to be in it besides; as it was where it was not cut, or nothing is known."""
    match made:
        case ast.List(elts=elements) | ast.Set(elts=elements) if len(elements) == BREADTH:
            written = {ast.dump(each) for each in elements}
            for each in _elements(levels[number], number, name, literal):
                if ast.dump(each) not in written:
                    written.add(ast.dump(each))
                    elements.append(each)
        case ast.Dict(keys=keys, values=values) if len(keys) == BREADTH:
            known = {ast.dump(key) for key in keys if key is not None}
            text = levels[number].variables.get(name)
            for other, level in enumerate(levels):
                for own, written_as in level.variables.items() if level.function is not None else ():
                    if written_as != text:
                        continue
                    for key, value in _looked_up(level, other, own, literal):
                        if ast.dump(key) not in known:
                            known.add(ast.dump(key))
                            keys.append(key)
                            values.append(value)
    return made


def _elements(level: Level, number: int, name: str, literal: Literal) -> list[ast.expr]:
    """What loops over the variable were at."""
    line = level.places[-1].line
    found = []
    for node in ast.walk(level.function.node if level.function else level.module.tree):
        if isinstance(node, ast.For) and not node.lineno <= line <= (node.end_lineno or node.lineno):
            continue
        if isinstance(node, ast.For | ast.comprehension):
            target, iterated = gone_through(node)
            if isinstance(iterated, ast.Name) and iterated.id == name and isinstance(target, ast.Name):
                found += _attempted(literal, number, target.id)
    return found


def _looked_up(level: Level, number: int, name: str, literal: Literal) -> list[tuple[ast.expr, ast.expr]]:
    """Keys and values of `value = mapping[key]`, with both names known."""
    found = []
    for node in own_nodes(level.function.node) if level.function else ():
        match node:
            case ast.Assign(
                targets=[ast.Name(id=value)], value=ast.Subscript(value=ast.Name(id=mapping), slice=ast.Name(id=key))
            ):
                pass
            case ast.Assign(
                targets=[ast.Name(id=value)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=mapping), attr="get"), args=[ast.Name(id=key), *_]),
            ):
                pass
            case _:
                continue
        if mapping == name:
            for one in _attempted(literal, number, key):
                found += [(one, other) for other in _attempted(literal, number, value)]
    return found


def _attempted(literal: Literal, number: int, name: str) -> list[ast.expr]:
    try:
        return [literal(number, name)]
    except Unrebuildable:
        return []
