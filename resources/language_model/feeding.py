"""Keeps a transport busy: items in, conversations under way, what was made out, and never more of it than fits a fixed
window.

What belongs here: the order in which things happen during one run over a model. What a reply means is
`conversation.py`'s.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from resources.language_model.agent import Failure
from resources.language_model.conversation import Conversation, Made
from resources.language_model.grouping import TICK, Tick
from resources.language_model.replies import ReplyCache
from resources.language_model.transport import Answered, Ask, Outcome, Transport

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT", bound=BaseModel)

WINDOW = 4
"""Items under way, as a multiple of the requests in flight: enough waits for a free slot while the caller commits a
group.
"""


class Feed(Generic[ItemT, OutputT]):
    """One run. `begin` opens the conversation of an item, or says why it cannot be had.

    Conversations that ask the same question at the same time share one request; the first of them has its cost in its
    row.
    """

    def __init__(
        self,
        items: Iterable[ItemT],
        begin: Callable[[ItemT, datetime], Conversation[ItemT, OutputT] | Failure],
        transport: Transport,
        cache: ReplyCache | None,
        max_in_flight: int,
        now: Callable[[], datetime],
    ) -> None:
        self._items = iter(items)
        self._begin = begin
        self._transport = transport
        self._cache = cache
        self._now = now
        self._window = WINDOW * max_in_flight
        # One look into the cache costs about as much for many hashes as for one.
        self._chunk = max_in_flight * (1 if cache is None else WINDOW // 2)
        self._exhausted = False
        self._tickets = itertools.count()
        self._asking: dict[int, list[Conversation[ItemT, OutputT]]] = {}
        self._ticket_of: dict[str, int] = {}
        self._under_way = 0

    def stream(self, tick_s: float | None) -> Iterator[Made[ItemT, OutputT] | Tick]:
        """What was made of each item, as it is made, and a TICK whenever `tick_s` pass without. Closes the transport at
        its end.
        """
        try:
            while not self._exhausted or self._under_way:
                if not self._exhausted and self._under_way + self._chunk <= self._window:
                    yield from self._refill()
                    continue
                outcomes = self._transport.receive(tick_s)
                if outcomes:
                    yield from self._settle(outcomes)
                else:
                    yield TICK
        finally:
            self._transport.close()

    def _refill(self) -> list[Made[ItemT, OutputT]]:
        """Takes some more items, and sends those that no kept reply answers."""
        made: list[Made[ItemT, OutputT]] = []
        begun: list[Conversation[ItemT, OutputT]] = []
        taken, now = 0, self._now()
        for item in itertools.islice(self._items, self._chunk):
            taken += 1
            conversation = self._begin(item, now)
            if isinstance(conversation, Failure):
                made.append(Made(item, conversation))
            else:
                begun.append(conversation)
        self._exhausted = taken < self._chunk
        while begun:
            kept = self._cache.get_many([each.hash for each in begun]) if self._cache else {}
            if not kept:
                self._send(begun)
                break
            self._send([each for each in begun if each.hash not in kept])
            recalled = [(each, each.recalled(kept[each.hash])) for each in begun if each.hash in kept]
            made += [output for _, output in recalled if output is not None]
            begun = [each for each, output in recalled if output is None]
        return made

    def _send(self, conversations: Sequence[Conversation[ItemT, OutputT]]) -> None:
        asks: list[Ask] = []
        for conversation in conversations:
            question = conversation.hash
            self._under_way += 1
            if (same := self._ticket_of.get(question)) is not None:
                self._asking[same].append(conversation)
                continue
            ticket = next(self._tickets)
            self._ticket_of[question] = ticket
            self._asking[ticket] = [conversation]
            asks.append(Ask(ticket, conversation.body, question, *conversation.subject))
        if asks:
            self._transport.send(asks)

    def _settle(self, outcomes: Sequence[Outcome]) -> list[Made[ItemT, OutputT]]:
        """What the outcomes make of those that asked; sends what they ask next."""
        made: list[Made[ItemT, OutputT]] = []
        again: list[Conversation[ItemT, OutputT]] = []
        now = self._now()
        for outcome in outcomes:
            conversations = self._asking.pop(outcome.ticket)
            del self._ticket_of[conversations[0].hash]
            self._under_way -= len(conversations)
            for number, conversation in enumerate(conversations):
                each = _shared(outcome) if number else outcome
                output = (
                    conversation.answered(each, now) if isinstance(each, Answered) else conversation.unanswered(each)
                )
                if output is None:
                    again.append(conversation)
                else:
                    made.append(output)
        self._send(again)
        return made


def _shared(outcome: Outcome) -> Outcome:
    """The same outcome for those that did not pay for it."""
    if isinstance(outcome, Answered):
        return replace(outcome, attempts=0, latency_ms=0.0, tokens_in=0, tokens_cached=0, tokens_out=0)
    return replace(outcome, attempts=0, latency_ms=0.0)
