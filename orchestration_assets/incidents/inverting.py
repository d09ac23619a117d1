"""From what an expression came to back to what the program read: its command line, its environment, its files, its standard input.

What belongs here: one rule for each function that is undone. A rule that does not apply says nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Any, Literal

from orchestration_assets.incidents.calls import bound
from orchestration_assets.incidents.equations import MISSING, equations
from orchestration_assets.incidents.frames import Level
from orchestration_assets.incidents.preimages import KEEPS, are_texts, as_csv, as_json, preimage
from orchestration_assets.incidents.readings import DEEPEST, Readings
from orchestration_assets.incidents.sources import Function, Module, Sources
from orchestration_assets.incidents.syntax import AnyFunction, last_name, own_nodes

_SURROUNDING = frozenset("PATH HOME PWD OLDPWD SHLVL USER LOGNAME SHELL TERM HOSTNAME _ TZ TMPDIR".split())


@dataclass(frozen=True)
class Fact:
    """`key`: a position, a variable's name or a path. `number`: the level that read it."""

    kind: Literal["argv", "arguments", "environment", "file", "stdin"]
    key: str | int
    value: Any
    number: int
    is_part: bool = False


def facts(levels: list[Level], sources: Sources, message: str) -> list[Fact]:
    """What the program read from outside, as far as it can be told. The first of two that contradict each other counts."""
    found: dict[tuple[str, str | int], Fact] = {}
    for equation in equations(levels, sources, message):
        inverter = _Inverter(levels, sources, is_part=equation.is_part)
        for fact in inverter.undo(equation.number, equation.expression, equation.value, 0):
            kept = found.get((fact.kind, fact.key))
            if kept is None or (kept.is_part and not fact.is_part):
                found[fact.kind, fact.key] = fact
    return list(found.values())


class _Inverter(Readings):
    def __init__(self, levels: list[Level], sources: Sources, *, is_part: bool) -> None:
        super().__init__(levels, sources)
        self.is_part = is_part
        self.calls: set[str] = set()
        """Names of functions that were gone through."""

    def undo(self, number: int, node: ast.expr, value: Any, depth: int) -> Iterator[Fact]:
        """What was read so that `node` came to `value` at a level."""
        if depth > DEEPEST or value is MISSING:
            return

        def again(inner: ast.expr, of: Any) -> Iterator[Fact]:
            return self.undo(number, inner, of, depth + 1)

        match node:
            case ast.Subscript(value=ast.Attribute() as inner, slice=at) if ast.unparse(inner) == "sys.argv":
                yield from self._argv(number, at, value)
            case ast.Attribute() if ast.unparse(node) == "sys.argv" and isinstance(value, list):
                yield Fact("arguments", 0, value, number, self.is_part)
            case ast.Attribute() if ast.unparse(node) == "os.environ" and isinstance(value, dict):
                for name, text in value.items():
                    if (
                        isinstance(text, str)
                        and name not in _SURROUNDING
                        and not name.startswith(("PYTHON", "LC_", "LANG"))
                    ):
                        yield Fact("environment", name, text, number)
            case ast.Attribute() if ast.unparse(node) == "sys.stdin" and isinstance(value, list):
                if all(isinstance(each, str) for each in value):
                    yield Fact(
                        "stdin",
                        0,
                        "".join(each if each.endswith("\n") else f"{each}\n" for each in value),
                        number,
                        self.is_part,
                    )
            case ast.Subscript(value=ast.Attribute() as inner, slice=at) if ast.unparse(inner) == "os.environ":
                yield from self._variable(number, at, value)
            case ast.Subscript(
                value=ast.Call(func=ast.Attribute(value=inner, attr="partition" | "split")), slice=ast.Constant(value=0)
            ):
                yield from again(inner, value)
            case ast.Call():
                yield from self._call(number, node, value, depth)
            case ast.BoolOp(op=ast.Or(), values=operands) if value:
                reading = [each for each in operands if self._reads(each)]
                for each in reading[:-1]:
                    yield from self._unset(number, each)
                if reading:
                    yield from again(reading[-1], value)
            case ast.ListComp(generators=[generator]) | ast.GeneratorExp(generators=[generator]) if isinstance(
                value, list | tuple
            ):
                if isinstance(generator.target, ast.Name):
                    elements = [preimage(node.elt, generator.target.id, each) for each in value]
                    if MISSING not in elements:
                        yield from again(generator.iter, elements)
            case ast.Name(id=name):
                yield from self._named(number, name, value, depth)

    def _argv(self, number: int, at: ast.expr, value: Any) -> Iterator[Fact]:
        match at:
            case ast.Constant(value=int() as place) if isinstance(value, str):
                yield Fact("argv", place, value, number)
            case ast.Slice(lower=ast.Constant(value=int() as start), upper=None) if isinstance(value, list | tuple):
                if all(isinstance(each, str) for each in value):
                    yield Fact("arguments", start, list(value), number, self.is_part)

    def _variable(self, number: int, key: ast.expr, value: Any) -> Iterator[Fact]:
        name = self.text(number, key)
        if isinstance(name, str) and name and "=" not in name and isinstance(value, str) and "\0" not in value:
            yield Fact("environment", name, value, number, self.is_part)

    def _unset(self, number: int, node: ast.expr) -> Iterator[Fact]:
        for each in ast.walk(node):
            is_asked = isinstance(each, ast.Call) and last_name(each.func) in {"get", "getenv"}
            name = self.text(number, each.args[0]) if isinstance(each, ast.Call) and is_asked and each.args else None
            if isinstance(name, str):
                yield Fact("environment", name, None, number)

    def _call(self, number: int, node: ast.Call, value: Any, depth: int) -> Iterator[Fact]:
        function, name = node.func, last_name(node.func)
        dotted = ast.unparse(function)
        first = node.args[0] if node.args else None

        def again(inner: ast.expr | None, of: Any) -> Iterator[Fact]:
            return self.undo(number, inner, of, depth + 1) if inner is not None else iter(())

        match name:
            case "get" | "getenv" if (
                dotted in {"os.environ.get", "os.getenv", "environ.get", "getenv"} and first is not None
            ):
                yield from self._variable(number, first, value)
            case "int" | "float" | "Decimal" | "Path" | "PurePath" if isinstance(
                value, int | float | str | PurePosixPath
            ):
                yield from again(first, value if isinstance(value, str) else str(value))
            case "str" if isinstance(value, str):
                yield from again(first, value)
            case "fromisoformat" if isinstance(value, date):
                yield from again(first, value.isoformat())
            case "max" | "min" if isinstance(value, int | float):
                for each in node.args:
                    if self._reads(each):
                        yield from again(each, value)
            case "loads" if dotted == "json.loads":
                yield from again(first, as_json(value))
            case "load" if dotted == "json.load" and first is not None:
                yield from self._content(number, first, as_json(value), depth)
            case "DictReader" if first is not None and isinstance(value, list):
                yield from self._content(number, first, as_csv(value, self._delimiter(number, node)), depth)
            case "read_text" | "read" | "read_bytes" if isinstance(function, ast.Attribute) and isinstance(
                value, str | bytes
            ):
                yield from self._content(number, function.value, value, depth)
            case "splitlines" | "readlines" if isinstance(function, ast.Attribute) and are_texts(value):
                yield from again(function.value, "".join(f"{each.rstrip()}\n" for each in value))
            case "split" if isinstance(function, ast.Attribute) and are_texts(value):
                separator = self.text(number, first) if first is not None else " "
                if isinstance(separator, str):
                    yield from again(function.value, separator.join(value))
            case "list" | "tuple" | "set" | "frozenset" | "sorted" | "iter" | "filter" | "reversed" if node.args:
                yield from again(node.args[-1], value)
            case "map" if len(node.args) == 2 and isinstance(value, list | tuple):
                made = ast.Call(node.args[0], [ast.Name("element")], [])
                elements = [preimage(made, "element", each) for each in value]
                if MISSING not in elements:
                    yield from again(node.args[1], elements)
            case _ if name in KEEPS and isinstance(function, ast.Attribute):
                yield from again(function.value, value)
            case _:
                yield from self._returned(number, node, value, depth)

    def _returned(self, number: int, node: ast.Call, value: Any, depth: int) -> Iterator[Fact]:
        """Through a function of the program that returns in one place."""
        found = self.sources.resolve(self.module(number), node.func.id) if isinstance(node.func, ast.Name) else None
        if found is None or not isinstance(found[1], ast.FunctionDef) or found[1].name in self.calls:
            return
        where, definition = found[0], found[1]
        self.calls.add(definition.name)
        returned = [each.value for each in own_nodes(definition) if isinstance(each, ast.Return) and each.value]
        if len(returned) == 1:
            given = bound(node, Function(definition, None, None)).arguments
            inner = _Elsewhere(self, where, definition, given)
            yield from inner.undo(number, returned[0], value, depth + 1)

    def _named(self, number: int, name: str, value: Any, depth: int) -> Iterator[Fact]:
        """Through the definition of a variable, or to who gave it; of an open file, to its lines."""
        if are_texts(value) and self.opened(number, ast.Name(name)) is not None:
            lines = "".join(each if each.endswith("\n") else f"{each}\n" for each in value)
            yield from self._content(number, ast.Name(name), lines, depth)
        elif (definition := self.definition(number, name)) is not None:
            yield from self.undo(number, definition, value, depth + 1)
        elif (given := self.given(number, name)) is not None:
            reader, where, expression = given
            yield from reader.undo(where, expression, value, depth + 1)

    def _content(self, number: int, node: ast.expr, content: Any, depth: int) -> Iterator[Fact]:
        """Of the file that an expression is a path to, or an open file of."""
        if depth > DEEPEST or not isinstance(content, str | bytes):
            return
        if ast.unparse(node) in {"sys.stdin", "sys.stdin.buffer"}:
            text = content if isinstance(content, str) else content.decode("utf-8", "replace")
            yield Fact("stdin", 0, text, number, self.is_part)
            return
        if (opened := self.opened(number, node)) is not None:
            node = opened
        path = self.path(number, node)
        if path is not None and not path.is_absolute() and ".." not in path.parts and path.parts:
            yield Fact("file", str(path), content, number, self.is_part)
        elif isinstance(node, ast.Name) and (given := self.given(number, node.id)) is not None:
            reader, where, expression = given
            yield from reader._content(where, expression, content, depth + 1)

    def _reads(self, node: ast.expr) -> bool:
        """Whether an expression, or a function of the program that it calls by name, reads the environment or the command line."""
        text = ast.unparse(node)
        if any(each in text for each in ("environ", "getenv", "sys.argv", "stdin")):
            return True
        return any(isinstance(each, ast.Call) and isinstance(each.func, ast.Name) for each in ast.walk(node))

    def _delimiter(self, number: int, node: ast.Call) -> str:
        given = next((each.value for each in node.keywords if each.arg == "delimiter"), None)
        found = self.text(number, given) if given is not None else ","
        return found if isinstance(found, str) and len(found) == 1 else ","


class _Elsewhere(_Inverter):
    """The same in the body of a function that is on no level: of its names only those are known that were given."""

    def __init__(
        self, outer: _Inverter, module: Module, definition: ast.FunctionDef, given: Mapping[str, ast.expr]
    ) -> None:
        super().__init__(outer.levels, outer.sources, is_part=outer.is_part)
        self.calls, self._outer, self._module, self._definition, self._given = (
            outer.calls,
            outer,
            module,
            definition,
            given,
        )

    def scope(self, number: int) -> AnyFunction | ast.Module:
        return self._definition

    def module(self, number: int) -> Module:
        return self._module

    def value(self, number: int, name: str) -> Any:
        match self._given.get(name):
            case ast.Constant(value=value):
                return value
            case ast.Name(id=outer):
                return self._outer.value(number, outer)
        return MISSING

    def given(self, number: int, name: str) -> tuple[Any, int, ast.expr] | None:
        return (self._outer, number, self._given[name]) if name in self._given else None
