"""The corpus of incidents is what it says: programs that crash as declared, and that their fixed files mend."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.incidents.corpus import OUTSIDE, PROGRAMS, Program, error_event, event_of, programs, run

CLOCKED = "time_and_dates/birthday_reminder"
FEW = {CLOCKED, "files/contacts_import", "state/event_bus", "text/mail_merge"}
"""What is looked at in every run of the tests; the others take a minute."""


def identity(program: Program) -> str:
    return program.identity


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(each, id=each.identity, marks=() if each.identity in FEW else pytest.mark.integration)
        for each in programs()
    ],
)
def crashed(request: pytest.FixtureRequest) -> tuple[Program, dict[str, Any]]:
    return request.param, event_of(request.param)


def own_frames(program: Program, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Frames of the exception that came out, in files of the program."""
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    return [frame for frame in frames if path_of(program, frame)]


def path_of(program: Program, frame: dict[str, Any]) -> str | None:
    return next((path for path in program.sources() if frame["abs_path"].endswith(f"/app/{path}")), None)


def test_there_are_five_programs_of_each_of_ten_kinds() -> None:
    kinds = Counter(program.kind for program in programs())
    assert len(kinds) == 10
    assert set(kinds.values()) == {5}
    assert len({program.name for program in programs()}) == 50
    assert {path.parent for path in PROGRAMS.rglob("program.toml")} == {program.folder for program in programs()}


def test_half_of_them_take_objects_files_time_or_environment() -> None:
    takes = Counter(program.takes for program in programs())
    assert takes.keys() == OUTSIDE | {"plain", "state"}
    assert sum(takes[each] for each in OUTSIDE) == 25


def test_exceptions_are_of_many_types() -> None:
    types = Counter(program.exception for program in programs())
    assert len(types) >= 20
    assert types["RecursionError"] == 1
    assert max(types.values()) <= 10


@pytest.mark.parametrize("program", programs(), ids=identity)
def test_the_fixed_files_replace_faulty_ones(program: Program) -> None:
    faulty, fixed = program.sources(), program.fixed()
    assert fixed.keys() == faulty.keys()
    assert fixed != faulty
    assert not any(path.startswith(("fixed/", "incident/")) for path in faulty)
    code = [line for path, content in faulty.items() if path.endswith(".py") for line in content.splitlines()]
    assert 30 <= len(code) <= 120


def test_it_crashes_as_declared(crashed: tuple[Program, dict[str, Any]]) -> None:
    program, event = crashed
    assert event["exception"]["values"][-1]["type"] == program.exception
    assert own_frames(program, event)[-1]["function"] == program.function
    assert all(frame["in_app"] for frame in own_frames(program, event))


def test_the_event_is_genuine(crashed: tuple[Program, dict[str, Any]]) -> None:
    program, event = crashed
    assert event["sdk"]["name"] == "sentry.python"
    assert event["release"] == program.release
    frames = own_frames(program, event)
    assert len(frames) >= 2
    assert any(frame["vars"] for frame in frames)
    for frame in frames:
        lines = program.sources()[str(path_of(program, frame))].decode().splitlines()
        assert frame["context_line"] == lines[frame["lineno"] - 1]
    expected = datetime.fromisoformat(program.now) if program.now else datetime.now(UTC)
    assert abs(datetime.fromisoformat(event["timestamp"]) - expected) < timedelta(minutes=2)


def test_the_program_does_not_see_what_surrounds_it(crashed: tuple[Program, dict[str, Any]]) -> None:
    program, event = crashed
    told = str([frame["vars"] for frame in own_frames(program, event)])
    assert "INCIDENT_" not in told
    assert "sentry" not in told.lower()


def test_the_fact_says_what_the_event_says(crashed: tuple[Program, dict[str, Any]]) -> None:
    program, event = crashed
    fact = error_event(program, event)
    told = event["exception"]["values"][-1]
    assert (fact.event_id, fact.release) == (event["event_id"], program.release)
    assert fact.exceptions[-1].type == program.exception
    assert fact.exceptions[-1].frames[-1].function == told["stacktrace"]["frames"][-1]["function"]
    own = {frame["abs_path"] for frame in own_frames(program, event)}
    assert own <= {frame.abs_path for frame in fact.exceptions[-1].frames if frame.in_app}
    assert any(frame.vars for frame in fact.exceptions[-1].frames)


def test_the_fixed_files_mend_it(crashed: tuple[Program, dict[str, Any]]) -> None:
    program, _ = crashed
    outcome = run(program, program.fixed())
    assert outcome.events == []
    assert outcome.returncode == 0, outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_set_clock_leaves_the_types_as_they_are() -> None:
    program = next(each for each in programs() if each.identity == CLOCKED)
    variables = own_frames(program, event_of(program))[-1]["vars"]
    assert variables == {"born": "datetime.date(1996, 2, 29)", "today": "datetime.date(2023, 2, 10)"}
