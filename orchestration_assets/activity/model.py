"""The tables of this domain. Their rows are the facts that were taken from GitHub, as they were last heard of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resources.github.facts import Branch, Fact, Issue, PullRequest, Release, Review, WorkflowRun
from resources.warehouse import TableSpec

PULL_REQUESTS = TableSpec("pull_requests", PullRequest, key=("id",))
ISSUES = TableSpec("issues", Issue, key=("id",))
SUBMITTED_REVIEWS = TableSpec("submitted_reviews", Review, key=("id",))
RELEASES = TableSpec("releases", Release, key=("id",))
WORKFLOW_RUNS = TableSpec("workflow_runs", WorkflowRun, key=("id",))
BRANCHES = TableSpec("branches", Branch, key=("id",))

TABLE_OF: Mapping[type[Fact], TableSpec[Any]] = {
    PullRequest: PULL_REQUESTS,
    Issue: ISSUES,
    Review: SUBMITTED_REVIEWS,
    Release: RELEASES,
    WorkflowRun: WORKFLOW_RUNS,
    Branch: BRANCHES,
}
"""Where the facts of each kind are kept."""
