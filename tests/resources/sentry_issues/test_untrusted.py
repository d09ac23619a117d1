"""Nothing that is said wrongly gives another exception than Unreadable, and all that is read can be kept."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentry_objects import Json, caught, rest_event, rest_issue, webhook_event, webhook_issue

from resources.sentry_issues.events import event_of
from resources.sentry_issues.reading import Unreadable, delivered, error, issue

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SEEN = datetime(2026, 11, 20, 9, tzinfo=UTC)
PROJECT = "fern/shelf"


def wrong() -> None:
    try:
        {}["left"]
    except KeyError as missing:
        raise ValueError("no shelf") from missing


SDK = caught(wrong)


@pytest.mark.parametrize(
    "at", [1e300, -1e300, float("nan"), float("inf"), 10**400, "0001-01-01T00:00:00+23:59", "soon", "", True, []]
)
def test_an_instant_that_is_none_is_as_good_as_missing(at: object) -> None:
    sdk = webhook_event(SDK, "77", PROJECT)
    assert error(sdk | {"datetime": at}) == error(sdk)
    with pytest.raises(Unreadable, match="lastSeen"):
        issue(rest_issue(PROJECT, "1", SEEN, lastSeen=at, firstSeen=at))


def test_text_from_outside_can_be_kept_anywhere() -> None:
    found = error(webhook_event(SDK, "77", PROJECT) | {"title": "half \ud83d of\r\na " + "x" * 1000})
    assert found.title.startswith("half ? of\na x")
    assert len(found.title) == 512
    assert event_of(found, "a").payload


@pytest.mark.parametrize(
    ("kind", "payload", "lacks"),
    [
        ("issue", {}, "lastSeen"),
        ("issue", [], "no object"),
        ("issue", {"data": {"issue": {"id": "1", "lastSeen": "2026-11-20T09:00:00Z"}}}, "status"),
        ("error", {"data": {"error": {"event_id": "a", "issue_id": "1"}}}, "datetime"),
        ("error", {"data": {"error": {"timestamp": 1.5, "issue_id": "1"}}}, "event_id"),
        ("event_alert", {"data": {"event": {"timestamp": 1.5, "event_id": "a"}}}, "issue_id"),
    ],
)
def test_what_lacks_something_is_told_in_a_sentence(kind: str, payload: object, lacks: str) -> None:
    with pytest.raises(Unreadable, match=lacks):
        delivered(kind, payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
WHOLE: list[tuple[str, Json]] = [
    ("issue", webhook_issue(rest_issue(PROJECT, "1001", SEEN), PROJECT)),
    ("event_alert", {"data": {"event": webhook_event(SDK, "77", PROJECT)}}),
    ("error", {"data": {"error": rest_event(SDK, "77")}}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of everything in it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, item in inner for each in places(item, (*path, key)))]


PLACES = [(kind, payload, path) for kind, payload in WHOLE for path in places(payload) if path]


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(PLACES), JSON, st.booleans())
def test_whatever_is_wrong_gives_a_fact_or_a_sentence(
    where: tuple[str, Json, tuple[Any, ...]], other: object, gone: bool
) -> None:
    kind, payload, path = where
    payload = copy.deepcopy(payload)
    node: Any = payload
    for step in path[:-1]:
        node = node[step]
    if gone:
        del node[path[-1]]
    else:
        node[path[-1]] = other
    read(kind, payload)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["issue", "error", "event_alert"]), JSON)
def test_whatever_is_sent_gives_a_fact_or_a_sentence(kind: str, payload: object) -> None:
    read(kind, payload)
    read(kind, {"data": {"issue": payload, "error": payload, "event": payload}})


def read(kind: str, payload: object) -> None:
    try:
        fact = delivered(kind, payload, AT)
    except Unreadable as unreadable:
        assert "\n" not in str(unreadable)
    else:
        assert fact is not None
        event = event_of(fact, "a")
        assert type(fact).model_validate_json(event.payload) == fact
