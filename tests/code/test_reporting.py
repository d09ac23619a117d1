"""What is told of builds: names of tests as code, text from outside as text, and why tasks are among the dead letters."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestration_assets.code.checking import Checked, Reason
from orchestration_assets.code.ledger import Attempt, DeadLetter
from orchestration_assets.code.reporting import attempts_table, cell, integration_report, not_done, unit_test_report
from orchestration_assets.code.scheduling import Step
from orchestration_assets.code.state import Built
from tests.code.projects import prepared

PLAN = prepared("spans").plan
HOSTILE = "![](https://evil.example/x) | <b>bold</b> @somebody #12"


def built(**changes: object) -> Built:
    values: dict[str, object] = {
        "plan": PLAN,
        "sources": {},
        "checked": {},
        "integration": None,
        "done": tuple(task.id for task in PLAN.tasks),
        "dead": (),
        "blocked": (),
    }
    return Built(**values | changes)  # type: ignore[arg-type]


def attempt(task: str, basis: str = "", reason: str = "") -> Attempt:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return Attempt(task=task, step=Step.WRITE, ended_at=at, seconds=1.0, outcome="failed", reason=reason, basis=basis)


def test_names_of_tests_are_shown_as_they_are() -> None:
    criterion = PLAN.criteria[0].id
    tests = ["tests/test_merging.py::test_neighbours_are_one", "tests/test_x.py::test_a[1|2`3]"]
    checked = Checked(passed=True, reasons=[], report={"criteria": {criterion: tests}})
    text = integration_report("spans", built(integration=checked))["md"].decode()
    assert "`tests/test_merging.py::test_neighbours_are_one`" in text
    assert "``tests/test_x.py::test_a[1\\|2`3]``" in text


def test_tests_are_counted_by_task() -> None:
    first = PLAN.tasks[0].id
    report = {"tests": [{"test": "t::a", "outcome": "passed"}, {"test": "t::b", "outcome": "failed"}]}
    made = built(checked={first: Checked(passed=True, reasons=[], report=report)})
    text = unit_test_report("spans", made)["md"].decode()
    assert f"| {cell(first)} | 2 | 1 |" in text and text.count("| 0 | 0 |") == len(PLAN.tasks) - 1


def test_text_from_outside_is_text_in_a_cell() -> None:
    shown = cell(HOSTILE)
    assert shown == "\\![\\](`https://evil.example/x`) \\| \\<b>bold\\</b> `@somebody` `#12`"
    assert shown in attempts_table([attempt("merging", reason=HOSTILE)])


def test_steps_of_earlier_plans_are_not_listed() -> None:
    table = attempts_table([attempt("earlier", "old"), attempt("first", "new"), attempt("second", "new")])
    assert "earlier" not in table and table.index("second") < table.index("first")
    assert attempts_table([]).count("\n") == 1


def test_dead_letters_say_why_whatever_they_died_of() -> None:
    old = Checked(passed=False, reasons=[Reason(sentence="An old verdict.")], report={})
    letters = [
        DeadLetter(task="merging", reasons=["The last reply could not be used: no JSON."], outcome="given up"),
        DeadLetter(task="parsing", reasons=[f"Test {number} fails." for number in range(9)], outcome="given up"),
        DeadLetter(task="other", reasons=["It was replaced."], outcome="replanned"),
    ]
    left = built(done=(), dead=("merging", "parsing", "silent"), blocked=("command",), checked={"merging": old})
    assert not_done(left, letters) == (
        f"0 of {len(PLAN.tasks)} tasks are done, among the dead letters are merging (The last reply could not be used: no JSON), "
        "parsing (Test 0 fails; Test 1 fails; Test 8 fails), silent; 1 tasks wait for what is missing"
    )


def test_a_whole_that_is_not_right_says_why() -> None:
    checked = Checked(passed=False, reasons=[Reason(sentence="The parts do not fit.")], report={})
    assert not_done(built(integration=checked), []).endswith("the whole is not right: The parts do not fit")
