"""Running agents: the one place where items meet a model, or no model.

What belongs here: `LanguageModel`, which feeds conversations to a transport in bounded memory and hands back what was
made. It knows neither Dagster nor the warehouse. Everything of the caller's (items, agent, cache) is used in the
caller's thread only.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from resources import clock
from resources.language_model.agent import Agent, Failure
from resources.language_model.backend import Backend, EndpointBackend
from resources.language_model.batches import BatchBackend, BatchLedger
from resources.language_model.configuration import URGENT, LanguageModelConfig
from resources.language_model.conversation import Conversation, Made, Terms, unexpected
from resources.language_model.endpoint import EndpointError
from resources.language_model.extractive import EXTRACTIVE, extracted
from resources.language_model.feeding import WINDOW, Feed
from resources.language_model.grouping import Tick, groups
from resources.language_model.offline import OfflineBackend
from resources.language_model.prompting import CONTEXT
from resources.language_model.replies import Questions, ReplyCache
from resources.processes import collect_seldom
from resources.scrubbing import remember_secrets

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT", bound=BaseModel)

GROUP_SIZE = 2000
"""Answers, besides those to requests in flight, that a killed run asks for again at most."""
GROUP_SECONDS = 1.0


class LanguageModel:
    """Runs agents over items: with the model of a backend, or extractively where none is configured.

    `replies` is asked before the model is and gets what the model said; `ledger` is needed to run agents where the model is
    asked in batch files. One object may serve many runs, one after another or in several threads.
    """

    def __init__(
        self, config: LanguageModelConfig, replies: ReplyCache | None = None, ledger: BatchLedger | None = None
    ) -> None:
        self.config = config
        self._replies = replies
        self._backend = chosen_backend(config, ledger)
        if config.key:
            remember_secrets([config.key])

    @property
    def maker(self) -> str:
        """`extractive`, or model@revision; the revision is `unknown` where neither the configuration nor the endpoint
        tells it.

        Asks the endpoint once, and only for what the configuration leaves open. Raises EndpointError where it leaves
        the model open and the endpoint does not list exactly one.
        """
        return self._backend.served.maker if self._backend else EXTRACTIVE

    def urgent(self) -> LanguageModel:
        """The same model for a few items that somebody waits for: vLLM takes them up before whatever is asked in bulk, by this process or
        another. Elsewhere they are asked like all others, but never in a batch file."""
        way = "endpoint" if self.config.way == "batch" else self.config.backend
        return LanguageModel(self.config.model_copy(update={"priority": URGENT, "backend": way}), self._replies)

    @property
    def context(self) -> int:
        """Tokens that the model takes, question and answer together."""
        return self._backend.context if self._backend else CONTEXT

    def require_ready(self) -> None:
        """Raises EndpointError where a model is configured and nobody would answer: a run would only wait for it until
        its time budget is spent."""
        if self._backend:
            self._backend.require_ready()

    def examine(self) -> str:
        """Who answers where. Raises EndpointError where the backend does not work."""
        return self._backend.examine() if self._backend else "agents work by their own rules"

    def run(self, agent: Agent[ItemT, OutputT], items: Iterable[ItemT]) -> Generator[tuple[ItemT, OutputT | Failure]]:
        """Each item with its output, as replies arrive (extractively: in order). See `derived`."""
        with closing(self._recorded(agent, items)) as made:
            for each in made:
                yield each.item, each.output

    def derived(self, agent: Agent[ItemT, OutputT], items: Iterable[ItemT]) -> Generator[Made[ItemT, OutputT]]:
        """What was made of each item, and what it cost, as replies arrive.

        Items are pulled as they are needed: at most four times `max_in_flight` are between `items` and the caller. An
        item that no output can be made for yields a Failure. Raises EndpointError where the endpoint's configuration
        turns out to be wrong before anything was answered, or where it is gone. Closing the generator, or leaving it by an
        exception, drops what is in flight.
        """
        return self._recorded(agent, items)

    def derived_groups(
        self,
        agent: Agent[ItemT, OutputT],
        items: Iterable[ItemT],
        size: int | None = None,
        seconds: float = GROUP_SECONDS,
        expected: int = 0,
    ) -> Generator[list[Made[ItemT, OutputT]]]:
        """`derived` in lists to be committed together: of up to `size` (default: GROUP_SIZE, less what may be answered while a list is
        committed), and none waiting longer than `seconds` for more
        to arrive. Where the endpoint turns out to be gone, what was made comes as a last list before the error.

        The replies that a list rests on are put into the cache just before it is yielded. About `expected` items
        will come: it decides whether starting a process for their requests pays.
        """
        size = size or max(GROUP_SIZE // 2, GROUP_SIZE - (WINDOW - 1) * self.config.max_in_flight)
        with closing(groups(self._stream(agent, items, seconds / 4, expected), size, seconds)) as grouped:
            for group in grouped:
                self._keep(group)
                yield group

    def _recorded(self, agent: Agent[ItemT, OutputT], items: Iterable[ItemT]) -> Generator[Made[ItemT, OutputT]]:
        """The stream without ticks. Its replies are kept in groups, the last of them when the caller stops."""
        unkept: list[Made[ItemT, OutputT]] = []
        kept_at = time.monotonic()
        try:
            with closing(self._stream(agent, items, None, 0)) as stream:
                for made in stream:
                    if isinstance(made, Tick):
                        continue
                    if made.replies:
                        unkept.append(made)
                    if len(unkept) >= GROUP_SIZE or time.monotonic() - kept_at >= GROUP_SECONDS:
                        self._keep(unkept)
                        unkept, kept_at = [], time.monotonic()
                    yield made
        finally:
            self._keep(unkept)

    def _stream(
        self, agent: Agent[ItemT, OutputT], items: Iterable[ItemT], tick_s: float | None, expected: int
    ) -> Generator[Made[ItemT, OutputT] | Tick]:
        if not self._backend:
            yield from extracted(agent, items)
            return
        served = self._backend.served
        terms = Terms(Questions(served.model, served.served_by), served.maker, self.config.max_repairs)

        def begin(item: ItemT, now: datetime) -> Conversation[ItemT, OutputT] | Failure:
            try:
                return Conversation(agent, item, terms, now)
            except Exception as error:
                return Failure(reason=unexpected(agent.name, "make a request", error), transient=False, attempts=0)

        collect_seldom()
        transport = self._backend.transport(expected)
        feed = Feed(items, begin, transport, self._replies, self.config.max_in_flight, clock.now)
        yield from feed.stream(tick_s)

    def _keep(self, group: Sequence[Made[ItemT, OutputT]]) -> None:
        if self._replies is None:
            return
        replies = {reply.request_hash: reply for made in group for reply in made.replies}
        if replies:
            self._replies.put_many(list(replies.values()))


def chosen_backend(config: LanguageModelConfig, ledger: BatchLedger | None = None) -> Backend | None:
    """What the configuration names; None where agents are to extract. Raises EndpointError where it names what cannot be."""
    if config.way == "extractive":
        return None
    if config.way == "vllm":
        return OfflineBackend(config)
    if config.base_url is None:
        raise EndpointError(
            f"SOLOIST_MODEL_BACKEND is {config.way}, but SOLOIST_MODEL_URL does not say where the endpoint is; set it."
        )
    if config.way == "batch":
        return BatchBackend(config, ledger)
    return EndpointBackend(config)
