"""Rows and tables of this domain: what became of each error in production, and the tests that were kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from resources.language_model.schemas import at_most, few
from resources.rows import Row
from resources.warehouse import TableSpec

Status = Literal["reproduced", "fixed", "refused"]
Wanted = Literal["needs-test", "new", "all"]
Found = Literal["hash", "tag", "release", "time", ""]
"""How a commit was found: named by the release, tagged as it, told by a release on GitHub, or the newest one when the error happened."""

WITHOUT_MODEL = "extractive"


class Incident(Row):
    """An issue in Sentry and what was made of it. `reason`: one sentence, why it was refused, or "". Names of what was not found are ""."""

    issue: str
    short_id: str
    organization: str
    project: str
    repository: str
    title: str
    link: str
    release: str
    commit: str
    found: Found
    status: Status
    reason: str
    event_id: str
    happened_at: datetime
    maker: str
    """Who wrote the test: `extractive`, or a model."""
    how: str
    """What the test calls."""
    tries: int
    test_path: str
    test_hash: str
    """sha256 of the test; "" where there is none."""
    fixed_commit: str
    """The first commit of the default branch on which the test passes; "" while there is none."""
    input_hash: str
    """Of what Sentry told, and of the code that made this."""
    head: str
    """Where the default branch stood when the test was last run on it."""
    attempts: int = 0
    """How often in a row it was refused for what may pass."""


class RegressionTest(Row):
    """A test that was seen to fail as the error did. `agreement`: of the values that Sentry kept, the share that was the same, 0 to 1."""

    issue: str
    path: str
    text: str
    hash: str
    account: str
    """Markdown, for a person who is to judge it."""
    exception: str
    function: str
    roots: list[str]
    """Folders that the program's modules are imported from."""
    agreement: float
    runs: int
    """How often it failed in the same way."""


INCIDENTS = TableSpec("incidents", Incident, key=("issue",))
REGRESSION_TESTS = TableSpec("regression_tests", RegressionTest, key=("issue",))


class RegressionProposal(Row):
    """A branch and a pull request that are to be made. All of it is safe to show: nothing from outside can mention, embed or link."""

    issue: str
    organization: str
    repository: str
    base: str
    base_commit: str
    branch: str
    title: str
    body: str
    files: Mapping[str, str]
    """Text by path."""
    commit_message: str
    link: str
    """Of the issue in Sentry."""


class WrittenTest(BaseModel):
    """What a model writes of a test: lines of Python, without the function around them."""

    model_config = ConfigDict(extra="forbid")

    imports: Annotated[list[Annotated[str, at_most(120)]], few(12)]
    arrangement: Annotated[list[Annotated[str, at_most(400)]], few(30)]
    call: Annotated[str, at_most(400)]
