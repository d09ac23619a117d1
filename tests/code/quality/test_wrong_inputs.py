"""Projects that are wrong: each is found out, by name, and none is ever green."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestration_assets.code.paths import is_test
from orchestration_assets.code.quality import Gate, TestReport, run_tests
from orchestration_assets.code.quality.running import LIMITS
from resources.sandbox import Sandbox
from tests.code.quality import wrong_inputs
from tests.code.quality.wrong_inputs import Wrong

SMALL = replace(LIMITS, seconds=40, memory=160 << 20, disk=16 << 20, processes=24, output=64 << 10)
FAST = {"failing test", "os._exit in a test", "skip", "a replaced report"}
"""One of each sort; the rest takes some seconds together and runs with the integration tests."""


def run(sandbox: Sandbox, files: dict[str, bytes], wrong: Wrong, strategy: str = "coverage") -> TestReport:
    limits = replace(SMALL, **({"seconds": 15} if wrong.slow else {}) | wrong.limits)
    tests = {path: data for path, data in files.items() if is_test(path)}
    return run_tests(sandbox, files, tests, strategy, limits=limits)


def marked(wrong: Wrong) -> object:
    needs_no_run = wrong in wrong_inputs.FILES and not wrong.kinds[0].startswith("missing")
    marks = [] if needs_no_run or wrong.name in FAST else [pytest.mark.integration]
    return pytest.param(wrong, marks=marks, id=wrong.name)


@pytest.mark.parametrize("wrong", [marked(wrong) for wrong in wrong_inputs.ALL])
def test_it_is_found_out(sandbox: Sandbox, wrong: Wrong) -> None:
    files = wrong.all()
    report = run(sandbox, files, wrong)
    verdict = Gate().judge(files, report)
    assert not verdict.passed
    told = [*report.failures, *verdict.reasons]
    sentences = "\n".join(f"{each.kind}: {each.sentence}" for each in told)
    if wrong.kinds:
        assert not report.passed
        assert {failure.kind for failure in report.failures} & set(wrong.kinds), sentences
    assert set(wrong.verdict) <= {reason.kind for reason in verdict.reasons}, sentences
    assert wrong.says in sentences, sentences
    assert not wrong.path or wrong.path in {each.path for each in told}, sentences
    for each in told:
        assert "\n" not in each.sentence
        assert len(each.sentence) < 1000
        assert len(each.detail) < 4000


def test_what_is_right_is_green(sandbox: Sandbox) -> None:
    """Without this, a runner that finds everything wrong would do."""
    right = Wrong("right", {}, ())
    report = run(sandbox, right.all(), right)
    assert report.passed, report.failures
    assert report.covered == 1.0
    assert [test.forms for test in report.tests] == [1, 3]
    verdict = Gate().judge(right.all(), report)
    assert verdict.passed, verdict.reasons
