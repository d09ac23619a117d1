"""A whole Soloist in a temporary folder, driven in this process: for tests of what a run makes, and makes again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import dagster as dg

from orchestration_assets import running
from orchestration_assets.contracts import AssetCounts, RunResult
from orchestration_assets.derivation import ONLY_CHANGED, Policy
from orchestration_assets.session import Connections
from orchestration_assets.tables import TABLES
from orchestration_assets.verdicts import table_fingerprint
from resources import clock
from resources.settings import load_settings
from resources.sources import remember_sources

VOLATILE_COLUMNS = Path(__file__).parent / "volatile_columns"


@dataclass
class Workbench:
    """`run` is `soloist run` without the terminal; the Dagster instance lives in memory."""

    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    @property
    def connections(self) -> Connections:
        return Connections(load_settings())

    def watch(self, *repositories: Path, authors: Sequence[str] | None = None) -> None:
        remember_sources(load_settings(), list(repositories), None if authors is None else list(authors))

    def run(self, since: date | None = None, until: date | None = None, policy: Policy = ONLY_CHANGED) -> RunResult:
        return running.refresh(self.connections, self.instance, clock.now(), since, until, policy, lambda text: None)

    def made(self, since: date | None = None) -> dict[str, int]:
        """What a run made, by asset, without what it made nothing of."""
        return {name: counts.made for name, counts in self.run(since).assets.items() if counts.made}

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, object]]:
        with self.connections.warehouse.read() as session:
            return list(session.query(sql, parameters).to_pylist())

    def fingerprints(self) -> dict[str, str]:
        """A hash of the rows of every table, whatever their order."""
        with self.connections.warehouse.read() as session:
            return {spec.name: table_fingerprint(session, spec.name) for spec in TABLES}

    def comparable(self) -> dict[str, list[tuple[object, ...]]]:
        """All rows of all tables, without the columns that may differ between two equal runs, sorted."""
        volatile = {line.strip() for line in VOLATILE_COLUMNS.read_text().splitlines() if line and line[0] != "#"}
        found = {}
        with self.connections.warehouse.read() as session:
            for spec in TABLES:
                columns = [name for name in spec.columns if f"{spec.name}.{name}" not in volatile]
                if columns:
                    listed = ", ".join(f'"{name}"' for name in columns)
                    rows = session.query(f"SELECT {listed} FROM {spec.name} ORDER BY ALL").to_pylist()
                    found[spec.name] = [tuple(str(row[name]) for name in columns) for row in rows]
        return found


def counts(result: RunResult, asset: str) -> AssetCounts:
    return result.assets[asset]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
