"""Code that changed while no test did."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from orchestration_assets.reviews.change import Change, added_lines, is_beside, is_code_line, is_foreign, is_test
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import finding
from orchestration_assets.worklogs.touched import area_of, language
from orchestration_assets.worklogs.wording import plural
from resources.git import ChangedFile

LEAST_LINES = 10
"""Added lines of code below which a change may well be covered by the tests that there are."""
LEAST_TESTED = 0.2
"""Tests a source file, below which a part of a repository is not tested anyway."""
_LANGUAGES = frozenset(
    "Python JavaScript TypeScript Go Rust Java Kotlin C C++ C# Ruby PHP Swift Scala Elixir Dart".split()
)
_TESTS_INSIDE = ("#[test]", "#[cfg(test)]", ">>> ", "@Test", "describe(", "it(", "test(")
_NOT_TESTED = frozenset(
    "setup.py conf.py conftest.py manage.py noxfile.py tasks.py wsgi.py asgi.py version.py _version.py __about__.py settings.py "
    "constants.py".split()
)
_NOTHING_NEW = re.compile(
    r"(?:refactor|style|docs?|build|ci|chore|revert)\b[^:]*:|(?:rename|move|reformat|bump)\b|.*\brevert", re.IGNORECASE
)
"""A title that says of a change that it behaves as before."""
_IMPORT = re.compile(
    r"\s*(?:import\b|from\b.*\bimport\b|use\s|using\s|#include\b|package\b|export \* from|(?:const|let|var)\s.*\brequire\()"
)
_FOLDERS = frozenset({"migrations", "alembic", "versions", "stories", "types", "locale", "i18n"})


def missing_test_findings(change: Change) -> Iterator[Finding]:
    """One finding for a change, at the file with the most new code; none in a repository that has no tests."""
    if _NOTHING_NEW.match(change.title):
        return
    if any(is_test(file.path) and (file.added or file.status == "renamed") for file in change.files):
        return
    tested = _tested(change.paths)
    counted = {
        file.path: (_new_code(change, file), file)
        for file in change.written
        if _wants_tests(file) and _part_of(file.path) in tested
    }
    total = sum(len(lines) for lines, _ in counted.values())
    if total < LEAST_LINES or any(
        text.lstrip().startswith(_TESTS_INSIDE) for lines, _ in counted.values() for text in lines.values()
    ):
        return
    lines, file = max(counted.values(), key=lambda each: len(each[0]))
    first = min(lines)
    yield finding("no-tests", file.path, first, lines[first], plural(total, "line"))


def _tested(paths: Iterable[str]) -> set[tuple[str, str]]:
    """The parts of a repository that somebody tests: where there are tests of the language, and not few among many files."""
    tests: Counter[tuple[str, str]] = Counter()
    sources: Counter[tuple[str, str]] = Counter()
    anywhere: Counter[str] = Counter()
    for path in paths:
        if language(path) in _LANGUAGES and not is_foreign(path):
            part = _part_of(path)
            (tests if is_test(path) else sources)[part] += 1
            anywhere[part[1]] += is_test(path)
    beside = {part[1] for part in tests if part not in sources}
    return {
        part
        for part, count in sources.items()
        if tests[part] >= count * LEAST_TESTED or (part[1] in beside and anywhere[part[1]] >= count * LEAST_TESTED)
    }


def _part_of(path: str) -> tuple[str, str]:
    """The top folder and the kind of language."""
    spoken = language(path) or ""
    return path.partition("/")[0] if "/" in path else "", "JavaScript" if spoken == "TypeScript" else spoken


def _wants_tests(file: ChangedFile) -> bool:
    *folders, name = file.path.lower().split("/")
    return (
        language(file.path) in _LANGUAGES
        and area_of(file.path) == "code"
        and not is_beside(file.path)
        and name not in _NOT_TESTED
        and not name.endswith((".d.ts", ".config.js", ".config.ts", ".stories.tsx", ".pyi"))
        and _FOLDERS.isdisjoint(folders)
    )


def _new_code(change: Change, file: ChangedFile) -> dict[int, str]:
    """The added lines of code that came from nowhere else; of Python, none where only comments, docstrings or hints are new."""
    lines = {
        number: text
        for number, text in added_lines(file).items()
        if is_code_line(text) and not _IMPORT.match(text) and text.strip() not in change.removed_texts
    }
    if language(file.path) == "Python" and lines:
        after = change.after(file) or ""
        if _behaviour(after) == _behaviour(change.before(file) or ""):
            return {}
        lines = {number: text for number, text in lines.items() if number in _code_numbers(after)}
    return lines


def _code_numbers(text: str) -> frozenset[int]:
    """The lines of a Python file that do something when they are called: not those of docstrings and imports, nor tables and constants."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(range(1, text.count("\n") + 2))
    numbers: set[int] = set()
    others: set[int] = set()
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            numbers |= _lines(node)
        elif isinstance(node, ast.Import | ast.ImportFrom) or (isinstance(node, ast.Expr) and is_text):
            others |= _lines(node)
    return frozenset(numbers - others)


def _lines(node: ast.stmt) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


class _Bare(ast.NodeTransformer):
    """Takes away what changes nothing that a test could see."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return ast.Assign(targets=[node.target], value=self.visit(node.value), lineno=node.lineno)


def _behaviour(text: str) -> str:
    try:
        return ast.dump(_Bare().visit(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
