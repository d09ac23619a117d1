"""The calls that may show an error again, the most faithful first: one for each level of the stack, from the outermost inward.

What belongs here: the last statement of a test and what leads to it. Whether it really shows the error is for the sandbox to say.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from orchestration_assets.incidents import shapes
from orchestration_assets.incidents.calls import Given, call_between
from orchestration_assets.incidents.drafts import Draft
from orchestration_assets.incidents.frames import Level
from orchestration_assets.incidents.recovering import Policy, Recovery
from orchestration_assets.incidents.reprs import Special, Unrebuildable, parsed
from orchestration_assets.incidents.sources import Function, Sources
from orchestration_assets.incidents.values import Guesses, Values

POLICIES = (
    Policy(),
    Policy(source_first=True),
    Policy(guesses=Guesses("tuple")),
    Policy(guesses=Guesses(number_keys=True)),
    Policy(one_element=True),
)
_CONTEXTS = {"contextmanager", "asynccontextmanager"}


@dataclass(frozen=True)
class Candidate:
    """A test without what surrounds it. `number` is the level that it calls, `what` names it for a reader."""

    draft: Draft
    call: tuple[ast.stmt, ...]
    number: int
    what: str
    approximations: int


def calls(levels: list[Level], sources: Sources, reasons: list[str]) -> Iterator[Candidate]:
    """By policy, and for each from the outermost level inward. `reasons` gets a sentence for each level that has none.

    A level that handles errors of what it calls is tried in every way before those within: mended code may raise what it handles.
    """
    worth = _worth_calling(levels)
    shielding = {number for number in worth if _handles(levels[number])}
    order = [
        (policy, number) for policy in POLICIES for number in worth if policy is POLICIES[0] or number not in shielding
    ]
    for number in sorted(shielding, reverse=True):
        at = order.index((POLICIES[0], number)) + 1
        order[at:at] = [(policy, number) for policy in POLICIES[1:]]
    for policy, number in order:
        level = levels[number]
        assert level.function is not None
        draft = Draft(sources, level.module)
        try:
            yield _call(Recovery(levels, draft, policy), number)
        except Unrebuildable as error:
            reason = f"{level.function.node.name}: {error}"
            if reason not in reasons:
                reasons.append(reason)


def _handles(level: Level) -> bool:
    """Whether what was running stands in the body of a `try` with handlers."""
    line = level.place.line
    nodes = ast.walk(level.function.node) if level.function else iter(())
    return any(
        isinstance(each, ast.Try) and each.handlers and each.body[0].lineno <= line <= (each.body[-1].end_lineno or 0)
        for each in nodes
    )


def _worth_calling(levels: list[Level]) -> list[int]:
    """Numbers of levels that are functions; of a recursion the two outermost calls from each line, and the innermost one."""
    seen: Counter[tuple[str, int]] = Counter()
    found = []
    for number, level in enumerate(levels):
        if level.function is None or level.place.is_inline:
            continue
        key = (level.module.path, level.place.line)
        seen[key] += 1
        if seen[key] <= 2 or number == len(levels) - 1:
            found.append(number)
    return found


def _call(recovery: Recovery, number: int) -> Candidate:
    """The call of a level's function. Raises Unrebuildable."""
    level = recovery.levels[number]
    function = level.function
    assert function is not None
    if function.enclosing is not None:
        raise Unrebuildable(f"{function.node.name} exists only while {function.enclosing.name} runs")
    given = call_between(recovery.levels[number - 1], level) if number else None
    if function.node.name == "__post_init__":
        own = function.node.args
        expression = recovery.literal(number, own.args[0].arg)
    else:
        callee = _callee(recovery, number, function)
        if {"property", "cached_property"} & function.decorators:
            return _candidate(recovery, number, ast.Assign([ast.Name("_")], callee))
        positional, named = _arguments(recovery, number, function, given)
        expression = ast.Call(callee, positional, named)
    return _candidate(recovery, number, _complete(recovery.draft, function, expression))


def _candidate(recovery: Recovery, number: int, statement: ast.stmt) -> Candidate:
    function = recovery.levels[number].function
    assert function is not None
    owner = f"{function.owner.name}." if function.owner else ""
    return Candidate(recovery.draft, (statement,), number, f"{owner}{function.node.name}", recovery.approximations)


def _complete(draft: Draft, function: Function, call: ast.expr) -> ast.stmt:
    """The statement that makes the body of a function run to its end."""
    if _CONTEXTS & function.decorators and not isinstance(function.node, ast.AsyncFunctionDef):
        return ast.With([ast.withitem(call)], [ast.Pass()])
    if isinstance(function.node, ast.AsyncFunctionDef):
        if function.is_generator:
            raise Unrebuildable(f"{function.node.name} is gone through asynchronously")
        return ast.Expr(ast.Call(ast.Attribute(draft.use_module("asyncio"), "run"), [call], []))
    if function.is_generator:
        return ast.Expr(ast.Call(ast.Name("list"), [call], []))
    return ast.Expr(call)


def _callee(recovery: Recovery, number: int, function: Function) -> ast.expr:
    level = recovery.levels[number]
    name = function.node.name
    if function.owner is None:
        return recovery.draft.use(level.module.name, name)
    if name in {"__init__", "__new__"}:
        return _class_of(recovery, number, function)
    if "staticmethod" in function.decorators:
        return ast.Attribute(_own_class(recovery, number, function), name)
    if "classmethod" in function.decorators or name in {"__init_subclass__", "__class_getitem__"}:
        return ast.Attribute(_class_of(recovery, number, function), name)
    receiver = recovery.receiver(number)
    if name == "__call__":
        return receiver
    return ast.Attribute(receiver, _mangled(name, function))


def _mangled(name: str, function: Function) -> str:
    if name.startswith("__") and not name.endswith("__") and function.owner is not None:
        return f"_{function.owner.name.lstrip('_')}{name}"
    return name


def _own_class(recovery: Recovery, number: int, function: Function) -> ast.expr:
    level = recovery.levels[number]
    assert function.owner is not None
    if function.owner.name not in level.module.bound:
        raise Unrebuildable(f"{function.owner.name} is no class of the module itself")
    return recovery.draft.use(level.module.name, function.owner.name)


def _class_of(recovery: Recovery, number: int, function: Function) -> ast.expr:
    """The class that was asked, which may be derived from the one that has the method."""
    level = recovery.levels[number]
    own = function.node.args
    first = [*own.posonlyargs, *own.args][0].arg
    text = level.variables.get(first, "")
    try:
        _, specials = parsed(text)
        special = next(iter(specials.values()), None)
    except Unrebuildable:
        special = None
    values = Values(recovery.draft.sources, level.module, recovery.draft.use)
    if special is not None and special.kind in {"class", "object"}:
        try:
            return values._special(Special("class", special.name))
        except Unrebuildable:
            pass
    return _own_class(recovery, number, function)


def _arguments(
    recovery: Recovery, number: int, function: Function, given: Given | None
) -> tuple[list[ast.expr], list[ast.keyword]]:
    level = recovery.levels[number]
    own = function.node.args
    defaults = shapes.defaults(function.node)
    by_keyword = {each.arg for each in own.kwonlyargs}
    positional: list[ast.expr] = []
    named: list[ast.keyword] = []
    has_gap = False
    rest = _rest(recovery, number, own.vararg.arg) if own.vararg is not None else []
    for parameter in function.parameters:
        name = parameter.arg
        is_omitted = name in defaults and (
            (given is not None and given.is_complete and name not in given.arguments)
            or ((given is None or name not in given.arguments) and _is_default(level, name, defaults[name]))
        )
        if is_omitted and not (rest and name not in by_keyword):
            has_gap = True
            continue
        value = recovery.argument(number, name)
        if _is_long(value):
            value = recovery.draft.keep(name, value)
        if name in by_keyword or has_gap:
            named.append(ast.keyword(name, value))
        else:
            positional.append(value)
    positional += rest
    if own.kwarg is not None:
        spread = recovery.argument(number, own.kwarg.arg)
        if isinstance(spread, ast.Dict) and all(_is_keyword(key) for key in spread.keys):
            named += [ast.keyword(key.value, each) for key, each in zip(spread.keys, spread.values, strict=True)]  # type: ignore[union-attr]
        else:
            named.append(ast.keyword(None, spread))
    return positional, named


def _rest(recovery: Recovery, number: int, name: str) -> list[ast.expr]:
    """What `*rest` got."""
    made = recovery.argument(number, name)
    return list(made.elts) if isinstance(made, ast.Tuple | ast.List) else [ast.Starred(made)]


def _is_default(level: Level, name: str, default: ast.expr) -> bool:
    return level.variables.get(name) == ast.unparse(default)


def _is_keyword(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier()


def _is_long(value: ast.expr) -> bool:
    return len(ast.unparse(value)) > 60
