"""A real OpenAI-compatible server on a loopback port, which answers as a script tells it to.

What belongs here: the server, and the smallest JSON instance that satisfies a schema, so that any agent can be run
against it. It is built on asyncio's streams alone, because it must be able to break HTTP where a script wants that.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One answer. `body` as text is sent as it is; None is a chat completion with `content`, or with a minimal valid
    instance.

    `half_body` sends half of the body and hangs up; `drop_connection` hangs up without a word; `drip_s` is the pause
    between the single bytes of the body. It is sent once `until` says so, and after a minute at the latest.
    """

    status: int = 200
    body: str | Json | None = None
    content: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    until: Callable[[], bool] | None = None
    drop_connection: bool = False
    half_body: bool = False
    drip_s: float = 0.0
    finish_reason: str = "stop"
    tokens: tuple[int, int, int] = (10, 4, 5)
    """Prompt tokens, those of them cached, completion tokens."""


@dataclass(frozen=True)
class Received:
    """One request as it came in. `attempt` counts, from 0, the requests with these very messages."""

    path: str
    headers: dict[str, str]
    body: Json
    attempt: int
    at: float

    @property
    def last_message(self) -> str:
        return str(self.body["messages"][-1]["content"])


Script = Callable[[Json, int], Answer]


class ScriptedEndpoint:
    """`with ScriptedEndpoint(script) as endpoint:` serves `GET /v1/models` and `POST /v1/chat/completions` at
    `endpoint.url`.

    The script is called with the request's JSON and the attempt (0 for the first request with these messages), in the
    server's thread. `requests` holds what came in, `most_at_once` how many were in flight together.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        model: str = "scripted",
        revision: str | None = "r1",
        models_answer: Answer | None = None,
        keep_requests: bool = True,
    ) -> None:
        self._script = script or (lambda _request, _attempt: Answer())
        self._card: Json = {"id": model, "object": "model"} | ({"revision": revision} if revision else {})
        self._models_answer = models_answer
        self._keep = keep_requests
        self._attempts: Counter[str] = Counter()
        self._ready = threading.Event()
        self._under_way = 0
        self.model = model
        self.requests: list[Received] = []
        self.model_listings = 0
        self.connections = 0
        self.most_at_once = 0
        self.count = 0

    def __enter__(self) -> ScriptedEndpoint:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the scripted endpoint did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 24)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False where the connection is over."""
        request_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = request_line.split(" ")
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            answer, payload = self._answer(method, path, headers, raw)
            return await self._send(writer, answer, payload)
        finally:
            self._under_way -= 1

    def _answer(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[Answer, bytes]:
        route = path.partition("?")[0]
        if method == "GET" and route == "/v1/models":
            self.model_listings += 1
            answer = self._models_answer or Answer(body={"object": "list", "data": [self._card]})
            return answer, _encode(answer.body)
        if method != "POST" or route != "/v1/chat/completions":
            return Answer(404), b'{"error": {"message": "no such route", "type": "NotFoundError", "code": 404}}'
        request = json.loads(raw)
        key = json.dumps([request["messages"], request.get("max_tokens")])
        attempt = self._attempts[key]
        self.count += 1
        if self._keep:
            self._attempts[key] += 1
            self.requests.append(Received(path, headers, request, attempt, time.monotonic()))
        answer = self._script(request, attempt)
        return answer, _encode(completion(request, answer) if answer.body is None else answer.body)

    async def _send(self, writer: asyncio.StreamWriter, answer: Answer, payload: bytes) -> bool:
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while answer.until is not None and not answer.until():
                    await asyncio.sleep(0.01)
        if answer.drop_connection:
            writer.transport.abort()
            return False
        headers = {"Content-Type": "application/json", "Content-Length": str(len(payload))} | answer.headers
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {answer.status} Scripted\r\n{head}\r\n".encode())
        if answer.half_body:
            writer.write(payload[: len(payload) // 2])
            await writer.drain()
            return False
        if not answer.drip_s:
            writer.write(payload)
        for byte in payload if answer.drip_s else b"":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(answer.drip_s)
        await writer.drain()
        return True


def completion(request: Json, answer: Answer) -> Json:
    """A chat completion in answer to the request."""
    content = answer.content
    if content is None:
        content = json.dumps(minimal_instance(request["response_format"]["json_schema"]["schema"]))
    given, cached, made = answer.tokens
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": request["model"],
        "choices": [
            {"index": 0, "finish_reason": answer.finish_reason, "message": {"role": "assistant", "content": content}}
        ],
        "usage": {
            "prompt_tokens": given,
            "completion_tokens": made,
            "total_tokens": given + made,
            "prompt_tokens_details": {"cached_tokens": cached},
        },
    }


def minimal_instance(schema: Json, root: Json | None = None) -> Any:
    """The smallest instance that this JSON schema lets through: the first of alternatives, required properties,
    shortest arrays.
    """
    root = schema if root is None else root
    if "$ref" in schema:
        return minimal_instance(_resolve(schema["$ref"], root), root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in schema:
            null = {"type": "null"}
            return None if null in schema[alternatives] else minimal_instance(schema[alternatives][0], root)
    if "allOf" in schema:
        merged = {key: value for part in schema["allOf"] for key, value in _flat(part, root).items()}
        return minimal_instance(merged | {key: value for key, value in schema.items() if key != "allOf"}, root)
    return _typed_instance(schema, root)


def _typed_instance(schema: Json, root: Json) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "null")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: minimal_instance(properties.get(name, {}), root) for name in schema.get("required", [])}
    if kind == "array":
        items = [minimal_instance(each, root) for each in schema.get("prefixItems", [])]
        missing = max(schema.get("minItems", 0) - len(items), 0)
        return items + [minimal_instance(schema.get("items", {}), root) for _ in range(missing)]
    if kind == "string":
        return _STRINGS.get(schema.get("format", ""), "x" * schema.get("minLength", 0))
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        return min(low, schema.get("maximum", low), schema.get("exclusiveMaximum", low + 1) - 1)
    return False if kind == "boolean" else None


_STRINGS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "email": "ada@example.com",
}


def _resolve(reference: str, root: Json) -> Json:
    node: Any = root
    for step in _steps(reference):
        node = node[step]
    return node if isinstance(node, dict) else {}


def _steps(reference: str) -> Iterator[str]:
    return (step.replace("~1", "/").replace("~0", "~") for step in reference.removeprefix("#/").split("/"))


def _flat(schema: Json, root: Json) -> Json:
    return _resolve(schema["$ref"], root) if "$ref" in schema else schema


def _encode(body: str | Json | None) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
