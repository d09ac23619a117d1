"""From a fact to an event of the inbox, for whoever learns of one: the webhook app and the poller."""

from __future__ import annotations

from resources.inbox.events import Event
from resources.language_model.agent import content_hash
from resources.sentry_issues.facts import Fact


def event_of(fact: Fact, delivery_id: str) -> Event:
    """The same fact by any way is the same event but for its delivery, so that the inbox sees that both say the same."""
    return Event(
        "sentry", delivery_id, fact.kind, fact.subject, fact.happened_at, fact.says, fact.model_dump_json().encode()
    )


def polled_event(fact: Fact) -> Event:
    """One that was asked for. What is read twice has the same delivery."""
    return event_of(fact, f"poll:{content_hash(fact.subject, fact.says, fact.happened_at.isoformat())[:32]}")
