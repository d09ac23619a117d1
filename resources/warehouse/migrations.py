"""Which shape a warehouse has, and how an older one becomes today's: versions, migrations, and the check of tables
against specifications."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from resources.warehouse.columns import quoted
from resources.warehouse.errors import SchemaMismatch, WarehouseError, WarehouseTooNew
from resources.warehouse.session import Session
from resources.warehouse.tables import TableSpec

if TYPE_CHECKING:
    import duckdb

BASE_VERSION = 1
"""The version of a warehouse that needed no migration yet."""


@dataclass(frozen=True)
class Migration:
    """One step from `version - 1` to `version`. `apply` runs inside the transaction that also records the version.

    A new table needs no migration, it is made where it is missing. For a changed one `Session.rebuild` is the safe
    way: DuckDB refuses some ALTERs after an UPDATE of the same transaction.
    """

    version: int
    name: str
    apply: Callable[[Session], None]


@dataclass(frozen=True)
class Schema:
    """What this program knows of the warehouse: its tables, and the migrations that lead to them, in order."""

    specs: tuple[TableSpec[BaseModel], ...]
    migrations: tuple[Migration, ...] = ()

    def __post_init__(self) -> None:
        versions = [migration.version for migration in self.migrations]
        if versions != list(range(BASE_VERSION + 1, BASE_VERSION + 1 + len(versions))):
            raise ValueError(f"Migrations must count up from {BASE_VERSION + 1} without a gap, these are {versions}.")
        if len({spec.name for spec in self.specs}) < len(self.specs):
            raise ValueError("Two table specifications have the same name.")

    @property
    def version(self) -> int:
        """The version that this program makes and reads."""
        return self.migrations[-1].version if self.migrations else BASE_VERSION

    def create(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make all tables in an empty file."""
        connection.begin()
        connection.execute(
            "CREATE TABLE _schema (version BIGINT NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL)"
        )
        _record(connection, self.version, "created")
        self.create_missing(connection)
        connection.commit()

    def create_missing(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the tables that are not there yet."""
        for spec in self.specs:
            connection.execute(spec.ddl)

    def migrate(self, connection: duckdb.DuckDBPyConnection, stored: int) -> None:
        """Apply what is newer than `stored`, all of it or nothing."""
        connection.begin()
        try:
            for migration in self.migrations:
                if migration.version > stored:
                    migration.apply(Session(connection))
                    _record(connection, migration.version, migration.name)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise

    def refuse_newer(self, path: Path, stored: int) -> None:
        """Raise `WarehouseTooNew` for a file of a version that this program does not know."""
        if stored > self.version:
            raise WarehouseTooNew(
                f"The warehouse {path} was made by a newer Soloist (schema {stored}, this one knows {self.version}); "
                "upgrade Soloist."
            )

    def verify(self, path: Path, connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether all tables are there. Raises `SchemaMismatch` for the first column that differs from its
        specification."""
        for spec in self.specs:
            found = _found(connection, spec)
            if found is None:
                return False
            _compare(path, spec, _expected(connection, spec), found)
        return True


def stored_version(path: Path, connection: duckdb.DuckDBPyConnection, database: str = "") -> int:
    """The schema version of an open file. Raises `WarehouseError` for a DuckDB file that is no warehouse."""
    import duckdb

    table = f"{quoted(database)}._schema" if database else "_schema"
    try:
        ((version,),) = connection.execute(f"SELECT max(version) FROM {table}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        version = None
    if version is None:
        raise WarehouseError(f"The file {path} is a DuckDB database but no Soloist warehouse; name another path.")
    return int(version)


def _record(connection: duckdb.DuckDBPyConnection, version: int, name: str) -> None:
    connection.execute("INSERT INTO _schema VALUES (?, ?, ?)", [version, name, datetime.now(UTC)])


def _found(connection: duckdb.DuckDBPyConnection, spec: TableSpec[BaseModel]) -> dict[str, tuple[str, bool]] | None:
    """Name to type and whether it may be null; None without the table. DuckDB's views over all columns are far
    slower."""
    import duckdb

    try:
        rows = connection.execute(f"PRAGMA table_info({quoted(spec.name)})").fetchall()
    except duckdb.CatalogException:
        return None
    return {name: (kind, not required) for _, name, kind, required, *_ in rows}


def _expected(connection: duckdb.DuckDBPyConnection, spec: TableSpec[BaseModel]) -> dict[str, tuple[str, bool]]:
    """Name to type, as DuckDB itself spells it, and whether it may be null."""
    types = ", ".join(f"typeof(CAST(NULL AS {column.sql}))" for column, _ in spec.columns.values())
    (spelled,) = connection.execute(f"SELECT {types}").fetchall()
    nullables = (nullable for _, nullable in spec.columns.values())
    return {name: (kind, nullable) for name, kind, nullable in zip(spec.columns, spelled, nullables, strict=True)}


def _compare(
    path: Path, spec: TableSpec[BaseModel], expected: dict[str, tuple[str, bool]], found: dict[str, tuple[str, bool]]
) -> None:
    for column in [*expected, *(name for name in found if name not in expected)]:
        if expected.get(column) != found.get(column):
            raise SchemaMismatch(
                f"Column {column} of table {spec.name} in the warehouse {path} is {_spell(found.get(column))} "
                f"where this Soloist expects {_spell(expected.get(column))}; a migration is missing, "
                "use the Soloist that made the file or restore a backup."
            )


def _spell(column: tuple[str, bool] | None) -> str:
    if column is None:
        return "absent"
    return column[0] if column[1] else f"{column[0]} NOT NULL"


def as_schema(specs: Sequence[TableSpec[BaseModel]], migrations: Sequence[Migration]) -> Schema:
    """Specifications and migrations as one value."""
    return Schema(tuple(specs), tuple(migrations))
