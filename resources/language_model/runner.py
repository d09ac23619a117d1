"""Running agents: the one place where items meet a model, or no model.

What belongs here: `LanguageModel`, which feeds conversations to a transport in bounded memory and hands back what was
made. It knows neither Dagster nor the warehouse. Everything of the caller's (items, agent, cache) is used in the
caller's thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from resources import clock
from resources.language_model.agent import Agent, Failure
from resources.language_model.chat import ChatTransport
from resources.language_model.conversation import Conversation, Made, unexpected
from resources.language_model.endpoint import (
    EndpointError,
    ServedModel,
    check_base_url,
    public_url,
    require_answer,
    served_models,
)
from resources.language_model.extractive import EXTRACTIVE, extracted
from resources.language_model.feeding import Feed
from resources.language_model.grouping import Tick, groups
from resources.language_model.replies import ReplyCache
from resources.language_model.transport import Transport
from resources.scrubbing import remember_secrets

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT", bound=BaseModel)

UNKNOWN = "unknown"
GROUP_SIZE = 2000
GROUP_SECONDS = 1.0


class LanguageModelConfig(BaseModel):
    """Which model answers, and how hard it may be asked. Without `base_url` no model does: agents extract."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    base_url: str | None = None
    """Such as `http://127.0.0.1:8000/v1`."""
    model: str | None = None
    """The name under which the endpoint serves the model. None: the only one that it lists."""
    revision: str | None = None
    """What tells two states of an equally named model apart. None: what the endpoint reports."""
    api_key: SecretStr | None = None
    max_in_flight: int = Field(default=64, ge=1)
    timeout_s: float = Field(default=120.0, gt=0)
    """For one HTTP request, from connecting to the last byte."""
    time_budget_s: float = Field(default=900.0, gt=0)
    """For one item's request with its retries; its repair has the same again."""
    max_repairs: int = Field(default=1, ge=0)

    @field_validator("base_url", "model", "revision", mode="after")
    @classmethod
    def _blank_is_unset(cls, value: str | None) -> str | None:
        return (value or "").strip() or None


class LanguageModel:
    """Runs agents over items: with the model of an OpenAI-compatible endpoint, or extractively where none is
    configured.

    `replies` is asked before the model is and gets what the model said. `transport` makes the connection of one run;
    the default speaks HTTP. One object may serve many runs, one after another or in several threads.
    """

    def __init__(
        self,
        config: LanguageModelConfig,
        replies: ReplyCache | None = None,
        transport: Callable[[], Transport] | None = None,
    ) -> None:
        self.config = config
        self._replies = replies
        self._connect = transport or self._chat
        self._identity: tuple[str, str] | None = None
        if config.base_url:
            check_base_url(config.base_url)
        if config.api_key:
            remember_secrets([config.api_key.get_secret_value()])

    @property
    def maker(self) -> str:
        """`extractive`, or model@revision; the revision is `unknown` where neither the configuration nor the endpoint
        tells it.

        Asks the endpoint once, and only for what the configuration leaves open. Raises EndpointError where it leaves
        the model open and the endpoint does not list exactly one.
        """
        return "@".join(self._model_and_revision()) if self.config.base_url else EXTRACTIVE

    def require_answer(self) -> None:
        """Raises EndpointError where a model is configured and its endpoint does not answer at all: a run would only wait for it until
        its time budget is spent."""
        if self.config.base_url:
            require_answer(self.config.base_url, self._api_key)

    def run(self, agent: Agent[ItemT, OutputT], items: Iterable[ItemT]) -> Generator[tuple[ItemT, OutputT | Failure]]:
        """Each item with its output, as replies arrive (extractively: in order). See `derived`."""
        with closing(self._recorded(agent, items)) as made:
            for each in made:
                yield each.item, each.output

    def derived(self, agent: Agent[ItemT, OutputT], items: Iterable[ItemT]) -> Generator[Made[ItemT, OutputT]]:
        """What was made of each item, and what it cost, as replies arrive.

        Items are pulled as they are needed: at most four times `max_in_flight` are between `items` and the caller. An
        item that no output can be made for yields a Failure. Raises EndpointError where the endpoint's configuration
        turns out to be wrong before anything was answered. Closing the generator, or leaving it by an exception, drops
        what is in flight.
        """
        return self._recorded(agent, items)

    def derived_groups(
        self,
        agent: Agent[ItemT, OutputT],
        items: Iterable[ItemT],
        size: int = GROUP_SIZE,
        seconds: float = GROUP_SECONDS,
    ) -> Generator[list[Made[ItemT, OutputT]]]:
        """`derived` in lists to be committed together: of up to `size`, and none waiting longer than `seconds` for more
        to arrive.

        The replies that a list rests on are put into the cache just before it is yielded.
        """
        with closing(groups(self._stream(agent, items, seconds / 4), size, seconds)) as grouped:
            for group in grouped:
                self._keep(group)
                yield group

    def _recorded(self, agent: Agent[ItemT, OutputT], items: Iterable[ItemT]) -> Generator[Made[ItemT, OutputT]]:
        """The stream without ticks. Its replies are kept in groups, the last of them when the caller stops."""
        unkept: list[Made[ItemT, OutputT]] = []
        kept_at = time.monotonic()
        try:
            with closing(self._stream(agent, items, None)) as stream:
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
        self, agent: Agent[ItemT, OutputT], items: Iterable[ItemT], tick_s: float | None
    ) -> Generator[Made[ItemT, OutputT] | Tick]:
        if not self.config.base_url:
            yield from extracted(agent, items)
            return
        model, revision = self._model_and_revision()
        served_by = public_url(self.config.base_url) if revision == UNKNOWN else revision

        def begin(item: ItemT) -> Conversation[ItemT, OutputT] | Failure:
            try:
                return Conversation(
                    agent,
                    item,
                    model=model,
                    revision=revision,
                    served_by=served_by,
                    max_repairs=self.config.max_repairs,
                    now=clock.now,
                )
            except Exception as error:
                return Failure(reason=unexpected(agent.name, "make a request", error), transient=False, attempts=0)

        feed = Feed(items, begin, self._connect(), self._replies, self.config.max_in_flight)
        yield from feed.stream(tick_s)

    def _keep(self, group: Sequence[Made[ItemT, OutputT]]) -> None:
        replies = {reply.request_hash: reply for made in group for reply in made.replies}
        if self._replies is not None and replies:
            self._replies.put_many(list(replies.values()))

    def _chat(self) -> Transport:
        assert self.config.base_url is not None
        return ChatTransport(
            self.config.base_url,
            self._api_key,
            max_in_flight=self.config.max_in_flight,
            timeout_s=self.config.timeout_s,
            time_budget_s=self.config.time_budget_s,
        )

    @property
    def _api_key(self) -> str | None:
        return self.config.api_key.get_secret_value() if self.config.api_key else None

    def _model_and_revision(self) -> tuple[str, str]:
        """Settled once, so that all rows of a run name the same maker."""
        if self._identity is None:
            assert self.config.base_url is not None
            model, revision = self.config.model, self.config.revision
            if model is None or revision is None:
                served = served_models(self.config.base_url, self._api_key)
                model = model or _only_model(served, public_url(self.config.base_url))
                revision = revision or next((each.revision for each in served or () if each.name == model), None)
            self._identity = (model, revision or UNKNOWN)
        return self._identity


def _only_model(served: Sequence[ServedModel] | None, address: str) -> str:
    if served is None:
        raise EndpointError(
            f"The model endpoint {address} does not say which models it serves; start it, or name the model."
        )
    if len(served) != 1:
        names = ", ".join(each.name for each in served[:5]) or "none"
        raise EndpointError(
            f"The model endpoint {address} serves several models or none ({names}); name one in the settings."
        )
    return served[0].name
