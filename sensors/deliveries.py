"""What a webhook delivery becomes in the inbox: the headers and the body of one, read after its signature was found good.

Whatever its kind, it is kept: what nothing is made of as `ignored`, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

import orjson

from resources import clock
from resources.github import reading as github
from resources.github.events import event_of as event_of_github
from resources.inbox import Event
from resources.language_model.agent import content_hash
from resources.sentry_issues import reading as sentry
from resources.sentry_issues.events import event_of as event_of_sentry

LONGEST_NAME = 200
"""Characters of a delivery's id and kind."""


class Malformed(ValueError):
    """It is nothing that the source sends; the text says why."""


@dataclass(frozen=True)
class Delivery:
    """One request, whose signature is good."""

    headers: Mapping[str, str]
    body: bytes

    def name(self, header: str) -> str:
        """A header that names something. Raises Malformed where it is missing or too long."""
        value = self.headers.get(header, "").strip()
        if not value or len(value) > LONGEST_NAME or not value.isprintable():
            raise Malformed(f"The header {header} is missing or no name")
        return value

    @cached_property
    def payload(self) -> Mapping[str, Any]:
        """The body as an object. Raises Malformed."""
        body = self.body
        if (
            self.headers.get("content-type", "").partition(";")[0].strip().lower()
            == "application/x-www-form-urlencoded"
        ):
            body = _form_payload(body)
        try:
            payload = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError:
            raise Malformed("The body is not JSON") from None
        if not isinstance(payload, dict):
            raise Malformed("The body is no JSON object")
        return payload


def github_event(delivery: Delivery) -> Event:
    """Raises Malformed."""
    kind, delivery_id = delivery.name("X-GitHub-Event"), delivery.name("X-GitHub-Delivery")
    try:
        fact = github.delivered(kind, delivery.payload)
    except github.Unreadable as error:
        return _ignored("github", delivery_id, kind, f"{error}.")
    if fact is None:
        return _ignored("github", delivery_id, kind, f"Nothing is made of {kind}.")
    return event_of_github(fact, delivery_id)


def sentry_event(delivery: Delivery) -> Event:
    """Raises Malformed."""
    kind = delivery.name("Sentry-Hook-Resource")
    delivery_id = delivery.headers.get("request-id", "").strip()[:LONGEST_NAME] or content_hash(delivery.body.hex())
    try:
        sent_at = sentry.sent_at(delivery.headers.get("sentry-hook-timestamp")) or clock.now()
        fact = sentry.delivered(kind, delivery.payload, sent_at)
    except sentry.Unreadable as error:
        return _ignored("sentry", delivery_id, kind, f"{error}.")
    if fact is None:
        return _ignored("sentry", delivery_id, kind, f"Nothing is made of {kind}.")
    return event_of_sentry(fact, delivery_id)


def _ignored(source: str, delivery_id: str, kind: str, reason: str) -> Event:
    """Kept under a subject of its own and without what it says, so that it costs next to nothing."""
    return Event(
        source, delivery_id, kind, f"{source}:{kind}:{delivery_id}", clock.now(), "", b"{}", ignored=reason[:500]
    )


def _form_payload(body: bytes) -> bytes:
    """The `payload` of a form, which is how GitHub sends it where the webhook is set to."""
    try:
        values = parse_qs(body.decode("utf-8"), max_num_fields=8).get("payload", [])
    except ValueError:
        raise Malformed("The body is no form") from None
    if len(values) != 1:
        raise Malformed("The form has no payload")
    return values[0].encode()
