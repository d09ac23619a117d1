"""A Sentry on a loopback port, which serves issues and their errors from memory and misbehaves when it is told to.

What belongs here: pages with their links, limits, tokens, and the ways in which all of it can fail. Built on asyncio's streams alone, because
it must be able to break HTTP.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from sentry_objects import Json, rest_event, rest_issue, stamp

DROPPED = 0


@dataclass(frozen=True)
class Fault:
    """Instead of the answer: another one, half of it, or (status 0) none. `delay_s` alone is the answer, but late. `after` it was done all
    the same."""

    status: int | None = None
    body: str = '{"detail": "Internal Error"}'
    headers: dict[str, str] = field(default_factory=dict)
    half_body: bool = False
    delay_s: float = 0.0
    after: bool = False


DROP = Fault(DROPPED)
DROP_AFTER = Fault(DROPPED, after=True)
SERVER_ERROR = Fault(500)
HALF = Fault(200, "[" + '{"id": "1"}, ' * 50 + "{}]", half_body=True)
WEB_PAGE = Fault(200, "<html>Please sign in.</html>")


@dataclass(frozen=True)
class Received:
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""

    @property
    def is_list(self) -> bool:
        return self.path.startswith("/api/0/projects/")

    @property
    def project(self) -> str:
        """`organization/project` of a list; "" otherwise."""
        return "/".join(self.path.split("/")[4:6]) if self.is_list else ""

    @property
    def offset(self) -> int:
        return int(self.query.get("cursor", "0:0:0").split(":")[1])


class SentryServer:
    """`with SentryServer() as sentry:` serves at `sentry.url`; `requests` holds what came in.

    `fault` is asked for each request what goes wrong with it, `before` is called ahead of each answer, in the server's thread. Every change
    moves the server's clock on by a second.
    """

    def __init__(self, token: str | None = None, page_size: int = 100) -> None:
        self.token, self.page_size = token, page_size
        self.clock = datetime(2026, 11, 20, 9, tzinfo=UTC)
        self.projects: dict[str, dict[str, Json]] = {}
        """Issues by id, of each `organization/project`."""
        self.errors: dict[str, Json] = {}
        """By issue, as the SDK sent it."""
        self.notes: dict[str, list[Json]] = {}
        """By issue, the last first."""
        self.knows_repeats = False
        self.fault: Callable[[Received], Fault | None] = lambda _request: None
        self.before: Callable[[Received], None] = lambda _request: None
        self.requests: list[Received] = []
        self.limit = self.remaining = 1000
        self.tells_limits = True
        self._numbers = 1000
        self._ready = threading.Event()

    def __enter__(self) -> SentryServer:
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

    def put(
        self,
        project: str,
        issue: str | None = None,
        error: Json | None = None,
        at: datetime | None = None,
        **members: Any,
    ) -> str:
        """An issue that is new, or has another error, now or at an instant; returns its id."""
        kept = self.projects.setdefault(project, {})
        at = at or self.tick()
        if issue is None:
            self._numbers += 1
            issue = str(self._numbers)
        known = kept.get(issue) or rest_issue(project, issue, at)
        kept[issue] = known | {"lastSeen": stamp(at), "count": str(int(known["count"]) + 1)} | members
        if error is not None:
            self.errors[issue] = error
        return issue

    def change(self, project: str, issue: str, **members: Any) -> None:
        """What somebody does to an issue, which is no error of it."""
        self.tick()
        self.projects[project][issue] |= members

    def lists(self) -> list[Received]:
        return [each for each in self.requests if each.is_list]

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
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        request = Received(parts.path, query, headers, method, body)
        self.requests.append(request)
        self.before(request)
        fault = self.fault(request) or Fault()
        await asyncio.sleep(fault.delay_s)
        if fault.status is None:
            return await self._send(writer, *self._answer(request), half=False)
        if fault.after:
            self._answer(request)
        return await self._send(writer, fault.status, fault.headers, fault.body.encode(), half=fault.half_body)

    async def _send(
        self, writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes, half: bool
    ) -> bool:
        if status == DROPPED:
            writer.transport.abort()
            return False
        standing = {"content-type": "application/json", "date": format_datetime(self.clock, usegmt=True)}
        all_headers = standing | headers | {"content-length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
        writer.write(f"HTTP/1.1 {status} So\r\n{head}\r\n".encode() + (body[: len(body) // 2] if half else body))
        await writer.drain()
        return not half

    def _answer(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            return _said(401, "Invalid token")
        self.remaining -= 1
        limits = {
            "X-Sentry-Rate-Limit-Limit": str(self.limit),
            "X-Sentry-Rate-Limit-Remaining": str(max(self.remaining, 0)),
            "X-Sentry-Rate-Limit-Reset": str(int(self.clock.timestamp()) + 600),
            "X-Sentry-Rate-Limit-ConcurrentLimit": "25",
            "X-Sentry-Rate-Limit-ConcurrentRemaining": "24",
        }
        limits = limits if self.tells_limits else {}
        if self.remaining < 0:
            return _said(429, "You are attempting to use this endpoint too frequently.", limits)
        status, headers, body = self._routed(request)
        return status, limits | headers, body

    def _routed(self, request: Received) -> tuple[int, dict[str, str], bytes]:
        if (match := re.fullmatch(r"/api/0/projects/([^/]+/[^/]+)/issues/", request.path)) is not None:
            return self._page(request, match[1]) if match[1] in self.projects else _missing()
        event = re.fullmatch(r"/api/0/organizations/([^/]+)/issues/(\d+)/events/(latest|recommended)/", request.path)
        if event is not None and event[2] in self.errors:
            return 200, {}, json.dumps(rest_event(self.errors[event[2]], event[2])).encode()
        issue = re.fullmatch(r"/api/0/organizations/([^/]+)/issues/(\d+)/(notes/)?", request.path)
        if issue is not None and (found := self._issue(issue[1], issue[2])) is not None:
            return self._noted(request, issue[2]) if issue[3] else (200, {}, json.dumps(found).encode())
        return _missing()

    def _issue(self, organization: str, issue: str) -> Json | None:
        for project, issues in self.projects.items():
            if project.partition("/")[0] == organization and issue in issues:
                return issues[issue]
        return None

    def _noted(self, request: Received, issue: str) -> tuple[int, dict[str, str], bytes]:
        notes = self.notes.setdefault(issue, [])
        if request.method == "GET":
            return 200, {}, json.dumps(notes).encode()
        text = json.loads(request.body)["text"]
        if self.knows_repeats and any(each["data"]["text"] == text for each in notes):
            return _said(400, "You have already posted that comment.")
        self._numbers += 1
        notes.insert(
            0, {"id": str(self._numbers), "type": "note", "data": {"text": text}, "dateCreated": stamp(self.tick())}
        )
        return 201, {}, json.dumps(notes[0]).encode()

    def _page(self, request: Received, project: str) -> tuple[int, dict[str, str], bytes]:
        """By the last error, the newest first. Both links are always there, and tell whether there is anything behind them."""
        issues = sorted(self.projects[project].values(), key=lambda each: (each["lastSeen"], each["id"]), reverse=True)
        start, size = request.offset, min(int(request.query.get("limit", "25")), self.page_size)

        def link(relation: str, offset: int, has_results: bool) -> str:
            cursor = f"0:{offset}:{int(relation == 'previous')}"
            query = urlencode(request.query | {"cursor": cursor})
            # As behind a proxy: another scheme and host than those that were asked.
            return (
                f'<https://sentry.internal{request.path}?{query}>; rel="{relation}"; '
                f'results="{str(has_results).lower()}"; cursor="{cursor}"'
            )

        links = [
            link("previous", max(start - size, 0), start > 0),
            link("next", start + size, start + size < len(issues)),
        ]
        return 200, {"Link": ", ".join(links)}, json.dumps(issues[start : start + size]).encode()


def _said(status: int, detail: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    return status, headers or {}, json.dumps({"detail": detail}).encode()


def _missing() -> tuple[int, dict[str, str], bytes]:
    return _said(404, "The requested resource does not exist")
