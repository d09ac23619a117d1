"""What the writer is shown, what of its replies is taken, and who is blamed for what failed."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.code.blame import blamed
from orchestration_assets.code.checking import Reason
from orchestration_assets.code.edits import EditRefused, FileEdit, Replacement, applied
from orchestration_assets.code.interfaces import defined_names, interface_of
from orchestration_assets.code.static_checks import criteria_shown, problems
from orchestration_assets.code.writing_agent import Assignment, WritingAgent
from resources.errors import SoloistError
from resources.language_model.agent import InvalidReply
from resources.language_model.prompting import tokens
from tests.code.projects import generated, prepared

SPANS, TALLY = prepared("spans"), prepared("tally")
AGENT = WritingAgent(16_384)


def assignment(task_id: str, **fields: Any) -> Assignment:
    task = SPANS.plan.task(task_id)
    paths = [path for each in SPANS.plan.beneath(task.depends_on) for path in SPANS.plan.task(each).paths]
    given_fields: dict[str, Any] = {"sources": {path: SPANS.files[path] for path in paths}, **fields}
    return Assignment("spans", SPANS.plan, task, **given_fields)


def shown(item: Assignment, context: int = 16_384) -> str:
    return WritingAgent(context).request(item).messages[-1].content


def test_interfaces_of_what_it_depends_on_are_shown_as_signatures_and_docstrings() -> None:
    text = shown(assignment("span-set"))
    assert "def merged(spans: Iterable[Span]) -> tuple[Span, ...]: ..." in text
    assert "The same numbers as sorted spans" in text
    assert "found[-1] = " not in text, "bodies cost tokens and are nobody's business"
    assert "C2: A SpanSet answers" in text and "C4:" not in text


def test_what_failed_is_shown_with_the_files_that_it_rests_on() -> None:
    item = assignment(
        "span-set",
        sources=SPANS.files,
        reasons=("tests/test_span_set.py::test_union fails.\nTraceback: somewhere",),
        concerned=("tests/test_span_set.py",),
        attempt=2,
    )
    text = shown(item)
    assert "Attempt 2. What was wrong" in text and "Traceback: somewhere" in text
    assert "def test_union_and_intersection" in text and "bisect_right(self._spans" in text


@pytest.mark.parametrize("context", [4096, 8192, 16_384, 131_072])
def test_what_is_shown_and_the_reply_fit_into_the_context(context: int) -> None:
    project = generated(200, 1)
    task = project.plan.task("part150")
    reasons = tuple(f"Line {number} is wrong.\n" + "x" * 500 for number in range(100))
    concerned = tuple(f"big/part{number:03}.py" for number in range(100))
    item = Assignment("big", project.plan, task, project.files, 2, reasons, concerned)
    request = WritingAgent(context).request(item)
    asked = sum(tokens(message.content) for message in request.messages)
    assert asked + 2 * request.max_tokens <= context, "a reply that is cut off is asked for with twice as many tokens"
    assert request.max_tokens >= context // 8
    assert "left out" in request.messages[-1].content or context > 100_000


def test_a_task_whose_files_do_not_fit_says_so() -> None:
    files = {**SPANS.files, "spans/span_set.py": "x = 1\n" * 20_000}
    with pytest.raises(SoloistError, match="does not fit"):
        shown(assignment("span-set", sources=files, reasons=("wrong",)))


def reply(**fields: Any) -> str:
    return json.dumps({"files": [], "fault_in": "", "reason": "", **fields})


def test_the_fault_may_be_said_to_be_elsewhere_but_only_in_a_file_that_is_there() -> None:
    item = assignment("span-set", sources=SPANS.files, reasons=("wrong",))
    written = AGENT.parse(item, reply(fault_in="tests/test_span_set.py", reason="It\ncounts wrongly."))
    assert (written.fault_in, written.reason, written.files) == ("tests/test_span_set.py", "It counts wrongly.", {})
    for path in ("spans/span_set.py", "/etc/passwd", "spans/absent.py"):
        with pytest.raises(InvalidReply, match="no other finished file"):
            AGENT.parse(item, reply(fault_in=path))
    with pytest.raises(InvalidReply, match="Nothing has failed yet"):
        AGENT.parse(assignment("span-set"), reply(fault_in="spans/merging.py"))


def test_what_a_task_does_not_depend_on_is_not_there_for_it() -> None:
    task = SPANS.plan.task("merging")
    text = '"""x"""\nfrom spans.parsing import parse\n'
    (sentence,) = problems(SPANS.plan, task, {"spans/merging.py": text}, {}, {})
    assert "they would import each other" in sentence
    task = TALLY.plan.task("package")
    text = '"""x"""\nfrom tally.nowhere import x\nimport numpy\nfrom .. import y\n'
    found = problems(TALLY.plan, task, {"tally/__init__.py": text}, {}, {})
    assert [each.partition("imports ")[2].split()[0].strip(",") for each in found] == ["tally.nowhere", "numpy", "from"]
    assert [each.partition("line ")[2][0] for each in found] == ["2", "3", "4"]


def test_relative_imports_are_resolved() -> None:
    task = SPANS.plan.task("parsing")
    known = {path: SPANS.files[path] for path in ("spans/merging.py", "spans/span_set.py")}
    for text, wrong in (
        ("from .span_set import SpanSet\n", False),
        ("from . import span_set\n", False),
        ("from .span_set import Missing\n", True),
        ("from .absent import x\n", True),
        ("def f():\n    from .span_set import Missing\n", True),
    ):
        found = problems(SPANS.plan, task, {"spans/parsing.py": text}, known, {})
        assert bool(found) is wrong, (text, found)


def test_names_that_a_module_may_have_are_not_held_against_it() -> None:
    for text in (
        "try:\n    import json as fast\nexcept ImportError:\n    fast = None\n",
        "if True:\n    def fast(): ...\n",
        "for fast in range(3):\n    pass\n",
        "with open('x') as fast:\n    pass\n",
        "fast: int\nfast = 1\n",
        "(a, (fast, b)) = 1, (2, 3)\n",
        "class fast: ...\n",
        "match 1:\n    case _:\n        fast = 1\n",
    ):
        names = defined_names(ast.parse(text))
        assert names is not None and "fast" in names, text
    assert defined_names(ast.parse("from os import *\n")) is None
    assert defined_names(ast.parse("def __getattr__(name): ...\n")) is None


def test_criteria_are_shown_by_tests_whose_docstrings_name_them() -> None:
    assert criteria_shown(SPANS.files, ["C1", "C4"]) == {
        "C1": [
            "tests/test_merging.py::test_neighbours_are_one_span_in_any_order",
            "tests/test_merging.py::test_what_does_not_touch_stays_apart",
            "tests/test_merging.py::test_a_span_within_another_is_swallowed",
        ],
        "C4": [
            "tests/test_parsing.py::test_what_is_written_is_read_back",
            "tests/test_parsing.py::test_what_is_no_span_is_named",
            "tests/test_parsing.py::test_a_span_backwards_is_refused",
            "tests/test_parsing.py::test_a_span_of_one_is_taken",
        ],
    }


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("C1: an empty text.", ["C1"]),
        ("\n    C2: on the next line.\n    ", ["C2"]),
        ("C1, C2: both.", ["C1", "C2"]),
        ("C1 and C2: both.", ["C1", "C2"]),
        ("C1/C2: both.", ["C1", "C2"]),
        ("C1, C12, and C2: these.", ["C1", "C12", "C2"]),
        ("This is not about C1 at all; it shows C12: and C2.", []),
        ("See C1: nothing.", []),
        ("C1 has no colon, C2: has.", []),
        ("XC1: nothing.", []),
        ("C1234: nothing.", []),
        ("", []),
    ],
)
def test_a_criterion_is_shown_only_where_a_docstring_begins_with_it(docstring: str, shown: list[str]) -> None:
    files = {"tests/test_x.py": f'def test_x():\n    """{docstring}"""\n    assert int("1") == 1\n'}
    found = criteria_shown(files, ["C1", "C2", "C12"])
    assert {each for each, tests in found.items() if tests} == set(shown)


def test_the_writer_is_told_how_a_criterion_is_shown() -> None:
    system = AGENT.request(assignment("merging")).messages[0].content
    for docstring in re.findall(r'"""(.*?)"""', system):
        assert criteria_shown({"test_x.py": f'def test_x():\n    """{docstring}"""\n'}, ["C1"])["C1"], docstring
    assert system.count('"""') == 4


@given(st.text("ab\n", min_size=1, max_size=40), st.text("ab\n", min_size=1, max_size=4), st.text("abc", max_size=3))
def test_a_block_is_replaced_where_its_text_stands_exactly_once_and_refused_elsewhere(
    text: str, search: str, new: str
) -> None:
    edit = FileEdit(path="a.py", replacements=(Replacement(search=search, replace=new),))
    try:
        after = applied([edit], ["a.py"], {"a.py": text})
    except EditRefused as error:
        result = text.replace(search, new)
        assert (
            text.count(search) != 1
            or not search.strip()
            or not result.strip()
            or result in (text, text + "\n", text.removesuffix("\n"))
        )
        assert str(error).endswith(".")
    else:
        before, _, rest = text.partition(search)
        assert text.count(search) == 1
        assert after["a.py"].rstrip("\n") == f"{before}{new}{rest}".rstrip("\n")


def test_an_interface_is_stubs_without_what_is_private() -> None:
    text = '''"""Module."""
import os
LIMIT: int = 3
_hidden = 1
NAMES = ("a", "b")
def visible(a: int, *, b: str = "x") -> bool:
    """Says."""
    return True
def _private(): ...
class Thing(Base):
    """A thing."""
    size: int
    def __init__(self) -> None:
        self.x = 1
    async def go(self) -> None: ...
    def _secret(self): ...
'''
    assert interface_of("a.py", text).splitlines() == [
        '"""Module."""',
        "LIMIT: int",
        "NAMES = ('a', 'b')",
        "def visible(a: int, *, b: str='x') -> bool: ...",
        '    """Says."""',
        "class Thing(Base):",
        '    """A thing."""',
        "    size: int",
        "    def __init__(self) -> None: ...",
        "    async def go(self) -> None: ...",
    ]
    assert interface_of("a.md", "# Title\n") == "# Title\n"
    assert interface_of("a.py", "def (") == "def ("


@pytest.mark.parametrize(
    ("reason", "task"),
    [
        # An error in a source is that source's, whoever showed it.
        (
            Reason(sentence="x", path="spans/merging.py", test="tests/test_span_set.py::test_union_and_intersection"),
            "merging",
        ),
        # An assertion of a test: what it tests, of several modules the one that rests on the others.
        (
            Reason(
                sentence="x",
                path="tests/test_merging.py",
                test="tests/test_merging.py::test_what_does_not_touch_stays_apart",
                expected=True,
            ),
            "merging",
        ),
        (
            Reason(
                sentence="x",
                path="tests/test_parsing.py",
                test="tests/test_parsing.py::test_a_span_of_one_is_taken",
                expected=True,
            ),
            "parsing",
        ),
        # An error in the test's own code is the test's.
        (
            Reason(
                sentence="x", path="tests/test_parsing.py", test="tests/test_parsing.py::test_a_span_of_one_is_taken"
            ),
            "test-parsing",
        ),
        # Nothing is known: whoever was checked.
        (Reason(sentence="x"), "test-set"),
    ],
)
def test_who_is_blamed(reason: Reason, task: str) -> None:
    assert list(blamed(SPANS.plan, "test-set", [reason], SPANS.files)) == [task]


def test_what_does_not_end_is_blamed_on_what_is_tested_though_no_test_is_named() -> None:
    reason = Reason(sentence="The tests did not end.", expected=True)
    assert list(blamed(TALLY.plan, "test-counting", [reason], TALLY.files)) == ["counting"]
    assert list(blamed(TALLY.plan, "(integration)", [reason], TALLY.files)) == []
