"""Who has to mend what failed."""

from __future__ import annotations

import pytest

from orchestration_assets.code.blame import blamed
from orchestration_assets.code.checking import Reason
from tests.code.projects import prepared

SPANS = prepared("spans")
TEST = "tests/test_parsing.py::test_a_span_of_one_is_taken"


def at_fault(test: str, text: str | None = None, **more: str) -> list[str]:
    """The tasks that an assertion of a test blames, with other texts for some files."""
    path = test.partition("::")[0]
    sources = {**SPANS.files, **({path: text} if text is not None else {}), **more}
    reason = Reason(sentence="It fails.", test=test, path=path, expected=True)
    return list(blamed(SPANS.plan, SPANS.plan.owner(path).id if SPANS.plan.owner(path) else "", [reason], sources))


def test_a_package_that_only_hands_a_name_on_is_not_to_blame_for_what_it_does() -> None:
    assert "from spans import" in SPANS.files["tests/test_parsing.py"]
    assert at_fault(TEST) == ["parsing"]


@pytest.mark.parametrize(
    ("imports", "used", "task"),
    [
        ("from spans.parsing import parse", "parse('1')", "parsing"),
        ("from spans import parse as read", "read('1')", "parsing"),
        ("from spans import SpanSet", "SpanSet()", "span-set"),
        ("from spans.merging import merged", "merged([])", "merging"),
        ("from spans import nothing", "nothing()", "package"),
        ("import spans", "spans.parse('1')", "package"),
    ],
)
def test_what_a_test_uses_is_to_blame(imports: str, used: str, task: str) -> None:
    assert at_fault("tests/test_parsing.py::test_it", f"{imports}\n\n\ndef test_it():\n    assert {used}\n") == [task]


def test_names_that_are_handed_round_in_a_circle_end_somewhere() -> None:
    circle = {"spans/__init__.py": "from spans.parsing import parse\n", "spans/parsing.py": "from spans import parse\n"}
    assert at_fault(TEST, **circle)[0] in {"package", "parsing"}
