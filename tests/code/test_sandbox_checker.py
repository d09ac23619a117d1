"""The checker that counts, by its settings: how tests run, how much they cover, which planted faults they notice, and how many run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestration_assets.code.checking import CannotCheck, Work
from orchestration_assets.code.ledger import Ledger
from orchestration_assets.code.making import sandbox_checker
from orchestration_assets.code.model import Plan
from orchestration_assets.code.quality import GateSettings
from orchestration_assets.code.quality.running import LIMITS
from orchestration_assets.code.quality_checking import SandboxChecker
from resources.errors import BadInput
from resources.sandbox import Finished, Limits, Sandbox, SandboxUnavailable
from resources.settings import load_settings
from tests.code.test_wrong_replies import PROJECT, SOURCE, TEST

WEAK = {
    **PROJECT.files,
    TEST: PROJECT.files[TEST].replace(
        "    assert double(3) == 6\n    assert double(-1) == -2\n", "    assert double(3) != 5\n"
    ),
}
HALF = {
    **PROJECT.files,
    SOURCE: PROJECT.files[SOURCE] + '\n\ndef triple(number: int) -> int:\n    """Thrice."""\n    return number * 3\n',
}


class Counted(Sandbox):
    """A sandbox that counts its runs, and works for so many of them."""

    def __init__(self, works_for: int = 10**6) -> None:
        super().__init__()
        self.works_for, self.runs, self.at_once, self.most_at_once = works_for, 0, 0, 0
        self._lock = threading.Lock()

    def run(self, argv: Sequence[str], files: Mapping[str, bytes], **options: Any) -> Finished:
        with self._counted():
            return super().run(argv, files, **options)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.runs, self.at_once = self.runs + 1, self.at_once + 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            works = self.runs <= self.works_for
        try:
            if not works:
                raise SandboxUnavailable("No sandbox works any more.")
            yield
        finally:
            with self._lock:
                self.at_once -= 1


@pytest.fixture
def sandbox() -> Counted:
    made = Counted()
    try:
        made.examine()
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox works here: {error}")
    return made


def work(files: dict[str, str]) -> Work:
    return Work(PROJECT.plan, PROJECT.plan.task("tests"), files, [TEST])


@pytest.mark.integration
def test_planted_faults_are_asked_of_the_whole_and_never_of_a_part(sandbox: Counted) -> None:
    checker = SandboxChecker(sandbox, settings=GateSettings(mutants=2))
    for files in (PROJECT.files, WEAK):
        checked = checker.check(work(files))
        assert checked.passed, checked.reasons
    right = checker.integrate(PROJECT.plan, PROJECT.files)
    assert right.passed, right.reasons
    weak = checker.integrate(PROJECT.plan, WEAK)
    assert not weak.passed
    assert {(reason.path, reason.sentence.partition(":")[0]) for reason in weak.reasons} == {
        (TEST, f"{SOURCE}, line 6")
    }


@pytest.mark.integration
def test_a_sandbox_that_is_gone_ends_the_build_wherever_that_shows() -> None:
    probe = Counted()
    SandboxChecker(probe, settings=GateSettings(mutants=2)).integrate(PROJECT.plan, PROJECT.files)
    assert probe.runs >= 3
    for works_for in range(probe.runs):
        checker = SandboxChecker(Counted(works_for), settings=GateSettings(mutants=2))
        with pytest.raises(CannotCheck, match="works any more"):
            checker.integrate(PROJECT.plan, PROJECT.files)
    with pytest.raises(CannotCheck, match="works any more"):
        SandboxChecker(Counted(1)).check(work(PROJECT.files))


@pytest.mark.integration
def test_the_settings_say_how_tests_run_and_how_much_they_cover(
    tmp_path: Path, sandbox: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path / "builds.db")
    failing = {
        **PROJECT.files,
        TEST: PROJECT.files[TEST] + "\n\ndef test_more() -> None:\n    assert double(1) == 3\n\n\n"
        "def test_still_more() -> None:\n    assert double(1) == 4\n",
    }

    def checked(files: dict[str, str], **settings: str) -> list[tuple[str, str]]:
        for name in ("STRATEGY", "COVERAGE", "MUTANTS"):
            monkeypatch.delenv(f"SOLOIST_BUILD_{name}", raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(f"SOLOIST_BUILD_{name}", value)
        checker = sandbox_checker(sandbox, load_settings())(ledger)
        return [(reason.path, reason.sentence) for reason in checker.check(work(files)).reasons]

    assert len(checked(failing)) == 2, "all tests run unless a setting says otherwise"
    assert len(checked(failing, STRATEGY="fast")) == 1
    assert checked(HALF) == [], "what later tests may cover is not asked of the first"
    short = checked(HALF, STRATEGY="coverage")
    assert {path for path, _ in short} == {TEST} and "not lines 11" in short[-1][1]
    assert checked(HALF, STRATEGY="coverage", COVERAGE="0.5") == []
    whole = sandbox_checker(sandbox, load_settings())(ledger).integrate(PROJECT.plan, HALF)
    assert whole.passed, whole.reasons
    monkeypatch.delenv("SOLOIST_BUILD_COVERAGE")
    whole = sandbox_checker(sandbox, load_settings())(ledger).integrate(PROJECT.plan, HALF)
    assert {reason.path for reason in whole.reasons} == {TEST}
    ledger.close()


@pytest.mark.parametrize(("name", "value"), [("COVERAGE", "1.5"), ("STRATEGY", "slow"), ("MUTANTS", "-1")])
def test_a_setting_of_builds_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SOLOIST_BUILD_{name}", value)
    with pytest.raises(BadInput, match=f"SOLOIST_BUILD_{name}"):
        load_settings()


def many(count: int, body: str) -> tuple[Plan, dict[str, str]]:
    """The project with so many files of tests beside its own."""
    paths = [f"tests/test_more{number}.py" for number in range(count)]
    tests = PROJECT.plan.task("tests")
    more = [
        tests.model_copy(update={"id": f"more-{number}", "files": (tests.files[0].model_copy(update={"path": path}),)})
        for number, path in enumerate(paths)
    ]
    plan = PROJECT.plan.model_copy(update={"tasks": (*PROJECT.plan.tasks, *more)})
    return plan, {**PROJECT.files, **dict.fromkeys(paths, body)}


@pytest.mark.integration
def test_the_tests_of_the_whole_run_in_several_runs_at_once(sandbox: Counted) -> None:
    plan, files = many(8, PROJECT.files[TEST])
    checker = SandboxChecker(sandbox, at_once=2)
    before = sandbox.runs
    checked = checker.integrate(plan, files)
    assert checked.passed, checked.reasons
    # Five files and four; one run more asks for the versions.
    assert (sandbox.runs - before, sandbox.most_at_once) == (2 + 1, 2)
    tests: Any = checked.report["tests"]
    assert len(tests["tests"]) == 9 and tests["strategy"] == "coverage"


@pytest.mark.integration
def test_tests_that_take_longer_than_one_run_may_have_more(sandbox: Counted) -> None:
    body = PROJECT.files[TEST].replace("    assert double(3)", "    time.sleep(6)\n    assert double(3)", 1)
    plan, files = many(3, body.replace("from doubling", "import time\n\nfrom doubling", 1))
    limits: Limits = replace(LIMITS, seconds=15.0)
    checked = SandboxChecker(sandbox, limits=limits, at_once=2).integrate(plan, files)
    assert checked.passed, checked.reasons
