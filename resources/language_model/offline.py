"""vLLM in this process: for offline batches on a machine whose GPU nobody else needs meanwhile.

What belongs here: the backend and the transport round `vllm.LLM`. vLLM is an extra (`gpu`) and imported only where it is to work; loading
a model takes minutes, and one process keeps one.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from resources.language_model.backend import UNKNOWN, Served
from resources.language_model.endpoint import EndpointError
from resources.language_model.prompting import CONTEXT
from resources.language_model.transport import Answered, Ask, Outcome, Transport, Unanswered

if TYPE_CHECKING:
    from resources.language_model.configuration import LanguageModelConfig

PLACE = "this process"


class OfflineBackend:
    """A model that vLLM loads into this process."""

    def __init__(self, config: LanguageModelConfig) -> None:
        if config.model is None:
            raise EndpointError("SOLOIST_MODEL_BACKEND is vllm, but SOLOIST_MODEL does not name a model; set it.")
        self._config = config
        self._model = config.model

    @property
    def served(self) -> Served:
        return Served(self._model, self._config.revision or UNKNOWN, PLACE)

    @property
    def context(self) -> int:
        return self._config.context or CONTEXT

    def require_ready(self) -> None:
        if not _is_installed():
            raise EndpointError(
                "SOLOIST_MODEL_BACKEND is vllm, but vLLM is not installed here; install the extra `gpu`, or set SOLOIST_MODEL_URL."
            )

    def examine(self) -> str:
        self.require_ready()
        return f"{self.served.maker} by vLLM in {PLACE}; {self.context:,} tokens of context, {self._config.max_in_flight} requests at once"

    def transport(self, expected: int) -> Transport:
        self.require_ready()
        config = self._config
        arguments = {
            "revision": config.revision,
            "max_model_len": self.context,
            "max_num_seqs": config.max_in_flight,
            **config.engine,
        }
        try:
            engine = _engine(self._model, orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS))
        except Exception as error:  # vLLM lets through whatever the model, the driver or the memory throws
            raise EndpointError(
                f"vLLM cannot load {self._model!r} ({_first_line(error)}); check SOLOIST_MODEL, SOLOIST_MODEL_CONTEXT and SOLOIST_MODEL_ENGINE."
            ) from error
        return OfflineTransport(engine)


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec("vllm") is not None
    except ValueError:  # it is known to be missing
        return False


@lru_cache(maxsize=1)
def _engine(model: str, arguments: bytes) -> Any:
    # What vLLM logs would stand on standard output, among what was asked for.
    os.environ.setdefault("VLLM_CONFIGURE_LOGGING", "0")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    import vllm

    return vllm.LLM(
        model,
        enable_prefix_caching=True,
        structured_outputs_config={"backend": "guidance", "disable_any_whitespace": True},
        **orjson.loads(arguments),
    )


@dataclass
class OfflineTransport:
    """Hands requests to the engine and steps it until one is done; `engine` is a `vllm.LLM`."""

    engine: Any
    _under_way: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    """The number that the engine gives a request, to its whole name there, its ticket, and when it was handed over."""
    _refused: list[Outcome] = field(default_factory=list)

    def send(self, asks: Sequence[Ask]) -> None:
        from vllm.exceptions import VLLMClientError

        for ask in asks:
            body = orjson.loads(ask.body)
            try:
                (name,) = self.engine.enqueue_chat(body["messages"], _sampling(body), use_tqdm=False)
            except (ValueError, VLLMClientError) as error:  # too long, or a schema that the engine cannot hold to
                reason = f"vLLM refuses the request: {_first_line(error)}"
                self._refused.append(Unanswered(ask.ticket, reason, transient=False, attempts=1, latency_ms=0.0))
            else:
                self._under_way[name.partition("-")[0]] = (name, ask.ticket, time.monotonic())

    def receive(self, timeout_s: float | None = None) -> Sequence[Outcome]:
        until = None if timeout_s is None else time.monotonic() + timeout_s
        outcomes, self._refused = self._refused, []
        while not outcomes and self._under_way and (until is None or time.monotonic() < until):
            outcomes = [self._outcome(each) for each in self.engine.llm_engine.step() if each.finished]
        return outcomes

    def close(self) -> None:
        if self._under_way:
            self.engine.llm_engine.abort_request([name for name, _, _ in self._under_way.values()], internal=True)
            self._under_way.clear()

    def _outcome(self, finished: Any) -> Outcome:
        _, ticket, begun = self._under_way.pop(finished.request_id)
        latency_ms = (time.monotonic() - begun) * 1000
        (said,) = finished.outputs
        return Answered(
            ticket,
            content=said.text,
            finish_reason=said.finish_reason or "",
            refusal=None,
            tokens_in=len(finished.prompt_token_ids or ()),
            tokens_cached=finished.num_cached_tokens or 0,
            tokens_out=len(said.token_ids),
            attempts=1,
            latency_ms=latency_ms,
        )


def _sampling(body: Mapping[str, Any]) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    schema = body["response_format"]["json_schema"]["schema"]
    return SamplingParams(
        temperature=body["temperature"],
        max_tokens=body["max_tokens"],
        structured_outputs=StructuredOutputsParams(json=schema),
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
