"""The webhook app: what GitHub and Sentry deliver is verified, kept in the inbox, and answered in milliseconds. It makes nothing.

What belongs here: HTTP. A signature is checked over the bytes as they came, before anything is read from them; what a payload says is
read in `resources/`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from resources.errors import SoloistError
from resources.inbox import Event, Inbox
from resources.inbox.grouping import GroupedInserts
from sensors.deliveries import Delivery, Malformed, github_event, sentry_event
from sensors.telemetry import Telemetry

if TYPE_CHECKING:
    from resources.settings import Settings

LARGE = 256 * 1024
"""Bytes above which a payload is read beside the loop."""


class Accepted(BaseModel):
    """It lies in the inbox, now or since an earlier delivery."""

    accepted: bool = True


class Problem(BaseModel):
    """One sentence: what is wrong and what to do."""

    detail: str


class Health(BaseModel):
    status: str
    version: str
    environment: str
    uptime_seconds: float
    dependencies: dict[str, str]


@dataclass(frozen=True)
class Source:
    """How deliveries of one source are let in and read. `signature_of` gives the hex digest that the headers carry, or ""."""

    name: str
    setting: str
    secrets: Sequence[bytes]
    signature_of: Callable[[Mapping[str, str]], str]
    read: Callable[[Delivery], Event]

    def verify(self, headers: Mapping[str, str], body: bytes) -> bool:
        """In constant time, against every secret that is live."""
        signature = self.signature_of(headers).encode("latin-1", "replace")
        matches = [
            hmac.compare_digest(hmac.new(secret, body, hashlib.sha256).hexdigest().encode(), signature)
            for secret in self.secrets
        ]
        return any(matches)


def create_app(settings: Settings, inbox: Inbox) -> FastAPI:
    """The app over an inbox that stays open for as long as it serves."""
    from importlib.metadata import version

    telemetry, began = Telemetry(inbox), time.monotonic()
    github, sentry = _sources(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.inserts = GroupedInserts(inbox)
        yield
        await run_in_threadpool(app.state.inserts.close)

    app = FastAPI(
        title="Soloist webhooks",
        version=version("soloist"),
        description="Takes what GitHub and Sentry deliver.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )

    async def receive(source: Source, request: Request) -> Accepted:
        with telemetry.delivery(source.name) as outcome:
            body = await _read_body(request, settings.webhook_body_limit, settings.webhook_timeout_seconds)
            if not source.secrets:
                raise HTTPException(503, f"No secret is set here; set {source.setting} to the one of the webhook.")
            if not source.verify(request.headers, body):
                raise HTTPException(
                    401, f"The signature does not fit the body; check the webhook's secret and {source.setting}."
                )
            delivery = Delivery(request.headers, body)
            try:
                event = await run_in_threadpool(source.read, delivery) if len(body) > LARGE else source.read(delivery)
            except Malformed as error:
                raise HTTPException(400, f"{error}.") from None
            try:
                new = await request.app.state.inserts.add(event)
            except SoloistError as error:
                raise HTTPException(503, str(error)) from None
            outcome.append(("ignored" if event.ignored else "accepted") if new else "known")
        return Accepted()

    @app.post("/webhooks/github", status_code=202, responses=_REFUSALS, openapi_extra=_GITHUB_REQUEST)
    async def github_webhook(request: Request) -> Accepted:
        """A delivery of a GitHub webhook, as JSON or as a form."""
        return await receive(github, request)

    @app.post("/webhooks/sentry", status_code=202, responses=_REFUSALS, openapi_extra=_SENTRY_REQUEST)
    async def sentry_webhook(request: Request) -> Accepted:
        """A delivery of a Sentry integration's webhook."""
        return await receive(sentry, request)

    @app.get("/health", responses={503: {"model": Health}})
    def health(response: Response) -> Health:
        """Whether what it rests on works, and for how long it has been up."""
        problem = _problem(inbox)
        response.status_code = 503 if problem else 200
        return Health(
            status="broken" if problem else "ok",
            version=app.version,
            environment=settings.environment,
            uptime_seconds=round(time.monotonic() - began, 3),
            dependencies={"inbox": problem or "ok"},
        )

    @app.get("/healthz")
    def alive() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"model": Problem}})
    def ready() -> dict[str, str]:
        """Deliveries can be kept."""
        if problem := _problem(inbox):
            raise HTTPException(503, problem)
        return {"status": "ok"}

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {Telemetry.TYPE: {"schema": {"type": "string"}}}}},
    )
    def metrics() -> Response:
        """Deliveries by source and outcome, and the inbox by state, for Prometheus."""
        return Response(telemetry.exposition(), media_type=Telemetry.TYPE)

    return app


def _sources(settings: Settings) -> tuple[Source, Source]:
    def live(*secrets: Any) -> list[bytes]:
        return [each.get_secret_value().encode() for each in secrets if each is not None and each.get_secret_value()]

    return (
        Source(
            "github",
            "SOLOIST_GITHUB_WEBHOOK_SECRET",
            live(settings.github_webhook_secret, settings.github_webhook_secret_previous),
            lambda headers: headers.get("x-hub-signature-256", "").removeprefix("sha256="),
            github_event,
        ),
        Source(
            "sentry",
            "SOLOIST_SENTRY_WEBHOOK_SECRET",
            live(settings.sentry_webhook_secret, settings.sentry_webhook_secret_previous),
            lambda headers: headers.get("sentry-hook-signature") or headers.get("sentry-app-signature", ""),
            sentry_event,
        ),
    )


async def _read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The body, of which never more than `limit` bytes and one chunk are in memory."""
    hang_up = {"Connection": "close"}  # what is left of the body is not read
    sentence = f"The body is larger than {limit} bytes; set SOLOIST_WEBHOOK_BODY_LIMIT higher where it should be taken."
    too_large = HTTPException(413, sentence, hang_up)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:19]) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError:
        raise HTTPException(408, f"The body did not come within {seconds:g} s.", hang_up) from None
    except ClientDisconnect:
        raise HTTPException(400, "The body did not come whole.") from None
    return bytes(body)


def _problem(inbox: Inbox) -> str | None:
    """Why nothing can be kept; None where it can."""
    try:
        inbox.counts()
    except Exception as error:  # whatever the database throws
        return f"The inbox does not answer ({type(error).__name__}); check SOLOIST_INBOX_URL."
    return None


_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in (
        (400, "Not what the source sends"),
        (401, "The signature does not fit"),
        (408, "The body did not come in time"),
        (413, "The body is too large"),
        (503, "Nothing can be kept now"),
    )
}


def _request(*headers: tuple[str, str], forms: bool = False) -> dict[str, Any]:
    """What the OpenAPI document says of a delivery: its headers, and a body that is read as bytes."""
    kinds: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if forms:
        kinds["application/x-www-form-urlencoded"] = {
            "schema": {"type": "object", "properties": {"payload": {"type": "string"}}, "required": ["payload"]}
        }
    return {
        "parameters": [
            {"name": name, "in": "header", "required": False, "description": meaning, "schema": {"type": "string"}}
            for name, meaning in headers
        ],
        "requestBody": {"required": True, "content": kinds},
    }


_GITHUB_REQUEST = _request(
    ("X-GitHub-Event", "The kind of the event."),
    ("X-GitHub-Delivery", "The id under which it is kept once."),
    ("X-Hub-Signature-256", "`sha256=` and the HMAC of the body."),
    forms=True,
)
_SENTRY_REQUEST = _request(
    ("Sentry-Hook-Resource", "The kind of the event."),
    ("Request-ID", "The id under which it is kept once."),
    ("Sentry-Hook-Signature", "The HMAC of the body."),
)
