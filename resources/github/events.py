"""From a fact to an event of the inbox, for whoever learns of one: the webhook app and the poller."""

from __future__ import annotations

from resources.github.facts import Fact
from resources.inbox.events import Event


def event_of(fact: Fact, delivery_id: str) -> Event:
    """The same fact by any way is the same event but for its delivery, so that the inbox sees that both say the same."""
    return Event(
        "github", delivery_id, fact.kind, fact.subject, fact.happened_at, fact.says, fact.model_dump_json().encode()
    )
