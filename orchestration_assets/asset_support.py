"""What every asset does at its start and end: which periods were asked for, and the metadata that people look for in the UI."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration_assets.derivation import Counts
from resources.warehouse import TableSpec, Warehouse

if TYPE_CHECKING:
    from resources.language_model.runner import LanguageModel

OWNERS = ["team:soloist"]
COUNTS = "counts"
"""Metadata key under which an asset says what became of its rows: read, made, unchanged, failed."""


def requested_months(context: dg.AssetExecutionContext) -> set[date]:
    """The partitions of the run, as first days of months."""
    return {date.fromisoformat(key) for key in context.partition_keys}


def table_columns(spec: TableSpec[Any]) -> dg.TableSchema:
    """The columns of a table for the catalog, with the types that the warehouse gives them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, column.sql, constraints=dg.TableColumnConstraints(nullable=nullable))
            for name, (column, nullable) in spec.columns.items()
        ]
    )


def made_by(model: "LanguageModel") -> dict[str, Any]:
    return {"maker": model.maker}


def finish(warehouse: Warehouse, spec: TableSpec[Any], counts: Counts, extra: Mapping[str, Any]) -> dg.MaterializeResult[None]:
    """The result of an asset that keeps a table: its row count, and what became of the rows of this run."""
    with warehouse.read() as session:
        rows = session.count(f"SELECT count(*) FROM {spec.name}")  # noqa: S608
    metadata = {"dagster/row_count": rows, COUNTS: dg.MetadataValue.json(asdict(counts)), **extra}
    return dg.MaterializeResult(metadata=metadata)
