"""What is asked for, and when two questions are the same."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from resources.language_model.agent import Message, Request
from resources.language_model.replies import request_body, request_hash, strict_schema
from tests.scripted_endpoint import minimal_instance


class Kind(StrEnum):
    A = "a"
    B = "b"


class Leaf(BaseModel):
    default: int = 3
    """A property that is named like a keyword."""
    kind: Kind = Kind.A
    required: list[str] = ["x"]


class Tree(BaseModel):
    second: str = Field(default="z", min_length=2, max_length=4)
    first: Leaf | None = None
    leaves: list[Leaf] = Field(default=[], min_length=1)
    choice: Literal["p", "q"] = "p"
    number: int | str = 0
    ratio: float = Field(default=0.5, gt=0, lt=3)


def request(**changes: object) -> Request:
    values: dict[str, object] = {
        "messages": (Message(role="user", content="hello"),),
        "output_schema": Tree.model_json_schema(),
        "schema_name": "tree",
        "max_tokens": 10,
    }
    return Request.model_validate(values | changes)


def test_a_strict_schema_requires_everything_and_allows_nothing_else() -> None:
    strict = json.loads(json.dumps(strict_schema(Tree.model_json_schema())))
    assert strict["required"] == ["second", "first", "leaves", "choice", "number", "ratio"]
    assert strict["additionalProperties"] is False
    leaf = strict["$defs"]["Leaf"]
    assert leaf["required"] == ["default", "kind", "required"]
    assert "default" not in leaf["properties"]["default"]


def test_what_fits_the_strict_schema_fits_the_output() -> None:
    original = Tree.model_json_schema()
    strict = strict_schema(original)
    assert isinstance(strict, dict)
    instance = minimal_instance(strict)
    jsonschema.validate(instance, strict)
    jsonschema.validate(instance, original)
    assert set(Tree.model_validate(instance).model_fields_set) == set(Tree.model_fields)


def test_the_body_asks_for_the_schema_with_its_properties_in_order() -> None:
    body = json.loads(request_body("m", request()))
    asked = body["response_format"]["json_schema"]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 10, 0.0)
    assert (asked["name"], asked["strict"]) == ("tree", True)
    assert list(asked["schema"]["properties"]) == list(Tree.model_fields)


def test_equal_questions_have_one_hash() -> None:
    assert request_hash(request_body("m", request()), "r") == request_hash(request_body("m", request()), "r")


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": (Message(role="user", content="hello!"),)},
        {"messages": (Message(role="system", content="hello"),)},
        {"output_schema": Leaf.model_json_schema()},
        {"schema_name": "leaf"},
        {"max_tokens": 11},
        {"temperature": 0.1},
    ],
)
def test_whatever_may_change_the_reply_changes_the_hash(changes: dict[str, object]) -> None:
    assert request_hash(request_body("m", request()), "r") != request_hash(request_body("m", request(**changes)), "r")
