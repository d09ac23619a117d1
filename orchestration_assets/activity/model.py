"""The tables of this domain. Their rows are the facts that were taken from GitHub and Sentry, as they were last heard of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resources.github import facts as github
from resources.github.facts import Branch, Issue, PullRequest, Release, Review, WorkflowRun
from resources.sentry_issues import facts as sentry
from resources.sentry_issues.facts import ErrorEvent, SentryIssue
from resources.warehouse import TableSpec

Fact = github.Fact | sentry.Fact

PULL_REQUESTS = TableSpec("pull_requests", PullRequest, key=("id",))
ISSUES = TableSpec("issues", Issue, key=("id",))
SUBMITTED_REVIEWS = TableSpec("submitted_reviews", Review, key=("id",))
RELEASES = TableSpec("releases", Release, key=("id",))
WORKFLOW_RUNS = TableSpec("workflow_runs", WorkflowRun, key=("id",))
BRANCHES = TableSpec("branches", Branch, key=("id",))
SENTRY_ISSUES = TableSpec("sentry_issues", SentryIssue, key=("id",))
ERROR_EVENTS = TableSpec("error_events", ErrorEvent, key=("id",))

TABLE_OF: Mapping[type[Fact], TableSpec[Any]] = {
    PullRequest: PULL_REQUESTS,
    Issue: ISSUES,
    Review: SUBMITTED_REVIEWS,
    Release: RELEASES,
    WorkflowRun: WORKFLOW_RUNS,
    Branch: BRANCHES,
    SentryIssue: SENTRY_ISSUES,
    ErrorEvent: ERROR_EVENTS,
}
"""Where the facts of each kind are kept."""

FACTS: Mapping[tuple[str, str], type[Fact]] = {
    **{("github", kind): fact for kind, fact in github.FACTS.items()},
    **{("sentry", kind): fact for kind, fact in sentry.FACTS.items()},
}
"""Of each source and kind of event what is taken from it."""
