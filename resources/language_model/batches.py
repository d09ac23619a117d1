"""The batch file of OpenAI: questions are put in a queue, sent in files, and answered within a day, at half the price.

A run asks nobody: it queues what no kept reply answers, and the items wait, as failures that the next run tries again. `Batches` sends
what is queued and fetches what was answered, under the hash of the question, so that the next run finds the replies among those that are
kept. The queue is the caller's (`BatchLedger`) and survives a kill at any moment: a file that may have been sent is looked for at the
endpoint before it is sent again.
"""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import orjson

from resources.language_model.backend import EndpointBackend
from resources.language_model.chat import read_completion
from resources.language_model.endpoint import Endpoint, EndpointError, read_error
from resources.language_model.records import ModelCall, Reply
from resources.language_model.transport import Ask, Outcome, Transport, Unanswered
from resources.rows import Row
from resources.scrubbing import scrub

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import Batch

    from resources.language_model.configuration import LanguageModelConfig

MOST_LINES = 10_000
MOST_BYTES = 90 << 20
"""Of one file. OpenAI takes 50,000 lines and 200 MB; files of this size are checked and answered sooner."""
MARK = "soloist"
"""The key in a batch's metadata under which our name for it stands."""
WAITS = "The question waits in a batch file; the next run finds its answer"
TIMEOUT_S = 120.0
RETRIES = 2
_OVER = frozenset({"completed", "failed", "expired", "cancelled"})
_LATER = frozenset({"token_limit_exceeded", "batch_expired", "batch_cancelled", "rate_limit_exceeded"})
"""Codes of errors that another try may not meet."""

State = Literal["sending", "sent", "settled"]


class BatchedQuestion(Row):
    """A question that waits for its answer: `batch` is "" until it is put in a file. `reason`: why the endpoint will not answer it."""

    request_hash: str
    model: str
    """The maker: model@revision."""
    body: str
    """The JSON body of a chat completion."""
    agent: str
    agent_version: str
    key: str
    batch: str = ""
    reason: str | None = None


class ModelBatch(Row):
    """One file of questions. `key` is our name for it, `remote_id` the endpoint's, once it is known."""

    key: str
    model: str
    state: State
    remote_id: str | None = None
    status: str = ""
    """What the endpoint last said of it."""
    questions: int
    answered: int = 0
    refused: int = 0
    created_at: datetime
    settled_at: datetime | None = None


class BatchLedger(Protocol):
    """Where questions and files are kept. Every method is one transaction."""

    def queue(self, questions: Sequence[BatchedQuestion]) -> Mapping[str, str]:
        """Takes questions that it does not have. Gives back, and forgets, those of them that were refused, with the reason."""
        ...

    def claim(self, model: str, batch: ModelBatch, most_lines: int, most_bytes: int) -> int:
        """Puts questions that wait for `model` into the new `batch`; how many. Without any, the batch is not kept."""
        ...

    def questions_of(self, key: str) -> Sequence[BatchedQuestion]: ...

    def unsettled(self) -> Sequence[ModelBatch]:
        """The oldest first."""
        ...

    def update(self, batch: ModelBatch) -> None: ...

    def settle(
        self, batch: ModelBatch, replies: Sequence[Reply], calls: Sequence[ModelCall], refused: Mapping[str, str]
    ) -> None:
        """Keeps the replies and the calls, forgets their questions, notes why others are refused, and lets the rest of the batch wait again."""
        ...

    def waiting(self) -> int:
        """How many questions are in no file yet."""
        ...


@dataclass
class BatchTransport:
    """Queues what it is asked. Every outcome is that the item waits, or why it need not."""

    ledger: BatchLedger
    maker: str
    _outcomes: list[Outcome] = field(default_factory=list)

    def send(self, asks: Sequence[Ask]) -> None:
        refused = self.ledger.queue([_question(ask, self.maker) for ask in asks])
        for ask in asks:
            reason = refused.get(ask.hash)
            self._outcomes.append(
                Unanswered(ask.ticket, reason or WAITS, transient=reason is None, attempts=0, latency_ms=0.0)
            )

    def receive(self, timeout_s: float | None = None) -> Sequence[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def close(self) -> None:
        self._outcomes = []


class BatchBackend(EndpointBackend):
    """An OpenAI-compatible endpoint that is sent files."""

    def __init__(self, config: LanguageModelConfig, ledger: BatchLedger | None) -> None:
        if config.model is None:
            raise EndpointError("SOLOIST_MODEL_BACKEND is batch, but SOLOIST_MODEL does not name a model; set it.")
        super().__init__(config)
        self._ledger = ledger

    def require_ready(self) -> None:
        """Nothing: a run asks nobody."""

    def examine(self) -> str:
        waiting = f", {self._ledger.waiting():,} questions wait for one" if self._ledger else ""
        return f"{super().examine()}; asked in batch files{waiting}"

    def transport(self, expected: int) -> Transport:
        assert self._ledger is not None, "a run of a batch backend needs a ledger"
        return BatchTransport(self._ledger, self.served.maker)


@dataclass
class Progress:
    """What `Batches.advance` did: files sent and settled, and what came of the questions in the settled ones."""

    sent: int = 0
    settled: int = 0
    answered: int = 0
    refused: int = 0
    open: int = 0
    """Files that the endpoint works on."""


class Batches:
    """Sends and fetches files. `lock` is a file that keeps two processes from sending the same one."""

    def __init__(
        self, endpoint: Endpoint, maker: str, ledger: BatchLedger, lock: Path, now: Callable[[], datetime]
    ) -> None:
        self._endpoint = endpoint
        self._maker = maker
        self._ledger = ledger
        self._lock = lock
        self._now = now

    def advance(self, most_files: int = 4) -> Progress | None:
        """Fetches what was answered, and sends what waits, at most so many files; None where another process is at it. Raises EndpointError
        where the endpoint does not work; what was done before stays done."""
        progress = Progress()
        with self._lock.open("w") as lock, _sentences(self._endpoint):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            for batch in self._ledger.unsettled():
                self._follow(batch, progress)
            for _ in range(most_files):
                batch = ModelBatch(
                    key=uuid.uuid4().hex, model=self._maker, state="sending", questions=0, created_at=self._now()
                )
                count = self._ledger.claim(self._maker, batch, MOST_LINES, MOST_BYTES)
                if not count:
                    break
                self._send(batch.model_copy(update={"questions": count}))
                progress.sent += 1
                progress.open += 1
        return progress

    def _follow(self, batch: ModelBatch, progress: Progress) -> None:
        remote = self._found(batch)
        if remote is None:
            if batch.state == "sending":
                self._send(batch)
                progress.open += 1
            else:  # the endpoint has forgotten it: its questions wait again
                self._settle(batch, None, progress)
        elif remote.status in _OVER:
            self._settle(batch, remote, progress)
        else:
            progress.open += 1
            if (batch.remote_id, batch.status) != (remote.id, remote.status):
                self._ledger.update(
                    batch.model_copy(update={"state": "sent", "remote_id": remote.id, "status": remote.status})
                )

    def _found(self, batch: ModelBatch) -> Batch | None:
        """The batch as the endpoint knows it. One whose sending was cut off is known by its mark alone."""
        import openai

        if batch.remote_id is None:
            listed = self._client.batches.list()
            return next((each for each in listed if (each.metadata or {}).get(MARK) == batch.key), None)
        try:
            return self._client.batches.retrieve(batch.remote_id)
        except openai.NotFoundError:
            return None

    def _send(self, batch: ModelBatch) -> None:
        path = "/chat/completions" if self._endpoint.api_version else "/v1/chat/completions"
        lines = b"".join(
            b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}\n'
            % (each.request_hash.encode(), path.encode(), each.body.encode())
            for each in self._ledger.questions_of(batch.key)
        )
        file = self._client.files.create(file=(f"{batch.key}.jsonl", lines, "application/jsonl"), purpose="batch")
        # Tried once: the client would make a second batch where an answer was lost. The mark tells the next `advance`.
        remote = self._client.with_options(max_retries=0).batches.create(
            input_file_id=file.id,
            endpoint=path,  # type: ignore[arg-type]  # Azure OpenAI's has no version in it
            completion_window="24h",
            metadata={MARK: batch.key},
        )
        self._ledger.update(batch.model_copy(update={"state": "sent", "remote_id": remote.id, "status": remote.status}))

    def _settle(self, batch: ModelBatch, remote: Batch | None, progress: Progress) -> None:
        replies: dict[str, Reply] = {}
        refused: dict[str, str] = {}
        asked: dict[str, BatchedQuestion] = {}
        if remote is not None:
            asked = {each.request_hash: each for each in self._ledger.questions_of(batch.key)}
            for line in self._lines(remote):
                result = _read(line, batch.model, asked, self._now())
                if isinstance(result, Reply):
                    replies[result.request_hash] = result
                elif result is not None:
                    refused[result[0]] = result[1]
            if remote.status == "failed" and (reason := _why_failed(remote)):
                refused = dict.fromkeys(asked, reason)
        settled = batch.model_copy(
            update={
                "state": "settled",
                "remote_id": remote.id if remote else batch.remote_id,
                "status": remote.status if remote else "forgotten",
                "answered": len(replies),
                "refused": len(refused),
                "settled_at": self._now(),
            }
        )
        calls = [_call(asked[name], reply, batch) for name, reply in replies.items()]
        self._ledger.settle(settled, list(replies.values()), calls, refused)
        if remote is not None:
            self._remove_files(remote)
        progress.settled += 1
        progress.answered += len(replies)
        progress.refused += len(refused)

    def _lines(self, remote: Batch) -> Iterator[bytes]:
        for name in (remote.output_file_id, remote.error_file_id):
            if name:
                yield from self._client.files.content(name).content.splitlines()

    def _remove_files(self, remote: Batch) -> None:
        """Nobody needs them any more. Where that fails, they stay until the endpoint's own time for them is over."""
        import openai

        for name in (remote.input_file_id, remote.output_file_id, remote.error_file_id):
            if name:
                with suppress(openai.APIError):
                    self._client.with_options(max_retries=0).files.delete(name)

    @cached_property
    def _client(self) -> OpenAI:
        return sdk_client(self._endpoint)


def sdk_client(endpoint: Endpoint) -> OpenAI:
    """OpenAI's own client, for what the bulk transport does not speak: files and batches. Azure OpenAI where the endpoint says so."""
    import openai

    if endpoint.api_version:
        return openai.AzureOpenAI(
            azure_endpoint=endpoint.base_url,
            api_key=endpoint.api_key or "",
            api_version=endpoint.api_version,
            timeout=TIMEOUT_S,
            max_retries=RETRIES,
        )
    return openai.OpenAI(
        base_url=endpoint.base_url, api_key=endpoint.api_key or "none", timeout=TIMEOUT_S, max_retries=RETRIES
    )


@contextmanager
def _sentences(endpoint: Endpoint) -> Iterator[None]:
    """What the client throws, as one sentence that names the setting to change."""
    import openai

    try:
        yield
    except openai.APIConnectionError:  # a timeout is one too
        raise EndpointError(
            f"The model endpoint {endpoint.address} does not answer; start it, or mend SOLOIST_MODEL_URL. The questions are kept."
        ) from None
    except openai.NotFoundError:
        raise EndpointError(
            f"The model endpoint {endpoint.address} takes no batch files; set SOLOIST_MODEL_BACKEND to endpoint."
        ) from None
    except openai.APIStatusError as error:
        read = read_error(error.status_code, error.response.content, b"")
        raise EndpointError(
            read.configuration_sentence(endpoint, endpoint.model or "") or f"{read.sentence}. The questions are kept."
        ) from None
    except openai.APIError as error:
        raise EndpointError(
            f"The model endpoint {endpoint.address} answers with what is no batch ({type(error).__name__}); check SOLOIST_MODEL_URL."
        ) from None


def _read(
    line: bytes, maker: str, asked: Mapping[str, BatchedQuestion], at: datetime
) -> Reply | tuple[str, str] | None:
    """The reply in one line of an answer, or the question that is refused and why; None for what another try may answer."""
    try:
        record: Any = orjson.loads(line)
        question = record["custom_id"]
        response = record.get("response") or {}
        status, body, error = response.get("status_code"), response.get("body"), record.get("error") or {}
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if question not in asked:
        return None
    if status == 200:
        said = read_completion(orjson.dumps(body))
        if said is None:
            return None
        if said.refusal is not None or said.finish_reason == "content_filter":
            return question, "The model declined to answer"
        return Reply.trusted(
            {
                "request_hash": question,
                "model": maker,
                "reply": said.content,
                "finish_reason": said.finish_reason,
                "tokens_in": said.tokens_in,
                "tokens_cached": said.tokens_cached,
                "tokens_out": said.tokens_out,
                "created_at": at,
            }
        )
    if isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 429):
        return question, read_error(status, orjson.dumps(body), asked[question].body.encode()).sentence
    if not status and error.get("code") not in _LATER and error.get("message"):
        return question, f"The endpoint refused the question: {scrub(str(error['message']))[:200]}"
    return None


def _question(ask: Ask, maker: str) -> BatchedQuestion:
    return BatchedQuestion(
        request_hash=ask.hash,
        model=maker,
        body=ask.body.decode(),
        agent=ask.agent,
        agent_version=ask.agent_version,
        key=ask.key,
    )


def _call(question: BatchedQuestion, reply: Reply, batch: ModelBatch) -> ModelCall:
    """What the reply cost. How long it took on the wire nobody knows."""
    return ModelCall(
        call_id=f"{batch.key}-{question.request_hash[:16]}",
        agent=question.agent,
        agent_version=question.agent_version,
        key=question.key,
        model=batch.model,
        outcome="ok",
        tokens_in=reply.tokens_in,
        tokens_cached=reply.tokens_cached,
        tokens_out=reply.tokens_out,
        attempts=1,
        called_at=batch.created_at,
    )


def _why_failed(remote: Batch) -> str | None:
    """Why the endpoint took none of a file's questions; None where it may take them another time."""
    errors = (remote.errors.data if remote.errors else None) or []
    if not errors or any(each.code in _LATER for each in errors):
        return None
    return (
        f"The endpoint refused the batch file: {scrub(errors[0].message or errors[0].code or 'no reason given')[:200]}"
    )
