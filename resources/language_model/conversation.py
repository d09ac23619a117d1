"""One item's way from its request to its output: what a reply means, and what is asked next.

What belongs here: the rules of repair and failure, as a state machine without I/O, so that every transport is treated
alike.
"""

from __future__ import annotations

import itertools
import traceback
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePath
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from resources.errors import SoloistError
from resources.language_model.agent import Agent, Failure, InvalidReply, Message, Request
from resources.language_model.records import ModelCall, Outcome, Reply
from resources.language_model.replies import Questions
from resources.language_model.transport import Answered, Unanswered
from resources.scrubbing import scrub

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT", bound=BaseModel)

LONGEST_ANSWER_GROWTH = 2
"""A reply that was cut off is asked for once more with so many times the tokens."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of an item over all its replies; `cached` are those of `given` that the server had in its prefix cache."""

    given: int = 0
    cached: int = 0
    made: int = 0


NO_TOKENS = Tokens()


@dataclass(slots=True)
class Made(Generic[ItemT, OutputT]):
    """What came of one item. `call` is None, and the figures are zero, where no model was called for it.

    `replies` are the new replies that `output` rests on, for whoever keeps them together with the row; a Failure has
    none, so that asking again really asks. `recalled`: it rests on kept replies alone.
    """

    item: ItemT
    output: OutputT | Failure
    tokens: Tokens = NO_TOKENS
    latency_ms: float = 0.0
    attempts: int = 0
    call: ModelCall | None = None
    replies: tuple[Reply, ...] = ()
    recalled: bool = False


@dataclass(frozen=True)
class Terms:
    """What is the same in all conversations of one run: who is asked, as what that is noted, and how much patience there is."""

    questions: Questions
    maker: str
    """model@revision"""
    max_repairs: int
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    numbers: itertools.count[int] = field(default_factory=itertools.count)


class Conversation(Generic[ItemT, OutputT]):
    """The request of one item and, if need be, its repair.

    `body` and `hash` are of the question to be asked next. `answered`, `recalled` and `unanswered` give back what was
    made, or None where there is another request to send. Texts of failures never hold the prompt or the reply, only
    what agents say of them.
    """

    __slots__ = (
        "_agent",
        "_attempts",
        "_called_at",
        "_latency_ms",
        "_repairs_left",
        "_replies",
        "_request",
        "_terms",
        "_tokens",
        "body",
        "hash",
        "item",
    )

    def __init__(self, agent: Agent[ItemT, OutputT], item: ItemT, terms: Terms, called_at: datetime) -> None:
        self.item = item
        self._agent = agent
        self._terms = terms
        self._called_at = called_at
        self._repairs_left = terms.max_repairs
        self._tokens = NO_TOKENS
        self._latency_ms = 0.0
        self._attempts = 0
        self._replies: tuple[Reply, ...] = ()
        self._ask(agent.request(item))

    @property
    def subject(self) -> tuple[str, str, str]:
        """Who asks, in which version, and the key of the item."""
        return self._agent.name, self._agent.version, self._agent.key(self.item)

    def answered(self, reply: Answered, at: datetime) -> Made[ItemT, OutputT] | None:
        """Takes a model's reply, which came at that instant."""
        self._attempts += reply.attempts
        self._latency_ms += reply.latency_ms
        known = self._tokens
        self._tokens = Tokens(
            known.given + reply.tokens_in, known.cached + reply.tokens_cached, known.made + reply.tokens_out
        )
        if reply.refusal is not None or reply.finish_reason == "content_filter":
            return self._failed("The model declined to answer", transient=False)
        kept = Reply.trusted(
            {
                "request_hash": self.hash,
                "model": self._terms.maker,
                "reply": reply.content,
                "finish_reason": reply.finish_reason,
                "tokens_in": reply.tokens_in,
                "tokens_cached": reply.tokens_cached,
                "tokens_out": reply.tokens_out,
                "created_at": at,
            }
        )
        self._replies = (*self._replies, kept)
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
        self.body, self.hash = self._terms.questions.of(request)

    def _read(self, content: str, finish_reason: str) -> Made[ItemT, OutputT] | None:
        if finish_reason == "length":
            tokens = self._request.max_tokens
            longer = replace(self._request, max_tokens=tokens * LONGEST_ANSWER_GROWTH)
            return self._repair(
                longer, f"The reply was cut off at {tokens} tokens, which a model that works does not need"
            )
        try:
            output = self._agent.parse(self.item, content)
        except (InvalidReply, ValidationError) as error:
            complaint = str(error) if isinstance(error, InvalidReply) else _complaint(error)
            ask = f"{complaint}\nReply again, with a JSON object that fits the schema and nothing else."
            added = (Message(role="assistant", content=content), Message(role="user", content=f"Unusable: {ask}"))
            again = replace(self._request, messages=(*self._request.messages, *added))
            return self._repair(again, f"The reply holds no valid output: {_short(complaint)}")
        except Exception as error:
            return self._failed(unexpected(self._agent.name, "read the reply", error), transient=False)
        return self._made(output, "ok" if self._repairs_left == self._terms.max_repairs else "repaired")

    def _repair(self, request: Request, reason: str) -> Made[ItemT, OutputT] | None:
        if self._repairs_left == 0:
            return self._failed(f"{reason}, after {self._attempts} attempts", transient=False)
        self._repairs_left -= 1
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
        self._replies = ()
        return self._made(failure, "failed", failure.reason)

    def _made(self, output: OutputT | Failure, outcome: Outcome, reason: str | None = None) -> Made[ItemT, OutputT]:
        if not self._attempts:
            return Made(self.item, output, recalled=reason is None)
        terms, tokens = self._terms, self._tokens
        call = ModelCall.trusted(
            {
                "call_id": f"{terms.run_id}-{next(terms.numbers)}",
                "agent": self._agent.name,
                "agent_version": self._agent.version,
                "key": self._agent.key(self.item),
                "model": terms.maker,
                "outcome": outcome,
                "reason": reason,
                "tokens_in": tokens.given,
                "tokens_cached": tokens.cached,
                "tokens_out": tokens.made,
                "latency_ms": round(self._latency_ms, 3),
                "attempts": self._attempts,
                "called_at": self._called_at,
            }
        )
        return Made(self.item, output, tokens, self._latency_ms, self._attempts, call, self._replies)


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
