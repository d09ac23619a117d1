"""Only a test that fails as the error did is one: the same exception, out of the same line, with the same values there."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration_assets.incidents.judging import Report, judge
from tests.incidents.crashing import event, files, frame, prepared

TREE = files(
    work="def run(rows):\n    count = len(rows)\n    return share(10, count)\n\n\ndef share(total, count):\n    return total / count\n"
)
FOUND = prepared(
    TREE,
    event(
        frame("/app/work.py", "run", "    return share(10, count)", 3, "work", rows="[]", count="0"),
        frame("/app/work.py", "share", "    return total / count", 7, "work", total="10", count="0"),
        kind="ZeroDivisionError",
        value="division by zero at 0x7fed",
    ),
)
TEST = {"path": "tests/regression/test_it.py", "function": "test_it", "line": 9}
RUN = {"path": "work.py", "function": "run", "line": 3, "variables": {"rows": [], "count": "0"}}
SHARE = {"path": "work.py", "function": "share", "line": 7, "variables": {"total": "10", "count": "0"}}
ERROR = {
    "type": "ZeroDivisionError",
    "module": "builtins",
    "message": "division by zero at 0xdead",
    "frames": [TEST, RUN, SHARE],
}


def verdict(outcome: str = "failed", phase: str = "call", **error: Any) -> tuple[bool, float, str]:
    report = Report.model_validate({"outcome": outcome, "phase": phase, "error": ERROR | error})
    found = judge(report, FOUND.raised, FOUND.places)
    return found.is_same, found.whole, found.complaint


def test_the_same_error_is_recognised() -> None:
    assert verdict() == (True, 1.0, "")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"type": "ValueError"}, "instead of ZeroDivisionError"),
        ({"module": "work"}, "instead of ZeroDivisionError"),
        ({"message": "modulo by zero"}, "another message"),
        ({"frames": [TEST, RUN]}, "in run instead of share"),
        ({"frames": [TEST]}, "in the test itself"),
        ({"frames": [TEST, RUN, SHARE | {"line": 6}]}, "in line 6 instead of 7"),
        ({"frames": [TEST, RUN, SHARE | {"path": "other.py"}]}, "instead of share"),
        (
            {"frames": [TEST, RUN, SHARE | {"variables": {"total": "11", "count": "0"}}]},
            "the values in the failing line",
        ),
        ({"frames": [TEST, RUN, SHARE | {"variables": {"count": "0"}}]}, "the values in the failing line"),
        ({"phase": "setup"}, "before it runs"),
        ({"phase": "collect"}, "before it runs"),
    ],
)
def test_another_error_is_not(change: dict[str, Any], complaint: str) -> None:
    is_same, _, told = verdict(**change)
    assert not is_same
    assert complaint in told


def test_values_further_out_count_for_how_much_is_the_same() -> None:
    is_same, whole, _ = verdict(frames=[TEST, RUN | {"variables": {"rows": ["1"], "count": "0"}}, SHARE])
    assert is_same
    assert whole == 0.75


def test_a_test_that_passes_or_tells_nothing_is_none() -> None:
    assert judge(Report(outcome="passed", phase="call"), FOUND.raised, FOUND.places).complaint == "it passes"
    assert not judge(None, FOUND.raised, FOUND.places).is_same
    assert not judge(Report(outcome="skipped", phase="call"), FOUND.raised, FOUND.places).is_same


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"error": {"frames": 3}}', b'{"error": {"frames": [{"line": "x"}]}}', b"\xff"]
)
def test_a_broken_report_is_no_report(content: bytes) -> None:
    assert Report.read(content) is None


@pytest.mark.parametrize(
    ("told", "reported", "agrees"),
    [
        ("<work.Run object at 0x7f00>", "<work.Run object at 0x1234>", True),
        ("PosixPath('/srv/app/a.csv')", "PosixPath('/job/a.csv')", True),
        ("PosixPath('/srv/app/a.csv')", "PosixPath('/job/b.csv')", False),
        ('["1","2"]', ["2", "1"], True),
        ('["1","2"]', ["1"], False),
        ('{"a":["1"]}', {"a": ["1"]}, True),
        ("'a text that Sentry cut…", "'a text that Sentry cut off here'", True),
        ("1714658460.51", "1714658460.9", True),
        ("1714658460.51", "1714658469.9", False),
        ("3.5", "3.6", False),
        ("datetime.datetime(2024, 2, 11, 9, 0, 0, 12345)", "work.Moment(2024, 2, 11, 9, 0)", True),
        ("datetime.datetime(2024, 2, 11, 9, 0, 30)", "datetime.datetime(2024, 2, 11, 9, 0)", False),
        ("[Filtered]", "'anything'", True),
        ("<list_iterator object at 0x7f00>", ["1"], True),
        ("<_io.TextIOWrapper name='<stdin>' mode='r' encoding='utf-8'>", ["1"], True),
        ("<work.Basket object at 0x7f00>", ["1"], False),
        ("'password=hunter2hunter2'", "'password=[hidden]'", True),
        ("'password=hunter2hunter2'", "'passport=[hidden]'", False),
    ],
)
def test_values_agree_but_for_what_is_another_each_time(told: str, reported: Any, agrees: bool) -> None:
    found = prepared(
        TREE, event(frame("/app/work.py", "share", "    return total / count", 7, "work", total=told), kind="Error")
    )
    frames = [TEST, SHARE | {"variables": {"total": reported}}]
    report = Report.model_validate(
        {
            "outcome": "failed",
            "phase": "call",
            "error": {"type": "Error", "module": "builtins", "message": "no", "frames": frames},
        }
    )
    assert judge(report, found.raised, found.places).is_same is agrees
