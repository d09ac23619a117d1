"""What says whether files are right: the protocol between the build and its tests, and what comes back.

What belongs here: plain values and the protocol. Tests run in `quality/`; which task has to mend what failed is in `blame.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from orchestration_assets.code.model import Plan, Task
from resources.errors import SoloistError
from resources.rows import Row


class CannotCheck(SoloistError):
    """Nothing can be checked here, such as where no sandbox works: the build ends, and goes on where that is mended."""


class Reason(Row):
    """One thing that is wrong. `path` is the file of the project where it went wrong, "" where that is not known; `test` is the test that
    shows it, as `tests/test_x.py::test_y`; `detail` is for whoever mends it, such as the end of a traceback. `expected`: an assertion of the test
    itself failed, or the test did not end, so that the fault may as well be in what it tests."""

    sentence: str
    path: str = ""
    test: str = ""
    line: int = 0
    expected: bool = False
    detail: str = ""


class Checked(Row):
    """A verdict, every reason where it is not green, and a report (JSON) for whoever looks at it."""

    passed: bool
    reasons: list[Reason] = []
    report: dict[str, JsonValue] = {}


@dataclass(frozen=True)
class Work:
    """What is to be checked: the files that a task made, with all that they depend on, by the tests that can run already.

    `sources` holds the tests as well. `tests` are the files of tests to be run: the task's own, and those of others that rest on it and
    whose dependencies are all there.
    """

    plan: Plan
    task: Task
    sources: Mapping[str, str]
    tests: Sequence[str]


class Checker(Protocol):
    """Both methods block, may take long, and are called by several threads at once. An exception means that nothing is known of the files, and
    is no verdict on them: they are checked again. CannotCheck ends the build."""

    def check(self, work: Work) -> Checked:
        """Whether the files of one task are right, as soon as they are there."""
        ...

    def integrate(self, plan: Plan, sources: Mapping[str, str]) -> Checked:
        """Whether the whole is right: all tests, and what only the whole can show."""
        ...
