"""One item's way from its request to its output: what a reply means, and what is asked next.

What belongs here: the rules of repair and failure, as a state machine without I/O, so that every transport is treated
alike.
"""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from resources.errors import SoloistError
from resources.language_model.agent import Agent, Failure, InvalidReply, Message, Request
from resources.language_model.records import ModelCall, Outcome, Reply
from resources.language_model.replies import request_body, request_hash
from resources.language_model.transport import Answered, Unanswered
from resources.scrubbing import scrub

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of an item over all its replies; `cached` are those of `given` that the server had in its prefix cache."""

    given: int = 0
    cached: int = 0
    made: int = 0


@dataclass(frozen=True, slots=True)
class Made(Generic[ItemT, OutputT]):
    """What came of one item. `call` is None, and the figures are zero, where no model was called for it.

    `replies` are the new replies that `output` rests on, for whoever keeps them together with the row; a Failure has
    none, so that asking again really asks.
    """

    item: ItemT
    output: OutputT | Failure
    tokens: Tokens = Tokens()
    latency_ms: float = 0.0
    attempts: int = 0
    call: ModelCall | None = None
    replies: tuple[Reply, ...] = ()


class Conversation(Generic[ItemT, OutputT]):
    """The request of one item and, if need be, its repair.

    `body` and `hash` are what is to be asked now. `answered` and `unanswered` take the outcome: they return what was
    made, or None where there is another request to send. Texts of failures never hold the prompt or the reply, only
    what agents say of them.
    """

    def __init__(
        self,
        agent: Agent[ItemT, OutputT],
        item: ItemT,
        *,
        model: str,
        revision: str,
        served_by: str,
        max_repairs: int,
        now: Callable[[], datetime],
    ) -> None:
        self.item = item
        self._agent = agent
        self._model = model
        self._maker = f"{model}@{revision}"
        self._served_by = served_by
        self._repairs_left = max_repairs
        self._repaired = False
        self._now = now
        self._called_at = now()
        self._tokens = Tokens()
        self._latency_ms = 0.0
        self._attempts = 0
        self._replies: list[Reply] = []
        self._ask(agent.request(item))

    def answered(self, reply: Answered) -> Made[ItemT, OutputT] | None:
        """Takes a model's reply."""
        self._attempts += reply.attempts
        self._latency_ms += reply.latency_ms
        self._tokens = Tokens(
            self._tokens.given + reply.tokens_in,
            self._tokens.cached + reply.tokens_cached,
            self._tokens.made + reply.tokens_out,
        )
        if reply.refusal is not None or reply.finish_reason == "content_filter":
            return self._failed("The model declined to answer", transient=False)
        self._replies.append(
            Reply(
                request_hash=self.hash,
                model=self._maker,
                reply=reply.content,
                finish_reason=reply.finish_reason,
                tokens_in=reply.tokens_in,
                tokens_cached=reply.tokens_cached,
                tokens_out=reply.tokens_out,
                created_at=self._now(),
            )
        )
        return self._read(reply.content, reply.finish_reason)

    def recalled(self, reply: Reply) -> Made[ItemT, OutputT] | None:
        """Takes a reply that was kept: it costs nothing."""
        return self._read(reply.reply, reply.finish_reason)

    def unanswered(self, outcome: Unanswered) -> Made[ItemT, OutputT]:
        self._attempts += outcome.attempts
        self._latency_ms += outcome.latency_ms
        return self._failed(outcome.reason, outcome.transient)

    def _ask(self, request: Request) -> None:
        self._request = request
        self.body = request_body(self._model, request)
        self.hash = request_hash(self.body, self._served_by)

    def _read(self, content: str, finish_reason: str) -> Made[ItemT, OutputT] | None:
        if finish_reason == "length":
            longer = self._request.model_copy(update={"max_tokens": self._request.max_tokens * 2})
            return self._repair(longer, f"The reply was cut off at {self._request.max_tokens} tokens")
        try:
            output = self._agent.parse(self.item, content)
        except (InvalidReply, ValidationError) as error:
            complaint = str(error) if isinstance(error, InvalidReply) else _complaint(error)
            ask = f"{complaint}\nReply again, with a JSON object that fits the schema and nothing else."
            added = (Message(role="assistant", content=content), Message(role="user", content=f"Unusable: {ask}"))
            return self._repair(
                self._request.model_copy(update={"messages": (*self._request.messages, *added)}),
                f"The reply holds no valid output: {_short(complaint)}",
            )
        except Exception as error:
            return self._failed(unexpected(self._agent.name, "read the reply", error), transient=False)
        return self._made(output, "repaired" if self._repaired else "ok")

    def _repair(self, request: Request, reason: str) -> Made[ItemT, OutputT] | None:
        if self._repairs_left == 0:
            return self._failed(f"{reason}, after {self._attempts} attempts", transient=False)
        self._repairs_left -= 1
        self._repaired = True
        try:
            self._ask(request)
        except (ValueError, TypeError):
            return self._failed(reason, transient=False)
        return None

    def _failed(self, reason: str, transient: bool) -> Made[ItemT, OutputT]:
        failure = Failure(
            reason=reason.rstrip(".") + ".",
            transient=transient,
            attempts=self._attempts,
            tokens_in=self._tokens.given,
            tokens_out=self._tokens.made,
        )
        self._replies.clear()
        return self._made(failure, "failed", failure.reason)

    def _made(self, output: OutputT | Failure, outcome: Outcome, reason: str | None = None) -> Made[ItemT, OutputT]:
        call = None
        if self._attempts:
            call = ModelCall(
                call_id=uuid.uuid4().hex,
                agent=self._agent.name,
                agent_version=self._agent.version,
                key=self._agent.key(self.item),
                model=self._maker,
                outcome=outcome,
                reason=reason,
                tokens_in=self._tokens.given,
                tokens_cached=self._tokens.cached,
                tokens_out=self._tokens.made,
                latency_ms=round(self._latency_ms, 3),
                attempts=self._attempts,
                called_at=self._called_at,
            )
        return Made(self.item, output, self._tokens, self._latency_ms, self._attempts, call, tuple(self._replies))


def unexpected(agent: str, doing: str, error: Exception) -> str:
    """One sentence about an exception that nobody meant to raise: its type and place, never its text, which may hold
    the item.
    """
    if isinstance(error, SoloistError):
        return scrub(str(error))
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"The agent {agent} could not {doing}: {type(error).__name__}{place}."


def _complaint(error: ValidationError) -> str:
    """What does not fit, without repeating the values."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'reply'}: {each['msg']}" for each in problems[:8])


def _short(text: str) -> str:
    line = " ".join(scrub(text).split())
    return line if len(line) <= 200 else line[:199] + "…"
