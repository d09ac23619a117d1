"""What every asset does at its start and end: which periods were asked for, its code version, and the metadata people look for in the UI.

Assets import what they run inside their functions: the definitions are imported by every run process and every reload, and must stay as
quick to import as those of an empty project.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from orchestration_assets.derivation import Counts, Derived, Policy
    from resources.language_model.runner import LanguageModel
    from resources.settings import Settings
    from resources.warehouse import TableSpec, Warehouse

OWNERS = ["team:soloist"]
GPU_POOL = "gpu"
"""Has one slot: a GPU holds one model of a process."""
MODEL_POOL = GPU_POOL if os.environ.get("SOLOIST_MODEL_BACKEND") == "vllm" else "language_model"
"""The pool of the assets that ask a model. The settings are not read for it: they take longer to import than all definitions."""
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


class MakingConfig(dg.Config):
    """What is made again though its input did not change."""

    refresh: bool = Field(default=False, description="Also what another model than the one that now serves has made.")
    retry_failed: bool = Field(
        default=False, description="Also what failed for good, such as a reply that no repair helped."
    )

    @property
    def policy(self) -> "Policy":
        from orchestration_assets.derivation import Policy

        return Policy(self.refresh, self.retry_failed)


def model_metadata(derived: "Derived", model: "LanguageModel", settings: "Settings") -> dict[str, Any]:
    """Who made the rows of this run and, where a model was asked, what that took: calls, tokens, cost, latency, and failures by reason."""
    from resources.language_model.prices import load_prices, prices_of

    usage = derived.usage
    metadata: dict[str, Any] = {"maker": model.maker}
    if usage.calls or usage.cached:
        prices = prices_of(load_prices(settings.prices_path), model.maker)
        cost = prices.cost(usage.tokens_in, usage.tokens_cached, usage.tokens_out)
        metadata |= {
            "model/calls": usage.calls,
            "model/answered_from_cache": usage.cached,
            "model/http_requests": usage.attempts,
            "model/tokens_in": usage.tokens_in,
            "model/tokens_cached": usage.tokens_cached,
            "model/tokens_out": usage.tokens_out,
            "model/cost": "no price is known" if cost is None else f"{cost:.4f} {prices.currency}",
            "model/latency_p50_ms": round(usage.percentile(0.5), 1),
            "model/latency_p95_ms": round(usage.percentile(0.95), 1),
        }
    if usage.failures:
        metadata["model/failures"] = dg.MetadataValue.json(dict(usage.failures.most_common(20)))
    return metadata


def table_columns(spec: "TableSpec[Any]") -> dg.TableSchema:
    """The columns of a table for the catalog, with the types that the warehouse gives them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, column.sql, constraints=dg.TableColumnConstraints(nullable=nullable))
            for name, (column, nullable) in spec.columns.items()
        ]
    )
