"""What goes over the wire and what is kept of it: the final bytes of a request, their hash, and the cache of replies.

What belongs here: everything that decides whether two questions are the same question. The bytes that are hashed are
the bytes that are sent, so the cache cannot answer another question than the one that would have been asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

import orjson

from resources.language_model.agent import Request
from resources.language_model.records import Reply

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class ReplyCache(Protocol):
    """Where replies are kept between runs. Both methods are called in the thread that consumes the runner's output.

    `put_many` is called before the outputs that rest on its replies are handed over as a group, so that an
    implementation may hold the replies back and commit them in one transaction with the group's rows.
    """

    def get_many(self, hashes: Sequence[str]) -> Mapping[str, Reply]:
        """The kept replies of these request hashes; what is not kept is missing."""
        ...

    def put_many(self, replies: Sequence[Reply]) -> None: ...


def request_body(model: str, request: Request) -> bytes:
    """The JSON body of a chat completion for this request. Equal requests give equal bytes, with the keys in a fixed
    order.

    The schema keeps the order of its properties, because a model writes them in that order. Raises ValueError (or
    TypeError) where a message holds what JSON cannot carry, such as a lone surrogate.
    """
    return orjson.dumps(
        {
            "model": model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": request.schema_name,
                    "strict": True,
                    "schema": orjson.Fragment(_strict_bytes(orjson.dumps(request.output_schema))),
                },
            },
        }
    )


def request_hash(body: bytes, served_by: str) -> str:
    """sha256 (hex) of a final request: its body, which names the model, and the revision, or the endpoint where none is
    known.
    """
    return hashlib.sha256(served_by.encode() + b"\n" + body).hexdigest()


def strict_schema(schema: Json) -> Json:
    """The schema as strict structured output wants it: every property required, no others allowed, no defaults.

    Whatever fits the result fits the schema given: the result only forbids more. Objects with free keys
    (`additionalProperties` holding a schema and no `properties`) are left as they are; strict endpoints refuse them,
    vLLM does not.
    """
    return _strict(schema, is_schema=True)


def _strict(node: Json, *, is_schema: bool) -> Json:
    if isinstance(node, list):
        return [_strict(each, is_schema=is_schema) for each in node]
    if not isinstance(node, dict):
        return node
    if not is_schema:
        return {name: _strict(each, is_schema=True) for name, each in node.items()}
    result: dict[str, Json] = {}
    for keyword, value in node.items():
        if keyword == "default":
            continue
        if keyword in ("const", "enum", "examples", "required", "title", "description"):
            result[keyword] = value
        else:
            result[keyword] = _strict(value, is_schema=keyword not in ("properties", "$defs", "definitions"))
    properties = result.get("properties")
    if isinstance(properties, dict):
        result["required"] = list(properties)
        result["additionalProperties"] = False
    return result


@lru_cache(maxsize=64)
def _strict_bytes(schema: bytes) -> bytes:
    return orjson.dumps(strict_schema(orjson.loads(schema)))
