"""What a run of tests came to, what the gate asks for, and what it says: plain values.

What belongs here: rows, and nothing that computes more than a sum.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

from resources.rows import Row

Strategy = Literal["fast", "thorough", "coverage"]
"""`fast` stops at the first failure, `thorough` runs all, `coverage` also counts lines. Which tests run is the caller's choice."""

FailureKind = Literal[
    # Of the files, before anything runs:
    "path",
    "size",
    "encoding",
    "syntax",
    "no tests",
    # While they are collected:
    "missing module",
    "missing name",
    "circular import",
    "collection",
    # Of one test:
    "assertion",
    "exception",
    "network",
    "not passed",
    "not run",
    # Of the whole run:
    "timeout",
    "memory",
    "output",
    "processes",
    "killed",
    "forged",
]

FOREVER: frozenset[FailureKind] = frozenset(
    (
        *("path", "size", "encoding", "syntax", "no tests", "missing module", "missing name", "circular import"),
        *("collection", "assertion", "exception", "network", "not passed"),
    )
)
"""Kinds that another run of the same bytes would show again; the others may come from a busy machine."""


class TestFailure(Row):
    """One thing that went wrong. `path` and `line` say where in the project ("" and 0: nowhere), `test` is the id of the test that shows it,
    `sentence` says what, `detail` is the clipped traceback or output for whoever mends it. `expected`: the test's own assertion failed."""

    __test__: ClassVar[bool] = False

    kind: FailureKind
    sentence: str
    path: str = ""
    line: int = 0
    test: str = ""
    detail: str = ""
    expected: bool = False


class TestResult(Row):
    """A test that was to run. `test` as `tests/test_x.py::TestY::test_z`; its parametrised forms are one. `asserts`: it holds an assertion that
    can fail. `seconds` by the clock."""

    __test__: ClassVar[bool] = False

    test: str
    line: int
    asserts: bool
    outcome: Literal["passed", "failed", "skipped", "expected failure", "not run"]
    seconds: float = 0.0
    forms: int = 0
    """How many parametrised forms ran, 1 for a test without."""


class FileCoverage(Row):
    """Lines of a file that tests which assert have executed. `missing` are the first lines of statements."""

    path: str
    statements: int
    covered: int
    missing: tuple[int, ...]

    @property
    def share(self) -> float:
        return self.covered / self.statements if self.statements else 1.0


class TestReport(Row):
    """What a run showed. `of` is the hash of the sources and tests that it is about; `tests` are all that the files hold, in their order."""

    __test__: ClassVar[bool] = False

    of: str
    strategy: Strategy
    toolchain: str
    """The interpreter, pytest and coverage that ran them."""
    tests: tuple[TestResult, ...]
    failures: tuple[TestFailure, ...]
    coverage: tuple[FileCoverage, ...] = ()
    seconds: float = 0.0
    """Of the runs in the sandbox together; 0 where nothing could be run."""

    @property
    def passed(self) -> bool:
        """At least one test, all of them passed, and nothing else went wrong."""
        return bool(self.tests) and not self.failures and all(test.outcome == "passed" for test in self.tests)

    @property
    def covered(self) -> float:
        """The share of statements of all files together, from 0 to 1."""
        statements = sum(file.statements for file in self.coverage)
        return sum(file.covered for file in self.coverage) / statements if statements else 1.0


class ReportCache(Protocol):
    """Where reports are kept, by key. Called from many threads."""

    def get(self, key: str, /) -> TestReport | None: ...

    def put(self, key: str, report: TestReport, /) -> None: ...


class GateSettings(Row):
    """What is asked of every project. `coverage` is the least share of statements, and only asked for where a report counts them."""

    coverage: float = 0.8
    lint: tuple[str, ...] = ("E9", "F", "B")
    """Rules of ruff."""
    mutants: int = 0
    """Faults to be planted in each changed file by `surviving`; 0: none."""


class Constraints(Row):
    """What a plan asks for beyond that."""

    libraries: frozenset[str] = frozenset()
    """Top-level modules that may be imported beside the standard library and the project."""
    forbidden: frozenset[str] = frozenset()
    """Modules, of the standard library too, that may not be; with all that is in them."""
    required_tests: frozenset[str] = frozenset()
    """Ids of tests that must be there, such as those that were there before."""
    required_files: frozenset[str] = frozenset()


class Reason(Row):
    """Why a project may not be kept. `kind` is the kind of a failure, or `tampering`, `lint`, `import cycle`, `forbidden import`,
    `missing file`, `no assertion`, `coverage`, `mutant`, `report`."""

    kind: str
    sentence: str
    path: str = ""
    line: int = 0
    test: str = ""
    detail: str = ""
    expected: bool = False


class Verdict(Row):
    """`passed` where there is no reason against."""

    reasons: tuple[Reason, ...]

    @property
    def passed(self) -> bool:
        return not self.reasons
