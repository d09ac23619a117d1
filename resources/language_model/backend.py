"""What answers: the seam between `LanguageModel` and the ways to a model.

What belongs here: the protocol, and the backend that there is, an OpenAI-compatible endpoint. Which one serves is chosen in `runner.py`;
no agent and no asset knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from resources.language_model.chat import ChatTerms, ChatTransport
from resources.language_model.chat_process import ProcessTransport
from resources.language_model.endpoint import Endpoint, EndpointError, ServedModel, require_answer, served_models
from resources.language_model.prompting import CONTEXT
from resources.language_model.transport import Transport

if TYPE_CHECKING:
    from resources.language_model.configuration import LanguageModelConfig

UNKNOWN = "unknown"
MANY = 5000
"""Items from which on it pays to start a process for their requests."""


@dataclass(frozen=True)
class Served:
    """Which model answers. `place` is what tells two servers of an unknown revision apart."""

    model: str
    revision: str
    place: str

    @property
    def maker(self) -> str:
        return f"{self.model}@{self.revision}"

    @property
    def served_by(self) -> str:
        """What the hash of a question holds besides its body."""
        return self.place if self.revision == UNKNOWN else self.revision


class Backend(Protocol):
    """One way to a model. All methods raise SoloistError of one sentence, naming the setting to change."""

    @property
    def served(self) -> Served: ...

    @property
    def context(self) -> int:
        """Tokens that the model takes, question and answer together."""
        ...

    def require_ready(self) -> None:
        """Raises EndpointError where nobody would answer: a run would only wait for it."""
        ...

    def examine(self) -> str:
        """Who answers where, and how much at once. Raises EndpointError where it does not work."""
        ...

    def transport(self, expected: int) -> Transport:
        """What carries the requests of a run over so many items, as far as that is known."""
        ...


class EndpointBackend:
    """An OpenAI-compatible endpoint: vLLM, OpenAI, Azure OpenAI, or any other."""

    def __init__(self, config: LanguageModelConfig) -> None:
        self._config = config
        assert config.base_url is not None
        self._endpoint = Endpoint(config.base_url, config.key, config.api_version, config.model)

    @cached_property
    def served(self) -> Served:
        """Settled once, so that all rows of a run name the same maker. Asks the endpoint only for what the configuration leaves open."""
        config = self._config
        model, revision = config.model, config.revision
        if model is None or revision is None:
            model = model or _only_model(self._listed, self._endpoint.address)
            revision = revision or next((each.revision for each in self._listed or () if each.name == model), None)
        return Served(model, revision or UNKNOWN, self._endpoint.address)

    @property
    def context(self) -> int:
        return self._config.context or (self._card.context if self._card else None) or CONTEXT

    def require_ready(self) -> None:
        require_answer(self._endpoint)

    def examine(self) -> str:
        listed, served = self._listed, self.served
        where = f"{served.maker} at {served.place}"
        if listed is None:
            raise EndpointError(f"{where} does not list its models; check that it runs, its address and its key.")
        if listed and self._card is None:
            raise EndpointError(
                f"{served.place} does not serve {served.model!r}; set SOLOIST_MODEL to one of: "
                f"{', '.join(each.name for each in listed[:5])}."
            )
        by = "vLLM, " if self._by_vllm else ""
        return f"{where}; {by}{self.context:,} tokens of context, {self._config.max_in_flight} requests at once"

    def transport(self, expected: int) -> Transport:
        config = self._config
        terms = ChatTerms(
            Endpoint(self._endpoint.base_url, config.key, config.api_version, self.served.model),
            config.max_in_flight,
            config.timeout_s,
            config.time_budget_s,
            self._extra,
        )
        return ChatTransport(terms) if expected < MANY else ProcessTransport(terms)

    def _extra(self) -> bytes:
        """For vLLM alone: others refuse what they do not know."""
        return b',"priority":%d' % self._config.priority if self._by_vllm else b""

    @property
    def _by_vllm(self) -> bool:
        return self._card is not None and self._card.by_vllm

    @cached_property
    def _listed(self) -> list[ServedModel] | None:
        return served_models(self._endpoint)

    @property
    def _card(self) -> ServedModel | None:
        """What the endpoint says of the model; None where it says nothing."""
        name = self._config.model
        return next((each for each in self._listed or () if name is None or each.name == name), None)


def _only_model(served: Sequence[ServedModel] | None, address: str) -> str:
    if served is None:
        raise EndpointError(
            f"The model endpoint {address} does not say which models it serves; start it, or set SOLOIST_MODEL."
        )
    if len(served) != 1:
        names = ", ".join(each.name for each in served[:5]) or "none"
        raise EndpointError(
            f"The model endpoint {address} serves several models or none ({names}); set SOLOIST_MODEL to one of them."
        )
    return served[0].name
