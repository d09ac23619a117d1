"""A GitHub on a loopback port, which serves repositories from memory and misbehaves when it is told to.

What belongs here: pages with links, ETags, limits, tokens, and the ways in which all of it can fail. Built on asyncio's streams alone,
because it must be able to break HTTP. A further endpoint is a row of `_ROUTES` and a method; what writes is in `github_writes.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import github_objects as objects
import github_writes
from github_objects import Json, Repository, stamp
from github_writes import Written, bot

STATUS_OF_A_DROP = 0


@dataclass(frozen=True)
class Fault:
    """Instead of the answer: another one, half of it, or (status 0) none. `after` it was done all the same."""

    status: int = STATUS_OF_A_DROP
    body: str = '{"message": "Server Error"}'
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    half_body: bool = False
    delay_s: float = 0.0
    after: bool = False


DROP = Fault()
SERVER_ERROR = Fault(500)
HTML = Fault(502, "<html><body>Unicorn!</body></html>", "text/html")
HALF = Fault(200, "[" + '{"id": 1}, ' * 50 + "{}]", half_body=True)
DROP_AFTER = Fault(after=True)
BAD_GATEWAY_AFTER = Fault(502, "<html>Bad Gateway</html>", "text/html", after=True)
SECONDARY_LIMIT = Fault(
    403, '{"message": "You have exceeded a secondary rate limit. Please wait."}', headers={"retry-after": "60"}
)
WEB_PAGE = Fault(200, "<html>Please sign in.</html>", "text/html")


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """The last part of the path: `pulls`, `issues`, `runs`."""
        return self.path.rpartition("/")[2]

    @property
    def page(self) -> int:
        return int(self.query.get("page", "1"))


class GitHubServer:
    """`with GitHubServer() as github:` serves at `github.url`; `requests` holds what came in.

    `fault` is asked for each request what goes wrong with it, `before` is called ahead of each answer, in the server's thread. `renamed`
    maps an old name to the one in its place.
    """

    def __init__(self, token: str | None = None, page_size: int = 100) -> None:
        self.token, self.page_size = token, page_size
        self.clock = datetime(2026, 11, 20, 9, tzinfo=UTC)
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.fault: Callable[[Received], Fault | None] = lambda _request: None
        self.before: Callable[[Received], None] = lambda _request: None
        self.done: Callable[[Received], None] = lambda _request: None
        """Called once a request is done, ahead of its answer."""
        self.account: Json = objects.user("soloist")
        self.as_app: int | None = None
        """The id of the app as which is written, if it is one."""
        self.written: defaultdict[str, Written] = defaultdict(Written)
        self.last_number = 7_000_000
        self.app: Callable[[str], bool] | None = None
        """Whether a JSON web token is one of the app's."""
        self.requests: list[Received] = []
        self.statuses: list[int] = []
        self.limit = self.remaining = 5000
        self.most_at_once = self._under_way = 0
        self._ready = threading.Event()

    def __enter__(self) -> GitHubServer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tick(self, seconds: float = 1) -> datetime:
        self.clock += timedelta(seconds=seconds)
        return self.clock

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository(self.tick, len(self.repositories) + 1, name))

    def next_number(self) -> int:
        self.last_number += 1
        return self.last_number

    def authorship(self) -> Json:
        """Of what is written now."""
        if self.as_app is None:
            return {"user": self.account, "performed_via_github_app": None}
        return {"user": bot("soloist"), "performed_via_github_app": {"id": self.as_app, "client_id": "Iv1.soloist"}}

    def writes(self) -> list[Received]:
        return [each for each in self.requests if each.method != "GET"]

    def asked(self, name: str) -> list[Received]:
        return [each for each in self.requests if each.name == name]

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False where the connection is over."""
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = line.split(" ")
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        request = Received(method, parts.path, query, headers, body)
        self.requests.append(request)
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            self.before(request)
            fault = self.fault(request)
            if fault is not None:
                await asyncio.sleep(fault.delay_s)
            return await self._send(writer, *self._faulty(fault, request))
        finally:
            self._under_way -= 1

    def _faulty(self, fault: Fault | None, request: Received) -> tuple[int, dict[str, str], bytes, bool]:
        if fault is None or (fault.delay_s and fault.status == STATUS_OF_A_DROP):
            return (*self._answer(request), False)
        if fault.after:
            self._answer(request)
        return fault.status, {"content-type": fault.content_type} | fault.headers, fault.body.encode(), fault.half_body

    async def _send(
        self, writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes, half: bool
    ) -> bool:
        self.statuses.append(status)
        if status == STATUS_OF_A_DROP:
            writer.transport.abort()
            return False
        headers = {
            "content-type": "application/json; charset=utf-8",
            "date": format_datetime(self.clock, usegmt=True),
        } | headers
        headers |= {"content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {status} So\r\n{head}\r\n".encode() + (body[: len(body) // 2] if half else body))
        await writer.drain()
        return not half

    def _answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        credential = request.headers.get("authorization", "").partition(" ")[2]
        is_minting = self.app is not None and request.path.endswith("/access_tokens") and self.app(credential)
        if self.token is not None and credential != self.token and not is_minting:
            return _said(401, "Bad credentials")
        limits = {"x-ratelimit-limit": str(self.limit), "x-ratelimit-reset": str(int(self.clock.timestamp()) + 1800)}
        if self.remaining <= 0:
            return _said(403, "API rate limit exceeded for user ID 1.", limits | {"x-ratelimit-remaining": "0"})
        status, headers, body = self._routed(request)
        self.done(request)
        if status != 304:
            self.remaining -= 1
        return status, limits | {"x-ratelimit-remaining": str(self.remaining)} | headers, body

    def _routed(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        for method, pattern, handle in _ROUTES:
            if method == request.method and (match := re.fullmatch(pattern, request.path)):
                return handle(self, request, *match.groups())
        return _said(404, "Not Found")

    def _repository(self, request: Received, name: str, rest: str) -> tuple[int, dict[str, str], bytes]:
        if name in self.renamed:
            number = self.repositories[self.renamed[name]].object["id"]
            return _said(301, "Moved Permanently", {"location": f"{self.url}/repositories/{number}{rest}"})
        if name not in self.repositories:
            return _said(404, "Not Found")
        return self._of(request, self.repositories[name], rest.strip("/"))

    def _by_number(self, request: Received, number: str, rest: str) -> tuple[int, dict[str, str], bytes]:
        for each in self.repositories.values():
            if each.object["id"] == int(number):
                return self._of(request, each, rest.strip("/"))
        return _said(404, "Not Found")

    def _of(self, request: Received, where: Repository, rest: str) -> tuple[int, dict[str, str], bytes]:
        if request.method != "GET":
            return github_writes.write(self, request, where, unquote(rest))
        if (answer := github_writes.read(self, request, where, unquote(rest))) is not None:
            return answer
        if rest == "":
            return _conditional(request, {}, where.object)
        if rest == "actions/runs":
            return self.page(request, where, _newest(where.runs.values(), "created_at"), "workflow_runs")
        if match := re.fullmatch(r"actions/runs/(\d+)", rest):
            found = [each for each in where.runs.values() if each["id"] == int(match[1])]
            return _conditional(request, {}, found[0]) if found else _said(404, "Not Found")
        if match := re.fullmatch(r"pulls/(\d+)/reviews", rest):
            return self.page(request, where, where.reviews[int(match[1])])
        if rest == "issues":
            pulls = [
                {**objects.issue(where.name, pull["number"], self.clock), **pull, "pull_request": {"url": ""}}
                for pull in where.pulls.values()
            ]
            since = request.query.get("since", "")
            listed = _newest([*where.issues.values(), *pulls])
            return self.page(request, where, [each for each in listed if each["updated_at"] >= since])
        lists: dict[str, Callable[[], list[Json]]] = {
            "pulls": lambda: [each for each in _newest(where.pulls.values()) if _is_asked_for(request, where, each)],
            "releases": lambda: _newest(where.releases.values(), "created_at"),
            "branches": lambda: [objects.branch(name, where.branches[name]) for name in sorted(where.branches)],
        }
        return self.page(request, where, lists[rest]()) if rest in lists else _said(404, "Not Found")

    def page(
        self, request: Received, where: Repository, items: list[Json], member: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        size = min(int(request.query.get("per_page", "30")), self.page_size)
        start = (request.page - 1) * size
        links = {}
        if start + size < len(items):
            query = urlencode(request.query | {"page": request.page + 1})
            last = urlencode(request.query | {"page": -(-len(items) // size)})
            # GitHub names the repository by its number in the pages after the first.
            rest = re.sub(r"^/(repos/[^/]+/[^/]+|repositories/\d+)", "", request.path)
            at = f"{self.url}/repositories/{where.object['id']}{rest}"
            links["link"] = f'<{at}?{query}>; rel="next", <{at}?{last}>; rel="last"'
        page = items[start : start + size]
        return _conditional(request, links, {"total_count": len(items), member: page} if member else page)

    def _user(self, _request: Received) -> tuple[int, dict[str, str], bytes]:
        if self.as_app is not None:
            return _said(403, "Resource not accessible by integration")
        return 200, {}, json.dumps(self.account).encode()

    def _access_token(self, _request: Received, _installation: str) -> tuple[int, dict[str, str], bytes]:
        ends = stamp(self.clock + timedelta(hours=1))
        return 201, {}, json.dumps({"token": self.token, "expires_at": ends}).encode()


def _is_asked_for(request: Received, where: Repository, pull: Json) -> bool:
    head, state = request.query.get("head"), request.query.get("state", "all")
    owner = where.name.partition("/")[0]
    return state in ("all", pull["state"]) and head in (None, f"{owner}:{pull['head']['ref']}")


def _newest(items: Any, by: str = "updated_at") -> list[Json]:
    return sorted(items, key=lambda each: (each[by], each["id"]), reverse=True)


def _said(status: int, message: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    return status, headers or {}, json.dumps({"message": message, "documentation_url": ""}).encode()


def _conditional(request: Received, headers: dict[str, str], body: object) -> tuple[int, dict[str, str], bytes]:
    raw = json.dumps(body).encode()
    etag = f'W/"{hashlib.sha256(raw + str(headers).encode()).hexdigest()[:32]}"'
    unchanged = request.headers.get("if-none-match") == etag
    return (304, {"etag": etag}, b"") if unchanged else (200, headers | {"etag": etag}, raw)


_ROUTES: list[tuple[str, str, Callable[..., tuple[int, dict[str, str], bytes]]]] = [
    ("GET", r"/repos/([^/]+/[^/]+)((?:/.*)?)", GitHubServer._repository),
    ("GET", r"/repositories/(\d+)((?:/.*)?)", GitHubServer._by_number),
    ("POST", r"/repos/([^/]+/[^/]+)((?:/.*)?)", GitHubServer._repository),
    ("PATCH", r"/repos/([^/]+/[^/]+)((?:/.*)?)", GitHubServer._repository),
    ("GET", r"/user", GitHubServer._user),
    ("GET", r"/rate_limit", lambda *_: (200, {}, b'{"resources": {}}')),
    ("POST", r"/app/installations/(\d+)/access_tokens", GitHubServer._access_token),
]
