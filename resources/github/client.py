"""Asking GitHub's REST API: who asks, what may be asked again, and what an answer means. What is asked for is not known here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from resources import clock
from resources.errors import BadInput
from resources.github.credentials import App, Credentials, Token
from resources.github.errors import failure, is_limit, is_used_up, limited_until, message_of
from resources.rest.client import BODY_LIMIT, RestClient, address_parts, ends_at, is_passing
from resources.rest.errors import Broken, Denied, RateLimited, RestError, Unauthorized, server_time

if TYPE_CHECKING:
    from resources.github.authorship import Author
    from resources.github.wire import Head, Wire
    from resources.settings import Settings

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


class GitHub(RestClient):
    """A client at `base_url`. `write_pause_s` is the pause between two writes."""

    server = "GitHub"
    url_setting = "SOLOIST_GITHUB_API_URL"
    _is_used_up = staticmethod(is_used_up)
    _told_end = staticmethod(limited_until)

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
        super().__init__(_usable(base_url), now, pause_s, try_s)
        self._credentials, self._body_limit = credentials, body_limit
        self._write_pause_s, self._may_write_at = write_pause_s, 0.0
        self._author: Author | None = None
        self._signed_with: SecretStr | None = None
        self._wire: Wire | None = None

    async def _close_connections(self) -> None:
        if self._wire is not None:
            await self._wire.close()
        self._wire = None

    def get(self, url: str, what: str, etag: str | None = None, deadline: float | None = None) -> Answer:
        """What is at `url`: a path behind the base URL, or the `next` of an answer. `what` is how a sentence calls it; `deadline` is a
        reading of `time.monotonic`. Raises RestError."""
        return self._asked(_Request("GET", url, what, etag=etag), deadline, again=True)

    def post(self, url: str, what: str, body: object, deadline: float | None = None, *, again: bool = False) -> Answer:
        """Makes something at `url` of `body`, which becomes JSON. A failure of which nobody knows whether it was made all the same (Broken,
        Unreachable) is raised at once, unless making it twice makes the same (`again`). Raises RestError."""
        return self._asked(_Request("POST", url, what, body), deadline, again=again)

    def patch(self, url: str, what: str, body: object, deadline: float | None = None) -> Answer:
        """Changes what is at `url`; tried again like `get`. Raises RestError."""
        return self._asked(_Request("PATCH", url, what, body), deadline, again=True)

    def put(self, url: str, what: str, body: object, deadline: float | None = None) -> Answer:
        """Puts `body` in the place of what is at `url`; tried again like `get`. Raises RestError."""
        return self._asked(_Request("PUT", url, what, body), deadline, again=True)

    def author(self, deadline: float | None = None) -> Author:
        """As whom it writes; asked for once. Raises RestError."""
        from resources.github.authorship import Author

        if self._author is None:
            app = self._credentials.app
            found = {} if app else self.get("user", "account of the token", deadline=deadline).body
            self._author = Author(app) if app else Author.of_account(found)
        return self._author

    def examine(self, repository: str) -> None:
        """Whether it answers, lets this client in and shows a repository (`owner/name`): asked once, for as long as one try may take.
        Raises RestError."""
        self._asked(_Request("GET", f"repos/{repository}", f"repository {repository}"), None, again=False)

    def token(self, deadline: float | None = None) -> str | None:
        """What requests are signed with, for git, which asks the same server; None where nothing is. As `get` raises."""
        self.get("rate_limit", "rate limit", deadline=deadline)
        return self._signed_with.get_secret_value() if self._signed_with else None

    def _asked(self, request: _Request, deadline: float | None, *, again: bool) -> Answer:
        ends = ends_at(deadline)
        return self._tried(lambda: self._once(request, ends), ends, lambda error: again and is_passing(error))

    def _once(self, request: _Request, ends: float) -> Answer:
        if self._limited_until is not None and self._now() < self._limited_until:
            raise RateLimited(self.server, self._limited_until)
        if request.writes:
            time.sleep(min(max(self._may_write_at - time.monotonic(), 0), max(ends - time.monotonic(), 0)))
        try:
            return self._run(
                lambda seconds: self._exchange(request, seconds), request.what, ends, writes=request.writes
            )
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
        self._heed(head.headers)
        at, unchanged = server_time(head.headers) or self._now(), head.status == 304
        return Answer(body, request.etag if unchanged else head.headers.get("etag"), head.next, at, unchanged=unchanged)

    def _failure(self, head: Head | None, what: str, *, writes: bool = False) -> RestError:
        if head is None:
            return Broken(f"GitHub's answer for {what} cannot be read.")
        message = message_of(head.body)
        if is_limit(head.status, head.headers, message):
            return self._limit(head.headers)
        if head.status == 401:
            self._credentials.forget()
        if 200 <= head.status < 300:
            return Broken(f"GitHub's answer for {what} cannot be read.")
        return failure(head.status, message, what, self._credentials.who, writes=writes)


def open_github(settings: Settings, try_s: float = 10.0) -> GitHub:
    """As an app where one is set, else with the token, else as nobody. Raises BadInput for settings that do not fit together."""
    return GitHub(_credentials(settings), settings.github_api_url, try_s=try_s)


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
        text = key.read_text(encoding="ascii")
    except (OSError, ValueError):
        raise BadInput(f"The private key {key} cannot be read; check SOLOIST_GITHUB_APP_KEY.") from None
    if "PRIVATE KEY-----" not in text:
        raise BadInput(
            f"SOLOIST_GITHUB_APP_KEY names {key}, which holds no private key in PEM; download one at the app's settings."
        )
    return App(app_id, SecretStr(text), installation)


def _usable(base_url: str) -> str:
    if address_parts(base_url) is None:
        raise BadInput(
            "SOLOIST_GITHUB_API_URL is not an http or https URL with a host; write it as https://api.github.com, or "
            "https://github.example.com/api/v3."
        )
    return base_url.rstrip("/")
