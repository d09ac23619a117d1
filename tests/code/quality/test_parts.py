"""Many files of tests in several runs: what runs together, and that one report comes of it that says what one run would have said."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.code.quality import Gate, run_in_parts, run_tests
from orchestration_assets.code.quality.model import FileCoverage, TestReport
from orchestration_assets.code.quality.parts import merged, parts
from orchestration_assets.code.quality.running import LIMITS
from resources.sandbox import Sandbox
from tests.code.quality.test_running import encoded, split

TEST = b"def test_a():\n    assert int('1') == 1\n"
SPREAD = {
    "calc/__init__.py": "",
    "calc/signs.py": (
        "def sign(a):\n    if a < 0:\n        return -1\n    if a > 0:\n        return 1\n    return 0\n\n\n"
        "def unused():\n    return 1\n"
    ),
    "tests/helpers.py": "ZERO = 0\n",
    **{
        f"tests/test_{name}.py": (
            f"from calc.signs import sign\nfrom tests.helpers import ZERO\n\n\ndef test_{name}():\n    assert sign({value}) == {wanted}\n"
        )
        for name, value, wanted in (("c", "-3", "-1"), ("b", "3", "1"), ("a", "ZERO", "0"))
    },
}


def without_time(report: TestReport) -> TestReport:
    tests = tuple(test.model_copy(update={"seconds": 0.0}) for test in report.tests)
    return report.model_copy(update={"seconds": 0.0, "tests": tests})


@given(st.integers(0, 30), st.integers(0, 5), st.integers(1, 9))
def test_every_file_is_in_one_part_and_none_has_more_than_it_may(testing: int, without: int, most: int) -> None:
    tests = {f"tests/test_{number}.py": TEST for number in range(testing)}
    tests |= {f"tests/test_none_{number}.py": b"x = 1\n" for number in range(without)}
    found = parts(tests, most)
    assert sorted(path for part in found for path in part) == sorted(tests)
    sizes = [sum(data == TEST for data in part.values()) for part in found]
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= most
    assert len(found) == 1 or min(sizes) >= 1


@given(st.lists(st.sets(st.integers(1, 12)), min_size=1, max_size=5))
def test_a_line_is_covered_where_any_run_covered_it(ran: list[set[int]]) -> None:
    statements = set(range(1, 13))

    def report(lines: set[int]) -> TestReport:
        missing = tuple(sorted(statements - lines))
        file = FileCoverage(path="a.py", statements=12, covered=12 - len(missing), missing=missing)
        return TestReport(
            of="x", strategy="coverage", toolchain="", tests=(), failures=(), coverage=(file,), seconds=1.0
        )

    whole = merged([report(lines) for lines in ran])
    assert whole == report(set().union(*ran)).model_copy(update={"seconds": float(len(ran))})


@pytest.mark.integration
def test_runs_over_parts_say_what_one_run_says(sandbox: Sandbox) -> None:
    for files in (SPREAD, {**SPREAD, "tests/test_b.py": SPREAD["tests/test_b.py"].replace("== 1", "== 2")}):
        sources, tests = split(files)
        one = run_tests(sandbox, sources, tests, "coverage")
        with ThreadPoolExecutor(2) as executor:
            many = run_in_parts(sandbox, sources, tests, "coverage", executor, files_of_a_run=1)
        assert without_time(many) == without_time(one)
        assert [file.missing for file in many.coverage if file.path == "calc/signs.py"] == [(10,)]
        assert Gate().judge(encoded(files), many) == Gate().judge(encoded(files), one)


@pytest.mark.integration
def test_each_run_has_the_time_of_one(sandbox: Sandbox) -> None:
    body = "import time\n\n\ndef test_a():\n    time.sleep(5)\n    assert time.monotonic() > 0\n"
    sources, tests = split({f"tests/test_{number}.py": body for number in range(4)})
    limits = replace(LIMITS, seconds=18.0)
    assert [failure.kind for failure in run_tests(sandbox, sources, tests, "thorough", limits=limits).failures] == [
        "timeout"
    ]
    with ThreadPoolExecutor(2) as executor:
        report = run_in_parts(sandbox, sources, tests, "thorough", executor, files_of_a_run=1, limits=limits)
    assert report.passed, report.failures


@pytest.mark.integration
def test_a_part_that_ends_itself_is_told_of_and_the_others_count(sandbox: Sandbox) -> None:
    files = {**SPREAD, "tests/test_b.py": "import os\n\n\ndef test_b():\n    os._exit(0)\n"}
    with ThreadPoolExecutor(2) as executor:
        report = run_in_parts(sandbox, *split(files), "coverage", executor, files_of_a_run=1)
    assert [(test.test, test.outcome) for test in report.tests] == [
        ("tests/test_a.py::test_a", "passed"),
        ("tests/test_b.py::test_b", "not run"),
        ("tests/test_c.py::test_c", "passed"),
    ]
    assert not report.passed and [failure.kind for failure in report.failures] == ["killed"]
    assert [file.missing for file in report.coverage if file.path == "calc/signs.py"] == [(5, 10)]
