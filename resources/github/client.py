"""Asking GitHub's REST API, one request after another, within its rules and within a given time.

What belongs here: what holds for every request: who asks, tries, limits, and what an error means. What is asked for is not known here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from resources import clock
from resources.errors import BadInput
from resources.github.credentials import App, Credentials, Token
from resources.github.errors import (
    LONGEST_WAIT,
    Broken,
    Denied,
    GitHubError,
    OutOfTime,
    RateLimited,
    Unauthorized,
    Unreachable,
    failure,
    is_limit,
    is_used_up,
    limited_until,
    message_of,
    server_time,
)

if TYPE_CHECKING:
    from resources.github.authorship import Author
    from resources.github.wire import Head, Wire
    from resources.settings import Settings

ATTEMPTS = 5
BODY_LIMIT = 32 << 20
LAST_TRY_SECONDS = 2.0
"""What a request may take that begins just before the time is over."""
BUDGET_SECONDS = 60.0
"""For a request with all its tries, where no deadline is named."""
UNTOLD_PAUSE = timedelta(minutes=1)
WRITE_PAUSE_SECONDS = 1.0
"""Between two requests that change something, as GitHub asks of whoever makes many."""
_VERSION = {"x-github-api-version": "2022-11-28"}
Method = Literal["GET", "POST", "PATCH", "PUT"]


@dataclass(frozen=True)
class Answer:
    """`unchanged` where it is as it was when `etag` was given (304): `body` and `next` are None then; `body` also where a write is answered
    without one (204)."""

    body: Any
    etag: str | None
    next: str | None
    at: datetime
    """By GitHub's clock."""
    unchanged: bool = False


@dataclass(frozen=True)
class _Request:
    method: Method
    url: str
    what: str
    body: object = None
    etag: str | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def good(self) -> tuple[int, ...]:
        """Statuses of an answer that says it was done."""
        if self.writes:
            return (200, 201, 202, 204)
        return (200, 304) if self.etag else (200,)


class GitHub:
    """A client at `base_url`, used by one thread and from outside of any event loop; nothing is opened before the first request.

    `pause_s` is the first pause between two tries, `try_s` the longest that one may take, `write_pause_s` the pause between two writes.
    """

    def __init__(
        self,
        credentials: Credentials,
        base_url: str = "https://api.github.com",
        *,
        now: Callable[[], datetime] = clock.now,
        pause_s: float = 0.25,
        try_s: float = 10.0,
        body_limit: int = BODY_LIMIT,
        write_pause_s: float = WRITE_PAUSE_SECONDS,
    ) -> None:
        """Raises BadInput where `base_url` is no http(s) address."""
        self._credentials, self._base_url, self._now = credentials, _usable(base_url), now
        self._pause_s, self._try_s, self._body_limit = pause_s, try_s, body_limit
        self._write_pause_s, self._may_write_at = write_pause_s, 0.0
        self._author: Author | None = None
        self._signed_with: SecretStr | None = None
        self._runner: asyncio.Runner | None = None
        self._wire: Wire | None = None
        self._limited_until: datetime | None = None
        self.limits_in_a_row = 0
        """How often GitHub said that it is asked too often, since it last answered. A poller keeps it from one client to the next."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Safe to call twice."""
        if self._runner is not None:
            if self._wire is not None:
                self._runner.run(self._wire.close())
            self._runner.close()
        self._runner = self._wire = None

    def get(self, url: str, what: str, etag: str | None = None, deadline: float | None = None) -> Answer:
        """What is at `url`: a path behind the base URL, or the `next` of an answer. `what` is how a sentence calls it; `deadline` is a
        reading of `time.monotonic`. Raises GitHubError."""
        return self._tried(_Request("GET", url, what, etag=etag), deadline, again=True)

    def post(self, url: str, what: str, body: object, deadline: float | None = None, *, again: bool = False) -> Answer:
        """Makes something at `url` of `body`, which becomes JSON. A failure of which nobody knows whether it was made all the same (Broken,
        Unreachable) is raised at once, unless making it twice makes the same (`again`). Raises GitHubError."""
        return self._tried(_Request("POST", url, what, body), deadline, again=again)

    def patch(self, url: str, what: str, body: object, deadline: float | None = None) -> Answer:
        """Changes what is at `url`; tried again like `get`. Raises GitHubError."""
        return self._tried(_Request("PATCH", url, what, body), deadline, again=True)

    def put(self, url: str, what: str, body: object, deadline: float | None = None) -> Answer:
        """Puts `body` in the place of what is at `url`; tried again like `get`. Raises GitHubError."""
        return self._tried(_Request("PUT", url, what, body), deadline, again=True)

    def author(self, deadline: float | None = None) -> Author:
        """As whom it writes; asked for once. Raises GitHubError."""
        from resources.github.authorship import Author

        if self._author is None:
            app = self._credentials.app
            found = {} if app else self.get("user", "account of the token", deadline=deadline).body
            self._author = Author(app) if app else Author.of_account(found)
        return self._author

    def token(self, deadline: float | None = None) -> str | None:
        """What requests are signed with, for git, which asks the same server; None where nothing is. As `get` raises."""
        self.get("rate_limit", "rate limit", deadline=deadline)
        return self._signed_with.get_secret_value() if self._signed_with else None

    def _tried(self, request: _Request, deadline: float | None, *, again: bool) -> Answer:
        import stamina

        # Its hook of its own accord writes each try to the output, which may be somebody's JSON.
        stamina.instrumentation.set_on_retry_hooks([])
        ends = time.monotonic() + BUDGET_SECONDS if deadline is None else deadline

        def passes(error: Exception) -> bool:
            return again and isinstance(error, Broken | Unreachable) and time.monotonic() < ends

        waits = {"wait_initial": self._pause_s, "wait_max": self._pause_s * 8, "wait_jitter": self._pause_s}
        for attempt in stamina.retry_context(on=passes, attempts=ATTEMPTS, timeout=None, **waits):
            with attempt:
                return self._once(request, ends)
        raise AssertionError("unreachable")

    def _once(self, request: _Request, ends: float) -> Answer:
        if self._limited_until is not None and self._now() < self._limited_until:
            raise RateLimited(self._limited_until)
        if request.writes:
            time.sleep(min(max(self._may_write_at - time.monotonic(), 0), max(ends - time.monotonic(), 0)))
        remaining = ends - time.monotonic()
        if remaining <= 0:
            raise OutOfTime(f"The time was over before GitHub was asked for {request.what}.")
        seconds = min(self._try_s, max(remaining, LAST_TRY_SECONDS))
        self._runner = self._runner or asyncio.Runner()
        try:
            return self._runner.run(self._exchange(request, seconds))
        except TimeoutError:
            if seconds < self._try_s and not request.writes:
                raise OutOfTime(f"The time was over before GitHub gave {request.what}.") from None
            raise self._unreachable(f"no answer in {seconds:.0f} seconds") from None
        finally:
            if request.writes:
                self._may_write_at = time.monotonic() + self._write_pause_s

    async def _exchange(self, request: _Request, seconds: float) -> Answer:
        from aiohttp import ClientError
        from gidgethub import GitHubException

        wire = self._wire = self._wire or self._opened()
        wire.head, body, signed_in = None, None, False
        try:
            async with asyncio.timeout(seconds):
                token = await self._credentials.token(wire)
                self._signed_with = SecretStr(token) if token else None
                wire.head, signed_in = None, True
                body = await self._sent(wire, request, token)
        except TimeoutError:
            raise
        except (ClientError, OSError) as error:
            raise self._unreachable(type(error).__name__) from None
        except (GitHubException, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            body = None  # an error, or an answer that gidgethub stumbles over: its head tells which
        if not signed_in:
            refused = self._failure(wire.head, f"token for {self._credentials.who}")
            raise Unauthorized(str(refused)) if isinstance(refused, Denied) else refused
        return self._answer(wire.head, body, request)

    @staticmethod
    async def _sent(wire: Wire, request: _Request, token: str | None) -> Any:
        if request.method == "GET":
            headers = _VERSION | ({"if-none-match": request.etag} if request.etag else {})
            return await wire.getitem(request.url, None, oauth_token=token, extra_headers=headers)
        ways: dict[Method, Callable[..., Awaitable[Any]]] = {"POST": wire.post, "PATCH": wire.patch, "PUT": wire.put}
        return await ways[request.method](
            request.url, None, data=request.body, oauth_token=token, extra_headers=_VERSION
        )

    def _opened(self) -> Wire:
        """Inside of the loop."""
        import aiohttp

        from resources.github.wire import Wire

        return Wire(aiohttp.ClientSession(), self._base_url, self._body_limit)

    def _answer(self, head: Head | None, body: Any, request: _Request) -> Answer:
        if head is None or head.status not in request.good:
            raise self._failure(head, request.what, writes=request.writes)
        if head.status in (200, 201) and not isinstance(body, list | dict):
            raise Broken(
                f"GitHub's answer for {request.what} is not JSON; SOLOIST_GITHUB_API_URL may be that of a web page."
            )
        self.limits_in_a_row = 0
        if is_used_up(head.headers):
            self._limited_until = limited_until(head.headers, self._now())
        at, unchanged = server_time(head.headers) or self._now(), head.status == 304
        return Answer(body, request.etag if unchanged else head.headers.get("etag"), head.next, at, unchanged=unchanged)

    def _failure(self, head: Head | None, what: str, *, writes: bool = False) -> GitHubError:
        if head is None:
            return Broken(f"GitHub's answer for {what} cannot be read.")
        message = message_of(head.body)
        if is_limit(head.status, head.headers, message):
            return self._limit(head)
        if head.status == 401:
            self._credentials.forget()
        if 200 <= head.status < 300:
            return Broken(f"GitHub's answer for {what} cannot be read.")
        return failure(head.status, message, what, self._credentials.who, writes=writes)

    def _limit(self, head: Head) -> RateLimited:
        """Where GitHub does not tell until when: a minute, and twice as long each time in a row."""
        told = limited_until(head.headers, self._now())
        pause = min(UNTOLD_PAUSE * 2 ** min(self.limits_in_a_row, 10), LONGEST_WAIT)
        self.limits_in_a_row += 1
        self._limited_until = told or self._now() + pause
        return RateLimited(self._limited_until)

    def _unreachable(self, reason: str) -> Unreachable:
        return Unreachable(
            f"GitHub at {self._base_url} does not answer ({reason}); check the network and SOLOIST_GITHUB_API_URL."
        )


def open_github(settings: Settings) -> GitHub:
    """As an app where one is set, else with the token, else as nobody. Raises BadInput for settings that do not fit together."""
    return GitHub(_credentials(settings), settings.github_api_url)


def _credentials(settings: Settings) -> Credentials:
    app = (settings.github_app_id, settings.github_app_key, settings.github_app_installation)
    if not any(app):
        return Token(settings.github_token)
    app_id, key, installation = app
    if not (app_id and key and installation):
        raise BadInput(
            "To ask GitHub as an app, set all three of SOLOIST_GITHUB_APP_ID, SOLOIST_GITHUB_APP_KEY and SOLOIST_GITHUB_APP_INSTALLATION."
        )
    try:
        return App(app_id, SecretStr(key.read_text(encoding="ascii")), installation)
    except (OSError, ValueError):
        raise BadInput(f"The private key {key} cannot be read; check SOLOIST_GITHUB_APP_KEY.") from None


def _usable(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        usable = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment:
        raise BadInput(
            "SOLOIST_GITHUB_API_URL is not an http or https URL with a host; write it as https://api.github.com, or "
            "https://github.example.com/api/v3."
        )
    return base_url.rstrip("/")
