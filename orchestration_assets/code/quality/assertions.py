"""Tests that assert: whether a test holds, in what can be reached, an assertion about something that the code under test gave.

What belongs here: the rules, over syntax trees alone. An assertion does not count if its truth is known beforehand, if it is only about what the
test wrote down itself, if nothing reaches it, or if its failure is swallowed. Where the rules cannot tell they take the test's side: planted
faults (`mutants.py`) find what they miss.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

from orchestration_assets.code.quality.truth import truth

Function = ast.FunctionDef | ast.AsyncFunctionDef

_PLAIN = frozenset(
    (
        *(
            "abs",
            "all",
            "any",
            "bool",
            "bytes",
            "dict",
            "divmod",
            "enumerate",
            "float",
            "frozenset",
            "hash",
            "int",
            "isinstance",
        ),
        *(
            "len",
            "list",
            "max",
            "min",
            "object",
            "range",
            "repr",
            "reversed",
            "round",
            "set",
            "sorted",
            "str",
            "sum",
            "tuple",
        ),
        *("type", "zip"),
    )
)
"""Functions of Python that say nothing of the code under test unless they are given something of it."""
_SWALLOWING = frozenset({"Exception", "BaseException", "AssertionError"})
_EXPECTING = frozenset(
    (
        *("raises", "warns", "deprecated_call", "RaisesGroup", "RaisesExc", "assertRaises", "assertRaisesRegex"),
        *("assertWarns", "assertWarnsRegex", "assertLogs", "assertNoLogs"),
    )
)


class Assertions:
    """The tests of one file. `asserts` says of one of its functions whether it asserts."""

    def __init__(self, module: ast.Module) -> None:
        self._functions = {node.name: node for node in ast.walk(module) if isinstance(node, Function)}
        self._constants = _Values(module.body, frozenset(), frozenset()).dead
        self._asking: set[str] = set()

    def asserts(self, function: Function) -> bool:
        """Whether it does itself, or by a function of the same file that it calls."""
        values = _Values(function.body, _parameters(function), self._constants)
        return any(self._is_one(node, values) for node in _reached(function.body))

    def _is_one(self, node: ast.AST, values: _Values) -> bool:
        match node:
            case ast.Assert(test=test):
                known = truth(test)
                return known is False or (known is None and values.alive(test))
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                is_alive = any(values.alive(each) for each in body)
                asks_itself = any(isinstance(each, ast.Assert) for statement in body for each in ast.walk(statement))
                return is_alive and any(
                    _expects(item.context_expr) and not (asks_itself and _suppresses(item.context_expr))
                    for item in items
                )
            case ast.Call():
                return self._call_is_one(node, values)
        return False

    def _call_is_one(self, node: ast.Call, values: _Values) -> bool:
        name = _name(node.func)
        if name == "fail" or (_expects(node) and len(node.args) > 1):
            return True
        if name.startswith("assert") and isinstance(node.func, ast.Attribute):
            return _says_something(name, node.args, values) or (
                # Of a mock, which is asked and not told: `sent.assert_called_once()`.
                name.startswith("assert_") and values.alive(node.func.value)
            )
        if name.startswith(("assert", "check", "verify", "expect")) and name not in self._functions:
            return any(values.alive(argument) for argument in node.args)
        helper = self._functions.get(name)
        if helper is None or name in self._asking:
            return False
        self._asking.add(name)
        try:
            return self.asserts(helper)
        finally:
            self._asking.discard(name)


def _says_something(name: str, arguments: list[ast.expr], values: _Values) -> bool:
    """Of an assertion of unittest."""
    if not any(values.alive(argument) for argument in arguments):
        return False
    if len(arguments) >= 2 and ast.dump(arguments[0]) == ast.dump(arguments[1]):
        return False
    known = truth(arguments[0])
    return not (known is True and name == "assertTrue") and not (known is False and name == "assertFalse")


def _expects(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _name(node.func) in _EXPECTING


def _name(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _parameters(function: Function) -> frozenset[str]:
    given = function.args
    every = [
        *given.posonlyargs,
        *given.args,
        *given.kwonlyargs,
        *(each for each in (given.vararg, given.kwarg) if each),
    ]
    return frozenset(each.arg for each in every)


def _reached(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """What can run and whose failure is heard of, from the statements of a function down to their expressions."""
    for node in body:
        yield node
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                continue  # what it does counts where it is called
            case ast.If(test=test, body=then, orelse=otherwise):
                yield from ast.walk(test)
                known = truth(test)
                yield from _reached(then if known is not False else ())
                yield from _reached(otherwise if known is not True else ())
            case ast.While(test=test, body=then, orelse=otherwise):
                yield from ast.walk(test)
                yield from _reached(then if truth(test) is not False else ())
                yield from _reached(otherwise)
            case ast.For(iter=each, body=then, orelse=otherwise) | ast.AsyncFor(iter=each, body=then, orelse=otherwise):
                yield from ast.walk(each)
                yield from _reached(then if truth(each) is not False else ())
                yield from _reached(otherwise)
            case ast.With(items=items, body=then) | ast.AsyncWith(items=items, body=then):
                yield from (found for item in items for found in ast.walk(item.context_expr))
                if not any(_suppresses(item.context_expr) for item in items):
                    yield from _reached(then)
            case ast.Try(body=then, handlers=handlers, orelse=otherwise, finalbody=finally_):
                if not any(_swallows(handler) for handler in handlers):
                    yield from _reached(then)
                yield from (found for handler in handlers for found in _reached(handler.body))
                yield from _reached([*otherwise, *finally_])
            case ast.Match(subject=subject, cases=cases):
                yield from ast.walk(subject)
                yield from (found for case in cases for found in _reached(case.body))
            case ast.Assert():
                yield from ast.walk(node.test)
            case _:
                yield from _outside_of_functions(node)
        if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return


def _outside_of_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda):
            yield child
            yield from _outside_of_functions(child)


def _suppresses(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and _name(node.func) == "suppress"
        and any(_name(argument) in _SWALLOWING for argument in node.args)
    ) or (
        _expects(node)
        and isinstance(node, ast.Call)
        and any(_name(argument) in _SWALLOWING for argument in node.args[:1])
    )


def _swallows(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    if not any(kind is None or _name(kind) in _SWALLOWING for kind in kinds):
        return False
    ends = (ast.Raise, ast.Assert)
    return not any(
        isinstance(node, ends)
        or (isinstance(node, ast.Call) and _name(node.func) in ("fail", "assertTrue", "assertEqual"))
        for node in ast.walk(handler)
    )


class _Values:
    """Which names of a function carry something that its own text did not write down. `dead` are those that do not."""

    def __init__(self, body: list[ast.stmt], parameters: frozenset[str], outer: frozenset[str]) -> None:
        assigned: dict[str, list[ast.expr]] = {}
        touched, seen_by_others = set(parameters), set[str]()
        for node in _all(body):
            for target, value in _bindings(node):
                for name in (each.id for each in ast.walk(target) if isinstance(each, ast.Name)):
                    if value is None:
                        touched.add(name)
                    else:
                        assigned.setdefault(name, []).append(value)
            if isinstance(node, Function | ast.Lambda | ast.ClassDef):
                # Whoever calls it may change what it sees.
                seen_by_others |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                for each in ast.walk(node):
                    if isinstance(each, ast.Global | ast.Nonlocal):
                        touched |= set(each.names)
                if not isinstance(node, ast.Lambda):
                    touched.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                touched |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        fixed = {name for name, values in assigned.items() if all(map(_is_fixed, values))}
        self.dead = frozenset(assigned) - touched - (seen_by_others - fixed)
        self._outer = outer - frozenset(assigned) - touched
        alive = True
        while alive:
            given = {
                name
                for node in _all(body)
                if isinstance(node, ast.Call) and self.alive(node)
                for name in self._given_to(node)
            }
            found = {
                name
                for name in self.dead
                if (name in given and name not in fixed) or any(self.alive(value) for value in assigned[name])
            }
            self.dead -= found
            alive = bool(found)

    def _given_to(self, node: ast.Call) -> set[str]:
        parts: list[ast.AST] = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            parts.append(node.func.value)
        return {each.id for part in parts for each in ast.walk(part) if isinstance(each, ast.Name)}

    def alive(self, node: ast.AST) -> bool:
        """Whether something of the code under test goes into it."""
        match node:
            case ast.Constant() | ast.Pass():
                return False
            case ast.Name(id=name):
                return name not in self.dead and name not in self._outer and name not in _PLAIN and not _is_error(name)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in _PLAIN:
                return any(self.alive(each) for each in [*arguments, *(keyword.value for keyword in keywords)])
            case ast.Call(func=ast.Attribute(value=value), args=arguments):
                # A method of something written down, such as `"a".upper()`.
                return self.alive(value) or any(self.alive(argument) for argument in arguments)
            case ast.Lambda():
                return True
        return any(self.alive(child) for child in ast.iter_child_nodes(node))


def _is_fixed(value: ast.expr) -> bool:
    """Nobody who gets it can change it."""
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Tuple) and all(map(_is_fixed, value.elts)))


def _is_error(name: str) -> bool:
    return isinstance(getattr(builtins, name, None), type)


def _all(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Everything but what is inside of functions, which themselves are there."""
    for node in body:
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            yield from _all(ast.iter_child_nodes(node))


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Targets and what they are given; None for what is not known."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets if _is_whole(target))
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield target, value
        case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            yield target, value
        case ast.For(target=target, iter=ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts)):
            yield from ((target, part) for part in parts)
        case (
            ast.For(target=target, iter=each)
            | ast.AsyncFor(target=target, iter=each)
            | ast.comprehension(target=target, iter=each)
        ):
            yield target, each
        case ast.withitem(optional_vars=ast.expr() as target, context_expr=value):
            yield target, value
        case ast.ExceptHandler(name=str() as name):
            yield ast.Name(id=name), None


def _is_whole(target: ast.expr) -> bool:
    """Not an item or attribute of something: setting these makes nothing alive or dead."""
    return isinstance(target, ast.Name | ast.Tuple | ast.List | ast.Starred)
