"""What a build came to, for people: the tests of each task and of the whole, as Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from orchestration_assets.reports import neutral

if TYPE_CHECKING:
    from orchestration_assets.code.checking import Checked
    from orchestration_assets.code.ledger import Attempt, DeadLetter
    from orchestration_assets.code.state import Built
    from orchestration_assets.reports.documents import Format

MOST_REASONS = 3
"""Of a dead letter."""


def unit_test_report(project: str, built: Built) -> dict[Format, bytes]:
    """The tests of a build that is green: those that ran when each task was done last."""
    lines = [
        f"# Unit tests of {cell(project)}",
        "",
        "| task | tests | passed |",
        "| --- | ---: | ---: |",
    ]
    for task in built.plan.tasks:
        tests = _tests(built.checked.get(task.id))
        passed = sum(test.get("outcome") == "passed" for test in tests)
        lines.append(f"| {cell(task.id)} | {len(tests)} | {passed} |")
    data = {task: checked.model_dump(mode="json") for task, checked in sorted(built.checked.items())}
    return {"md": ("\n".join(lines) + "\n").encode(), "json": _json({"project": project, "tasks": data})}


def integration_report(project: str, built: Built) -> dict[Format, bytes]:
    """All tests over the whole of a build that is green, and which of them show each acceptance criterion."""
    assert built.integration is not None
    criteria = built.integration.report.get("criteria")
    shown: Mapping[str, Sequence[str]] = criteria if isinstance(criteria, dict) else {}  # type: ignore[assignment]
    lines = [
        f"# Integration of {cell(project)}",
        "",
        "All tests pass.",
        "",
        "| criterion | shown by |",
        "| --- | --- |",
    ]
    for criterion in built.plan.criteria:
        tests = "<br>".join(code_cell(test) for test in shown.get(criterion.id, ())) or "nothing"
        lines.append(f"| {cell(criterion.id)}: {cell(criterion.text)} | {tests} |")
    data = built.integration.model_dump(mode="json")
    return {"md": ("\n".join(lines) + "\n").encode(), "json": _json({"project": project, "integration": data})}


def attempts_table(attempts: Sequence[Attempt]) -> str:
    """Every step that was tried for the plan that was worked on last, the last one first, as a table in Markdown."""
    lines = [
        "| ended | task | step | outcome | seconds | tokens | why |",
        "| --- | --- | --- | --- | ---: | ---: | --- |",
    ]
    for each in reversed(of_last_plan(attempts)):
        tokens = f"{each.tokens_in + each.tokens_out:,}" if each.maker else ""
        cells = (f"{each.ended_at:%H:%M:%S}", cell(each.task), each.step, each.outcome, f"{each.seconds:.1f}", tokens)
        lines.append(f"| {' | '.join(cells)} | {cell(each.reason[:300])} |")
    return "\n".join(lines)


def of_last_plan(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Of all attempts those at the plan that was worked on last."""
    return [each for each in attempts if each.basis == attempts[-1].basis]


def not_done(built: Built, letters: Iterable[DeadLetter]) -> str:
    """Why a build is not green, in one sentence."""
    if built.dead:
        reasons = {letter.task: letter.reasons for letter in letters}
        told = ", ".join(f"{task}{_in_brackets(reasons.get(task, ()))}" for task in built.dead)
        waiting = f"; {len(built.blocked)} tasks wait for what is missing" if built.blocked else ""
        return (
            f"{len(built.done)} of {len(built.plan.tasks)} tasks are done, among the dead letters are {told}{waiting}"
        )
    if built.integration is not None and built.integration.reasons:
        return f"all tasks are done, but the whole is not right: {built.integration.reasons[0].sentence.rstrip('.')}"
    return f"{len(built.done)} of {len(built.plan.tasks)} tasks are done"


def _tests(checked: Checked | None) -> list[Mapping[str, Any]]:
    tests = checked.report.get("tests") if checked is not None else None
    return [test for test in tests if isinstance(test, dict)] if isinstance(tests, list) else []


def _in_brackets(reasons: Sequence[str]) -> str:
    """The first ones and the last, which says where its last reply could not be used."""
    shown = reasons if len(reasons) <= MOST_REASONS else [*reasons[: MOST_REASONS - 1], reasons[-1]]
    told = "; ".join(reason.rstrip(".") for reason in shown)
    return f" ({told})" if told else ""


def cell(text: str) -> str:
    """Text from outside as a cell of a table in Markdown, where it is no markup, leads nowhere and calls nobody."""
    return neutral.markdown(text).replace("|", "\\|")


def code_cell(text: str) -> str:
    """The same for what is shown as code."""
    return neutral.code(text).replace("|", "\\|")


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
