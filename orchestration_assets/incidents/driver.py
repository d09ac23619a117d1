"""Runs one test inside the sandbox and writes down how it went, as JSON. It is carried into the sandbox as text and knows nothing of
what surrounds it; the standard library and pytest are all it has.

What is believed of the report: nothing that could do harm. The code under test runs in the same process and could write any report
it likes; the worst that comes of it is a test that shows nothing. The judge reads only bounded text out of it.

Arguments: the folder of the tree, the report, the test, then the folders to import from.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

MOST_FRAMES = 120
MOST_VARIABLES = 50
LONGEST = 2048
"""Characters of a message or of a value."""
BREADTH, DEPTH = 10, 5
"""Of containers, as Sentry's SDK cuts them."""


def kept(value: Any, depth: int = DEPTH) -> Any:
    """A variable as Sentry's SDK keeps it."""
    if depth <= 0:
        return told(value)
    if isinstance(value, dict) or (not isinstance(value, type) and hasattr(value, "keys") and hasattr(value, "items")):
        return {str(key): kept(value[key], depth - 1) for key in list(value)[:BREADTH]}
    if isinstance(value, list | tuple | set | frozenset):
        return [kept(each, depth - 1) for each in list(value)[:BREADTH]]
    return told(value)


def told(value: object) -> str:
    try:
        return repr(value)[:LONGEST]
    except BaseException:
        return "<broken repr>"


def variables(frame: FrameType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in list(frame.f_locals.items())[:MOST_VARIABLES]:
        try:
            found[str(name)] = kept(value)
        except BaseException:
            found[str(name)] = ""
    return found


def frames(error: BaseException, tree: str) -> list[dict[str, Any]]:
    """The outermost first; of many some from the outside and the rest from the inside."""
    walked = list(traceback.walk_tb(error.__traceback__))
    if len(walked) > MOST_FRAMES:
        walked = walked[:20] + walked[20 - MOST_FRAMES :]
    found = []
    for frame, line in walked:
        # Not resolved: generated code has a file name that is none, and counts for nothing.
        path = os.path.abspath(frame.f_code.co_filename)  # noqa: PTH100
        is_own = path.startswith(tree + os.sep) and not frame.f_code.co_filename.startswith("<")
        inside = path.removeprefix(tree + os.sep) if is_own else ""
        entry: dict[str, Any] = {"path": inside, "function": frame.f_code.co_name, "line": line}
        if inside and not inside.startswith("tests/regression/"):
            entry["variables"] = variables(frame)
        found.append(entry)
    return found


class Report:
    """What pytest tells of the one test, the first failure counts."""

    def __init__(self, tree: str) -> None:
        self.tree = tree
        self.told: dict[str, Any] = {"outcome": "nothing ran", "phase": ""}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
        outcome = yield
        if call.excinfo is not None and "error" not in self.told:
            self.note(call.excinfo.value, call.when)
        elif call.when == "call" and call.excinfo is None:
            self.told.update(outcome=outcome.get_result().outcome, phase="call")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and "error" not in self.told:
            message = str(report.longrepr)[-LONGEST:]
            self.told.update(outcome="failed", phase="collect", error={"type": "", "message": message})

    def note(self, error: BaseException, phase: str) -> None:
        try:
            message = str(error)[:LONGEST]
        except BaseException:
            message = ""
        kind = type(error)
        shown = {"type": kind.__qualname__, "module": kind.__module__, "message": message}
        self.told.update(outcome="failed", phase=phase, error={**shown, "frames": frames(error, self.tree)})


def main(tree: str, report: str, test: str, *roots: str) -> None:
    # After pytest is imported: the program may have modules that are named like those that pytest needs.
    sys.path[:0] = [tree if root == "." else f"{tree}/{root}" for root in roots]
    plugin = Report(tree)
    options = ["-q", "-x", "-p", "no:cacheprovider", "--noconftest", "--rootdir", tree, "-c", os.devnull]
    try:
        pytest.main([*options, "--import-mode=importlib", test], plugins=[plugin])
    finally:
        Path(report).write_text(json.dumps(plugin.told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
