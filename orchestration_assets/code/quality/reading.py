"""From what was told of a run to its report: each test that there is must have been told of, once, as passed.

What belongs here: holding what the tests' process said against what is known without it. Whatever is missing, told twice or told of nothing is a
failure, and so is a test of our own that did not fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestration_assets.code.quality.classifying import ending_of, failure_of, one_line, silence_of
from orchestration_assets.code.quality.expected import Expected, Planted
from orchestration_assets.code.quality.files import Sources
from orchestration_assets.code.quality.lines import coverage_of
from orchestration_assets.code.quality.model import TestFailure, TestReport, TestResult
from orchestration_assets.code.quality.told import Event, Phase, Report, Told

MOST_FAILURES, MOST_DETAILED = 60, 12
_EXIT_CODES = {2: "it was interrupted", 3: "it failed itself", 4: "it could not be used", 5: "it found no test"}


@dataclass
class _Seen:
    """What the events say, by test without parameters."""

    collected: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    ended: dict[str, list[Event]] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    uncollected: list[Event] = field(default_factory=list)
    left_out: list[Event] = field(default_factory=list)
    lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    end: int | None = None


def read_told(
    told: Told, empty: TestReport, expected: Sequence[Expected], planted: Planted, sources: Sources
) -> TestReport:
    """The report. `empty` has what is known of it already."""
    if told.report is None:
        tests = tuple(_not_run(test) for test in expected)
        return empty.model_copy(
            update={"tests": tests, "failures": (silence_of(told),), "seconds": round(told.done.seconds, 3)}
        )
    events = told.report.read()
    seen = _seen(events or ())
    tests = tuple(_result(test, seen.ended.get(test.test, ())) for test in expected)
    failures = [*_of_the_run(told, told.report, seen), *_of_collecting(seen), *_of_tests(seen, planted)]
    if events is None:
        failures.append(_forged("told what no run of ours tells"))
    failures += _hidden(expected)
    explained = bool(failures)
    failures += _of_missing(expected, tests) if not explained else ()
    failures += _of_ours(seen, planted, is_whole=not failures)
    if not failures and seen.end != 0:
        failures.append(_forged(f"told of no failure, and pytest ended with {seen.end}"))
    is_counted = empty.strategy == "coverage" and seen.end is not None
    return empty.model_copy(
        update={
            "tests": tests,
            "failures": bounded([_located(failure, expected) for failure in failures]),
            "coverage": tuple(coverage_of(sources, seen.lines)) if is_counted else (),
            "seconds": round(told.report.seconds, 3),
        }
    )


def _seen(events: Sequence[Event]) -> _Seen:
    seen, names = _Seen(), set[str]()
    for event in events:
        if event.collected is not None:
            seen.collected |= set(event.collected)
        if event.started is not None:
            seen.started.append(event.started)
        if event.ended is not None:
            if event.ended in names or seen.end is not None:
                seen.twice.add(event.ended)
            names.add(event.ended)
            seen.ended.setdefault(_base(event.ended), []).append(event)
        if event.uncollected is not None:
            seen.uncollected.append(event)
        if event.left_out is not None:
            seen.left_out.append(event)
        if event.lines is not None:
            seen.lines = event.lines
        if event.end is not None:
            seen.end = event.end
    return seen


def _result(test: Expected, forms: Sequence[Event]) -> TestResult:
    outcomes = [_outcome(form.phases) for form in forms]
    worst = next((each for each in ("failed", "expected failure", "skipped", "passed") if each in outcomes), "not run")
    return _not_run(test).model_copy(
        update={
            "outcome": "not run" if test.hidden_by else worst,
            "seconds": round(sum(form.seconds for form in forms), 6),
            "forms": len(forms),
        }
    )


def _not_run(test: Expected) -> TestResult:
    return TestResult(test=test.test, line=test.line, asserts=test.asserts, outcome="not run")


def _outcome(phases: Sequence[Phase]) -> str:
    """Of one form: passed only where it was set up, called and torn down, each once and well."""
    if any(phase.outcome == "failed" for phase in phases):
        return "failed"
    if any(phase.xfail for phase in phases):
        return "expected failure"
    if any(phase.outcome == "skipped" for phase in phases):
        return "skipped"
    return "passed" if [phase.when for phase in phases] == ["setup", "call", "teardown"] else "not run"


def _of_the_run(told: Told, report: Report, seen: _Seen) -> Iterator[TestFailure]:
    last = seen.started[-1] if seen.started else ""
    running = (
        one_line(last) if last and last not in {form.ended for forms in seen.ended.values() for form in forms} else ""
    )
    ending = ending_of(told, report, running)
    if ending is not None:
        yield ending
    elif seen.end is None or seen.end != report.status:
        during = f" while {running} ran" if running else (" while tests were collected" if not seen.started else "")
        yield TestFailure(
            kind="killed",
            sentence=f"The process of the tests ended itself with {report.status}{during}, before pytest was done.",
            path=running.partition("::")[0],
            test=running,
        )
    elif seen.end > 2:
        yield TestFailure(
            kind="no tests" if seen.end == 5 else "collection",
            sentence=f"pytest ended with {seen.end}: {_EXIT_CODES.get(seen.end, 'nobody knows why')}.",
            detail=report.output[-2_000:],
        )


def _of_collecting(seen: _Seen) -> Iterator[TestFailure]:
    for event in seen.uncollected:
        if event.raised is not None and event.uncollected is not None:
            yield failure_of(event.raised, "", one_line(event.uncollected))
    for event in seen.left_out:
        path = one_line(event.left_out or "")
        sentence = f"{path} is skipped as a whole: {one_line(event.reason)}."
        yield TestFailure(kind="not passed", sentence=sentence, path=path.partition("::")[0])


def _of_tests(seen: _Seen, planted: Planted) -> Iterator[TestFailure]:
    for base, forms in seen.ended.items():
        if base in planted.failing or base in planted.passing:
            continue
        for form in forms:
            name = one_line(form.ended or "")
            path = name.partition("::")[0]
            failed = next((phase for phase in form.phases if phase.outcome == "failed"), None)
            if failed is not None and failed.raised is not None:
                yield failure_of(failed.raised, name, path, failed.when)
            elif (outcome := _outcome(form.phases)) != "passed":
                reasons = [phase.reason for phase in form.phases if phase.reason]
                why = f": {one_line(reasons[0])}" if reasons else ""
                what = {"skipped": "was skipped", "expected failure": "is marked as one that may fail"}.get(
                    outcome, "failed"
                )
                yield TestFailure(kind="not passed", sentence=f"{name} {what}{why}.", path=path, test=name)
    for name in sorted(seen.twice):
        yield _forged(f"told of {one_line(name)} more than once, or after the end")
    if seen.collected:
        for form in (form for forms in seen.ended.values() for form in forms if form.ended not in seen.collected):
            yield _forged(f"told of {one_line(form.ended or '')}, which was not collected")


def _hidden(expected: Sequence[Expected]) -> Iterator[TestFailure]:
    for test in expected:
        if test.hidden_by:
            sentence = f"{test.path}, line {test.line}: {test.test} never runs, because line {test.hidden_by} defines it again."
            yield TestFailure(kind="not run", sentence=sentence, path=test.path, line=test.line, test=test.test)


def _of_missing(expected: Sequence[Expected], tests: Sequence[TestResult]) -> Iterator[TestFailure]:
    for test, result in zip(expected, tests, strict=True):
        if result.outcome == "not run":
            sentence = f"{test.path}, line {test.line}: {test.test} is there and did not run."
            yield TestFailure(kind="not run", sentence=sentence, path=test.path, line=test.line, test=test.test)


def _of_ours(seen: _Seen, planted: Planted, *, is_whole: bool) -> Iterator[TestFailure]:
    """Where all else is well, every test of ours must have failed; where it is not, none may have passed."""
    for name in sorted(planted.failing):
        forms = seen.ended.get(name, [])
        outcomes = [_outcome(form.phases) for form in forms]
        if "passed" in outcomes or (is_whole and set(outcomes) != {"failed"}):
            path = name.partition("::")[0]
            yield TestFailure(
                kind="forged",
                sentence=f"A test that must fail was planted at the end of {path}, and did not: something that is imported or done there "
                "changes what tests say.",
                path=path,
            )
            return


def _located(failure: TestFailure, expected: Sequence[Expected]) -> TestFailure:
    """With the line of the test, where none of the code is known."""
    line = next((test.line for test in expected if test.test == _base(failure.test)), 0) if not failure.line else 0
    if not line:
        return failure
    sentence = f"{failure.path}, line {line}: {failure.sentence}"
    return failure.model_copy(update={"line": line, "sentence": sentence})


def _forged(what: str) -> TestFailure:
    return TestFailure(kind="forged", sentence=f"The process of the tests {what}: what it says cannot be believed.")


def bounded(failures: Sequence[TestFailure]) -> tuple[TestFailure, ...]:
    """As many as can be read, the first of them in detail."""
    kept = [
        failure if number < MOST_DETAILED else failure.model_copy(update={"detail": ""})
        for number, failure in enumerate(failures[:MOST_FAILURES])
    ]
    if len(failures) > MOST_FAILURES:
        more = f"{len(failures) - MOST_FAILURES} more failures are not listed."
        kept.append(TestFailure(kind=failures[-1].kind, sentence=more))
    return tuple(kept)


def _base(name: str) -> str:
    return name.partition("[")[0]
