"""Where a model is served: its address, what it says of itself, and how its answers with an error read in one sentence.

What belongs here: everything about an OpenAI-compatible endpoint that is neither a chat completion nor a retry.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import orjson

from resources.errors import SoloistError
from resources.scrubbing import scrub

_PROBE_SECONDS = 10.0
_PROBE_BYTES = 4 << 20
_REVISION = re.compile(r"/snapshots/([0-9a-f]{7,64})(?:/|$)")


class EndpointError(SoloistError):
    """The endpoint cannot be used as it is configured: a wrong address, key or model."""


def endpoint_url(base_url: str, path: str) -> str:
    """`base_url` with `path` (such as `chat/completions`) behind it; a query of the base URL stays at the end."""
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{path}", parts.query, ""))


def public_url(base_url: str) -> str:
    """The address as it may be shown and kept: without user, password, query and trailing slash."""
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def check_base_url(base_url: str) -> None:
    """Raises EndpointError where this is no http(s) address."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise EndpointError(
            "The model endpoint's address is not an http or https URL with a host; write it as http://127.0.0.1:8000/v1."
        )


def request_headers(api_key: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "soloist"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    return headers


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model of `GET /models`; `revision` where the endpoint tells it (a `revision`, or vLLM's path of a
    snapshot).
    """

    name: str
    revision: str | None


def served_models(base_url: str, api_key: str | None) -> list[ServedModel] | None:
    """What `GET {base_url}/models` lists, or None where the endpoint does not say within ten seconds. Follows no
    redirect.
    """
    try:
        status, body = _get(endpoint_url(base_url, "models"), request_headers(api_key))
        listed = orjson.loads(body)["data"] if status == 200 else None
        if not isinstance(listed, list):
            return None
        cards = [card for card in listed if isinstance(card, dict) and isinstance(card.get("id"), str)]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return None
    return [ServedModel(card["id"], _revision(card)) for card in cards]


def require_answer(base_url: str, api_key: str | None) -> None:
    """Raises EndpointError where nothing at the address speaks HTTP within ten seconds; any answer will do."""
    try:
        _get(endpoint_url(base_url, "models"), request_headers(api_key))
    except (OSError, http.client.HTTPException):
        raise EndpointError(
            f"The model endpoint {public_url(base_url)} does not answer; start it, or unset SOLOIST_MODEL_URL to work without a model."
        ) from None
    except ValueError:
        return


def _revision(card: dict[str, object]) -> str | None:
    if isinstance(revision := card.get("revision"), str) and revision:
        return revision
    found = _REVISION.search(root) if isinstance(root := card.get("root"), str) else None
    return found[1] if found else None


def _get(url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body of a GET, within ten seconds and 4 MiB in all. Raises OSError, HTTPException or ValueError."""
    parts = urlsplit(url)
    deadline = time.monotonic() + _PROBE_SECONDS
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=_PROBE_SECONDS, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=_PROBE_SECONDS)
    )
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers)
        response = connection.getresponse()
        body = b""
        while chunk := response.read1(65536):
            body += chunk
            if len(body) > _PROBE_BYTES or time.monotonic() > deadline:
                raise ValueError("the list of models does not end")
        return response.status, body
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer with an error status, read for what is known to be harmless: it may hold the prompt, so only parts are
    kept.
    """

    status: int
    code: str
    """The endpoint's machine-readable code or type, or ""."""
    message: str
    """Its message, scrubbed and cut, or "" where it repeats the request."""

    @property
    def names_missing_model(self) -> bool:
        return self.status in (400, 404) and (
            self.code in ("model_not_found", "DeploymentNotFound")
            or re.search(
                r"\bmodel\b.{0,200}\b(?:not exist|not found|unknown|not available|no such)|unknown model",
                self.message,
                re.I | re.S,
            )
            is not None
        )

    @property
    def sentence(self) -> str:
        code = f" ({self.code})" if self.code else ""
        return f"The endpoint answered {self.status}{code}{': ' + self.message if self.message else ''}"


def read_error(status: int, body: bytes, request_body: bytes) -> ErrorAnswer:
    """What an error answer says. Its message is kept only where no run of 24 characters of it is also in the request's
    messages.
    """
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ErrorAnswer(status, "", "")
    error = payload.get("error", payload) if isinstance(payload, dict) else None
    if not isinstance(error, dict):
        return ErrorAnswer(status, "", scrub(_clean(error, 200)) if isinstance(error, str) else "")
    code = next((str(error[name]) for name in ("code", "type") if isinstance(error.get(name), str) and error[name]), "")
    message = _clean(error.get("message"), 400)
    asked = " ".join(request_body.partition(b'"messages":')[2].decode(errors="replace").replace("\\n", " ").split())
    if any(message[at : at + 24] in asked for at in range(max(len(message) - 23, 0))):
        message = ""
    return ErrorAnswer(status, scrub(_clean(code, 60)), scrub(message)[:200].rstrip("."))


def _clean(value: object, limit: int) -> str:
    return " ".join(value[:limit].split()) if isinstance(value, str) else ""
