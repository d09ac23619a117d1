"""Names and paths that the source spells out: text that an expression comes to, and the file that it names.

What belongs here: constants, known variables, and sums of them. Where more would be needed, nothing is said.
"""

from __future__ import annotations

import ast
from pathlib import PurePosixPath
from typing import Any, Self

from orchestration_assets.incidents.calls import bound, call_between
from orchestration_assets.incidents.equations import known
from orchestration_assets.incidents.frames import Level
from orchestration_assets.incidents.sources import Function, Module, Sources
from orchestration_assets.incidents.syntax import AnyFunction, last_name, own_nodes

DEEPEST = 16
_JOINS = {"Path", "PurePath", "str", "fspath", "join"}


class Readings:
    """Of the expressions at the levels of one stack."""

    def __init__(self, levels: list[Level], sources: Sources) -> None:
        self.levels, self.sources = levels, sources

    def scope(self, number: int) -> AnyFunction | ast.Module:
        level = self.levels[number]
        return level.function.node if level.function else level.module.tree

    def module(self, number: int) -> Module:
        return self.levels[number].module

    def value(self, number: int, name: str) -> Any:
        """A variable as a plain value; MISSING where it is none."""
        return known(self.levels[number], name, self.sources)

    def given(self, number: int, name: str) -> tuple[Self, int, ast.expr] | None:
        """What was given for a parameter, and where that expression stands."""
        call = call_between(self.levels[number - 1], self.levels[number]) if number else None
        if call is None or name not in call.arguments:
            return None
        return self, number - 1, call.arguments[name]

    def definition(self, number: int, name: str) -> ast.expr | None:
        """What a variable is assigned, where that happens once."""
        found = [
            each.value
            for each in own_nodes(self.scope(number))
            if isinstance(each, ast.Assign) and [ast.unparse(target) for target in each.targets] == [name]
        ]
        return found[0] if len(found) == 1 else None

    def text(self, number: int, node: ast.expr) -> str | None:
        """Text that an expression comes to: constants, known variables, sums of them."""
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Name(id=name):
                value = self.value(number, name)
                return value if isinstance(value, str) else self._constant(number, name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._sum(number, [left, right])
            case ast.JoinedStr(values=values):
                return self._sum(
                    number, [each.value if isinstance(each, ast.FormattedValue) else each for each in values]
                )
            case ast.Call(func=ast.Attribute(value=inner, attr="upper" | "lower" as method), args=[]):
                cased = self.text(number, inner)
                return None if cased is None else cased.upper() if method == "upper" else cased.lower()
        return None

    def path(self, number: int, node: ast.expr, depth: int = 0) -> PurePosixPath | None:
        """What an expression names, as a path; None where it cannot be told."""
        if depth > DEEPEST:
            return None
        match node:
            case ast.Constant(value=str() as text):
                return PurePosixPath(text)
            case ast.Name(id=name):
                return self._named_path(number, name, depth)
            case ast.Call(func=func, args=[first, *rest]) if last_name(func) in _JOINS:
                parts = [self.path(number, each, depth + 1) for each in [first, *rest]]
                return PurePosixPath(*[each for each in parts if each]) if all(parts) else None
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                one, other = self.path(number, left, depth + 1), self.path(number, right, depth + 1)
                return one / other if one is not None and other is not None else None
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                return self._attribute_path(number, attribute, depth)
        return None

    def opened(self, number: int, node: ast.expr) -> ast.expr | None:
        """The path that `open(path)`, `path.open()` or a variable bound to one of them was opened by."""
        match node:
            case ast.Name(id=name):
                for each in own_nodes(self.scope(number)):
                    for item in each.items if isinstance(each, ast.With) else []:
                        if isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name:
                            return self.opened(number, item.context_expr)
                definition = self.definition(number, name)
                return self.opened(number, definition) if isinstance(definition, ast.Call) else None
            case ast.Call(func=ast.Name(id="open"), args=[path, *_]):
                return path
            case ast.Call(func=ast.Attribute(value=ast.Name(id="io" | "codecs"), attr="open"), args=[path, *_]):
                return path
            case ast.Call(func=ast.Attribute(value=path, attr="open")):
                return path
        return None

    def _sum(self, number: int, nodes: list[ast.expr]) -> str | None:
        parts = [text for each in nodes if (text := self.text(number, each)) is not None]
        return "".join(parts) if len(parts) == len(nodes) else None

    def _constant(self, number: int, name: str) -> str | None:
        """Of a global, through imports: `NAME = "text"`, also within one call such as `Path("text")`."""
        found = self.sources.resolve(self.module(number), name)
        if found is not None and isinstance(found[1], ast.Assign):
            match found[1].value:
                case ast.Constant(value=str() as text) | ast.Call(args=[ast.Constant(value=str() as text)]):
                    return text
        return None

    def _named_path(self, number: int, name: str, depth: int) -> PurePosixPath | None:
        value = self.value(number, name)
        if isinstance(value, str | PurePosixPath):
            return PurePosixPath(value)
        if (definition := self.definition(number, name)) is not None:
            return self.path(number, definition, depth + 1)
        if (given := self.given(number, name)) is not None:
            reader, where, expression = given
            return reader.path(where, expression, depth + 1)
        constant = self._constant(number, name)
        return PurePosixPath(constant) if constant is not None else None

    def _attribute_path(self, number: int, attribute: str, depth: int) -> PurePosixPath | None:
        """Of `self.path`, by the constructor and the call of it that a caller shows."""
        function = self.levels[number].function
        owner = function.owner if function is not None else None
        constructor = (
            next((each for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
            if owner
            else None
        )
        if owner is None or constructor is None:
            return None
        stored = [
            each.value
            for each in ast.walk(constructor)
            if isinstance(each, ast.Assign) and last_name(each.targets[0]) == attribute
        ]
        for outer in range(number - 1, -1, -1):
            for call in ast.walk(self.scope(outer)):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != owner.name:
                    continue
                given = bound(call, Function(constructor, owner, None)).arguments
                names = [
                    each.id
                    for value in stored[:1]
                    for each in ast.walk(value)
                    if isinstance(each, ast.Name) and each.id in given
                ]
                if len(names) == 1:
                    return self.path(outer, given[names[0]], depth + 1)
        return None
