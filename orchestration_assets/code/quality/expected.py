"""The tests that there are, read from their files before anything runs; and tests of our own that are added to them and must fail.

What belongs here: what a run is held against. A test that the file holds and the run does not tell of did not pass. Tests of our own have names and
values that nobody can know beforehand; whoever makes failures look like passes makes these pass too, and is found out.
"""

from __future__ import annotations

import ast
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestration_assets.code.quality.assertions import Assertions, Function


@dataclass(frozen=True)
class Expected:
    """A test that is to run: its id without parameters, where it is, and whether it asserts. `hidden_by`: the line of a later one of the same
    name, so that it can never run."""

    test: str
    path: str
    line: int
    asserts: bool
    hidden_by: int = 0


def expected_tests(path: str, tree: ast.Module) -> list[Expected]:
    """The tests of a file by pytest's rules: functions `test*`, methods `test*` of classes `Test*` and of test cases of unittest."""
    cases = _test_cases(tree)
    assertions = Assertions(tree)
    found: dict[str, Expected] = {}
    hidden: list[Expected] = []
    for name, node in _tests(tree.body, path, cases):
        if name in found and found[name].line != node.lineno:
            earlier = found.pop(name)
            hidden.append(Expected(name, path, earlier.line, asserts=False, hidden_by=node.lineno))
        found[name] = Expected(name, path, node.lineno, assertions.asserts(node))
    return sorted([*found.values(), *hidden], key=lambda each: each.line)


def _tests(body: Iterable[ast.stmt], prefix: str, cases: frozenset[str]) -> Iterator[tuple[str, Function]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if node.name.startswith("test"):
                    yield f"{prefix}::{node.name}", node
            case ast.ClassDef():
                if node.name.startswith("Test") or node.name in cases:
                    yield from _tests(node.body, f"{prefix}::{node.name}", cases)
            case _:
                for name in ("body", "orelse", "finalbody"):
                    yield from _tests(getattr(node, name, ()), prefix, cases)
                for handler in [*getattr(node, "handlers", ()), *getattr(node, "cases", ())]:
                    yield from _tests(handler.body, prefix, cases)


def _test_cases(tree: ast.Module) -> frozenset[str]:
    """Classes that are test cases of unittest, by way of others of the file too."""
    bases = {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    cases: set[str] = set()
    while found := {
        name
        for name, of in bases.items()
        if name not in cases and any(base in cases or base.endswith("TestCase") for base in of)
    }:
        cases |= found
    return frozenset(cases)


@dataclass(frozen=True)
class Planted:
    """Files of tests with tests of our own at their ends. `failing` must fail and `passing` may do either; ids without parameters."""

    files: dict[str, bytes]
    failing: frozenset[str] = field(default_factory=frozenset)
    passing: frozenset[str] = field(default_factory=frozenset)


def plant(tests: Mapping[str, bytes]) -> Planted:
    """Adds the tests of our own. No line of the files moves."""
    files: dict[str, bytes] = {}
    failing, passing = set[str](), set[str]()
    for path, data in tests.items():
        kinds = [*_FAILING, _PASSING]
        secrets.SystemRandom().shuffle(kinds)
        parts = []
        for kind in kinds:
            name, low = f"test_{secrets.token_hex(6)}", secrets.randbelow(1 << 30)
            of_class = f"Test{secrets.token_hex(6)}"
            parts.append(kind.format(name=name, low=low, high=low + 1 + secrets.randbelow(1 << 30), of_class=of_class))
            test = f"{path}::{of_class}::{name}" if "class " in kind else f"{path}::{name}"
            (passing if kind is _PASSING else failing).add(test)
        files[path] = data + b"\n\n\n" + "\n\n".join(parts).encode()
    return Planted(files, frozenset(failing), frozenset(passing))


_FAILING = (
    """def {name}():
    assert {low} == {high}
""",
    """def {name}():
    raise LookupError({low})
""",
    """def {name}():
    import pytest
    with pytest.raises(LookupError, match="{low}"):
        int("{high}")
""",
    """class {of_class}(__import__("unittest").TestCase):
    def {name}(self):
        self.assertEqual({low}, {high})
""",
)
_PASSING = """def {name}():
    assert {low} < {high}
"""
