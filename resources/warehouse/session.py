"""Reading and writing rows while the warehouse is open. Whoever has a `Session` holds the lock; what it returns is
independent of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from resources.warehouse.columns import quoted
from resources.warehouse.errors import DuplicateKey, RowRejected
from resources.warehouse.tables import TableSpec

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

RowT = TypeVar("RowT", bound=BaseModel)

_INCOMING = "_incoming"
"""Under this name a statement sees the rows that are handed in."""
_CHANGES = "_changes"


@dataclass(frozen=True)
class MergeCounts:
    """Rows that a `merge` or `replace` wrote, left alone, or removed."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0


class Session:
    """An open warehouse: made by `Warehouse.read()` and `Warehouse.write()`, and of no use after their block.

    `where` and `order_by` are SQL written by the caller, with `?` for each of `params`; text from outside belongs in
    `params` only.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, state: tuple[int, ...] | None = None) -> None:
        self._connection = connection
        self.state = state
        """What tells this state of the warehouse from every other, for whoever keeps what was computed from it; None while it may change,
        in a session that writes."""

    def query(self, sql: str, params: Sequence[object] = ()) -> pa.Table:
        """The whole result of a SELECT as an Arrow table."""
        return self._connection.execute(sql, params or None).to_arrow_table()

    def scalar(self, sql: str, params: Sequence[object] = ()) -> object:
        """The first value of the first row; None if there is none."""
        row = self._connection.execute(sql, params or None).fetchall()[:1]
        return row[0][0] if row else None

    def count(self, sql: str, params: Sequence[object] = ()) -> int:
        """The first value of the first row, which is a whole number; 0 if there is none."""
        value = self.scalar(sql, params)
        return value if isinstance(value, int) else 0

    def rows(
        self, spec: TableSpec[RowT], where: str = "", params: Sequence[object] = (), order_by: str = ""
    ) -> list[RowT]:
        """The rows of a table as models, those that match `where`, sorted by `order_by`."""
        sql = f"SELECT {spec.column_list} FROM {quoted(spec.name)}"
        sql += f" WHERE {where}" if where else ""
        sql += f" ORDER BY {order_by}" if order_by else ""
        return spec.from_arrow(self.query(sql, params))

    def execute(self, sql: str, params: Sequence[object] = ()) -> None:
        """Run any statement inside the transaction."""
        self._connection.execute(sql, params or None)

    def insert(self, spec: TableSpec[RowT], rows: pa.Table | Sequence[RowT]) -> int:
        """Append rows, as models or as an Arrow table with the columns of `spec`, without looking at keys; returns
        how many."""
        with self._incoming(spec, rows) as incoming:
            self._append(spec, _INCOMING)
            return int(incoming.num_rows)

    def delete(self, spec: TableSpec[RowT], where: str, params: Sequence[object] = ()) -> int:
        """Delete the rows that match `where`; returns how many."""
        return self._count(f"DELETE FROM {quoted(spec.name)} WHERE {where}", params)

    def merge(self, spec: TableSpec[RowT], rows: pa.Table | Sequence[RowT]) -> MergeCounts:
        """Insert the rows whose key is new, overwrite those whose key is known and that differ in any column, write
        nothing else.

        Raises `DuplicateKey` where a key is twice in `rows`, or in the table already.
        """
        with self._incoming(spec, rows) as incoming:
            self._refuse_duplicates(spec, incoming)
            return self._merge(spec, incoming.num_rows)

    def replace(
        self, spec: TableSpec[RowT], rows: pa.Table | Sequence[RowT], where: str, params: Sequence[object] = ()
    ) -> MergeCounts:
        """Make the rows that match `where` exactly `rows`, writing only the difference.

        Raises `RowRejected` where one of `rows` does not match `where` itself, and `DuplicateKey` as `merge` does.
        """
        with self._incoming(spec, rows) as incoming:
            self._refuse_duplicates(spec, incoming)
            outside = f"SELECT count(*) FROM {_INCOMING} AS {quoted(spec.name)} WHERE ({where}) IS NOT TRUE"
            if self.scalar(outside, params):
                raise RowRejected(f"A row for the table {spec.name} is not among the rows that it should replace.")
            gone = f"DELETE FROM {quoted(spec.name)} WHERE ({where}) AND NOT {self._known(spec)}"
            deleted = self._count(gone, params)
            counts = self._merge(spec, incoming.num_rows)
            return MergeCounts(counts.inserted, counts.updated, counts.unchanged, deleted)

    def rebuild(self, spec: TableSpec[RowT], select: str) -> None:
        """For migrations: make the table anew as `spec` has it, from a SELECT by column name over the old one,
        called `old`."""
        table = quoted(spec.name)
        self.execute(f"ALTER TABLE {table} RENAME TO old")
        self.execute(spec.ddl)
        self.execute(f"INSERT INTO {table} BY NAME {select}")
        self.execute("DROP TABLE old")

    def _merge(self, spec: TableSpec[RowT], incoming: int) -> MergeCounts:
        """What is new is inserted first: mostly that is all. Delete and insert by row id: MERGE INTO does the same and
        takes almost twice as long on a table of a million rows."""
        table, on, columns = quoted(spec.name), self._same_key(spec), spec.column_list
        unknown = f"SELECT {columns} FROM {_INCOMING} i WHERE NOT EXISTS (SELECT 1 FROM {table} t WHERE {on})"
        inserted = self._count(f"INSERT INTO {table} ({columns}) {unknown}")
        if inserted == incoming:
            return MergeCounts(inserted=inserted)
        if self.count(f"SELECT count(*) FROM {table} t JOIN {_INCOMING} i ON {on}") > incoming:
            raise DuplicateKey(
                f"The table {spec.name} holds two rows with one key ({', '.join(spec.key)}); remove one of them."
            )
        others = [quoted(name) for name in spec.columns if name not in spec.key]
        differs = " OR ".join(f"t.{name} IS DISTINCT FROM i.{name}" for name in others) or "false"
        changes = f"SELECT t.rowid AS _row, i.* FROM {_INCOMING} i JOIN {table} t ON {on} WHERE {differs}"
        self.execute(f"CREATE TEMP TABLE {_CHANGES} AS {changes}")
        updated = self._count(f"DELETE FROM {table} WHERE rowid IN (SELECT _row FROM {_CHANGES})")
        if updated:
            self._append(spec, _CHANGES)
        self.execute(f"DROP TABLE {_CHANGES}")
        return MergeCounts(inserted=inserted, updated=updated, unchanged=incoming - inserted - updated)

    def _append(self, spec: TableSpec[RowT], source: str) -> int:
        columns = spec.column_list
        return self._count(f"INSERT INTO {quoted(spec.name)} ({columns}) SELECT {columns} FROM {source}")

    def _refuse_duplicates(self, spec: TableSpec[RowT], incoming: pa.Table) -> None:
        distinct = set(zip(*(incoming.column(name).to_pylist() for name in spec.key), strict=True))
        if len(distinct) == incoming.num_rows:
            return
        keys = ", ".join(map(quoted, spec.key))
        twice = f"SELECT {keys} FROM {_INCOMING} GROUP BY {keys} HAVING count(*) > 1 ORDER BY {keys} LIMIT 1"
        for values in self._connection.execute(twice).fetchall():
            key = ", ".join(f"{name} {value!r}" for name, value in zip(spec.key, values, strict=True))
            raise DuplicateKey(f"Two rows for the table {spec.name} have the same key ({key}).")

    def _same_key(self, spec: TableSpec[RowT]) -> str:
        return " AND ".join(f"t.{quoted(name)} = i.{quoted(name)}" for name in spec.key)

    def _known(self, spec: TableSpec[RowT]) -> str:
        keys = ", ".join(map(quoted, spec.key))
        return f"({keys}) IN (SELECT ({keys}) FROM {_INCOMING})"

    def _count(self, sql: str, params: Sequence[object] = ()) -> int:
        return int(self._connection.execute(sql, params or None).fetchall()[0][0])

    @contextmanager
    def _incoming(self, spec: TableSpec[RowT], rows: pa.Table | Sequence[RowT]) -> Iterator[pa.Table]:
        table = spec.to_arrow(rows)
        self._connection.register(_INCOMING, table)
        try:
            yield table
        finally:
            self._connection.unregister(_INCOMING)
