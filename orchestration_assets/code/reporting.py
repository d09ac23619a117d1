"""What a build came to, for people: the tests of each task and of the whole, as Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from orchestration_assets.code.checking import Checked
from orchestration_assets.code.state import Built
from orchestration_assets.reports.documents import Format

if TYPE_CHECKING:
    from orchestration_assets.code.ledger import Attempt


def unit_test_report(project: str, built: Built) -> dict[Format, bytes]:
    """The tests that ran when each task was done last."""
    lines = [
        f"# Unit tests of {_cell(project)}",
        "",
        "| task | tests | passed | verdict |",
        "| --- | ---: | ---: | --- |",
    ]
    for task in built.plan.tasks:
        checked = built.checked.get(task.id)
        tests = _tests(checked)
        passed = sum(test.get("outcome") == "passed" for test in tests)
        lines.append(f"| {_cell(task.id)} | {len(tests)} | {passed} | {_verdict(task.id, built, checked)} |")
    lines += _reasons(checked for checked in built.checked.values())
    data = {task: checked.model_dump(mode="json") for task, checked in sorted(built.checked.items())}
    return {"md": ("\n".join(lines) + "\n").encode(), "json": _json({"project": project, "tasks": data})}


def integration_report(project: str, built: Built) -> dict[Format, bytes]:
    """All tests over the whole, and which of them show each acceptance criterion."""
    checked = built.integration
    criteria = checked.report.get("criteria", {}) if checked is not None else {}
    shown: Mapping[str, Sequence[str]] = criteria if isinstance(criteria, dict) else {}  # type: ignore[assignment]
    lines = [
        f"# Integration of {_cell(project)}",
        "",
        f"{_whole(checked)}",
        "",
        "| criterion | shown by |",
        "| --- | --- |",
    ]
    for criterion in built.plan.criteria:
        tests = "<br>".join(f"`{_cell(test)}`" for test in shown.get(criterion.id, ())) or "nothing"
        lines.append(f"| {_cell(criterion.id)}: {_cell(criterion.text)} | {tests} |")
    lines += _reasons([checked] if checked is not None else [])
    data = None if checked is None else checked.model_dump(mode="json")
    return {"md": ("\n".join(lines) + "\n").encode(), "json": _json({"project": project, "integration": data})}


def attempts_table(attempts: Sequence[Attempt]) -> str:
    """Every step that was tried, the last one first, as a table in Markdown."""
    lines = [
        "| ended | task | step | outcome | seconds | tokens | why |",
        "| --- | --- | --- | --- | ---: | ---: | --- |",
    ]
    for each in reversed(attempts):
        tokens = f"{each.tokens_in + each.tokens_out:,}" if each.maker else ""
        cells = (f"{each.ended_at:%H:%M:%S}", _cell(each.task), each.step, each.outcome, f"{each.seconds:.1f}", tokens)
        lines.append(f"| {' | '.join(cells)} | {_cell(each.reason[:300])} |")
    return "\n".join(lines)


def not_done(built: Built) -> str:
    """Why a build is not green, in one sentence."""
    if built.dead:
        reasons = {task: built.checked[task].reasons for task in built.dead if task in built.checked}
        told = ", ".join(
            task + (f" ({reasons[task][0].sentence.rstrip('.')})" if reasons.get(task) else "") for task in built.dead
        )
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


def _verdict(task: str, built: Built, checked: Checked | None) -> str:
    if task in built.done:
        return "passed"
    if task in built.dead:
        return "dead letter"
    return "waits" if checked is None or checked.passed else "failed"


def _whole(checked: Checked | None) -> str:
    if checked is None:
        return "The whole was not tested, because not all of it is there."
    return "All tests pass." if checked.passed else "The whole is not right."


def _reasons(verdicts: Iterable[Checked]) -> list[str]:
    found = [f"- {_cell(reason.sentence)}" for checked in verdicts for reason in checked.reasons]
    return ["", "## What is wrong", "", *found] if found else []


def _cell(text: str) -> str:
    """Text from a model, so that it stands in a table and is no markup."""
    plain = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|&#!" else letter for letter in plain) if plain else ""


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
