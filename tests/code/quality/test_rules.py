"""What the gate says of files without running them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.code.paths import unsafe
from orchestration_assets.code.quality import Constraints, Gate, GateSettings, TestReport
from orchestration_assets.code.quality.expected import plant
from orchestration_assets.code.quality.files import hash_of, parsed, refused
from orchestration_assets.code.quality.imports import forbidden_imports, import_cycles, imports_of
from orchestration_assets.code.quality.linting import lint
from orchestration_assets.code.quality.mutants import mutants
from orchestration_assets.code.quality.tampering import tampering
from tests.code.quality.wrong_inputs import GOOD


def trees(**files: str) -> dict[str, ast.Module]:
    return {name.replace("__", "/") + ".py": ast.parse(text) for name, text in files.items()}


def sentences(files: dict[str, str], constraints: Constraints | None = None) -> list[str]:
    encoded = {path: text.encode() for path, text in files.items()}
    return [reason.sentence for reason in Gate(GateSettings(lint=())).judge(encoded, None, constraints).reasons]


def test_a_circle_is_told_once_with_the_line_that_closes_it() -> None:
    found = list(
        import_cycles(
            {"a.py": ast.parse("\nimport b"), "b.py": ast.parse("from c import x"), "c.py": ast.parse("import a")}
        )
    )
    assert len(found) == 1
    assert set(found[0].sentence.split(": ")[1].rstrip(".").split(" -> ")) == {"a.py", "b.py", "c.py"}
    assert found[0].line in (1, 2)


def test_two_circles_are_two() -> None:
    files = {"a.py": "import b", "b.py": "import a", "c.py": "import d", "d.py": "import c", "e.py": "import a, c"}
    assert len(list(import_cycles({path: ast.parse(text) for path, text in files.items()}))) == 2


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "def f():\n    import b", "b.py": "import a"},
        {"a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b", "b.py": "import a"},
        {"p/__init__.py": "from p.a import x", "p/a.py": "from p.b import y", "p/b.py": "y = 1"},
        {"p/__init__.py": "from . import a", "p/a.py": "from . import b", "p/b.py": ""},
        {"a.py": "import json", "b.py": "import a"},
    ],
)
def test_what_is_no_circle(files: dict[str, str]) -> None:
    assert not list(import_cycles({path: ast.parse(text) for path, text in files.items()}))


@pytest.mark.parametrize(
    "files",
    [
        {"p/__init__.py": "from p.a import x", "p/a.py": "from p import y"},
        {"p/a.py": "from .b import x", "p/b.py": "from . import a", "p/__init__.py": ""},
        {"src/p/a.py": "import p.b", "src/p/b.py": "from p.a import x"},
        {"a.py": "class A:\n    import b", "b.py": "try:\n    import a\nexcept ImportError:\n    a = None"},
    ],
)
def test_what_is_a_circle(files: dict[str, str]) -> None:
    assert len(list(import_cycles({path: ast.parse(text) for path, text in files.items()}))) == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import os, a.b, json.decoder", []),
        ("import requests", ["requests"]),
        ("from requests.sessions import Session", ["requests.sessions"]),
        ("import pytest", ["pytest"]),
        ("__import__('numpy')", ["numpy"]),
        ("import importlib\nimportlib.import_module('numpy.linalg')", ["numpy.linalg"]),
        ("def f():\n    import yaml", ["yaml"]),
        ("from ....x import y", ["something above the project"]),
        ("import allowed.part", []),
        ("import subprocess", ["subprocess, which the plan forbids"]),
        ("from os import system", ["os.system, which the plan forbids"]),
        ("from os import path", []),
    ],
)
def test_forbidden_imports(text: str, names: list[str]) -> None:
    constraints = Constraints(libraries=frozenset({"allowed"}), forbidden=frozenset({"subprocess", "os.system"}))
    found = list(forbidden_imports({"a/b.py": ast.parse(text)}, constraints))
    assert len(found) == len(names)
    for reason, name in zip(found, names, strict=True):
        assert reason.sentence.startswith(f"a/b.py, line {text.count(chr(10)) + 1}, imports {name}")


def test_tests_may_import_pytest() -> None:
    assert not list(forbidden_imports({"tests/test_a.py": ast.parse("import pytest")}, Constraints()))


def test_relative_imports_are_resolved() -> None:
    tree = ast.parse("from . import b\nfrom .c import d\nfrom ..e import f\nfrom .. import g")
    assert [each.module for each in imports_of("p/q/a.py", tree)] == ["p.q", "p.q.c", "p.e", "p"]
    assert [each.module for each in imports_of("p/q/__init__.py", tree)] == ["p.q", "p.q.c", "p.e", "p"]
    assert [each.module for each in imports_of("a.py", ast.parse("from . import b"))] == [""]


@pytest.mark.parametrize(
    "text",
    [
        "import _pytest.python",
        "from _pytest.runner import runtestprotocol",
        "import os\nos._exit(0)",
        "from os import _exit",
        "import pytest\npytest.raises = None",
        "import pytest\nsetattr(pytest, 'raises', None)",
        "def test_a(monkeypatch):\n    monkeypatch.setattr(pytest, 'raises', None)",
        "def test_a(monkeypatch):\n    monkeypatch.setattr('unittest.TestCase.assertEqual', None)",
        "import unittest\nunittest.TestCase.assertEqual = None",
        "import builtins\nbuiltins.AssertionError = ValueError",
        "import sys\nsys.modules['pytest'] = None",
        "import sys\ndel sys.modules['unittest.case']",
        "import gc\ngc.get_objects()",
        "import sys\nsys.settrace(None)",
        "import ctypes",
        "pytest_plugins = ['x']",
        "collect_ignore = ['x']",
        "AssertionError = ValueError",
        "def pytest_runtest_makereport(item): pass",
        "open('/proc/self/fd/7')",
        "def test_a(request):\n    request.config.option.x = 1",
    ],
)
def test_what_reaches_for_the_runner_is_named(text: str) -> None:
    found = list(tampering({}, {"tests/test_a.py": ast.parse(text)}))
    assert [reason.line for reason in found] == [text.count("\n") + 1]
    assert found[0].sentence.startswith("tests/test_a.py, line ")


@pytest.mark.parametrize(
    "text",
    [
        "import os, sys, gc, inspect, threading\nos.environ['A'] = 'b'\nsys.path.insert(0, 'x')",
        "def test_a(monkeypatch):\n    monkeypatch.setattr('builtins.input', lambda: 'x')\n    monkeypatch.setattr(sys, 'argv', [])",
        "import pytest\n\n@pytest.fixture\ndef a(request):\n    return request.param",
        "from unittest import mock\n\nwith mock.patch('calc.add') as add:\n    add.return_value = 1",
        "class E(AssertionError): pass",
    ],
)
def test_what_is_ordinary_is_not_named(text: str) -> None:
    assert not list(tampering({}, {"tests/test_a.py": ast.parse(text)}))


def test_lint_heeds_its_own_rules_alone() -> None:
    files = {
        "a/b.py": b"import os  # noqa\n\n\ndef f(x=[]):\n    return undefined\n",
        "pyproject.toml": b"[tool.ruff.lint]\nselect = ['E501']\nignore = ['F', 'B']\n",
        "ruff.toml": b"exclude = ['a']\n",
        "p/__init__.py": b"from p.q import x\n",
        "p/q.py": b"x = 1\n",
    }
    found = [(reason.path, reason.line, reason.sentence.rpartition("(")[2]) for reason in lint(files, ("E9", "F", "B"))]
    assert found == [("a/b.py", 1, "F401)."), ("a/b.py", 4, "B006)."), ("a/b.py", 5, "F821).")]
    assert not list(lint(files, ("E9",)))


def test_lint_heeds_no_settings_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ruff.toml").write_text("exclude = ['*.py']\n")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert [reason.path for reason in lint({"a.py": b"import os\n"}, ("F",))] == ["a.py"]


def test_tests_that_are_gone_and_files_that_are_not_there_are_named() -> None:
    asked = Constraints(
        required_tests=frozenset({"tests/test_adding.py::test_add", "tests/test_adding.py::test_more"}),
        required_files=frozenset({"calc/more.py"}),
    )
    found = sentences(GOOD, asked)
    assert "The test tests/test_adding.py::test_more is gone; mend a test, and do not take it out." in found
    assert "The file calc/more.py is not there; the plan asks for it." in found
    assert not any("test_add is gone" in sentence for sentence in found)


def test_a_report_of_other_files_is_no_report() -> None:
    files = {path: text.encode() for path, text in GOOD.items()}
    report = TestReport(of=hash_of(files), strategy="fast", toolchain="", tests=(), failures=())
    other = "The tests were run over other files than these; run them again."
    assert other not in [reason.sentence for reason in Gate().judge(files, report).reasons]
    assert other in [reason.sentence for reason in Gate().judge({**files, "calc/more.py": b""}, report).reasons]


def test_no_report_and_no_tests_do_not_pass() -> None:
    assert not Gate().judge({"a.py": b"x = 1\n"}, None).passed
    empty = TestReport(of=hash_of({"a.py": b""}), strategy="fast", toolchain="", tests=(), failures=())
    assert not empty.passed
    assert not Gate().judge({"a.py": b""}, empty).passed


PATHS = st.text(st.sampled_from("ab./\\-~ :*\0é\n"), max_size=12)


@given(PATHS)
def test_a_path_that_is_taken_stays_within_the_project(path: str) -> None:
    if not unsafe(path):
        parts = path.split("/")
        assert all(part and not part.startswith(".") for part in parts)
        assert not path.startswith("/")


FILES = st.dictionaries(st.text(max_size=4), st.binary(max_size=4), max_size=3)


@given(FILES, FILES, FILES, FILES)
def test_the_hash_tells_files_apart(
    a: dict[str, bytes], b: dict[str, bytes], c: dict[str, bytes], d: dict[str, bytes]
) -> None:
    assert (hash_of(a, b) == hash_of(c, d)) == ((a, b) == (c, d))


@given(st.binary(max_size=60))
def test_bytes_are_parsed_or_refused(data: bytes) -> None:
    outcome = parsed("a.py", data)
    assert isinstance(outcome, ast.Module) or outcome.sentence.startswith("a.py")
    assert [failure.path for failure in refused({"a.py": data})] == (
        [] if isinstance(outcome, ast.Module) else ["a.py"]
    )


def test_what_is_planted_moves_no_line_and_has_other_names_each_time() -> None:
    files = {"tests/test_a.py": b"x = 1"}
    one, two = plant(files), plant(files)
    assert one.files["tests/test_a.py"].startswith(b"x = 1\n")
    assert len(one.failing) == 4
    assert not one.failing & two.failing
    ast.parse(one.files["tests/test_a.py"])


SOURCE = b'''"""Module."""
LIMIT = 3


def clamp(value: int, low: int = 0) -> int:
    """Docstring with 1 number."""
    if value < low:
        return low
    total = value + 1 if value else 2
    return total


def \xc3\xa9tat(text: str) -> bool:
    return "\xc3\xa9" in text and True
'''


@given(st.integers(0, 20))
def test_mutants_are_small_valid_and_always_the_same(most: int) -> None:
    made = mutants("a.py", SOURCE, most)
    assert made == mutants("a.py", SOURCE, most)
    assert len(made) <= most
    lines = SOURCE.splitlines()
    for each in made:
        ast.parse(each.data)
        changed = [
            number for number, (old, new) in enumerate(zip(lines, each.data.splitlines(), strict=True), 1) if old != new
        ]
        assert changed == [each.line]
        assert each.line not in (1, 2, 5, 6)


def test_mutants_are_spread_over_the_lines() -> None:
    assert {each.line for each in mutants("a.py", SOURCE, 5)} == {7, 8, 9, 10, 14}
    assert {each.line for each in mutants("a.py", SOURCE, 9, lines=[9])} == {9}
