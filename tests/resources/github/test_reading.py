"""GitHub's objects as facts: the same from a webhook as from the REST API, and never anything but a fact or Unreadable."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import github_objects as objects
import pytest
from conftest import SHARED
from github_objects import Json, delivered
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.github import reading
from resources.github.events import event_of
from resources.github.facts import FACTS, Branch, Fact, Issue, PullRequest, Release, Review, WorkflowRun
from resources.github.reading import Unreadable

NAME = "ada/engine"
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
WHERE = objects.repository(186, NAME, AT)
SAMPLES = SHARED / "eval" / "events" / "github"

PULL = objects.pull(NAME, 12, AT)
MERGED = objects.pull(NAME, 13, AT, state="closed", merged_at="2026-11-20T10:00:00Z", closed_at="2026-11-20T10:00:00Z")
ISSUE = objects.issue(NAME, 14, AT, state="closed", state_reason="completed", closed_at="2026-11-20T10:00:00Z")
REVIEW = objects.review(NAME, 12, 1, AT)
RELEASE = objects.release(NAME, 2, AT)
RUN = objects.run(NAME, 99, AT)
PUSH = objects.pushed(WHERE, "refs/heads/main", objects.sha(1), objects.sha(2))

BOTH_WAYS: dict[str, tuple[str, Json, Callable[[], Fact]]] = {
    "pull_request": (
        "pull_request",
        delivered("pull_request", WHERE, "opened", pull_request=PULL),
        lambda: reading.pull_request(PULL, NAME),
    ),
    "merged": (
        "pull_request",
        delivered("pull_request", WHERE, "closed", pull_request=MERGED),
        lambda: reading.pull_request(MERGED, NAME),
    ),
    "issue": ("issues", delivered("issues", WHERE, "closed", issue=ISSUE), lambda: reading.issue(ISSUE, NAME)),
    "review": (
        "pull_request_review",
        delivered("pull_request_review", WHERE, "submitted", review=REVIEW, pull_request=PULL),
        lambda: reading.review(REVIEW, NAME, 12),
    ),
    "release": (
        "release",
        delivered("release", WHERE, "published", release=RELEASE),
        lambda: reading.release(RELEASE, NAME),
    ),
    "workflow_run": (
        "workflow_run",
        delivered("workflow_run", WHERE, "completed", workflow_run=RUN),
        lambda: reading.workflow_run(RUN, NAME),
    ),
    "branch": ("push", PUSH, lambda: reading.branch(objects.branch("main", objects.sha(2)), WHERE)),
    "gone branch": (
        "push",
        objects.pushed(WHERE, "refs/heads/old", objects.sha(1), objects.NO_COMMIT),
        lambda: reading.gone_branch("old", WHERE),
    ),
}


@pytest.mark.parametrize("case", BOTH_WAYS)
def test_a_webhook_and_the_api_say_the_same(case: str) -> None:
    kind, payload, listed = BOTH_WAYS[case]
    by_webhook, by_poll = reading.delivered(kind, payload), listed()
    assert by_webhook is not None
    assert (by_webhook.subject, by_webhook.says, by_webhook.happened_at) == (
        by_poll.subject,
        by_poll.says,
        by_poll.happened_at,
    )


def test_what_is_taken() -> None:
    pull = reading.pull_request(MERGED, NAME)
    assert (pull.state, pull.merge_commit, pull.author, pull.labels) == (
        "merged",
        objects.sha(7013),
        "ada",
        ["feature"],
    )
    assert pull.body == "One line\nand another."
    assert reading.pull_request(PULL, NAME).merge_commit is None  # GitHub's trial merge is none
    issue = reading.issue(ISSUE, NAME)
    assert (issue.state, issue.reason, issue.assignees) == ("closed", "completed", ["ada"])
    assert reading.review(REVIEW, NAME, 12).state == "approved"


def test_a_deleted_user_is_the_ghost_and_a_deleted_issue_is_deleted() -> None:
    assert reading.pull_request(PULL | {"user": None}, NAME).author == "ghost"
    gone = reading.delivered("issues", delivered("issues", WHERE, "deleted", issue=ISSUE))
    assert isinstance(gone, Issue)
    assert gone.state == "deleted"


def test_an_edited_release_is_newer_than_it_was() -> None:
    """Where GitHub tells of the edit: of two that arrive in the wrong order the later one has to win."""
    edited = RELEASE | {"updated_at": objects.stamp(AT + timedelta(hours=1)), "body": "Better said."}
    assert reading.release(edited, NAME).happened_at > reading.release(RELEASE, NAME).happened_at


def test_a_push_that_does_not_tell_its_commit_takes_no_branch_away() -> None:
    with pytest.raises(Unreadable):
        reading.delivered("push", PUSH | {"after": None})
    with pytest.raises(Unreadable):
        reading.branch({"name": "main", "commit": None}, WHERE)


def test_what_nothing_is_made_of() -> None:
    assert reading.delivered("watch", {}) is None
    with pytest.raises(Unreadable):
        reading.delivered("issues", ["no object"])


@pytest.mark.parametrize("number", [2**63, 10**30, -1, 0, True, "12", 1.5])
def test_what_is_no_number_of_a_thing_is_unreadable(number: object) -> None:
    """A database takes none of these, and the event that carried one would fail there again and again."""
    for member in ("id", "number"):
        with pytest.raises(Unreadable, match=f"The pull request has no {member}"):
            reading.pull_request(PULL | {member: number}, NAME)


def test_half_a_character_does_not_end_in_an_error() -> None:
    fact = reading.pull_request(PULL | {"title": json.loads('"half \\ud83d"')}, NAME)
    assert event_of(fact, "1").payload


def _paths(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return [at, *(path for key, each in below for path in _paths(each, (*at, key)))]


ABSENT = object()
WRONG = st.one_of(
    st.none(),
    st.just(ABSENT),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, 10**30, -1, 0]),
    st.floats(),
    st.text(),
    st.sampled_from(["\ud83d", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "\x00"]),
    st.lists(
        st.one_of(st.none(), st.text(), st.integers(), st.dictionaries(st.text(), st.none(), max_size=2)), max_size=3
    ),
    st.dictionaries(
        st.sampled_from(["id", "login", "name", "ref", "sha", "full_name"]),
        st.one_of(st.none(), st.text(), st.integers()),
    ),
)


@given(data=st.data())
@settings(max_examples=600, deadline=None)
def test_whatever_is_missing_or_wrong_gives_a_fact_or_is_unreadable(data: st.DataObject) -> None:
    kind, payload, _ = data.draw(st.sampled_from(list(BOTH_WAYS.values())))
    broken: Any = copy.deepcopy(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(_paths(broken)))
        value = data.draw(WRONG)
        if not path:
            broken = None if value is ABSENT else value
            continue
        node = broken
        for step in path[:-1]:
            node = node[step]
        if value is ABSENT:
            del node[path[-1]]
        else:
            node[path[-1]] = value
    try:
        fact = reading.delivered(kind, broken)
    except Unreadable as error:
        assert str(error)
        return
    assert fact is not None
    event = event_of(fact, "1")
    assert FACTS[event.kind].model_validate_json(event.payload) == fact


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="GitHub's own sample payloads lie beside the checkout, and are not here"
)
@pytest.mark.parametrize(
    ("sample", "kind", "expected"),
    [
        ("pull_request.opened", "pull_request", PullRequest),
        ("pull_request.synchronize", "pull_request", PullRequest),
        ("issues.opened", "issues", Issue),
        ("issues.labeled", "issues", Issue),
        ("release.published", "release", Release),
        ("workflow_run.completed", "workflow_run", WorkflowRun),
        ("push", "push", Branch),
    ],
)
def test_githubs_own_samples_are_read(sample: str, kind: str, expected: type[Fact]) -> None:
    payload = json.loads((SAMPLES / f"{sample}.payload.json").read_text())
    fact = reading.delivered(kind, payload)
    assert type(fact) is expected
    assert fact.repository == payload["repository"]["full_name"]
    assert fact.url.startswith("https://github.com/")
    member = payload.get({"issues": "issue"}.get(kind, kind))
    if expected is not Branch:
        assert fact.id == str(member["id"])


def test_a_review_is_of_its_pull_request() -> None:
    fact = reading.delivered(*BOTH_WAYS["review"][:2])
    assert isinstance(fact, Review)
    assert fact.pull_request == 12
