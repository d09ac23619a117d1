"""`soloist inbox`: looking at events, letting them wait again, and taking them out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, get_args

import orjson

from orchestration_assets.choosing import chosen, state_named
from orchestration_assets.contracts import ShownEvent, ShownEventDetail, ShownInbox
from orchestration_assets.foreign_text import print_detail
from orchestration_assets.reports.phrasing import counted
from orchestration_assets.showing import print_json
from resources.errors import BadInput
from resources.inbox import Kept, State

if TYPE_CHECKING:
    from orchestration_assets.session import Connections

NO_PAYLOAD = b"{}"
_MAY_BE_EMPTY: tuple[State, ...] = ("duplicate", "superseded", "ignored")


def list_events(connections: Connections, state: str | None, limit: int, as_json: bool) -> None:
    wanted = state_named(state, "event", get_args(State))
    counts = connections.inbox.counts()
    events = [ShownEvent(**_shown(event)) for event in connections.inbox.latest(wanted, limit)]
    if as_json:
        print_json(ShownInbox(counts=counts, events=events))
        return
    told = ", ".join(f"{counts[name]:,} {name}" for name in get_args(State) if name in counts)
    sys.stderr.write(f"{told or 'The inbox is empty'}.\n")
    for event in events:
        line = f"{event.id:>6}  {event.state:10}  {event.received_at:%Y-%m-%d %H:%M}  {event.kind:13} {event.subject}"
        sys.stdout.write(line + (f"  {event.reason}" if event.reason else "") + "\n")


def show_event(connections: Connections, event_id: int, as_json: bool) -> None:
    event = connections.inbox.get(event_id)
    shown = ShownEventDetail(
        **_shown(event),
        delivery_id=event.delivery_id,
        next_at=event.next_at,
        payload=orjson.loads(event.payload),
    )
    if as_json:
        print_json(shown)
        return
    print_detail(shown)


def replay(connections: Connections, event_ids: list[int], dead: bool) -> None:
    """Raises BadInput, before any event waits again, where the payload of one was not kept."""
    for event in map(connections.inbox.get, event_ids):
        if event.state in _MAY_BE_EMPTY and event.payload == NO_PAYLOAD:
            raise BadInput(
                f"Event {event.id} is {event.state} and its payload was not kept, so nothing can be made of it; replay the event that tells "
                "of the same, or have its source deliver it again."
            )
    count = connections.inbox.replay(chosen(connections.inbox, "event", "inbox", event_ids, dead))
    waiting, them = counted(count, "event waits", "events wait"), "it" if count == 1 else "them"
    sys.stderr.write(f"{waiting} again; the daemon or `soloist run` takes {them} up.\n")


def drop(connections: Connections, event_ids: list[int], dead: bool) -> None:
    count = connections.inbox.drop(chosen(connections.inbox, "event", "inbox", event_ids, dead))
    sys.stderr.write(f"Took {counted(count, 'event', 'events')} out.\n")


def _shown(event: Kept) -> dict[str, object]:
    return {name: getattr(event, name) for name in ShownEvent.model_fields}
