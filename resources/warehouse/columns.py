"""The kinds of columns: which DuckDB type each has, and how its values travel through Arrow, column by column, in both
directions.

Each kind of column encodes a list of Python values as one Arrow array and decodes an Arrow array to a list; None is
null everywhere. Lists and nested models recurse over their flattened children, so that the cost is a few list
comprehensions a column, not one a row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cached_property
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter
from pydantic_core import PydanticSerializationError

if TYPE_CHECKING:
    import pyarrow as pa

ModelT = TypeVar("ModelT", bound=BaseModel)

SCALARS: dict[object, tuple[str, str]] = {
    str: ("VARCHAR", "string"),
    int: ("BIGINT", "int64"),
    float: ("DOUBLE", "float64"),
    bool: ("BOOLEAN", "bool_"),
    date: ("DATE", "date32"),
    bytes: ("BLOB", "binary"),
}
"""Type to its DuckDB name and the name of its pyarrow constructor."""


class Column(Protocol):
    """One column, or one level of a nested one."""

    @property
    def sql(self) -> str:
        """The DuckDB type."""

    def arrow(self) -> pa.DataType:
        """The Arrow type that `encode` makes."""

    def encode(self, values: Sequence[object]) -> pa.Array:
        """Values of the annotation, or None, as an Arrow array. Raises ValueError, TypeError or an Arrow error for
        what does not fit."""

    def decode(self, array: pa.Array) -> list[object]:
        """The inverse of `encode`, as new lists and models."""


@dataclass(frozen=True)
class Scalar:
    """Text, number, truth value, date or bytes."""

    type: type

    @property
    def sql(self) -> str:
        return SCALARS[self.type][0]

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return getattr(pa, SCALARS[self.type][1])()

    def encode(self, values: Sequence[object]) -> pa.Array:
        import pyarrow as pa

        return pa.array(values, self.arrow())

    def decode(self, array: pa.Array) -> list[object]:
        if self.type is date:
            return _through_numpy(array)
        return list(array.to_pylist())


@dataclass(frozen=True)
class Instant:
    """A point in time, kept in UTC to the microsecond. A time without zone is refused: nobody knows when it was."""

    sql = "TIMESTAMP WITH TIME ZONE"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.timestamp("us", tz="UTC")

    def encode(self, values: Sequence[object]) -> pa.Array:
        import pyarrow as pa

        if any(isinstance(value, datetime) and value.tzinfo is None for value in values):
            raise ValueError("a time has no time zone")
        return pa.array(values, self.arrow())

    def decode(self, array: pa.Array) -> list[object]:
        import pyarrow as pa

        naive = _through_numpy(array.cast(pa.timestamp("us")))
        return [value.replace(tzinfo=UTC) if isinstance(value, datetime) else None for value in naive]


@dataclass(frozen=True)
class EnumText:
    """A StrEnum (or another Enum that is a str), kept as its value."""

    type: type[Enum]

    sql = "VARCHAR"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.string()

    def encode(self, values: Sequence[object]) -> pa.Array:
        import pyarrow as pa

        return pa.array(values, self.arrow())

    def decode(self, array: pa.Array) -> list[object]:
        members: dict[object, object] = {member.value: member for member in self.type}
        members[None] = None
        return [members[value] if value in members else self.type(value) for value in array.to_pylist()]


@dataclass(frozen=True)
class ListOf:
    """A list of any other kind of column."""

    item: Column

    @property
    def sql(self) -> str:
        return f"{self.item.sql}[]"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.list_(self.item.arrow())

    def encode(self, values: Sequence[object]) -> pa.Array:
        import pyarrow as pa

        lists: list[Sequence[object]] = [value if isinstance(value, list | tuple) else () for value in values]
        offsets = pa.array([0, *accumulate(map(len, lists))], pa.int32())
        children = self.item.encode([child for each in lists for child in each])
        return pa.ListArray.from_arrays(offsets, children, type=self.arrow(), mask=_nulls(values))

    def decode(self, array: pa.Array) -> list[object]:
        children = self.item.decode(array.flatten())
        rows: list[object] = []
        position = 0
        for length in array.value_lengths().to_pylist():
            if length is None:
                rows.append(None)
            else:
                rows.append(children[position : position + length])
                position += length
        return rows


@dataclass(frozen=True)
class MapOf:
    """A dictionary from str to a scalar. Stored sorted by key, so that equal dictionaries are equal values."""

    value: Scalar

    @property
    def sql(self) -> str:
        return f"MAP(VARCHAR, {self.value.sql})"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.map_(pa.string(), self.value.arrow())

    def encode(self, values: Sequence[object]) -> pa.Array:
        import pyarrow as pa

        return pa.array([sorted(value.items()) if isinstance(value, dict) else None for value in values], self.arrow())

    def decode(self, array: pa.Array) -> list[object]:
        return [None if items is None else dict(items) for items in array.to_pylist()]


@dataclass(frozen=True)
class JsonText:
    """Whatever has no column type of its own, as canonical JSON text: keys sorted, no spaces. What JSON cannot tell
    apart comes back as JSON has it (under `object`, a tuple as a list)."""

    annotation: Any
    nullable: bool

    sql = "VARCHAR"

    @cached_property
    def _adapter(self) -> TypeAdapter[object]:
        try:
            return TypeAdapter(self.annotation, config=ConfigDict(ser_json_inf_nan="constants"))
        except PydanticUserError:  # a model brings its own configuration
            return TypeAdapter(self.annotation)

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.string()

    def _text(self, value: object) -> str | None:
        if value is None and self.nullable:
            return None
        try:
            plain = self._adapter.dump_python(value, mode="json")
        except PydanticSerializationError as error:
            raise ValueError(str(error)) from error
        return json.dumps(plain, sort_keys=True, separators=(",", ":"))

    def encode(self, values: Sequence[object]) -> pa.Array:
        import pyarrow as pa

        return pa.array([self._text(value) for value in values], self.arrow())

    def decode(self, array: pa.Array) -> list[object]:
        validate = self._adapter.validate_python
        return [None if text is None else validate(json.loads(text)) for text in array.to_pylist()]


@dataclass(frozen=True)
class StructOf:
    """A nested model, one child column a field."""

    model: type[BaseModel]
    fields: tuple[tuple[str, Column], ...]

    @property
    def sql(self) -> str:
        return f"STRUCT({', '.join(f'{quoted(name)} {column.sql}' for name, column in self.fields)})"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.struct([pa.field(name, column.arrow()) for name, column in self.fields])

    def encode(self, values: Sequence[object]) -> pa.Array:
        import pyarrow as pa

        fields = list(self.arrow())
        children = [column.encode(attribute(name, values)) for name, column in self.fields]
        return pa.StructArray.from_arrays(children, fields=fields, mask=_nulls(values))

    def decode(self, array: pa.Array) -> list[object]:
        children = zip((column for _, column in self.fields), array.flatten(), strict=True)
        models = build(
            self.model, [name for name, _ in self.fields], [column.decode(child) for column, child in children]
        )
        if not array.null_count:
            return list(models)
        return [model if valid else None for model, valid in zip(models, array.is_valid().to_pylist(), strict=True)]


def attribute(name: str, rows: Sequence[object]) -> list[object]:
    """The attribute `name` of every row; None of a row that is None."""
    get = attrgetter(name)
    if any(row is None for row in rows):
        return [None if row is None else get(row) for row in rows]
    return list(map(get, rows))


def build(model: type[ModelT], names: Sequence[str], columns: Iterable[list[object]]) -> Iterator[ModelT]:
    """Models from columns of values of the right types, without validating them again: what is read was valid when
    it was written."""
    rows = zip(*columns, strict=True)
    if model.__private_attributes__ or model.__pydantic_post_init__:
        for values in rows:
            yield model.model_construct(None, **dict(zip(names, values, strict=True)))
        return
    # The pickle protocol of BaseModel, unrolled: more than twice as fast as model_construct, which looks at defaults.
    new: Callable[[type[ModelT]], ModelT] = model.__new__
    put = object.__setattr__
    for values in rows:
        row = new(model)
        put(row, "__dict__", dict(zip(names, values, strict=True)))
        put(row, "__pydantic_fields_set__", set(names))
        put(row, "__pydantic_extra__", None)
        put(row, "__pydantic_private__", None)
        yield row


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _nulls(values: Sequence[object]) -> pa.Array | None:
    import pyarrow as pa

    absent = [value is None for value in values]
    return pa.array(absent, pa.bool_()) if any(absent) else None


def _through_numpy(array: pa.Array) -> list[object]:
    """Dates and times as Python objects, some four times as fast as `to_pylist`; null becomes None."""
    return list(array.to_numpy(zero_copy_only=False).tolist())
