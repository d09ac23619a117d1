"""What goes into a release bundle and what comes out: plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import StringConstraints, model_validator

from orchestration_assets.code.model import Plan
from orchestration_assets.code.paths import unsafe
from orchestration_assets.code.quality.model import TestReport
from resources.rows import Row

VERSION = "0.1.0"
"""Of a project that was just built."""


PLANNING, PLANNING_AGAIN = "(plan)", "(plan again)"
"""What was made where it was no task, whose name neither can be."""


class Made(Row):
    """What one model did for a task, over all attempts, or for the plan: the version of its agent, which is that of its prompt, HTTP requests,
    tokens, and the cost, in the currency of the price table, where the prices are known."""

    task: str
    maker: str
    prompt_version: str
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    currency: str = "USD"

    @property
    def is_task(self) -> bool:
        return self.task not in (PLANNING, PLANNING_AGAIN)


class BundleInput(Row):
    """A built project. `sources` are all its files, tests among them; `report` is that of all tests over them; `criteria` are the tests
    (`path::test`) that show each criterion, by its id; `made` says who made what, and who made a task last comes last of it. How long
    anything took is no part of it."""

    project: Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
    plan: Plan
    sources: Mapping[str, bytes]
    report: TestReport
    criteria: Mapping[str, Sequence[str]]
    made: tuple[Made, ...] = ()
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]+(?:\.[0-9]+){0,3}$")] = VERSION

    @model_validator(mode="after")
    def _has_paths_within(self) -> BundleInput:
        for path in self.sources:
            if why := unsafe(path):
                raise ValueError(f"the path {path[:200]!r} {why}")
        return self


class BundleFile(Row):
    """One file of a bundle."""

    name: str
    media_type: str
    data: bytes


class Bundle(Row):
    """The files, each under a name of its own."""

    files: tuple[BundleFile, ...]

    def named(self, name: str) -> bytes:
        """Raises KeyError."""
        return {file.name: file.data for file in self.files}[name]
