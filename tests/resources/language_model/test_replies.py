"""What is asked for, and when two questions are the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from resources.language_model.agent import Message, Request
from resources.language_model.replies import MOST_FRAMES, Questions
from resources.language_model.schemas import (
    OutputSchema,
    at_most,
    few,
    number_to,
    output_schema,
    sized_schema,
    strict_schema,
    unsupported,
)
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
    asked = Request(
        (Message("system", "be brief"), Message("user", "hello")), output=output_schema("tree", Tree), max_tokens=10
    )
    return replace(asked, **changes)  # type: ignore[arg-type]


def question(asked: Request, model: str = "m", served_by: str = "r") -> tuple[bytes, str]:
    return Questions(model, served_by).of(asked)


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


class Parcel(BaseModel):
    kind: Kind
    label: Annotated[str, at_most(5)]
    weights: Annotated[list[Annotated[int, number_to(120)]], few(3)]


class Parcels(BaseModel):
    parcels: list[Parcel]


def test_a_bounded_schema_knows_its_longest_reply() -> None:
    parcel = {"kind": "a", "label": "x" * 5, "weights": [120, 120, 120]}
    written = json.dumps({"parcels": [parcel, parcel]})
    asked = output_schema("parcels", Parcels, 2)
    jsonschema.validate(json.loads(written), json.loads(asked.json))
    assert (
        len(written) <= asked.longest <= len(written) + 2 * 6
    )  # a comma and a space after the last of each list and object


def test_a_reply_without_bounds_has_no_longest() -> None:
    for name, model in (("parcels", Parcels), ("tree", Tree)):
        with pytest.raises(ValueError, match="bound it"):
            assert output_schema(name, model).longest


@pytest.mark.parametrize(
    ("items", "room", "size"), [(1, 10_000, 2), (3, 10_000, 4), (9, 10_000, 8), (9, 400, 4), (9, 1, 2)]
)
def test_a_list_gets_the_smallest_size_that_holds_it_and_fits(items: int, room: int, size: int) -> None:
    asked = sized_schema("parcels", Parcels, (2, 4, 8), items, room)
    assert json.loads(asked.json)["properties"]["parcels"]["maxItems"] == size


def test_the_body_asks_for_the_schema_with_its_properties_in_order() -> None:
    body = json.loads(question(request())[0])
    asked = body["response_format"]["json_schema"]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 10, 0.0)
    assert (asked["name"], asked["strict"]) == ("tree", True)
    assert list(asked["schema"]["properties"]) == list(Tree.model_fields)


def test_equal_questions_have_one_hash_and_one_body() -> None:
    questions = Questions("m", "r")
    assert questions.of(request()) == questions.of(request()) == question(request())
    body, digest = question(request())
    assert digest == hashlib.sha256(b"r\n" + body).hexdigest()


def test_the_frames_that_questions_share_change_nothing_and_do_not_pile_up() -> None:
    questions = Questions("m", "r")
    for number in range(2 * MOST_FRAMES):
        asked = request(messages=(Message("system", f"rule {number}"), Message("user", 'a "quoted" \n line')))
        assert questions.of(asked) == question(asked)
        assert json.loads(questions.of(asked).body)["messages"] == [
            {"role": "system", "content": f"rule {number}"},
            {"role": "user", "content": 'a "quoted" \n line'},
        ]
    assert len(questions._frames) <= MOST_FRAMES


class Bounded(BaseModel):
    text: Annotated[str, at_most(5)]
    parts: Annotated[list[Annotated[str, at_most(3)]], few(2)]


def test_a_bound_is_in_the_schema_alone() -> None:
    schema = json.loads(output_schema("bounded", Bounded).json)
    assert schema["properties"] == {
        "text": {"type": "string", "maxLength": 5},
        "parts": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 3}},
    }
    assert Bounded(text="longer than five", parts=["a", "b", "c"]).parts == ["a", "b", "c"]


class Hopeless(BaseModel):
    names: set[str]


def test_what_endpoints_refuse_is_said_when_the_agent_is_written() -> None:
    with pytest.raises(ValueError, match="Hopeless cannot be asked for: its schema holds uniqueItems"):
        output_schema("hopeless", Hopeless)
    assert unsupported({"properties": {"not": {"type": "string"}}, "enum": ["if"]}) == set()
    assert unsupported({"anyOf": [{"not": {}}], "items": {"contains": {}}}) == {"not", "contains"}


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": (Message("system", "be brief"), Message("user", "hello!"))},
        {"messages": (Message("system", "be long"), Message("user", "hello"))},
        {"messages": (Message("system", "be brief"), Message("assistant", "hello"))},
        {"messages": (Message("user", "hello"),)},
        {"output": OutputSchema("tree", output_schema("leaf", Leaf).json)},
        {"output": OutputSchema("leaf", output_schema("tree", Tree).json)},
        {"max_tokens": 11},
        {"temperature": 0.1},
    ],
)
def test_whatever_may_change_the_reply_changes_the_hash(changes: dict[str, object]) -> None:
    assert question(request())[1] != question(request(**changes))[1]


def test_another_model_or_revision_is_another_question() -> None:
    assert len({question(request(), model, by)[1] for model in ("m", "n") for by in ("r", "s")}) == 4
