"""The bulk transport: chat completions over HTTP, many at once, with retries.

What belongs here: one event loop in a thread of its own, one session, and what to do with each kind of answer. aiohttp
is imported when the first request is sent. What a reply means is none of its business, see `conversation.py`.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import orjson

from resources.language_model.concurrency import AdaptiveLimit
from resources.language_model.endpoint import EndpointError, endpoint_url, public_url, read_error, request_headers
from resources.language_model.transport import Answered, Ask, Unanswered

if TYPE_CHECKING:
    import aiohttp

_log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
OWN_FAILURES = 6
"""So many failures of one request, while others are answered, are taken for the request's own fault."""
LONGEST_ANSWER = 16 << 20
"""Bytes of an answer's body above which it is no chat completion."""
_RETRIED = frozenset({408, 425, 429})
_OVERLOADED = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class _Said:
    content: str
    finish_reason: str
    refusal: str | None
    tokens_in: int
    tokens_cached: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class _Retry:
    reason: str
    after_s: float | None = None
    overloaded: bool = False


@dataclass(frozen=True, slots=True)
class _GiveUp:
    reason: str
    transient: bool


class ChatTransport:
    """`POST {base_url}/chat/completions`, at most `max_in_flight` at once.

    Transport errors, timeouts, 408, 425, 429, 5xx and bodies that are no chat completion are tried again with full
    jitter, 429 and 503 as `Retry-After` asks, until `time_budget_s` has passed since the first attempt; the slot stays
    taken meanwhile, so an endpoint that is down is asked by `max_in_flight` requests and not by all. Where a request
    ran out of time and nothing at all was answered since it began, the endpoint is taken to be down and what waits is
    given back unasked, until something is answered.
    """

    def __init__(
        self, base_url: str, api_key: str | None, *, max_in_flight: int, timeout_s: float, time_budget_s: float
    ) -> None:
        self._base_url = base_url
        self._url = endpoint_url(base_url, "chat/completions")
        self._headers = request_headers(api_key)
        self._max_in_flight = max_in_flight
        self._timeout_s = timeout_s
        self._time_budget_s = time_budget_s
        self._limit = AdaptiveLimit(max_in_flight)
        self._outcomes: queue.SimpleQueue[Answered | Unanswered | BaseException] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        # What follows is touched by the loop's thread alone.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._session: aiohttp.ClientSession | None = None
        self._backlog: deque[Ask] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers = 0
        self._down: str | None = None
        self._halted = False
        self._warned_at = float("-inf")
        self._jitter = random.SystemRandom()

    def send(self, asks: Sequence[Ask]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="language-model", daemon=True)
            self._thread.start()
            self._ready.wait()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._take, list(asks))

    def receive(self, timeout_s: float | None = None) -> Answered | Unanswered | None:
        try:
            outcome = self._outcomes.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(outcome, EndpointError):
            raise outcome
        if isinstance(outcome, BaseException):
            raise RuntimeError("the thread that talks to the language model broke down") from outcome
        return outcome

    def close(self) -> None:
        if self._thread is None:
            return
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)
        self._thread = None

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._outcomes.put(error)
        finally:
            self._ready.set()

    async def _main(self) -> None:
        import aiohttp

        self._stop = asyncio.Event()
        async with aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(limit=self._max_in_flight),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as self._session:
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._stop.wait()
            self._backlog.clear()
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, asks: list[Ask]) -> None:
        self._backlog.extend(asks)
        self._pump()

    def _pump(self) -> None:
        """Starts requests while there are free slots."""
        while self._backlog and len(self._tasks) < self._limit.value and not self._halted:
            task = asyncio.get_running_loop().create_task(self._serve(self._backlog.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._release)

    def _release(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        if error := task.exception():
            self._halted = True
            self._backlog.clear()
            self._outcomes.put(error)
        self._pump()

    async def _serve(self, ask: Ask) -> None:
        """Asks until there is an outcome, and puts it out."""
        if self._down is not None:
            self._outcomes.put(Unanswered(ask.ticket, self._down, True, 0, 0.0))
            return
        began, answers_before = time.monotonic(), self._answers
        attempts, own_failures, on_wire_s = 0, 0, 0.0
        while True:
            sent_at = time.monotonic()
            result = await self._attempt(ask, sent_at, min(self._timeout_s, began + self._time_budget_s - sent_at))
            now = time.monotonic()
            attempts, on_wire_s = attempts + 1, on_wire_s + now - sent_at
            if isinstance(result, _Said):
                self._answers, self._down = self._answers + 1, None
                self._limit.answered(sent_at)
                self._outcomes.put(
                    Answered(
                        ask.ticket,
                        result.content,
                        result.finish_reason,
                        result.refusal,
                        result.tokens_in,
                        result.tokens_cached,
                        result.tokens_out,
                        attempts,
                        on_wire_s * 1000,
                    )
                )
                return
            if isinstance(result, _GiveUp):
                self._outcomes.put(Unanswered(ask.ticket, result.reason, result.transient, attempts, on_wire_s * 1000))
                return
            self._warn(result.reason, now)
            if result.overloaded:
                self._limit.overloaded(sent_at, now)
            elif self._answers > answers_before:
                own_failures += 1
            pause_s = self._pause_s(attempts, result.after_s)
            out_of_time = now + pause_s >= began + self._time_budget_s
            if out_of_time or own_failures >= OWN_FAILURES:
                if out_of_time and self._answers == answers_before:
                    self._down = f"{result.reason}; nothing was answered for {self._time_budget_s:g} s"
                reason = f"{result.reason}, {attempts} time{'s' if attempts > 1 else ''} in a row"
                self._outcomes.put(Unanswered(ask.ticket, reason, True, attempts, on_wire_s * 1000))
                return
            await asyncio.sleep(pause_s)

    def _pause_s(self, attempts: int, asked_for_s: float | None) -> float:
        """Full jitter, or a little more than the endpoint asked for, so that not everybody is back at the same
        moment.
        """
        longest = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(attempts - 1, 10))
        if asked_for_s is None:
            return self._jitter.uniform(0, longest)
        return asked_for_s + self._jitter.uniform(0, min(longest, 0.1 * asked_for_s))

    async def _attempt(self, ask: Ask, sent_at: float, timeout_s: float) -> _Said | _Retry | _GiveUp:
        import aiohttp

        assert self._session is not None
        try:
            async with self._session.post(
                self._url,
                data=ask.body,
                timeout=aiohttp.ClientTimeout(total=max(timeout_s, 0.001)),
                allow_redirects=False,
            ) as response:
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > LONGEST_ANSWER:
                        response.close()
                        return _Retry("The endpoint's answer does not end")
                return self._judge(response.status, response.headers, bytes(body), ask.body)
        except TimeoutError:
            return _Retry(f"The endpoint did not answer within {time.monotonic() - sent_at:.3g} s")
        except (aiohttp.ClientError, OSError) as error:
            return _Retry(f"The connection to the endpoint failed ({_kind(error)})")

    def _judge(self, status: int, headers: Mapping[str, str], body: bytes, asked: bytes) -> _Said | _Retry | _GiveUp:
        if status == 200:
            said = _read_completion(body)
            if said is not None:
                return said
            kind = headers.get("Content-Type", "no type").partition(";")[0][:60]
            if self._answers == 0 and kind == "text/html":
                raise EndpointError(
                    f"{public_url(self._base_url)} answers with a web page, not with chat completions; "
                    "give the base URL of the API, which mostly ends in /v1."
                )
            return _Retry(f"The endpoint's answer is no chat completion ({kind})")
        error = read_error(status, body, asked)
        if status in _RETRIED or status >= 500:
            return _Retry(error.sentence, _retry_after_s(headers.get("Retry-After")), status in _OVERLOADED)
        misconfigured = status in (401, 404) or error.names_missing_model or 300 <= status < 400
        if misconfigured and self._answers == 0:
            raise EndpointError(
                _configuration_sentence(public_url(self._base_url), status, _model_of(asked), error.names_missing_model)
            )
        return _GiveUp(error.sentence, transient=misconfigured)

    def _warn(self, reason: str, now: float) -> None:
        """At most one line in thirty seconds, however much fails."""
        if now - self._warned_at >= 30:
            self._warned_at = now
            _log.warning(
                "%s at %s; trying again for up to %g s.", reason, public_url(self._base_url), self._time_budget_s
            )


def _read_completion(body: bytes) -> _Said | None:
    """The first choice of a chat completion, or None where this is none."""
    try:
        payload = orjson.loads(body)
        choice = payload["choices"][0]
        message = choice["message"]
        content, refusal = message.get("content"), message.get("refusal")
        usage = payload.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        counts = [usage.get("prompt_tokens"), details.get("cached_tokens"), usage.get("completion_tokens")]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if not isinstance(content, str | None) or not isinstance(refusal, str | None):
        return None
    tokens = [count if isinstance(count, int) and count > 0 else 0 for count in counts]
    finish_reason = choice.get("finish_reason")
    return _Said(content or "", finish_reason if isinstance(finish_reason, str) else "stop", refusal or None, *tokens)


def _retry_after_s(value: str | None) -> float | None:
    """Seconds to wait as `Retry-After` says it, in seconds or as a date; None where it says nothing that can be
    read.
    """
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _configuration_sentence(address: str, status: int, model: str, missing_model: bool) -> str:
    if status == 401:
        return f"The model endpoint {address} refuses the API key (401); set the right key."
    if missing_model:
        listed = f"name one that `GET {address}/models` lists"
        return f"The model endpoint {address} does not serve the model {model!r} ({status}); {listed}."
    if status == 404:
        return (
            f"There are no chat completions at {address} (404); give the base URL of the API, which mostly ends in /v1."
        )
    return f"The model endpoint {address} sends requests elsewhere ({status}); give the address that it sends to."


def _model_of(body: bytes) -> str:
    return str(orjson.loads(body)["model"])


def _kind(error: Exception) -> str:
    """An error without its text, which may hold an address with a password."""
    cause = getattr(error, "os_error", error)
    return getattr(cause, "strerror", None) or type(error).__name__
