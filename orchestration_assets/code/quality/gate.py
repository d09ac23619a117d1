"""The gate: whether a project, as it is, may be kept, and every reason why it may not.

What belongs here: the order of the questions, and the few that need no file of their own. Nothing of the project is run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from orchestration_assets.code.paths import is_test
from orchestration_assets.code.quality.expected import expected_tests
from orchestration_assets.code.quality.files import Sources, hash_of, refused, trees
from orchestration_assets.code.quality.imports import forbidden_imports, import_cycles
from orchestration_assets.code.quality.linting import lint
from orchestration_assets.code.quality.model import (
    Constraints,
    GateSettings,
    Reason,
    TestFailure,
    TestReport,
    Verdict,
)
from orchestration_assets.code.quality.tampering import tampering

MOST_LINES = 12
"""Lines without coverage that a sentence lists."""


class Gate:
    """Judges by the same settings, from any thread."""

    def __init__(self, settings: GateSettings | None = None) -> None:
        self.settings = settings or GateSettings()

    def judge(
        self,
        sources: Sources,
        report: TestReport | None,
        constraints: Constraints | None = None,
        survivors: Iterable[Reason] | None = None,
    ) -> Verdict:
        """Every reason against all files of a project, tests among them. `report` is of a run over the very same files; without one the project
        is not passed. `survivors` are planted faults that no test noticed, from `surviving`; where the settings ask for some, they must be given."""
        asked = constraints or Constraints()
        if failures := [_reason(failure) for failure in refused(sources)]:
            return Verdict(reasons=tuple(failures))
        parsed = trees(sources)
        reasons = [
            *_of_report(sources, report),
            *_missing(sources, parsed, asked),
            *tampering(sources, parsed),
            *_without_assertion(parsed),
            *forbidden_imports(parsed, asked),
            *import_cycles(parsed),
            *lint(sources, self.settings.lint),
            *(_uncovered(report, self.settings.coverage) if report is not None else ()),
            *(_unplanted(self.settings.mutants) if survivors is None else survivors),
        ]
        return Verdict(reasons=tuple(dict.fromkeys(reasons)))


def _reason(failure: TestFailure) -> Reason:
    return Reason(**failure.model_dump())


def _of_report(sources: Sources, report: TestReport | None) -> Iterator[Reason]:
    if report is None:
        yield Reason(kind="report", sentence="The tests were not run; run them over these files.")
        return
    if report.of != hash_of(sources):
        yield Reason(kind="report", sentence="The tests were run over other files than these; run them again.")
    yield from map(_reason, report.failures)
    if not report.failures:
        for test in report.tests:
            if test.outcome != "passed":
                sentence = f"{test.test} did not pass: {test.outcome}."
                yield Reason(kind="not passed", sentence=sentence, path=test.test.partition("::")[0], test=test.test)
    if not any(test.asserts for test in report.tests):
        yield Reason(
            kind="no assertion", sentence="No test asserts anything about what the project does; write one that does."
        )


def _missing(sources: Sources, parsed: Mapping[str, ast.Module], asked: Constraints) -> Iterator[Reason]:
    for path in sorted(asked.required_files - sources.keys()):
        yield Reason(kind="missing file", sentence=f"The file {path} is not there; the plan asks for it.", path=path)
    if asked.required_tests:
        there = {test.test for path in parsed for test in expected_tests(path, parsed[path])}
        for test in sorted(asked.required_tests - there):
            path = test.partition("::")[0]
            sentence = f"The test {test} is gone; mend a test, and do not take it out."
            yield Reason(kind="missing test", sentence=sentence, path=path, test=test)


def _without_assertion(parsed: Mapping[str, ast.Module]) -> Iterator[Reason]:
    for path in filter(is_test, parsed):
        for test in expected_tests(path, parsed[path]):
            if not test.asserts and not test.hidden_by:
                sentence = (
                    f"{path}, line {test.line}: {test.test.partition('::')[2]} asserts nothing that could fail by what the project does; "
                    "let it compare a result with what is right."
                )
                yield Reason(kind="no assertion", sentence=sentence, path=path, line=test.line, test=test.test)


def _unplanted(asked: int) -> Iterator[Reason]:
    if asked:
        yield Reason(
            kind="mutant", sentence=f"{asked} faults are to be planted in each changed file, and none were; plant them."
        )


def _uncovered(report: TestReport, least: float) -> Iterator[Reason]:
    """Asked of a report that counts lines and of all files together; the files below it are named."""
    if report.strategy != "coverage" or report.covered >= least:
        return
    low = [file for file in report.coverage if file.share < least]
    yield Reason(
        kind="coverage",
        sentence=f"Tests that assert run {report.covered:.0%} of the statements, and at least {least:.0%} are asked for; "
        f"{len(low)} files are below it.",
    )
    for file in low:
        lines = ", ".join(map(str, file.missing[:MOST_LINES])) + (", ..." if len(file.missing) > MOST_LINES else "")
        sentence = f"{file.path}, line {file.missing[0]}: {file.share:.0%} of its statements run in tests that assert; not lines {lines}."
        yield Reason(kind="coverage", sentence=sentence, path=file.path, line=file.missing[0])
