"""Asking a REST API, one request after another, within its rules and within a given time.

What belongs here: what holds for every request to any server: tries, deadlines, limits, and how a client is opened and closed.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import SplitResult

from resources.addresses import http_parts
from resources.rest.errors import LONGEST_WAIT, Broken, OutOfTime, RateLimited, Unreachable

ATTEMPTS = 5
BODY_LIMIT = 32 << 20
LAST_TRY_SECONDS = 2.0
"""What a request may take that begins just before the time is over."""
BUDGET_SECONDS = 60.0
"""For a request with all its tries, where no deadline is named."""
UNTOLD_PAUSE = timedelta(minutes=1)

T = TypeVar("T")


class RestClient(ABC):
    """Used by one thread and from outside of any event loop; nothing is opened before the first request.

    `pause_s` is the first pause between two tries, `try_s` the longest that one may take.
    """

    server: ClassVar[str]
    """How sentences call it."""
    url_setting: ClassVar[str]
    """The setting that names its address."""

    def __init__(self, base_url: str, now: Callable[[], datetime], pause_s: float, try_s: float) -> None:
        self._base_url, self._now, self._pause_s, self._try_s = base_url, now, pause_s, try_s
        self._runner: asyncio.Runner | None = None
        self._limited_until: datetime | None = None
        self.limits_in_a_row = 0
        """How often the server said that it is asked too often, since it last answered. A poller keeps it from one client to the next."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Safe to call twice."""
        if self._runner is not None:
            self._runner.run(self._close_connections())
            self._runner.close()
        self._runner = None

    @abstractmethod
    async def _close_connections(self) -> None:
        """Inside of the loop; what is asked for after it opens them anew."""

    @staticmethod
    @abstractmethod
    def _is_used_up(headers: Mapping[str, str]) -> bool:
        """Whether an answer was the last one within a limit."""

    @staticmethod
    @abstractmethod
    def _told_end(headers: Mapping[str, str], now: datetime) -> datetime | None:
        """When a limit ends, by this machine's clock; None where the server does not tell."""

    def _tried(self, ask: Callable[[], T], ends: float, again: Callable[[Exception], bool]) -> T:
        """Asks a few times, with growing pauses, while `again` and the time allow it."""
        import stamina

        # Its hook of its own accord writes each try to the output, which may be somebody's JSON.
        stamina.instrumentation.set_on_retry_hooks([])

        def passes(error: Exception) -> bool:
            return time.monotonic() < ends and again(error)

        waits = {"wait_initial": self._pause_s, "wait_max": self._pause_s * 8, "wait_jitter": self._pause_s}
        for attempt in stamina.retry_context(on=passes, attempts=ATTEMPTS, timeout=None, **waits):
            with attempt:
                return ask()
        raise AssertionError("unreachable")

    def _run(
        self, exchange: Callable[[float], Coroutine[Any, Any, T]], what: str, ends: float, *, writes: bool = False
    ) -> T:
        """One exchange with the server, which is given the seconds that it may take. Raises OutOfTime, Unreachable."""
        remaining = ends - time.monotonic()
        if remaining <= 0:
            raise OutOfTime(f"The time was over before {self.server} was asked for {what}.")
        seconds = min(self._try_s, max(remaining, LAST_TRY_SECONDS))
        self._runner = self._runner or asyncio.Runner()
        try:
            return self._runner.run(exchange(seconds))
        except TimeoutError:
            if seconds < self._try_s and not writes:
                raise OutOfTime(f"The time was over before {self.server} gave {what}.") from None
            raise self._unreachable(f"no answer in {seconds:.0f} seconds") from None

    def _heed(self, headers: Mapping[str, str]) -> None:
        """Of a good answer: whether it was the last one for now."""
        self.limits_in_a_row = 0
        if self._is_used_up(headers):
            self._limited_until = self._told_end(headers, self._now())

    def _limit(self, headers: Mapping[str, str]) -> RateLimited:
        """Where the server does not tell until when: a minute, and twice as long each time in a row."""
        pause = min(UNTOLD_PAUSE * 2 ** min(self.limits_in_a_row, 10), LONGEST_WAIT)
        self._limited_until = self._told_end(headers, self._now()) or self._now() + pause
        self.limits_in_a_row += 1
        return RateLimited(self.server, self._limited_until)

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(
            f"{self.server} at {self._base_url} does not answer ({reason}); check the network and {self.url_setting}."
        )


def ends_at(deadline: float | None) -> float:
    """A reading of `time.monotonic`: the deadline, else that of a request by itself."""
    return time.monotonic() + BUDGET_SECONDS if deadline is None else deadline


def is_passing(error: Exception) -> bool:
    """Whether the same question may be answered at the next try."""
    return isinstance(error, Broken | Unreachable)


def address_parts(url: str) -> SplitResult | None:
    """Of an http(s) URL with a host, and without credentials, query or fragment; None for any other text."""
    parts = http_parts(url)
    return None if parts is None or "@" in parts.netloc or parts.query or parts.fragment else parts
