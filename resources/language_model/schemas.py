"""The shape of a reply, as a JSON schema that strict endpoints and grammar compilers take.

What belongs here: how a pydantic model becomes that schema, and what such a schema must not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from pydantic import BaseModel, Field, WithJsonSchema

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

UNSUPPORTED = frozenset(
    {"not", "if", "then", "else", "contains", "minContains", "maxContains", "uniqueItems", "dependentSchemas"}
    | {"dependentRequired", "unevaluatedProperties", "unevaluatedItems", "propertyNames", "patternProperties"}
)
"""Keywords that llguidance (vLLM's `guidance`) or the strict mode of hosted endpoints refuses."""


def at_most(characters: int) -> WithJsonSchema:
    """Of a string, `Annotated[str, at_most(80)]`: a model may not make it longer. The bound is in the schema alone, so that what a model
    writes ends; a longer one that comes all the same is no reason to refuse the reply."""
    return WithJsonSchema({"type": "string", "maxLength": characters})


def few(items: int) -> Any:
    """Of a list, `Annotated[list[str], few(5)]`: a model may not make it longer; see `at_most`."""
    return Field(json_schema_extra={"maxItems": items})


def number_to(largest: int) -> WithJsonSchema:
    """Of a whole number from 1, `Annotated[int, number_to(99)]`: a model may not write a larger one; see `at_most`."""
    return WithJsonSchema({"type": "integer", "minimum": 1, "maximum": largest})


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The name of a shape, and its JSON schema as the bytes that go over the wire."""

    name: str
    json: bytes

    @property
    def longest(self) -> int:
        """Characters of the longest reply that it lets a model write, which are more than its tokens. Raises ValueError where there is no
        longest."""
        return _longest(self.json)


@lru_cache(maxsize=256)
def output_schema(name: str, model: type[BaseModel], items: int | None = None) -> OutputSchema:
    """The schema of a pydantic model, made strict; with `items`, of a model of one list, which may hold no more than that.

    Raises ValueError where it holds what an endpoint would refuse.
    """
    schema = strict_schema(model.model_json_schema())
    if refused := sorted(unsupported(schema)):
        raise ValueError(
            f"The reply {model.__name__} cannot be asked for: its schema holds {', '.join(refused)}, which endpoints refuse."
        )
    if items is not None:
        (only,) = schema["properties"].values()
        only["maxItems"] = items
    return OutputSchema(name, orjson.dumps(schema))


def sized_schema(name: str, model: type[BaseModel], sizes: Sequence[int], items: int, room: int) -> OutputSchema:
    """The schema of a model of one list, for a reply of so many items: of the ascending `sizes` the smallest that holds them, a smaller one
    where its longest reply does not fit into `room` tokens, and the smallest in any case. An endpoint compiles every schema that it meets,
    so that there should be few."""
    enough = next((number for number, size in enumerate(sizes) if size >= items), len(sizes) - 1)
    schemas = [output_schema(name, model, size) for size in sizes[: enough + 1]]
    return next((schema for schema in reversed(schemas) if schema.longest <= room), schemas[0])


@lru_cache(maxsize=256)
def _longest(schema: bytes) -> int:
    return longest(orjson.loads(schema))


def longest(schema: Any, root: Any = None) -> int:
    """Characters of the longest JSON text that a strict schema lets through, with a space after every comma and colon. Raises ValueError
    for one without bounds, and what is not looked into here: patterns, formats, numbers that are not whole."""
    root = schema if root is None else root
    match schema:
        case {"$ref": str(name)}:
            return longest(root["$defs"][name.rpartition("/")[2]], root)
        case {"enum": list(values)}:
            return max(len(orjson.dumps(value)) for value in values)
        case {"anyOf": list(alternatives)}:
            return max(longest(each, root) for each in alternatives)
        case {"type": "object", "properties": dict(properties)}:
            return 2 + sum(len(name) + 6 + longest(value, root) for name, value in properties.items())
        case {"type": "array", "items": dict(each), "maxItems": int(most)}:
            return 2 + most * (longest(each, root) + 2)
        case {"type": "string", "maxLength": int(most)}:
            return most + 2
        case {"type": "integer", "maximum": int(most)}:
            return len(str(most))
        case {"type": "boolean" | "null"}:
            return 5
    raise ValueError(f"A reply has no end that holds {orjson.dumps(schema).decode()}; bound it.")


def strict_schema(schema: Any) -> Any:
    """The schema as strict structured output wants it: every property required, no others allowed, no defaults; without titles and
    descriptions, which say again what the prompt says.

    Whatever fits the result fits the schema given: the result only forbids more. Objects with free keys
    (`additionalProperties` holding a schema and no `properties`) are left as they are; strict endpoints refuse them,
    vLLM does not. Properties keep their order, because a model writes them in that order.
    """
    return _strict(schema, is_schema=True)


def unsupported(schema: Any, *, is_schema: bool = True) -> set[str]:
    """The keywords of a schema that are in `UNSUPPORTED`."""
    if isinstance(schema, list):
        return {word for each in schema for word in unsupported(each)}
    if not isinstance(schema, dict):
        return set()
    found = set(schema) & UNSUPPORTED if is_schema else set()
    for keyword, value in schema.items():
        if not is_schema or keyword not in ("const", "enum", "examples", "required"):
            found |= unsupported(value, is_schema=not (is_schema and keyword in ("properties", "$defs", "definitions")))
    return found


def _strict(node: Json, *, is_schema: bool) -> Json:
    if isinstance(node, list):
        return [_strict(each, is_schema=is_schema) for each in node]
    if not isinstance(node, dict):
        return node
    if not is_schema:
        return {name: _strict(each, is_schema=True) for name, each in node.items()}
    result: dict[str, Json] = {}
    for keyword, value in node.items():
        if keyword in ("default", "title", "description"):
            continue
        if keyword in ("const", "enum", "examples", "required"):
            result[keyword] = value
        else:
            result[keyword] = _strict(value, is_schema=keyword not in ("properties", "$defs", "definitions"))
    properties = result.get("properties")
    if isinstance(properties, dict):
        result["required"] = list(properties)
        result["additionalProperties"] = False
    return result
