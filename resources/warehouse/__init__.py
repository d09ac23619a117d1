"""The warehouse: one DuckDB file that several processes share. Here stands what the rest of the platform may use of it.

`annotations.py` and `columns.py` map annotations to columns, `tables.py` models to tables, `locks.py` takes turns, `session.py`
reads and writes rows, `migrations.py` keeps the schema, `maintenance.py` copies files, `store.py` holds the
`Warehouse` that joins them. Importing this imports neither duckdb nor pyarrow.
"""

from resources.warehouse.errors import (
    DuplicateKey,
    RowRejected,
    SchemaMismatch,
    WarehouseCorrupt,
    WarehouseError,
    WarehouseFull,
    WarehouseLocked,
    WarehouseTooNew,
)
from resources.warehouse.migrations import Migration
from resources.warehouse.session import MergeCounts, Session
from resources.warehouse.store import Warehouse
from resources.warehouse.tables import TableSpec

__all__ = [
    "DuplicateKey",
    "MergeCounts",
    "Migration",
    "RowRejected",
    "SchemaMismatch",
    "Session",
    "TableSpec",
    "Warehouse",
    "WarehouseCorrupt",
    "WarehouseError",
    "WarehouseFull",
    "WarehouseLocked",
    "WarehouseTooNew",
]
