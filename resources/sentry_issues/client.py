"""Asking Sentry's REST API: pages, limits that are waited for, and to whom the token goes. What is made of an answer is not known here."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urljoin, urlsplit

import orjson

from resources import clock
from resources.errors import BadInput
from resources.rest.client import BODY_LIMIT, RestClient, address_parts, ends_at, is_passing
from resources.rest.errors import Broken, Denied, RateLimited, server_time
from resources.scrubbing import remember_secrets
from resources.sentry_issues.errors import failure, is_used_up, limited_until, message_of

if TYPE_CHECKING:
    import aiohttp
    from pydantic import SecretStr

    from resources.settings import Settings

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


class SentryApi(RestClient):
    """A client at `base_url`."""

    server = "Sentry"
    url_setting = "SOLOIST_SENTRY_API_URL"
    _is_used_up = staticmethod(is_used_up)
    _told_end = staticmethod(limited_until)

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
        super().__init__(_usable(base_url), now, pause_s, try_s)
        self._token, self._body_limit = token, body_limit
        value = token.get_secret_value()
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise BadInput("SOLOIST_SENTRY_TOKEN is no token; copy it again, without anything round it.")
        remember_secrets([value])
        self._session: aiohttp.ClientSession | None = None

    async def _close_connections(self) -> None:
        if self._session is not None:
            await self._session.close()
        self._session = None

    def issues(self, organization: str, project: str, page: str | None = None, deadline: float | None = None) -> Answer:
        """A page of a project's issues, whatever their status, the one with the latest error first: the first, or the `next` of an
        answer."""
        first = f"{_issues_of(organization, project)}&limit=100"
        return self.get(page or first, f"issues of {organization}/{project}", list, deadline)

    def examine(self, organization: str, project: str) -> None:
        """Whether it answers, lets this token in and shows a project's issues: asked once, for as long as one try may take. Raises
        RestError."""
        self._once(
            _Request(f"{_issues_of(organization, project)}&limit=1", f"issues of {organization}/{project}", list),
            ends_at(None),
        )

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
        return self._once(request, ends_at(deadline))

    def get(self, path: str, what: str, kind: type, deadline: float | None = None) -> Answer:
        """What is at a path of the host, JSON of a `kind`. `what` is how a sentence calls it; `deadline` is a reading of
        `time.monotonic`. Raises RestError."""
        request, ends = _Request(path, what, kind), ends_at(deadline)

        def again(error: Exception) -> bool:
            if isinstance(error, RateLimited):
                return self._seconds_until(error.until) < min(ends - time.monotonic(), WAITED_FOR.total_seconds())
            return is_passing(error)

        return self._tried(lambda: self._once(request, ends), ends, again)

    def _once(self, request: _Request, ends: float) -> Answer:
        self._sit_out(ends)
        status, headers, body = self._run(
            lambda seconds: self._exchange(request, seconds), request.what, ends, writes=request.writes
        )
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
        self._heed(headers)
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
            raise RateLimited(self.server, self._limited_until)
        time.sleep(max(seconds, 0))
        self._limited_until = None

    def _seconds_until(self, until: datetime) -> float:
        return (until - self._now()).total_seconds()


def open_sentry(settings: Settings, try_s: float = 10.0) -> SentryApi:
    """Raises BadInput where no token is set, or what is set cannot be used."""
    if settings.sentry_token is None:
        raise BadInput(
            "SOLOIST_SENTRY_PROJECTS names projects, but SOLOIST_SENTRY_TOKEN is not set; make a token with the scopes event:read and "
            "project:read."
        )
    return SentryApi(settings.sentry_token, settings.sentry_api_url, try_s=try_s)


def _issues_of(organization: str, project: str) -> str:
    return f"/api/0/projects/{quote(organization, '')}/{quote(project, '')}/issues/?query=&sort=date&statsPeriod="


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
    parts = address_parts(base_url)
    if parts is None or parts.path.rstrip("/") not in ("", "/api/0"):
        raise BadInput(
            "SOLOIST_SENTRY_API_URL is not the address of a Sentry; write it as https://sentry.io, without a path."
        )
    return f"{parts.scheme}://{parts.netloc}"
