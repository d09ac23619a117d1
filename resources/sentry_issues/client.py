"""Asking Sentry's REST API, one request after another, within its rules and within a given time.

What belongs here: what holds for every request: tries, limits, pages, and to whom the token goes. What is made of an answer is not known
here.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote, urljoin, urlsplit

import orjson

from resources import clock
from resources.errors import BadInput
from resources.scrubbing import remember_secrets
from resources.sentry_issues.errors import (
    LONGEST_WAIT,
    Broken,
    Denied,
    OutOfTime,
    RateLimited,
    SentryApiError,
    Unreachable,
    failure,
    is_used_up,
    limited_until,
    message_of,
    server_time,
)

if TYPE_CHECKING:
    import aiohttp
    from pydantic import SecretStr

    from resources.settings import Settings

ATTEMPTS = 5
BODY_LIMIT = 32 << 20
LAST_TRY_SECONDS = 2.0
"""What a request may take that begins just before the time is over."""
BUDGET_SECONDS = 60.0
"""For a request with all its tries, where no deadline is named."""
UNTOLD_PAUSE = timedelta(minutes=1)
WAITED_FOR = timedelta(seconds=5)
"""A limit that ends sooner is waited for: most of Sentry's windows last a second."""
MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 307, 308)
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*"[^"]*")*)')
_PARAMETER = re.compile(r'([\w-]+)\s*=\s*"([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """`next` is the path of the page after this one, None where that has no results."""

    body: Any
    next: str | None
    at: datetime
    """By Sentry's clock."""


@dataclass(frozen=True)
class _Request:
    path: str
    what: str
    kind: type
    body: dict[str, str] | None = None
    """Of a POST; None asks with GET."""

    @property
    def writes(self) -> bool:
        return self.body is not None


class SentryApi:
    """A client at `base_url`, used by one thread and from outside of any event loop; nothing is opened before the first request.

    `pause_s` is the first pause between two tries, `try_s` the longest that one may take.
    """

    def __init__(
        self,
        token: SecretStr,
        base_url: str = "https://sentry.io",
        *,
        now: Callable[[], datetime] = clock.now,
        pause_s: float = 0.25,
        try_s: float = 10.0,
        body_limit: int = BODY_LIMIT,
    ) -> None:
        """Raises BadInput for a token or an address that can be none."""
        self._token, self._base_url, self._now = token, _usable(base_url), now
        self._pause_s, self._try_s, self._body_limit = pause_s, try_s, body_limit
        value = token.get_secret_value()
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise BadInput("SOLOIST_SENTRY_TOKEN is no token; copy it again, without anything round it.")
        remember_secrets([value])
        self._runner: asyncio.Runner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._limited_until: datetime | None = None
        self.limits_in_a_row = 0
        """How often Sentry said that it is asked too often, since it last answered. A poller keeps it from one client to the next."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Safe to call twice."""
        if self._runner is not None:
            if self._session is not None:
                self._runner.run(self._session.close())
            self._runner.close()
        self._runner = self._session = None

    def issues(self, organization: str, project: str, page: str | None = None, deadline: float | None = None) -> Answer:
        """A page of a project's issues, whatever their status, the one with the latest error first: the first, or the `next` of an
        answer."""
        first = f"/api/0/projects/{quote(organization, '')}/{quote(project, '')}/issues/?query=&sort=date&statsPeriod=&limit=100"
        return self.get(page or first, f"issues of {organization}/{project}", list, deadline)

    def event(
        self,
        organization: str,
        issue: str,
        which: Literal["latest", "recommended"] = "latest",
        deadline: float | None = None,
    ) -> Answer:
        """An event that shows an issue. Older servers know no recommended one."""
        path = f"{_of_issue(organization, issue)}events/{which}/"
        return self.get(path, f"event of the issue {issue} of {organization}", dict, deadline)

    def issue(self, organization: str, issue: str, deadline: float | None = None) -> Answer:
        """An issue, with the project that it is of."""
        return self.get(_of_issue(organization, issue), f"issue {issue} of {organization}", dict, deadline)

    def notes(self, organization: str, issue: str, page: str | None = None, deadline: float | None = None) -> Answer:
        """A page of what people noted on an issue, the last note first: the first, or the `next` of an answer."""
        path = page or f"{_of_issue(organization, issue)}notes/?per_page=100"
        return self.get(path, f"notes on the issue {issue} of {organization}", list, deadline)

    def add_note(self, organization: str, issue: str, text: str, deadline: float | None = None) -> Answer:
        """Notes something on an issue, as the person whose token it is. A failure of which nobody knows whether it was done all the same
        (Broken, Unreachable) is raised at once."""
        request = _Request(
            f"{_of_issue(organization, issue)}notes/",
            f"note on the issue {issue} of {organization}",
            dict,
            {"text": text},
        )
        return self._once(request, time.monotonic() + BUDGET_SECONDS if deadline is None else deadline)

    def get(self, path: str, what: str, kind: type, deadline: float | None = None) -> Answer:
        """What is at a path of the host, JSON of a `kind`. `what` is how a sentence calls it; `deadline` is a reading of
        `time.monotonic`. Raises SentryApiError."""
        import stamina

        # Its hook of its own accord writes each try to the output, which may be somebody's JSON.
        stamina.instrumentation.set_on_retry_hooks([])
        ends = time.monotonic() + BUDGET_SECONDS if deadline is None else deadline

        def again(error: Exception) -> bool:
            left = ends - time.monotonic()
            if isinstance(error, RateLimited):
                return self._seconds_until(error.until) < min(left, WAITED_FOR.total_seconds())
            return isinstance(error, Broken | Unreachable) and left > 0

        waits = {"wait_initial": self._pause_s, "wait_max": self._pause_s * 8, "wait_jitter": self._pause_s}
        for attempt in stamina.retry_context(on=again, attempts=ATTEMPTS, timeout=None, **waits):
            with attempt:
                return self._once(_Request(path, what, kind), ends)
        raise AssertionError("unreachable")

    def _once(self, request: _Request, ends: float) -> Answer:
        self._sit_out(ends)
        remaining = ends - time.monotonic()
        if remaining <= 0:
            raise OutOfTime(f"The time was over before Sentry was asked for {request.what}.")
        seconds = min(self._try_s, max(remaining, LAST_TRY_SECONDS))
        self._runner = self._runner or asyncio.Runner()
        try:
            status, headers, body = self._runner.run(self._exchange(request, seconds))
        except TimeoutError:
            if seconds < self._try_s and not request.writes:
                raise OutOfTime(f"The time was over before Sentry gave {request.what}.") from None
            raise self._unreachable(f"no answer in {seconds:.0f} seconds") from None
        if status == 429:
            raise self._limit(headers)
        if status not in ((200, 201) if request.writes else (200,)):
            raise failure(status, message_of(body), request.what, writes=request.writes)
        return self._answer(headers, body, request.what, request.kind)

    def _answer(self, headers: Mapping[str, str], body: bytes, what: str, kind: type) -> Answer:
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, kind):
            raise Broken(
                f"Sentry's answer for {what} is not what it should be; SOLOIST_SENTRY_API_URL may be that of a web page."
            )
        self.limits_in_a_row = 0
        if is_used_up(headers):
            self._limited_until = limited_until(headers, self._now())
        return Answer(found, _next_page(headers), server_time(headers) or self._now())

    async def _exchange(self, request: _Request, seconds: float) -> tuple[int, Mapping[str, str], bytes]:
        """Follows a redirect of a GET, such as the one of a renamed project, but to no other host."""
        import aiohttp
        import yarl

        self._session = self._session or aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        url, method = self._base_url + request.path, "POST" if request.writes else "GET"
        headers = {"authorization": f"Bearer {self._token.get_secret_value()}", "accept": "application/json"}
        try:
            async with asyncio.timeout(seconds):
                for _ in range(MOST_REDIRECTS + 1):
                    # The address as it is: what Sentry names as the next page is asked for to the letter.
                    address = yarl.URL(url, encoded=True)
                    async with self._session.request(
                        method, address, headers=headers, json=request.body, allow_redirects=False
                    ) as response:
                        target = response.headers.get("location")
                        if method == "GET" and response.status in _REDIRECTS and target:
                            url = self._own(urljoin(url, target))
                            continue
                        return response.status, response.headers, await self._content(response)
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._unreachable(type(error).__name__) from None
        raise Denied("Sentry sends a request round in a circle; check SOLOIST_SENTRY_API_URL.")

    def _own(self, url: str) -> str:
        if _origin(url) != _origin(self._base_url):
            raise Denied(
                f"{urlsplit(self._base_url).hostname} sends requests to another host, which is not given the token; set "
                "SOLOIST_SENTRY_API_URL to the address that it sends to."
            )
        return url

    async def _content(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_chunked(1 << 16):
            content += chunk
            if len(content) > self._body_limit:
                raise Denied(f"Sentry's answer is larger than {self._body_limit >> 20} MiB, so it is not read.")
        return bytes(content)

    def _sit_out(self, ends: float) -> None:
        """Waits for the end of a limit that is near. Raises RateLimited where it is not."""
        if self._limited_until is None:
            return
        seconds = self._seconds_until(self._limited_until)
        if seconds > min(WAITED_FOR.total_seconds(), ends - time.monotonic()):
            raise RateLimited(self._limited_until)
        time.sleep(max(seconds, 0))
        self._limited_until = None

    def _seconds_until(self, until: datetime) -> float:
        return (until - self._now()).total_seconds()

    def _limit(self, headers: Mapping[str, str]) -> RateLimited:
        """Where Sentry does not tell until when: a minute, and twice as long each time in a row."""
        pause = min(UNTOLD_PAUSE * 2 ** min(self.limits_in_a_row, 10), LONGEST_WAIT)
        self._limited_until = limited_until(headers, self._now()) or self._now() + pause
        self.limits_in_a_row += 1
        return RateLimited(self._limited_until)

    def _unreachable(self, reason: str) -> SentryApiError:
        return Unreachable(
            f"Sentry at {self._base_url} does not answer ({reason}); check the network and SOLOIST_SENTRY_API_URL."
        )


def open_sentry(settings: Settings) -> SentryApi:
    """Raises BadInput where no token is set, or what is set cannot be used."""
    if settings.sentry_token is None:
        raise BadInput(
            "SOLOIST_SENTRY_PROJECTS names projects, but SOLOIST_SENTRY_TOKEN is not set; make a token with the scopes event:read and "
            "project:read."
        )
    return SentryApi(settings.sentry_token, settings.sentry_api_url)


def _of_issue(organization: str, issue: str) -> str:
    return f"/api/0/organizations/{quote(organization, '')}/issues/{quote(issue, '')}/"


def _next_page(headers: Mapping[str, str]) -> str | None:
    """Sentry names a next page even where there is none, and tells by `results`. Of its address only the path counts: behind a proxy, or
    for an organization of another region, it may name a host that is not the one that was asked."""
    for address, parameters in _LINK.findall(headers.get("link", "")):
        named = dict(_PARAMETER.findall(parameters))
        if named.get("rel") == "next" and named.get("results") == "true":
            try:
                parts = urlsplit(address)
            except ValueError:
                return None
            return f"{parts.path}?{parts.query}" if parts.path.startswith("/") else None
    return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _usable(base_url: str) -> str:
    """Scheme and host; the path of the API itself may be written behind them."""
    try:
        parts = urlsplit(base_url)
        usable = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.path.rstrip("/") not in ("", "/api/0"):
        raise BadInput(
            "SOLOIST_SENTRY_API_URL is not the address of a Sentry; write it as https://sentry.io, without a path."
        )
    return f"{parts.scheme}://{parts.netloc}"
