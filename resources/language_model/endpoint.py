"""Where a model is served: its address, what it says of itself, and how its answers with an error read in one sentence.

What belongs here: everything about an OpenAI-compatible endpoint that is neither a chat completion nor a retry.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import orjson

from resources.addresses import http_parts
from resources.errors import SoloistError
from resources.scrubbing import scrub

_PROBE_SECONDS = 10.0
_PROBE_BYTES = 4 << 20
_REVISION = re.compile(r"/snapshots/([0-9a-f]{7,64})(?:/|$)")


class EndpointError(SoloistError):
    """The endpoint cannot be used as it is configured: a wrong address, key or model; or it is gone."""


@dataclass(frozen=True)
class Endpoint:
    """The address of an API, and how to be let in. `api_version` makes it an Azure OpenAI resource, whose deployments are asked by name
    in the address."""

    base_url: str
    api_key: str | None = None
    api_version: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        """Raises EndpointError where this is no http(s) address."""
        if http_parts(self.base_url) is None:
            raise EndpointError(
                "SOLOIST_MODEL_URL is not an http or https URL with a host; write it as http://127.0.0.1:8000/v1."
            )

    @property
    def address(self) -> str:
        """The address as it may be shown and kept: without user, password, query and trailing slash."""
        parts = urlsplit(self.base_url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))

    @property
    def headers(self) -> dict[str, str]:
        found = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "soloist"}
        if self.api_key and self.api_version:
            found["api-key"] = self.api_key
        elif self.api_key:
            found["Authorization"] = f"Bearer {self.api_key}"
        return found

    @property
    def chat_url(self) -> str:
        deployment = f"openai/deployments/{quote(self.model or '', safe='')}/" if self.api_version else ""
        return self.url(f"{deployment}chat/completions")

    @property
    def models_url(self) -> str:
        return self.url("openai/models" if self.api_version else "models")

    def url(self, path: str) -> str:
        """`path` behind the base URL; a query of the base URL stays at the end."""
        parts = urlsplit(self.base_url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        if self.api_version:
            query.append(("api-version", self.api_version))
        return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{path}", urlencode(query), ""))


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model of `GET /models`; `revision` where the endpoint tells it (a `revision`, or vLLM's path of a
    snapshot), `context` the most tokens of question and answer together, `by_vllm` whether vLLM serves it.
    """

    name: str
    revision: str | None = None
    context: int | None = None
    by_vllm: bool = False


def served_models(endpoint: Endpoint) -> list[ServedModel] | None:
    """What `GET {base_url}/models` lists, or None where the endpoint does not say within ten seconds. Follows no
    redirect.
    """
    try:
        status, body = _get(endpoint.models_url, endpoint.headers)
        listed = orjson.loads(body)["data"] if status == 200 else None
        if not isinstance(listed, list):
            return None
        cards = [card for card in listed if isinstance(card, dict) and isinstance(card.get("id"), str)]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return None
    return [_served(card) for card in cards]


def require_answer(endpoint: Endpoint) -> None:
    """Raises EndpointError where nothing at the address speaks HTTP within ten seconds; any answer will do."""
    try:
        _get(endpoint.models_url, endpoint.headers)
    except (OSError, http.client.HTTPException):
        raise EndpointError(
            f"The model endpoint {endpoint.address} does not answer; start it, or unset SOLOIST_MODEL_URL to work without a model."
        ) from None
    except ValueError:
        return


def _served(card: dict[str, object]) -> ServedModel:
    context = card.get("max_model_len") or card.get("context_length") or card.get("context_window")
    return ServedModel(
        str(card["id"]),
        _revision(card),
        context if isinstance(context, int) and context > 0 else None,
        card.get("owned_by") == "vllm",
    )


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
    def sentence(self) -> str:
        if self._is_too_long:
            return (
                f"The endpoint answered {self.status}: the prompt is longer than the model's context; serve the model with a longer one, or "
                "set SOLOIST_MODEL_CONTEXT to what it has"
            )
        code = f" ({self.code})" if self.code else ""
        return f"The endpoint answered {self.status}{code}{': ' + self.message if self.message else ''}"

    def configuration_sentence(self, endpoint: Endpoint, model: str) -> str | None:
        """What to change in the settings, where the error is about these and not about one request; else None."""
        address = endpoint.address
        if self.status == 401:
            return (
                f"The model endpoint {address} refuses the API key (401); set SOLOIST_MODEL_API_KEY to the right one."
            )
        if self._names_missing_model:
            return (
                f"The model endpoint {address} does not serve the model {model!r} ({self.status}); set SOLOIST_MODEL to one that "
                f"`GET {address}/models` lists."
            )
        if self.status == 404:
            return (
                f"There are no chat completions at {address} (404); set SOLOIST_MODEL_URL to the base URL of the API, which mostly ends "
                "in /v1."
            )
        if 300 <= self.status < 400:
            return (
                f"The model endpoint {address} sends requests elsewhere ({self.status}); set SOLOIST_MODEL_URL to the address that it "
                "sends to."
            )
        if self._refuses_schema:
            said = f" ({self.message})" if self.message else ""
            return (
                f"The model endpoint {address} refuses the JSON schema of the reply{said}; serve the model with structured output, in vLLM "
                """by --structured-outputs-config '{"backend": "guidance"}', or set SOLOIST_MODEL_URL to an endpoint that has it."""
            )
        return None

    @property
    def _names_missing_model(self) -> bool:
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
    def _refuses_schema(self) -> bool:
        return self.status in (400, 422) and (
            re.search(r"response_format|json_?schema|grammar|structured.?output|guided", self.code + self.message, re.I)
            is not None
        )

    @property
    def _is_too_long(self) -> bool:
        return self.status in (400, 413, 422) and (
            "context_length" in self.code
            or re.search(
                r"context length|maximum context|max_model_len|too many tokens|longer than", self.message, re.I
            )
            is not None
        )


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
