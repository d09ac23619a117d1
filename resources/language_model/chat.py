"""The bulk transport: chat completions over HTTP, many at once, with retries.

What belongs here: one event loop in a thread of its own, one session, and what to do with each kind of answer. aiohttp
is imported when the first request is sent. What a reply means is none of its business, see `conversation.py`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from resources.http_waits import retry_after
from resources.language_model.concurrency import AdaptiveLimit
from resources.language_model.endpoint import Endpoint, EndpointError, read_error
from resources.language_model.transport import Answered, Ask, Outcome, Unanswered

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

_log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
OWN_FAILURES = 6
"""So many failures of one request, while others are answered, are taken for the request's own fault."""
LONGEST_ANSWER = 16 << 20
"""Bytes of an answer's body above which it is no chat completion."""
PROBE_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0)
"""Before each single request to an endpoint that seems to be gone; after the last it is gone."""
HANDED_OVER, HANDED_OVER_S = 128, 0.005
"""Outcomes are handed to the consumer by so many, or when the first of them is so old: a wake-up of the other thread costs more than
all that it does with one outcome."""
SWITCH_S = 0.0005
"""Python's default lets a busy thread keep the loop waiting for ten times as long after every system call."""
_RETRIED = frozenset({408, 425, 429})
_OVERLOADED = frozenset({429, 503})


@dataclass(slots=True)
class Said:
    """What a chat completion says."""

    content: str
    finish_reason: str
    refusal: str | None
    tokens_in: int
    tokens_cached: int
    tokens_out: int


@dataclass(slots=True)
class _Retry:
    reason: str
    after_s: float | None = None
    overloaded: bool = False
    alive: bool = False
    """The endpoint itself answered, though with no reply: it is not gone."""


@dataclass(slots=True)
class _GiveUp:
    reason: str
    transient: bool


@dataclass(slots=True)
class _Waiting:
    """A request on its way: since when, how often it was sent, and how long it was on the wire."""

    ask: Ask
    began: float = 0.0
    attempts: int = 0
    own_failures: int = 0
    on_wire_s: float = 0.0
    answers_before: int = 0


@dataclass(frozen=True, slots=True)
class ChatTerms:
    """Whom to ask, how hard, and how long. `extra` gives members of the body, such as `,"priority":1`, that are sent and are no part of the
    question; it is called once there is something to send."""

    endpoint: Endpoint
    max_in_flight: int
    timeout_s: float
    time_budget_s: float
    extra: Callable[[], bytes] = bytes


class ChatTransport:
    """`POST {base_url}/chat/completions`, at most `max_in_flight` at once.

    Transport errors, timeouts, 408, 425, 429, 5xx and bodies that are no chat completion are tried again with full
    jitter, 429 and 503 as `Retry-After` asks, until `time_budget_s` has passed since the first attempt; the place is free for
    another request meanwhile. Where as many requests as may be in flight failed one after another and nothing was answered,
    nothing more is sent but single requests at growing intervals; where these fail too, `receive` raises EndpointError.
    """

    def __init__(self, terms: ChatTerms) -> None:
        self._endpoint = terms.endpoint
        self._max_in_flight = terms.max_in_flight
        self._timeout_s = terms.timeout_s
        self._time_budget_s = terms.time_budget_s
        self._asked_extra = terms.extra
        self._extra = b""
        self._outcomes: queue.SimpleQueue[list[Outcome] | BaseException] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._switch_s = sys.getswitchinterval()
        # What follows is touched by the loop's thread alone.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._session: aiohttp.ClientSession | None = None
        self._timeout: aiohttp.ClientTimeout | None = None
        self._url: URL | None = None
        self._limit = AdaptiveLimit(terms.max_in_flight)
        self._backlog: deque[_Waiting] = deque()
        self._workers: list[asyncio.Task[None]] = []
        self._parked: list[asyncio.Future[None]] = []
        self._delayed: set[asyncio.TimerHandle] = set()
        self._prober: asyncio.Task[None] | None = None
        self._settled: list[Outcome] = []
        self._handing_over: asyncio.TimerHandle | None = None
        self._busy = 0
        self._answers = 0
        self._failures_in_a_row = 0
        self._halted = False
        self._warned_at = float("-inf")
        self._jitter = random.SystemRandom()

    def send(self, asks: Sequence[Ask]) -> None:
        if self._thread is None:
            self._extra = self._asked_extra()
            self._thread = threading.Thread(target=self._run, name="language-model", daemon=True)
            self._thread.start()
            self._ready.wait()
            sys.setswitchinterval(min(self._switch_s, SWITCH_S))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._take, asks)

    def receive(self, timeout_s: float | None = None) -> Sequence[Outcome]:
        try:
            outcomes = self._outcomes.get(timeout=timeout_s)
        except queue.Empty:
            return ()
        if isinstance(outcomes, EndpointError):
            raise outcomes
        if isinstance(outcomes, BaseException):
            raise RuntimeError("the thread that talks to the language model broke down") from outcomes
        return outcomes

    def close(self) -> None:
        if self._thread is None:
            return
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)
        self._thread = None
        sys.setswitchinterval(self._switch_s)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._outcomes.put(error)
        finally:
            self._ready.set()

    async def _main(self) -> None:
        import aiohttp
        from yarl import URL

        self._stop = asyncio.Event()
        self._timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        self._url = URL(self._endpoint.chat_url)
        async with aiohttp.ClientSession(
            headers=self._endpoint.headers,
            connector=aiohttp.TCPConnector(limit=self._max_in_flight),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as self._session:
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            await self._stop.wait()
            self._halted = True
            self._backlog.clear()
            for handle in self._delayed:
                handle.cancel()
            tasks = [*self._workers, *([self._prober] if self._prober else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, asks: Sequence[Ask]) -> None:
        self._backlog.extend(map(_Waiting, asks))
        self._wake()

    def _wake(self) -> None:
        """Gives what waits to those who have nothing to do, as far as the limit allows."""
        if self._halted or self._prober is not None:
            return
        for _ in range(min(len(self._backlog), self._free)):
            if self._parked:
                parked = self._parked.pop()
                if not parked.done():
                    parked.set_result(None)
            elif len(self._workers) < self._max_in_flight:
                worker = asyncio.get_running_loop().create_task(self._work())
                worker.add_done_callback(self._broke_down)
                self._workers.append(worker)
            else:
                return

    @property
    def _free(self) -> int:
        """Requests that may be sent now. While nothing is answered, those that failed keep their places: a dead endpoint is asked once for
        each place, not as often as it can refuse."""
        return self._limit.value - self._busy - self._failures_in_a_row

    def _broke_down(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._halted = True
            self._backlog.clear()
            self._hand_over()
            self._outcomes.put(error)

    async def _work(self) -> None:
        """Sends one request after another, and parks where there is nothing to send."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._backlog or self._free <= 0 or self._halted or self._prober is not None:
                parked = loop.create_future()
                self._parked.append(parked)
                await parked
                continue
            waiting = self._backlog.popleft()
            self._busy += 1
            try:
                await self._serve(waiting)
            finally:
                self._busy -= 1

    async def _serve(self, waiting: _Waiting) -> None:
        """One attempt, and what follows from it."""
        sent_at = time.monotonic()
        if not waiting.attempts:
            waiting.began, waiting.answers_before = sent_at, self._answers
        result = await self._attempt(waiting, sent_at)
        now = time.monotonic()
        waiting.attempts += 1
        waiting.on_wire_s += now - sent_at
        if isinstance(result, _Retry):
            self._try_again(waiting, result, sent_at, now)
            return
        self._answers += 1
        self._failures_in_a_row = 0
        value = self._limit.value
        self._limit.answered(sent_at, now)
        if self._limit.value > value:
            self._wake()
        ticket, latency_ms = waiting.ask.ticket, waiting.on_wire_s * 1000
        if isinstance(result, Said):
            self._settle(
                Answered(
                    ticket,
                    result.content,
                    result.finish_reason,
                    result.refusal,
                    result.tokens_in,
                    result.tokens_cached,
                    result.tokens_out,
                    waiting.attempts,
                    latency_ms,
                )
            )
        else:
            self._settle(Unanswered(ticket, result.reason, result.transient, waiting.attempts, latency_ms))

    def _try_again(self, waiting: _Waiting, result: _Retry, sent_at: float, now: float) -> None:
        self._warn(result.reason, now)
        if result.overloaded:
            self._limit.refused(sent_at, now)
        elif self._answers > waiting.answers_before:
            waiting.own_failures += 1
        self._failures_in_a_row = 0 if result.alive else self._failures_in_a_row + 1
        pause_s = self._pause_s(waiting.attempts, result.after_s)
        if now + pause_s >= waiting.began + self._time_budget_s or waiting.own_failures >= OWN_FAILURES:
            times = f"{waiting.attempts} time{'s' if waiting.attempts > 1 else ''} in a row"
            self._settle(
                Unanswered(
                    waiting.ask.ticket, f"{result.reason}, {times}", True, waiting.attempts, waiting.on_wire_s * 1000
                )
            )
            return
        if self._failures_in_a_row >= self._max_in_flight and self._prober is None:
            self._prober = asyncio.get_running_loop().create_task(self._probe(result.reason))
            self._prober.add_done_callback(self._broke_down)
        if self._prober is not None:
            self._backlog.appendleft(waiting)
            return
        self._later(pause_s, waiting)

    def _later(self, pause_s: float, waiting: _Waiting) -> None:
        def back() -> None:
            self._delayed.discard(handle)
            self._backlog.appendleft(waiting)
            self._wake()

        handle = asyncio.get_running_loop().call_later(pause_s, back)
        self._delayed.add(handle)

    async def _probe(self, reason: str) -> None:
        """Asks a silent endpoint now and then. Raises EndpointError where it stays silent."""
        for pause_s in PROBE_PAUSES_S:
            await asyncio.sleep(pause_s)
            if not self._backlog:
                if not self._delayed and not self._busy:
                    break
                continue
            waiting = self._backlog.popleft()
            sent_at = time.monotonic()
            result = await self._attempt(waiting, sent_at)
            waiting.attempts += 1
            waiting.on_wire_s += time.monotonic() - sent_at
            self._backlog.appendleft(waiting)
            if not isinstance(result, _Retry) or result.alive:
                break
            reason = result.reason
        else:
            raise EndpointError(
                f"{reason}: the model endpoint {self._endpoint.address} is gone. What was answered is kept; start it (or "
                "mend SOLOIST_MODEL_URL) and run again."
            )
        self._failures_in_a_row = 0
        self._prober = None
        self._limit.restart(time.monotonic())
        self._wake()

    def _settle(self, outcome: Outcome) -> None:
        self._settled.append(outcome)
        if len(self._settled) >= HANDED_OVER or (self._busy <= 1 and not self._backlog and not self._delayed):
            self._hand_over()
        elif self._handing_over is None:
            self._handing_over = asyncio.get_running_loop().call_later(HANDED_OVER_S, self._hand_over)

    def _hand_over(self) -> None:
        if self._handing_over is not None:
            self._handing_over.cancel()
            self._handing_over = None
        if self._settled:
            self._outcomes.put(self._settled)
            self._settled = []

    def _pause_s(self, attempts: int, asked_for_s: float | None) -> float:
        """Full jitter, or a little more than the endpoint asked for, so that not everybody is back at the same
        moment.
        """
        longest = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(attempts - 1, 10))
        if asked_for_s is None:
            return self._jitter.uniform(0, longest)
        return asked_for_s + self._jitter.uniform(0, min(longest, 0.1 * asked_for_s))

    async def _attempt(self, waiting: _Waiting, sent_at: float) -> Said | _Retry | _GiveUp:
        import aiohttp

        assert self._session is not None and self._url is not None
        left_s = waiting.began + self._time_budget_s - sent_at
        timeout = self._timeout if left_s >= self._timeout_s else aiohttp.ClientTimeout(total=max(left_s, 0.001))
        body = waiting.ask.body
        try:
            async with self._session.post(
                self._url,
                data=body[:-1] + self._extra + b"}" if self._extra else body,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                length = response.content_length
                if length is not None and length <= LONGEST_ANSWER and not response.headers.get("Content-Encoding"):
                    return self._judge(response.status, response.headers, await response.read(), body)
                whole = bytearray()
                async for chunk in response.content.iter_any():
                    whole += chunk
                    if len(whole) > LONGEST_ANSWER:
                        response.close()
                        return _Retry("The endpoint's answer does not end")
                return self._judge(response.status, response.headers, bytes(whole), body)
        except TimeoutError:
            return _Retry(f"The endpoint did not answer within {time.monotonic() - sent_at:.3g} s")
        except (aiohttp.ClientError, OSError) as error:
            return _Retry(f"The connection to the endpoint failed ({_kind(error)})")

    def _judge(self, status: int, headers: Mapping[str, str], body: bytes, asked: bytes) -> Said | _Retry | _GiveUp:
        if status == 200:
            said = read_completion(body)
            if said is not None:
                return said
            kind = headers.get("Content-Type", "no type").partition(";")[0][:60]
            if self._answers == 0 and kind == "text/html":
                raise EndpointError(
                    f"{self._endpoint.address} answers with a web page, not with chat completions; set SOLOIST_MODEL_URL to the base "
                    "URL of the API, which mostly ends in /v1."
                )
            return _Retry(f"The endpoint's answer is no chat completion ({kind})")
        error = read_error(status, body, asked)
        if status in _RETRIED or status >= 500:
            after = retry_after(headers.get("Retry-After"), datetime.now(UTC))
            after_s = None if after is None else max(0.0, after.total_seconds())
            return _Retry(error.sentence, after_s, overloaded=status in _OVERLOADED, alive=status == 429)
        sentence = error.configuration_sentence(self._endpoint, _model_of(asked))
        if sentence is not None and self._answers == 0:
            raise EndpointError(sentence)
        return _GiveUp(sentence or error.sentence, transient=sentence is not None)

    def _warn(self, reason: str, now: float) -> None:
        """At most one line in thirty seconds, however much fails."""
        if now - self._warned_at >= 30:
            self._warned_at = now
            _log.warning("%s at %s; trying again for up to %g s.", reason, self._endpoint.address, self._time_budget_s)


def read_completion(body: bytes) -> Said | None:
    """The first choice of a chat completion, or None where this is none."""
    try:
        payload = orjson.loads(body)
        choice = payload["choices"][0]
        message = choice["message"]
        content, refusal = message.get("content"), message.get("refusal")
        usage = payload.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        counts = (usage.get("prompt_tokens"), details.get("cached_tokens"), usage.get("completion_tokens"))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if not isinstance(content, str | None) or not isinstance(refusal, str | None):
        return None
    given, cached, made = (count if isinstance(count, int) and count > 0 else 0 for count in counts)
    finish_reason = choice.get("finish_reason")
    if not isinstance(finish_reason, str):
        finish_reason = "stop"
    return Said(content or "", finish_reason, refusal or None, given, cached, made)


def _model_of(body: bytes) -> str:
    return str(orjson.loads(body)["model"])


def _kind(error: Exception) -> str:
    """An error without its text, which may hold an address with a password."""
    number = getattr(getattr(error, "os_error", error), "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else type(error).__name__
