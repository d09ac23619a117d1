"""What a table is: a name, the pydantic model of its rows and the fields that identify one. Everything else is
derived from them."""

from __future__ import annotations

import gc
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

from resources.warehouse.annotations import columns_of
from resources.warehouse.columns import Column, build, quoted
from resources.warehouse.errors import RowRejected, first_line

if TYPE_CHECKING:
    import pyarrow as pa

RowT_co = TypeVar("RowT_co", bound=BaseModel, covariant=True)

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class TableSpec(Generic[RowT_co]):
    """A table of the warehouse. `key` names the fields that identify a row; nothing but `merge` and `replace` keeps
    them unique."""

    name: str
    model: type[RowT_co]
    key: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"{self.name!r} is no name for a table; use lower-case letters, digits and underscores.")
        if self.model.model_config.get("extra") == "allow" or not self.model.model_fields:
            raise ValueError(
                f"The rows of table {self.name} need a fixed shape; give {self.model.__name__} fields and no open ones."
            )
        for name in self.key:
            if name not in self.columns or self.columns[name][1]:
                raise ValueError(
                    f"The key of table {self.name} needs a field {name} of {self.model.__name__} that is never None."
                )
        if not self.key:
            raise ValueError(f"The table {self.name} needs a key.")

    @cached_property
    def columns(self) -> dict[str, tuple[Column, bool]]:
        """Name to column and whether it may be null."""
        return columns_of(self.model)

    @property
    def ddl(self) -> str:
        """The statement that makes the table where it is missing. No PRIMARY KEY: on a growing table it makes every
        write slower."""
        lines = (
            f"{quoted(name)} {column.sql}{'' if nullable else ' NOT NULL'}"
            for name, (column, nullable) in self.columns.items()
        )
        return f"CREATE TABLE IF NOT EXISTS {quoted(self.name)} ({', '.join(lines)})"

    @property
    def schema_hash(self) -> str:
        """sha256, in hex, over names, types and key: the same wherever the table is the same."""
        return hashlib.sha256(f"{self.ddl}\n{','.join(self.key)}".encode()).hexdigest()

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the rows."""
        import pyarrow as pa

        return pa.schema([pa.field(name, column.arrow()) for name, (column, _) in self.columns.items()])

    @property
    def column_list(self) -> str:
        """The quoted names of the columns, in order, for SQL."""
        return ", ".join(map(quoted, self.columns))

    def to_arrow(self, rows: pa.Table | Sequence[BaseModel]) -> pa.Table:
        """Rows as an Arrow table of exactly `schema`. Raises `RowRejected`, naming the column, for what does not
        fit."""
        import pyarrow as pa

        if isinstance(rows, pa.Table):
            return self._conformed(rows)
        for row in rows:
            if not isinstance(row, self.model):
                raise RowRejected(
                    f"The table {self.name} takes rows of {self.model.__name__}, not of {type(row).__name__}."
                )
        arrays = []
        for name, (column, _) in self.columns.items():
            try:
                arrays.append(column.encode(list(map(attrgetter(name), rows))))
            except (ValueError, TypeError, OverflowError, AttributeError, pa.ArrowException) as error:
                raise self._rejected(name, error) from error
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def from_arrow(self, table: pa.Table) -> list[RowT_co]:
        """Models of the rows of a table that has exactly the columns of `schema`."""
        rows: list[RowT_co] = []
        with _no_garbage_collection():
            for batch in table.to_batches():
                decoded = [
                    column.decode(array)
                    for (column, _), array in zip(self.columns.values(), batch.columns, strict=True)
                ]
                rows.extend(build(self.model, list(self.columns), decoded))
        return rows

    def _conformed(self, table: pa.Table) -> pa.Table:
        import pyarrow as pa

        if table.schema.equals(self.schema):
            return table
        missing, unknown = set(self.columns) - set(table.column_names), set(table.column_names) - set(self.columns)
        if missing or unknown or table.num_columns != len(self.columns):
            odd = ", ".join(sorted(missing or unknown)) or "a column twice"
            raise RowRejected(
                f"Rows for the table {self.name} {'lack' if missing else 'have, beyond its columns,'} {odd}."
            )
        arrays = []
        for field in self.schema:
            try:
                arrays.append(table.column(field.name).cast(field.type))
            except (ValueError, pa.ArrowException) as error:
                raise self._rejected(field.name, error) from error
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _rejected(self, column: str, error: Exception) -> RowRejected:
        return RowRejected(f"A value does not fit column {column} of the table {self.name} ({first_line(error)}).")


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """While many objects are made and none becomes garbage, the collector would walk all of them again and again:
    two thirds of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
