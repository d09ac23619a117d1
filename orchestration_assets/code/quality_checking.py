"""The checker that counts: tests in the sandbox and the gate, as the build asks for them.

What belongs here: the way from a task's files to `quality/` and back. What is wrong with coverage is for whoever writes the tests; all else is for
whoever made the file that it is in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestration_assets.code.checking import CannotCheck, Checked, Reason, Work
from orchestration_assets.code.model import Plan
from orchestration_assets.code.paths import is_test
from orchestration_assets.code.static_checks import criteria_shown
from resources.sandbox import SandboxUnavailable

if TYPE_CHECKING:
    from orchestration_assets.code import quality
    from orchestration_assets.code.ledger import Ledger
    from resources.sandbox import Limits, Sandbox

_FOR_TESTS = frozenset({"coverage", "mutant"})
"""Kinds of reasons that only more or better tests mend."""


_IN_WHAT_IS_TESTED = frozenset({"timeout", "memory", "output", "processes", "killed"})
"""Kinds of failures that come up in a test, and mostly through what it tests."""


_OF_A_BUSY_MACHINE = frozenset({"timeout", "memory", "processes", "killed", "not run"})
"""Kinds of failures that good files may have where much else is going on: they are believed when they come twice."""


class KeptReports:
    """Reports of tests by what they are about, in the ledger of builds."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def get(self, key: str, /) -> quality.TestReport | None:
        from orchestration_assets.code.quality import TestReport

        text = self._ledger.report(key)
        return None if text is None else TestReport.model_validate_json(text)

    def put(self, key: str, report: quality.TestReport, /) -> None:
        self._ledger.keep_report(key, report.model_dump_json())


class SandboxChecker:
    """Runs every test in the sandbox. `settings` are the gate's; None: the defaults. `strategy` is how the tests of one task run: with
    `coverage`, tests must also cover their share of what they are there for, before the whole is looked at. `at_once`: runs at the end, None for one
    on each processor; `check` has one at a time in each thread."""

    def __init__(
        self,
        sandbox: Sandbox,
        cache: quality.ReportCache | None = None,
        settings: quality.GateSettings | None = None,
        limits: Limits | None = None,
        *,
        strategy: quality.Strategy = "thorough",
        at_once: int | None = None,
    ) -> None:
        from orchestration_assets.code.quality import Gate
        from orchestration_assets.code.quality.running import LIMITS

        self._sandbox, self._cache, self._gate = sandbox, cache, Gate(settings)
        self._limits, self._strategy = limits or LIMITS, strategy
        self._at_once = at_once or os.cpu_count() or 2

    def check(self, work: Work) -> Checked:
        """By the tests that can run; a file that none rests on yet is only looked at."""
        report = self._tested(work) if work.tests else None
        judged = None if report is None else _of_their_own(work, report)
        verdict = self._gate.judge(
            _encoded(work.sources), judged, _constraints(work.plan, work.task.paths), survivors=()
        )
        reasons = [reason for reason in verdict.reasons if report is not None or reason.kind != "report"]
        told = {} if report is None else report.model_dump(mode="json")
        return Checked(passed=not reasons, reasons=_reasons(work.plan, reasons), report=told)

    def integrate(self, plan: Plan, sources: Mapping[str, str]) -> Checked:
        """By all tests, with the coverage of all files; every criterion must be shown by a test that passed."""
        files = _encoded(sources)
        tests = {path: data for path, data in files.items() if is_test(path)}
        paths = [path for task in plan.tasks for path in task.paths]
        with _in_the_sandbox(), ThreadPoolExecutor(self._at_once, thread_name_prefix="tests") as executor:
            report = self._all_tested(files, tests, executor)
            survivors = self._surviving(files, tests, executor) if report.passed else []
        verdict = self._gate.judge(files, report, _constraints(plan, paths), survivors)
        shown = criteria_shown(sources, [criterion.id for criterion in plan.criteria])
        reasons = [*_reasons(plan, verdict.reasons), *_not_shown(plan, shown, report)]
        told = {
            "tests": report.model_dump(mode="json"),
            "criteria": {each: list(tests) for each, tests in shown.items()},
        }
        return Checked(passed=not reasons, reasons=reasons, report=told)

    def _tested(self, work: Work) -> quality.TestReport:
        from orchestration_assets.code.quality import run_tests

        files = _encoded(work.sources)
        chosen = {path: files[path] for path in work.tests}

        def run() -> quality.TestReport:
            return run_tests(self._sandbox, files, chosen, self._strategy, cache=self._cache, limits=self._limits)

        with _in_the_sandbox():
            report = run()
            return run() if _may_be_of_a_busy_machine(report) else report

    def _all_tested(
        self, files: Mapping[str, bytes], tests: Mapping[str, bytes], executor: ThreadPoolExecutor
    ) -> quality.TestReport:
        """At first as many runs as there may be at once, of a few files at least; where one ran out of something, each file has a run to itself."""
        from orchestration_assets.code.quality import run_in_parts
        from orchestration_assets.code.quality.parts import LEAST_FILES_OF_A_RUN

        def run(most: int) -> quality.TestReport:
            return run_in_parts(
                self._sandbox,
                files,
                tests,
                "coverage",
                executor,
                files_of_a_run=most,
                cache=self._cache,
                limits=self._limits,
            )

        report = run(max(LEAST_FILES_OF_A_RUN, -(-len(tests) // self._at_once)))
        return run(1) if _may_be_of_a_busy_machine(report) else report

    def _surviving(
        self, files: Mapping[str, bytes], tests: Mapping[str, bytes], executor: ThreadPoolExecutor
    ) -> list[quality.Reason]:
        from orchestration_assets.code.quality import surviving

        most = self._gate.settings.mutants

        def planted(path: str) -> list[quality.Reason]:
            return surviving(self._sandbox, files, tests, [path], most, cache=self._cache, limits=self._limits)

        return [reason for reasons in executor.map(planted, sorted(files)) for reason in reasons] if most else []


@contextmanager
def _in_the_sandbox() -> Iterator[None]:
    try:
        yield
    except SandboxUnavailable as error:
        raise CannotCheck(str(error)) from error


def _may_be_of_a_busy_machine(report: quality.TestReport) -> bool:
    return not _OF_A_BUSY_MACHINE.isdisjoint(failure.kind for failure in report.failures)


def _of_their_own(work: Work, report: quality.TestReport) -> quality.TestReport:
    """The report with the coverage of those files only that no later tests are nearer to."""
    coverage = [file for file in report.coverage if _tests_of(work.plan, file.path) in work.tests]
    return report.model_copy(update={"coverage": tuple(coverage)})


def _encoded(sources: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in sources.items()}


def _constraints(plan: Plan, paths: Iterable[str]) -> quality.Constraints:
    from orchestration_assets.code.quality import Constraints

    return Constraints(libraries=frozenset(plan.libraries), required_files=frozenset(paths))


def _reasons(plan: Plan, reasons: Sequence[quality.Reason]) -> list[Reason]:
    found: list[Reason] = []
    # That too little is covered is for those to mend whose files follow in the list.
    low = next((reason.path for reason in reasons if reason.kind in _FOR_TESTS and reason.path), "")
    for reason in reasons:
        path = _tests_of(plan, reason.path or low) if reason.kind in _FOR_TESTS else reason.path
        test = "" if reason.kind in _FOR_TESTS else reason.test
        found.append(
            Reason(
                sentence=reason.sentence,
                path=path,
                test=test,
                line=reason.line,
                expected=reason.expected or reason.kind in _IN_WHAT_IS_TESTED,
                detail=reason.detail,
            )
        )
    return found


def _tests_of(plan: Plan, path: str) -> str:
    """The file of tests that is nearest to a file: of the tasks of tests that rest on it, the one that rests on least else."""
    owner = plan.owner(path)
    resting = [
        task
        for task in plan.tasks
        if task.kind == "test" and (owner is None or owner.id in plan.beneath(task.depends_on))
    ]
    nearest = min(resting, key=lambda task: len(plan.beneath(task.depends_on)), default=None)
    return path if nearest is None else next(each for each in nearest.paths if is_test(each))


def _not_shown(plan: Plan, shown: Mapping[str, Sequence[str]], report: quality.TestReport) -> list[Reason]:
    passed = {test.test for test in report.tests if test.outcome == "passed"}
    found: list[Reason] = []
    for criterion in plan.criteria:
        if not passed & set(shown[criterion.id]):
            task = next(task for task in plan.tasks if task.kind == "test" and criterion.id in task.criteria)
            sentence = f"No test that passes shows the criterion {criterion.id}: {criterion.text}"
            found.append(Reason(sentence=sentence, path=next(path for path in task.paths if is_test(path))))
    return found
