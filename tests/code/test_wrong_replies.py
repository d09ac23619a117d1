"""Replies that are wrong in ways that have a name: each is caught and named, the build ends right or among the dead letters, and none is green
by mistake. Everything that runs, runs in the real sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestration_assets.code.model import Plan
from orchestration_assets.code.quality_checking import SandboxChecker
from orchestration_assets.code.writing_agent import Assignment, WritingAgent
from resources.language_model.agent import InvalidReply
from resources.sandbox import Limits, Sandbox, SandboxUnavailable
from tests.code.projects import Project
from tests.code.scripted_model import Fault, Json, ScriptedModel, renamed, swapped, whole
from tests.code.workshop import Workshop
from tests.scripted_endpoint import Answer, ScriptedEndpoint

MIB = 1 << 20
LIMITS = Limits(seconds=8, cpu_seconds=8, memory=256 * MIB, disk=16 * MIB, files=2000, processes=48, output=128 << 10)

SOURCE, TEST = "doubling/numbers.py", "tests/test_numbers.py"
PROJECT = Project(
    "doubling",
    "# Doubling\n\nA library with a function that doubles a whole number, and nothing else.\n",
    Plan.model_validate(
        {
            "name": "doubling",
            "summary": "Doubles numbers.",
            "criteria": [{"id": "C1", "text": "Twice the number."}],
            "tasks": [
                {
                    "id": "numbers",
                    "title": "Doubling",
                    "kind": "source",
                    "description": "A function.",
                    "files": [{"path": SOURCE, "interface": "def double(number: int) -> int"}],
                },
                {
                    "id": "tests",
                    "title": "Tests",
                    "kind": "test",
                    "description": "Doubles some.",
                    "files": [{"path": TEST}],
                    "depends_on": ["numbers"],
                    "criteria": ["C1"],
                },
            ],
        }
    ),
    {
        SOURCE: '"""Doubling."""\n\n\ndef double(number: int) -> int:\n    """Twice the number."""\n    return number * 2\n',
        TEST: (
            '"""Doubling."""\n\nfrom doubling.numbers import double\n\n\n'
            'def test_twice() -> None:\n    """C1: three and minus one."""\n    assert double(3) == 6\n    assert double(-1) == -2\n'
        ),
    },
)
BODY = "    assert double(3) == 6\n    assert double(-1) == -2\n"
RETURN = "    return number * 2\n"


def _twice(reply: Json) -> Json:
    return {**reply, "files": [*reply["files"], *reply["files"]]}


def _nothing(reply: Json) -> Json:
    return {**reply, "files": []}


def _block(search: str) -> Fault:
    def fault(reply: Json) -> Json:
        edit = {"path": SOURCE, "content": "", "replacements": [{"search": search, "replace": "x"}]}
        return {**reply, "files": [edit]}

    return fault


REFUSED: dict[str, tuple[str, Fault, str]] = {
    "syntax error": ("numbers", swapped(SOURCE, "def double(", "def double(("), r"cannot be parsed.*line \d"),
    "another task's file": ("numbers", renamed(SOURCE, TEST), "none of this task's files"),
    "path outside": ("numbers", renamed(SOURCE, "../numbers.py"), "leads out of the project"),
    "absolute path": ("numbers", renamed(SOURCE, "/etc/passwd"), "not relative to the project"),
    "hidden path": ("numbers", renamed(SOURCE, ".github/workflows/x.py"), "hidden"),
    "configuration of pytest": ("tests", renamed(TEST, "tests/conftest.py"), "would change how the project is tested"),
    "endless file": ("numbers", whole(SOURCE, "x = 1\n" * 20_000), "does not end or does too much"),
    "reply without end": ("numbers", lambda reply: Answer(content='{"files": [', finish_reason="length"), "cut off"),
    "empty file": ("numbers", whole(SOURCE, "  \n"), "is empty"),
    "missing file": ("numbers", _nothing, "is missing"),
    "the same file twice": ("numbers", _twice, "edited twice"),
    "a block for a file that is not there": ("numbers", _block("def"), "does not exist yet"),
    "no JSON": ("numbers", lambda reply: "Here is the code you asked for:", "JSON of the schema"),
    "a refusal": ("numbers", lambda reply: Answer(content=""), "JSON of the schema"),
    "missing module": ("numbers", swapped(SOURCE, "\n\n\ndef", "\n\nimport requests\n\n\ndef"), "imports requests"),
    "missing name": ("tests", swapped(TEST, "import double", "import double, triple"), "does not define it"),
    "circular import": (
        "numbers",
        swapped(SOURCE, "\n\n\ndef", "\n\nfrom tests import test_numbers\n\n\ndef"),
        "import each other|does not depend on|no task makes",
    ),
    "a criterion that no test names": ("tests", swapped(TEST, "C1: ", ""), "shows the criterion C1"),
    "nesting without end": ("numbers", whole(SOURCE, "x = " + "-" * 9000 + "1\n"), "cannot be parsed"),
}
"""What is refused before anything runs: the task, the fault, and what is said of it."""

CAUGHT: dict[str, tuple[str, Fault, str]] = {
    "wrong result": ("numbers", swapped(SOURCE, "number * 2", "number + 2"), "test_twice"),
    "tests that assert nothing": ("tests", swapped(TEST, BODY, "    double(3)\n"), "No test asserts anything"),
    "tests that assert what is always true": (
        "tests",
        swapped(TEST, BODY, "    double(3)\n    assert True\n"),
        "No test asserts anything",
    ),
    "tests that are skipped": (
        "tests",
        swapped(TEST, "\n\n\ndef", "\n\n\nimport pytest\n\n\n@pytest.mark.skip\ndef"),
        "test_twice was skipped",
    ),
    "tests that may fail": (
        "tests",
        swapped(TEST, "\n\n\ndef", "\n\n\nimport pytest\n\n\n@pytest.mark.xfail\ndef"),
        "may fail",
    ),
    "no test": ("tests", swapped(TEST, "def test_twice", "def check_twice"), "shows the criterion C1"),
    "infinite loop": (
        "numbers",
        swapped(SOURCE, RETURN, "    while True:\n        pass\n"),
        "did not end|more than [0-9]+ s of the processor",
    ),
    "infinite loop at import": (
        "numbers",
        whole(SOURCE, PROJECT.files[SOURCE] + "\n\nwhile True:\n    pass\n"),
        "did not end|more than [0-9]+ s of the processor",
    ),
    "fork bomb": (
        "numbers",
        swapped(SOURCE, RETURN, "    import os\n\n    while True:\n        os.fork()\n"),
        "took more than [0-9,]+ (bytes of memory|processes)|did not end within|Resource temporarily unavailable",
    ),
    "memory hog": (
        "numbers",
        swapped(SOURCE, RETURN, "    hog = []\n    while True:\n        hog.append(bytearray(8 << 20))\n"),
        "took more than [0-9,]+ bytes of memory|MemoryError",
    ),
    "output without end": (
        "numbers",
        swapped(SOURCE, RETURN, "    while True:\n        print('x' * 1000)\n"),
        "wrote more than [0-9,]+ bytes of output",
    ),
    "exit at import": (
        "numbers",
        swapped(SOURCE, "\n\n\ndef", "\n\nimport os\n\nos._exit(0)\n\n\ndef"),
        "uses os._exit",
    ),
    "exit in a test": (
        "tests",
        swapped(TEST, BODY, "    import os\n\n    os._exit(0)\n"),
        "The process of the tests ended itself with 0|uses os._exit",
    ),
    "unused import": (
        "numbers",
        swapped(SOURCE, "\n\n\ndef", "\n\nimport json\n\n\ndef"),
        "`json` imported but unused",
    ),
    "undefined name": ("numbers", swapped(SOURCE, "number * 2", "numbr * 2"), "Undefined name `numbr`"),
    "network": (
        "tests",
        swapped(
            TEST,
            BODY,
            "    import socket\n\n    socket.create_connection(('192.0.2.1', 80), 1)\n    assert double(3) == 6\n",
        ),
        "tests have no network but loopback",
    ),
}
"""What runs, and is caught by the checker."""
SLOW = ("infinite loop", "infinite loop at import", "fork bomb", "memory hog")
"""Each takes seconds, and the same way when it is repeated."""


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    made = Sandbox()
    try:
        made.examine()
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox works here: {error}")
    return made


def _reasons(shop: Workshop) -> str:
    ledger = shop.ledger()
    try:
        return "\n".join(attempt.reason for attempt in ledger.attempts("project") if attempt.reason)
    finally:
        ledger.close()


def _shop(folder: Path, url: str, sandbox: Sandbox | None) -> Workshop:
    shop = Workshop(folder, url)
    if sandbox is not None:
        shop.checker = SandboxChecker(sandbox, limits=LIMITS)
    return shop


@pytest.mark.parametrize("name", [name for name in REFUSED if name != "reply without end"])
def test_what_cannot_be_used_is_refused_with_its_reason(name: str) -> None:
    task_id, fault, said = REFUSED[name]
    task = PROJECT.plan.task(task_id)
    sources = {path: PROJECT.files[path] for each in task.depends_on for path in PROJECT.plan.task(each).paths}
    edits = [{"path": path, "content": PROJECT.files[path], "replacements": []} for path in task.paths]
    right = {"files": edits, "fault_in": "", "reason": ""}
    item = Assignment("doubling", PROJECT.plan, task, sources)
    assert WritingAgent().parse(item, json.dumps(right)).files == {path: PROJECT.files[path] for path in task.paths}
    spoilt = fault(right)
    with pytest.raises(InvalidReply, match=f"(?s){said}"):
        WritingAgent().parse(
            item,
            str(spoilt.content)
            if isinstance(spoilt, Answer)
            else json.dumps(spoilt)
            if isinstance(spoilt, dict)
            else spoilt,
        )


@pytest.mark.integration
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_before_anything_runs(tmp_path: Path, name: str) -> None:
    task, fault, said = REFUSED[name]
    model = ScriptedModel(PROJECT, {task: [fault]})
    with ScriptedEndpoint(model) as endpoint:
        shop = _shop(tmp_path, endpoint.url, None)
        built = shop.build(PROJECT.plan)
    assert re.search(
        said, "\n".join([_reasons(shop), *(prompt for prompt in model.prompts if "Attempt 2." in prompt)]), re.DOTALL
    )
    checked = [works for works in shop.checker.works if works[0] == task]  # type: ignore[attr-defined]
    assert len(checked) == 1, "what was refused was checked"
    assert built.is_green and built.sources == PROJECT.files


@pytest.mark.integration
@pytest.mark.parametrize("name", CAUGHT)
def test_what_is_wrong_is_caught_named_and_mended(tmp_path: Path, sandbox: Sandbox, name: str) -> None:
    task, fault, said = CAUGHT[name]
    model = ScriptedModel(PROJECT, {task: [fault]})
    with ScriptedEndpoint(model) as endpoint:
        shop = _shop(tmp_path, endpoint.url, sandbox)
        built = shop.build(PROJECT.plan)
    told = _reasons(shop)
    assert re.search(said, told), told
    assert built.is_green, told
    assert built.sources == PROJECT.files


@pytest.mark.integration
@pytest.mark.parametrize("name", [name for name in CAUGHT if name not in SLOW])
def test_what_stays_wrong_ends_among_the_dead_letters(tmp_path: Path, sandbox: Sandbox, name: str) -> None:
    task, fault, said = CAUGHT[name]
    always: Sequence[Fault] = [_changing(fault, number, SOURCE if task == "numbers" else TEST) for number in range(12)]
    model = ScriptedModel(PROJECT, {task: always, f"{task}-again": always})
    with ScriptedEndpoint(model) as endpoint:
        shop = _shop(tmp_path, endpoint.url, sandbox)
        built = shop.build(PROJECT.plan)
        assert not built.is_green and built.integration is None
        ledger = shop.ledger()
        letters = ledger.dead_letters("project")
        ledger.close()
    assert any(letter.outcome == "given up" and re.search(said, " ".join(letter.reasons)) for letter in letters), (
        letters
    )


def _changing(fault: Fault, number: int, path: str) -> Fault:
    """The same fault in another text, so that every attempt changes something."""

    def changed(reply: Json) -> Json:
        spoilt = fault(reply)
        assert isinstance(spoilt, dict)
        text = next(edit["content"] for edit in spoilt["files"] if edit["path"] == path)
        return whole(path, f"{text}# {number}\n")(spoilt)

    return changed


@pytest.mark.integration
@pytest.mark.parametrize(("search", "count"), [("nowhere", 0), ("number", 3)])
def test_a_block_whose_text_is_not_there_exactly_once_is_refused(tmp_path: Path, search: str, count: int) -> None:
    wrong = swapped(SOURCE, RETURN, "    return number  # wrong\n")
    model = ScriptedModel(PROJECT, {"numbers": [wrong, _block(search)]})
    with ScriptedEndpoint(model) as endpoint:
        shop = _shop(tmp_path, endpoint.url, None)
        built = shop.build(PROJECT.plan)
    assert f"stands there {count} times" in _reasons(shop)
    assert built.is_green and built.sources == PROJECT.files


def test_a_test_that_is_taken_out_to_please_is_refused(tmp_path: Path) -> None:
    more = swapped(TEST, BODY, BODY + "\n\ndef test_none() -> None:\n    assert double(0) == 0  # wrong\n")
    model = ScriptedModel(PROJECT, {"tests": [more, None]})
    with ScriptedEndpoint(model) as endpoint:
        shop = _shop(tmp_path, endpoint.url, None)
        built = shop.build(PROJECT.plan)
    # The right files hold one test less than the wrong ones did: taking one out is refused until the part is planned again.
    assert "no longer holds the tests test_none" in _reasons(shop)
    assert built.is_green and {task.id for task in built.plan.tasks} == {"numbers", "tests-again"}
