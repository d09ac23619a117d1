"""Planted faults: a few small changes to a file, each of which some test must notice.

What belongs here: choosing faults, and running the tests over each. They show two things that no rule over syntax trees can: tests that run code
without looking at its result, and code or tests that make their own success.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration_assets.code.quality.files import Sources, parsed, supports_tests
from orchestration_assets.code.quality.model import Reason, ReportCache
from orchestration_assets.code.quality.running import LIMITS, run_tests
from resources.sandbox import Limits, Sandbox

_OPPOSITES: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: ">=",
    ast.GtE: "<",
    ast.Gt: "<=",
    ast.LtE: ">",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}


@dataclass(frozen=True)
class Mutant:
    """A file with one fault in it."""

    path: str
    line: int
    what: str
    """In words that follow `with`, such as `a > b negated`."""
    data: bytes


def surviving(
    sandbox: Sandbox,
    sources: Sources,
    tests: Sources,
    changed: Iterable[str],
    most: int,
    *,
    lines: Mapping[str, Sequence[int]] | None = None,
    cache: ReportCache | None = None,
    limits: Limits = LIMITS,
) -> list[Reason]:
    """A reason for each planted fault that leaves all tests green: at most `most` faults in each of the `changed` files that are no tests. The
    tests must be green without them. `lines`, where given, are those in which faults are planted, by file, such as the covered ones. One run
    of the tests for each; they may be spread over threads by file."""
    reasons = []
    for path in changed:
        if path not in sources or not path.endswith(".py") or supports_tests(path):
            continue
        for mutant in mutants(path, sources[path], most, lines.get(path) if lines is not None else None):
            report = run_tests(sandbox, {**sources, path: mutant.data}, tests, "fast", cache=cache, limits=limits)
            if report.passed:
                sentence = f"{path}, line {mutant.line}: all tests pass with {mutant.what}; let one look at what that line gives."
                reasons.append(Reason(kind="mutant", sentence=sentence, path=path, line=mutant.line))
    return reasons


def mutants(path: str, data: bytes, most: int, lines: Sequence[int] | None = None) -> list[Mutant]:
    """At most so many faults, on different lines where there are enough, and always the same ones for the same file."""
    tree = parsed(path, data)
    if not isinstance(tree, ast.Module):
        return []
    text = data.decode("utf-8-sig")
    found = [each for each in _faults(path, text, tree) if lines is None or each.line in lines]
    found.sort(key=lambda each: hashlib.sha256(each.data).digest())
    chosen: list[Mutant] = []
    for repeats in (False, True):
        for each in found:
            taken = {other.line for other in chosen}
            if len(chosen) < most and each not in chosen and (repeats or each.line not in taken):
                chosen.append(each)
    return sorted(chosen, key=lambda each: each.line)


def _faults(path: str, text: str, tree: ast.Module) -> Iterator[Mutant]:
    """All of them, within functions: what stands outside of these is mostly names and numbers that nothing depends on."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    data = text.encode()

    def place(line: int, column: int) -> int:
        return starts[line - 1] + column

    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in _own(function):
            for old, new, what in _changes(node):
                if old.end_lineno is None or old.end_col_offset is None:
                    continue
                start, end = place(old.lineno, old.col_offset), place(old.end_lineno, old.end_col_offset)
                changed = data[:start] + new.encode() + data[end:]
                if isinstance(parsed(path, changed), ast.Module):
                    yield Mutant(path, old.lineno, what, changed)


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """What is in a function's body and not in a function within it; no docstrings, defaults or annotations."""
    body = getattr(function, "body", [])
    waiting: list[ast.AST] = list(body) if isinstance(body, list) else [body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.JoinedStr):
            continue
        yield node
        if isinstance(node, ast.AnnAssign):
            waiting += [node.value] if node.value is not None else []
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            waiting += ast.iter_child_nodes(node)


def _changes(node: ast.AST) -> Iterator[tuple[ast.expr, str, str]]:
    """What is replaced, by what, and in words."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            if not isinstance(test, ast.Constant):
                yield test, f"(not ({ast.unparse(test)}))", f"the condition {_short(test)} negated"
        case ast.Return(value=ast.expr() as value):
            if not isinstance(value, ast.Constant) or value.value is not None:
                yield value, "None", f"None returned in place of {_short(value)}"
        case ast.Compare(left=left, ops=[kind], comparators=[right]):
            opposite = f"({ast.unparse(left)} {_OPPOSITES[type(kind)]} {ast.unparse(right)})"
            yield node, opposite, f"{opposite[1:-1]} in place of {_short(node)}"
        case ast.Constant(value=bool() as value):
            yield node, str(not value), f"{not value} in place of {value}"
        case ast.Constant(value=int() as value):
            yield node, f"({value + 1})", f"{value + 1} in place of {value}"


def _short(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:60]}…"
