"""Running many files of tests in several runs at once, and making one report of theirs.

What belongs here: which files run together, and what the reports of parts are as a whole. Each run is one of `running.py`, with its own signature and
its own limits; each is given all files of the project, so that all reports are about the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor

from orchestration_assets.code.quality.expected import expected_tests
from orchestration_assets.code.quality.files import Sources, trees
from orchestration_assets.code.quality.model import FileCoverage, ReportCache, Strategy, TestReport, TestResult
from orchestration_assets.code.quality.reading import bounded
from orchestration_assets.code.quality.running import LIMITS, run_tests, toolchain
from resources.sandbox import Limits, Sandbox

LEAST_FILES_OF_A_RUN = 4
"""Fewer are not worth a run of their own, which begins with an interpreter and half a second; and tests that only fail after others are found where
they run together."""


def run_in_parts(
    sandbox: Sandbox,
    sources: Sources,
    tests: Sources,
    strategy: Strategy,
    executor: Executor,
    *,
    files_of_a_run: int,
    cache: ReportCache | None = None,
    limits: Limits = LIMITS,
) -> TestReport:
    """As `run_tests` reports, of runs over so many files of tests each, which `executor` has at once. `limits` are those of each run. Raises what
    `run_tests` raises."""

    toolchain(sandbox)  # asked for once, and not by each of the runs

    def run(part: Sources) -> TestReport:
        return run_tests(sandbox, {**sources, **tests}, part, strategy, cache=cache, limits=limits)

    return merged(list(executor.map(run, parts(tests, files_of_a_run))))


def parts(tests: Sources, files_of_a_run: int) -> list[Sources]:
    """Every file in one part, and at most so many with tests in each, as evenly as they can be spread. Files that hold no test go with the first,
    because a run needs some."""
    parsed = trees(tests)
    testing = [path for path in sorted(parsed) if expected_tests(path, parsed[path])]
    rest = [path for path in tests if path not in testing]
    count = max(1, -(-len(testing) // files_of_a_run))
    chosen = [testing[number::count] for number in range(count)]
    chosen[0] += rest
    return [{path: tests[path] for path in part} for part in chosen]


def merged(reports: Sequence[TestReport]) -> TestReport:
    """One report of several over the same files, with disjoint tests: a line is covered where one of them ran it. Seconds are of all together."""
    if len(reports) == 1:
        return reports[0]
    tests = [test for report in reports for test in report.tests]
    failures = list(dict.fromkeys(failure for report in reports for failure in report.failures))
    return reports[0].model_copy(
        update={
            "tests": tuple(sorted(tests, key=_path)),
            "failures": bounded(failures),
            "coverage": tuple(_covered(reports)),
            "seconds": round(sum(report.seconds for report in reports), 3),
        }
    )


def _path(test: TestResult) -> str:
    return test.test.partition("::")[0]


def _covered(reports: Sequence[TestReport]) -> Iterator[FileCoverage]:
    found: dict[str, FileCoverage] = {}
    for file in (file for report in reports for file in report.coverage):
        known = found.get(file.path, file)
        missing = tuple(line for line in known.missing if line in file.missing)
        found[file.path] = file.model_copy(update={"missing": missing, "covered": file.statements - len(missing)})
    yield from (found[path] for path in sorted(found))
