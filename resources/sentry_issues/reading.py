"""Reading Sentry's objects, from webhooks and from the REST API alike.

Every function takes an object as it was parsed from JSON and gives a fact, or raises Unreadable with one sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from resources.sentry_issues.facts import ErrorEvent, Fact, RaisedException, SentryIssue
from resources.sentry_issues.told import LONGEST_NAME, LONGEST_TEXT, Told, Unreadable, capped, instant
from resources.sentry_issues.traces import exceptions_of

__all__ = ["Unreadable", "delivered", "error", "issue", "sent_at"]

LONGEST_TAG = 200
MOST_TAGS = 100
LONGEST_URL = 2048
_PROJECT = re.compile(r"/projects/([^/?#]+)/([^/?#]+)/")
_ORGANIZATION = re.compile(r"/organizations/([^/?#]+)/")
_ISSUE = re.compile(r"/issues/(\d+)/")
_NO_ORGANIZATIONS = frozenset({"us", "de", "www", "o"})
"""Hosts of sentry.io that are no organization's."""


def delivered(kind: str, payload: object, at: datetime | None = None) -> Fact | None:
    """The fact in a webhook's payload; None where nothing is made of its kind. Raises Unreadable.

    `at` is when Sentry sent it (`sent_at`). A payload does not tell when somebody resolved an issue: without `at` it counts as of the
    issue's last error.
    """
    reader = _DELIVERED.get(kind)
    if reader is None:
        return None
    if not isinstance(payload, Mapping):
        raise Unreadable(f"The payload of {kind} is no object")
    return reader(Told(payload, "payload").inner("data").members, at)


def sent_at(header: str | None) -> datetime | None:
    """The instant in the header Sentry-Hook-Timestamp, which is in seconds since 1970; None where it has none."""
    seconds = Told({"at": (header or "").strip()}, "header").number("at")
    return None if seconds is None else instant(seconds)


def issue(found: object, at: datetime | None = None, organization: str = "", project: str = "") -> SentryIssue:
    """An issue of a webhook's, or of a list. `at` is when it was so; who asked knows the organization and the project."""
    told = Told(found, "issue")
    addresses = [told.text(name, most=LONGEST_URL) for name in ("project_url", "web_url", "url", "permalink")]
    named = _slugs(addresses)
    metadata, last_seen = told.inner("metadata"), told.time("lastSeen")
    happened_at = at or last_seen or told.time("firstSeen")
    if happened_at is None:
        raise Unreadable("The issue has no lastSeen")
    return SentryIssue(
        id=told.identity("id"),
        organization=organization or named[0],
        project=project or told.inner("project").text("slug") or named[1],
        title=told.text("title") or metadata.text("title", "type"),
        culprit=told.text("culprit"),
        level=told.text("level"),
        url=told.text("permalink", "web_url", most=LONGEST_URL),
        happened_at=happened_at.replace(microsecond=0),
        short_id=told.text("shortId"),
        error_type=metadata.text("type"),
        status=told.required("status").lower(),
        substatus=told.text("substatus").lower() or None,
        labels=_labels(told),
        first_seen=told.time("firstSeen") or last_seen or happened_at.replace(microsecond=0),
        last_seen=last_seen,
        count=told.number("count"),
    )


def error(
    found: object,
    issue_id: str | None = None,
    organization: str = "",
    project: str = "",
    url: str = "",
    rules: Sequence[str] = (),
) -> ErrorEvent:
    """An event of a webhook's, of the SDK's, or of the REST API. Who asked knows what the REST API leaves out: the issue, its address and
    the project. `rules`: the alert rules that it met."""
    told = Told(found, "event")
    named = _slugs([told.text(name, most=LONGEST_URL) for name in ("url", "web_url")])
    tags, exceptions = _tags(told), exceptions_of(told.members)
    happened_at = told.time("datetime", "dateCreated", "timestamp", "dateReceived", "received")
    if happened_at is None:
        raise Unreadable("The event has no datetime")
    message = _message(told, bool(exceptions))
    return ErrorEvent(
        id=issue_id or _issue_of(told),
        organization=organization or named[0],
        project=project or named[1],
        title=told.text("title") or _title(exceptions, message),
        culprit=told.text("culprit"),
        level=told.text("level") or tags.get("level", ""),
        url=url or re.sub(r"events/[^/]*/?$", "", told.text("web_url", most=LONGEST_URL)),
        happened_at=happened_at,
        event_id=told.required("event_id", "eventID", "id").replace("-", ""),
        platform=told.text("platform"),
        release=told.text("release") or told.inner("release").text("version") or tags.get("release") or None,
        environment=told.text("environment") or tags.get("environment") or None,
        message=message,
        tags=tags,
        exceptions=exceptions,
        rules=list(rules),
    )


def _delivered_issue(data: Mapping[str, Any], at: datetime | None) -> SentryIssue:
    return issue(data.get("issue"), at)


def _delivered_alert(data: Mapping[str, Any], _at: datetime | None) -> ErrorEvent:
    told = Told(data, "payload")
    rule = told.text("triggered_rule", most=LONGEST_TAG) or told.inner("issue_alert").text("title", most=LONGEST_TAG)
    return error(data.get("event"), rules=[rule] if rule else [])


_DELIVERED: Mapping[str, Callable[[Mapping[str, Any], datetime | None], Fact]] = {
    "issue": _delivered_issue,
    "error": lambda data, _at: error(data.get("error")),
    "event_alert": _delivered_alert,
}


def _issue_of(told: Told) -> str:
    """By its number, or by the address of the issue that has it."""
    if told.text("issue_id", "groupID") or told.number("issue_id", "groupID") is not None:
        return told.identity("issue_id", "groupID")
    if (match := _ISSUE.search(told.text("issue_url", "web_url", most=LONGEST_URL))) is not None:
        return match[1]
    raise Unreadable("The event has no issue_id")


def _slugs(addresses: list[str]) -> tuple[str, str]:
    """Organization and project, where an address tells them."""
    for address in addresses:
        if (match := _PROJECT.search(address)) is not None:
            return match[1], match[2]
    for address in addresses:
        if (match := _ORGANIZATION.search(address)) is not None:
            return match[1], ""
    for address in addresses:
        name, _, rest = _host(address).partition(".")
        if rest == "sentry.io" and name not in _NO_ORGANIZATIONS:
            return name, ""
    return "", ""


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _labels(told: Told) -> list[str]:
    """Names of tags: text, or objects with a key. A list of issues does not tell them, one issue does."""
    found = [
        each if isinstance(each, str) else Told(each, "tag").text("key", "name")
        for each in (*told.elements("tags"), *told.elements("labels"))
    ]
    return sorted({capped(each, LONGEST_TAG) for each in found if each})[:MOST_TAGS]


def _tags(told: Told) -> dict[str, str]:
    """By name, in its order: an object (SDK), pairs (webhook), or objects with key and value (REST)."""
    found = told.members.get("tags")
    pairs: list[tuple[object, object]] = []
    if isinstance(found, Mapping):
        pairs = list(found.items())
    elif isinstance(found, list):
        for each in found:
            if isinstance(each, Mapping):
                pairs.append((each.get("key"), each.get("value")))
            elif isinstance(each, list) and len(each) == 2:
                pairs.append((each[0], each[1]))
    tags = {
        capped(name.removeprefix("sentry:"), LONGEST_TAG): capped(value, LONGEST_TAG)
        for name, value in pairs
        if isinstance(name, str) and isinstance(value, str) and name
    }
    return dict(sorted(tags.items())[:MOST_TAGS])


def _message(told: Told, has_exceptions: bool) -> str:
    """What was logged. Where there is an exception and no log line, Sentry's `message` is but a text to search in."""
    for entry in told.elements("entries"):
        if (each := Told(entry, "entry")).text("type") == "message":
            return each.inner("data").text("formatted", "message", most=LONGEST_TEXT)
    logged = told.inner("logentry").text("formatted", "message", most=LONGEST_TEXT)
    return logged or ("" if has_exceptions else told.text("message", most=LONGEST_TEXT))


def _title(exceptions: list[RaisedException], message: str) -> str:
    """As Sentry makes one."""
    if not exceptions:
        return capped(message.partition("\n")[0], LONGEST_NAME)
    value = exceptions[-1].value.partition("\n")[0]
    return capped(": ".join(part for part in (exceptions[-1].type, value) if part), LONGEST_NAME)
