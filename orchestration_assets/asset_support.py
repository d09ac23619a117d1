"""What every asset does at its start and end: which periods were asked for, its code version, and the metadata people look for in the UI.

Assets import what they run inside their functions: the definitions are imported by every run process and every reload, and must stay as
quick to import as those of an empty project.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from orchestration_assets.derivation import Counts
    from resources.warehouse import TableSpec, Warehouse

OWNERS = ["team:soloist"]
COUNTS = "counts"
"""Metadata key under which an asset says what became of its rows: read, made, unchanged, failed."""

CHECKED = ("worklog_entries", "worklog_analyses", "skill_evidence", "skills")
"""The tables that asset checks judge."""

_HERE = Path(__file__).parent


def code_version(*patterns: str) -> str:
    """A hash of the files of this package that match: prompts, schemas and rules. Editing one makes the UI show the asset as changed."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in _HERE.glob(pattern)}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def requested_months(context: dg.AssetExecutionContext) -> set[date]:
    """The partitions of the run, as first days of months."""
    return {date.fromisoformat(key) for key in context.partition_keys}


def table_result(
    warehouse: "Warehouse", spec: "TableSpec[Any]", counts: "Counts", extra: Mapping[str, Any]
) -> dg.MaterializeResult[None]:
    """The result of an asset that keeps a table: its columns and row count, and what became of the rows of this run."""
    from orchestration_assets.verdicts import row_count

    rows = row_count(warehouse, spec.name, CHECKED)
    metadata = {"dagster/row_count": rows, "dagster/column_schema": table_columns(spec), **count_metadata(counts)}
    return dg.MaterializeResult(metadata={**metadata, **extra})


def count_metadata(counts: "Counts") -> dict[str, Any]:
    return {COUNTS: dg.MetadataValue.json(asdict(counts))}


def table_columns(spec: "TableSpec[Any]") -> dg.TableSchema:
    """The columns of a table for the catalog, with the types that the warehouse gives them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, column.sql, constraints=dg.TableColumnConstraints(nullable=nullable))
            for name, (column, nullable) in spec.columns.items()
        ]
    )
