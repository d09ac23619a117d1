"""Asking a model about one item at a time, many of them in flight: for work whose next question depends on the last answer.

What belongs here: the way from an `await` to a transport and back. `runner.py` runs one agent over a stream of items; here, any agent is asked
whenever there is something to ask. Rules of repair, cache, calls and replies are the same, because the conversations are.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

from pydantic import BaseModel

from resources import clock
from resources.language_model.agent import Agent, Failure
from resources.language_model.backend import Backend
from resources.language_model.conversation import Conversation, Made, Terms, unexpected
from resources.language_model.replies import Questions, ReplyCache
from resources.language_model.transport import Answered, Ask, Outcome, Transport

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT", bound=BaseModel)

LOOKS_S = 0.005
"""A transport is used by one thread, which cannot wait for an outcome and for a question at once: so long a new question waits at most."""

Commit = Callable[[Sequence[Made[Any, Any]]], None]
"""Puts what was made, its calls and its replies, where they outlive this process."""


class Asking:
    """`async with Asking(...) as asking: made = await asking.ask(agent, item)`, as often and as concurrently as wanted.

    Calls and replies are committed by a thread of its own, in the order in which they came, those of one moment together; leaving the block
    waits for the last of them. Whoever is killed loses what was answered since the last commit began. `replies` and `commit` are used by that
    thread alone. `ask` raises EndpointError where the endpoint is gone or configured wrongly, and, like leaving the block, whatever `commit`
    raised.
    """

    def __init__(self, backend: Backend, max_repairs: int, replies: ReplyCache | None, commit: Commit) -> None:
        served = backend.served
        self._terms = Terms(Questions(served.model, served.served_by), served.maker, max_repairs)
        self._wire = _Wire(backend.transport(expected=1))
        self._replies = replies
        self._commit = commit
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="kept-replies")
        self._uncommitted: queue.SimpleQueue[Made[Any, Any]] = queue.SimpleQueue()
        self._uncommittable: Exception | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        await asyncio.to_thread(self._wire.close)
        await asyncio.to_thread(self._keeper.shutdown)
        if self._uncommittable is not None and kind is None:
            raise self._uncommittable

    async def ask(self, agent: Agent[ItemT, OutputT], item: ItemT) -> Made[ItemT, OutputT]:
        """The output of one item, or a Failure that says why there is none, and what it cost."""
        if self._uncommittable is not None:
            raise self._uncommittable
        try:
            conversation = Conversation(agent, item, self._terms, clock.now())
        except Exception as error:
            reason = unexpected(agent.name, "make a request", error)
            return Made(item, Failure(reason=reason, transient=False, attempts=0))
        made: Made[ItemT, OutputT] | None = None
        while made is None:
            kept = await self._kept(conversation.hash)
            if kept is not None:
                made = conversation.recalled(kept)
                continue
            outcome = await self._wire.ask(conversation.body, conversation.hash, conversation.subject)
            if isinstance(outcome, Answered):
                made = conversation.answered(outcome, clock.now())
            else:
                made = conversation.unanswered(outcome)
        if made.call is not None or made.replies:
            self._uncommitted.put(made)
            self._keeper.submit(self._commit_all)
        return made

    async def _kept(self, question: str) -> Any:
        if self._replies is None:
            return None
        found = await asyncio.get_running_loop().run_in_executor(self._keeper, self._replies.get_many, [question])
        return found.get(question)

    def _commit_all(self) -> None:
        """Commits what has gathered; whoever comes later finds it done."""
        group = [self._uncommitted.get_nowait() for _ in range(self._uncommitted.qsize())]
        if not group or self._uncommittable is not None:
            return
        try:
            self._commit(group)
            replies = {reply.request_hash: reply for made in group for reply in made.replies}
            if self._replies is not None and replies:
                self._replies.put_many(list(replies.values()))
        except Exception as error:  # it is for whoever asks next
            self._uncommittable = error


class _Wire:
    """A transport, used by a thread of its own, for those who await."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._questions: queue.SimpleQueue[tuple[bytes, str, tuple[str, str, str], asyncio.Future[Outcome]] | None] = (
            queue.SimpleQueue()
        )
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._broken: BaseException | None = None
        self._thread: threading.Thread | None = None

    async def ask(self, body: bytes, question: str, subject: tuple[str, str, str]) -> Outcome:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="asking", daemon=True)
            self._thread.start()
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._questions.put((body, question, subject, answered))
        return await answered

    def close(self) -> None:
        """Drops what is under way."""
        if self._thread is not None:
            self._questions.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        tickets = 0
        try:
            while True:
                asks: list[Ask] = []
                while not self._questions.empty() or not (self._waiting or asks):
                    taken = self._questions.get()
                    if taken is None:
                        return
                    body, question, subject, answered = taken
                    if self._broken is not None:
                        answered.get_loop().call_soon_threadsafe(_settle, answered, None, self._broken)
                        continue
                    tickets += 1
                    self._waiting[tickets] = answered
                    asks.append(Ask(tickets, body, question, *subject))
                self._exchange(asks)
        finally:
            self._transport.close()

    def _exchange(self, asks: Sequence[Ask]) -> None:
        try:
            if asks:
                self._transport.send(asks)
            outcomes = self._transport.receive(LOOKS_S)
        except Exception as error:
            self._broken = error
            for answered in self._waiting.values():
                answered.get_loop().call_soon_threadsafe(_settle, answered, None, error)
            self._waiting.clear()
            return
        for outcome in outcomes:
            answered = self._waiting.pop(outcome.ticket)
            answered.get_loop().call_soon_threadsafe(_settle, answered, outcome, None)


def _settle(future: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
