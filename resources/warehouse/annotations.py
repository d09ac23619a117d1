"""Which kind of column a field of a pydantic model gets, by its annotation."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from resources.warehouse.columns import SCALARS, Column, EnumText, Instant, JsonText, ListOf, MapOf, Scalar, StructOf


def columns_of(model: type[BaseModel], outer: tuple[type[BaseModel], ...] = ()) -> dict[str, tuple[Column, bool]]:
    """Field name to column and whether it may be null, in the order of the fields. `outer`: the models that this one
    is nested in."""
    columns = {}
    for name, field in model.model_fields.items():
        annotation, nullable = _without_none(field.annotation)
        columns[name] = (column_of(annotation, nullable, (*outer, model)), nullable)
    return columns


def column_of(annotation: object, nullable: bool, outer: tuple[type[BaseModel], ...]) -> Column:
    """The kind of column for values of `annotation` (already without its None)."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return column_of(arguments[0], nullable, outer)
    if origin is Literal:
        for kind in (str, bool, int):
            if all(type(value) is kind for value in arguments):
                return Scalar(kind)
    if origin is list:
        item, item_nullable = _without_none(arguments[0])
        return ListOf(column_of(item, item_nullable, outer))
    if origin is dict and arguments[0] is str and arguments[1] in (str, int, float, bool):
        return MapOf(Scalar(arguments[1]))
    if annotation in SCALARS and isinstance(annotation, type):
        return Scalar(annotation)
    if annotation is datetime:
        return Instant()
    if isinstance(annotation, type) and issubclass(annotation, Enum) and issubclass(annotation, str):
        return EnumText(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and _is_struct(annotation, outer):
        inner = columns_of(annotation, outer)
        return StructOf(annotation, tuple((name, column) for name, (column, _) in inner.items()))
    return JsonText(annotation, nullable)


def _is_struct(model: type[BaseModel], outer: tuple[type[BaseModel], ...]) -> bool:
    """A model without fields, with open ones, or that holds itself, has no fixed shape."""
    return bool(model.model_fields) and model.model_config.get("extra") != "allow" and model not in outer


def _without_none(annotation: object) -> tuple[object, bool]:
    """`X | None` as (X, True), anything else as itself. A union of more is left whole."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, annotation is type(None)
    rest = tuple(each for each in get_args(annotation) if each is not type(None))
    nullable = len(rest) < len(get_args(annotation))
    return (rest[0] if len(rest) == 1 else annotation), nullable
