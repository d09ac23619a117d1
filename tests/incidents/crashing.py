"""Small trees that crash, and the events of their crashes: for tests that need another program than those of the corpus.

What belongs here: running a source tree with Sentry's SDK in a process of its own, as the corpus does, and making frames by hand.
"""

from __future__ import annotations

import io
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import pytest

from orchestration_assets.incidents.examining import Loaded
from orchestration_assets.incidents.making_tests import Prepared, attempts, prepare
from orchestration_assets.incidents.reproducing import NotReproduced, Reproduced, reproduce, run_test
from resources.sandbox import Sandbox
from resources.sentry_issues.facts import ErrorEvent, Frame, RaisedException
from resources.sentry_issues.reading import delivered
from tests.incidents.corpus import Program, run
from tests.sentry_objects import caught, webhook_event

NOON = datetime(2024, 5, 2, 12, tzinfo=UTC)


def files(**sources: str) -> dict[str, bytes]:
    """A tree by path; `__` in a name stands for a folder, and `.py` is added."""
    return {f"{name.replace('__', '/')}.py": dedent(text).lstrip("\n").encode() for name, text in sources.items()}


def crashed(tree: Mapping[str, bytes], *entry: str, stdin: str = "", **environment: str) -> ErrorEvent:
    """The fact of the crash of `python *entry` in the tree: run in this process, which is quicker, in a folder that is removed later."""
    script, *arguments = entry or ("main.py",)
    known = set(sys.modules)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        _write(Path(folder), tree)
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        patch.setattr("sys.argv", [script, *arguments])
        patch.setattr("sys.stdin", io.StringIO(stdin))
        for name in set(os.environ) - {"PATH"}:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            return fact_of(caught(lambda: runpy.run_path(str(Path(folder, script)), run_name="__main__"), release=None))
        finally:
            for name in set(sys.modules) - known:
                if sys.modules[name].__spec__ and str(sys.modules[name].__spec__.origin or "").startswith(folder):  # type: ignore[union-attr]
                    del sys.modules[name]


def crashed_apart(tree: Mapping[str, bytes], *entry: str, now: str = "") -> ErrorEvent:
    """The same in a process of its own, with a clock, and with what is logged."""
    with TemporaryDirectory() as empty:
        program = Program("made", "up", Path(empty), entry or ("main.py",), "plain", "", "", "", now)
        outcome = run(program, tree)
    assert len(outcome.events) == 1, outcome.stderr
    return fact_of(outcome.events[0])


def _write(folder: Path, tree: Mapping[str, bytes]) -> None:
    for path, content in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def fact_of(event: dict[str, Any], issue: str = "1", project: str = "fern/shelf") -> ErrorEvent:
    fact = delivered("error", {"action": "created", "data": {"error": webhook_event(event, issue, project)}})
    assert isinstance(fact, ErrorEvent)
    return fact


def frame(path: str, function: str, line: str, number: int | None = 1, module: str = "", /, **variables: str) -> Frame:
    return Frame(
        filename=path.rpartition("/")[2],
        abs_path=path,
        module=module,
        function=function,
        lineno=number,
        pre_context=[],
        context_line=line,
        post_context=[],
        in_app=True,
        vars=variables,
    )


def event(*frames: Frame, kind: str = "ValueError", value: str = "no", **members: Any) -> ErrorEvent:
    told: dict[str, Any] = {
        "id": "7",
        "organization": "fern",
        "project": "shelf",
        "title": f"{kind}: {value}",
        "culprit": "",
        "level": "error",
        "url": "https://sentry.io/organizations/fern/issues/7/",
        "happened_at": NOON,
        "event_id": "0123456789abcdef",
        "platform": "python",
        "release": None,
        "environment": None,
        "message": "",
        "tags": {},
        "exceptions": [RaisedException(type=kind, value=value, module="", handled=False, frames=list(frames))],
    }
    return ErrorEvent(**told | members)


def prepared(tree: Mapping[str, bytes], fact: ErrorEvent) -> Prepared:
    found = prepare(fact, Loaded(tree))
    assert isinstance(found, Prepared), found
    return found


def written(tree: Mapping[str, bytes], fact: ErrorEvent) -> list[str]:
    """The tests that would be tried, in order."""
    return list(dict.fromkeys(attempt.text for attempt in attempts(prepared(tree, fact))))


def reproduced(tree: Mapping[str, bytes], fact: ErrorEvent) -> Reproduced | NotReproduced:
    found = prepared(tree, fact)
    return reproduce(sandbox(), tree, attempts(found), found.raised, found.places)


def passes(tree: Mapping[str, bytes], test: Reproduced) -> bool:
    report = run_test(sandbox(), tree, test.attempt.path, test.attempt.text, [""])
    return report is not None and report.outcome == "passed"


@cache
def sandbox() -> Sandbox:
    """Skips the test where bubblewrap is not there or the kernel lets nobody use it, and only there."""
    if (program := shutil.which("bwrap")) is None:
        pytest.skip("there is no bubblewrap")
    if subprocess.run(
        [program, "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, check=False
    ).returncode:
        pytest.skip("the kernel gives no user namespaces")
    return Sandbox()
