"""Dagster's event log on SQLite: the same tables in the same files as Dagster's own class, several times as fast.

What belongs here: how the files are opened and how many transactions a batch takes; what an event is, and every query, is Dagster's.
Its class opens a file anew for every statement, which brings the write-ahead log in at every close, compiles every statement anew and
looks at the schema again. This one keeps the files of the last runs open, knows their schema after the first look, and writes a batch of
events in two transactions. `dagster.yaml` names it.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from dagster import Field, StringSource
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy.pool import StaticPool

from resources.errors import SoloistError
from resources.sqlite import in_turn

if TYPE_CHECKING:
    from dagster._core.events.log import EventLogEntry
    from dagster._serdes import ConfigurableClassData
    from sqlalchemy.engine import Connection, Engine


OPEN_RUNS = 8
"""Files of runs that are kept open at a time."""


_ANY_TABLE = "SELECT 1 FROM sqlite_master LIMIT 1"


class PooledEventLog(SqliteEventLogStorage):
    """The event log of a machine. As safe as Dagster's: every event, or every batch of events of one step, is on disk when it returns."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: dict[str, bool] = {}
        self._asset_columns: dict[str, bool] = {}
        self._watcher: SqlPollingEventWatcher | None = None
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> PooledEventLog:
        """Without `base_dir` the files lie where Dagster's own class has them, so that either opens a home that the other made.

        Raises SoloistError where neither `base_dir` nor DAGSTER_HOME says where that is.
        """
        base_dir, home = config_value.get("base_dir"), os.environ.get("DAGSTER_HOME")
        if not base_dir and not home:
            raise SoloistError(
                "Dagster's event log has no place; set DAGSTER_HOME to the folder that holds dagster.yaml."
            )
        return cls(base_dir or str(Path(str(home)) / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine, for_index_shard=shard == INDEX_SHARD_NAME)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        """The engine of a file, with its one connection; the file used longest ago is closed where too many are open."""
        if (engine := self._engines.get(shard)) is None:
            engine = self._engines[shard] = sqlalchemy.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            runs = [name for name in self._engines if name != INDEX_SHARD_NAME]
            for name in runs[: max(0, len(runs) - OPEN_RUNS)]:
                self._engines.pop(name).dispose()
        self._engines.move_to_end(shard)
        return engine

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        """A new run's file gets its tables and the index's schema version without Dagster's tour of all migrations, in one transaction: who
        comes while another process makes them waits for it, and a process that dies meanwhile leaves an empty file."""
        if for_index_shard or not self._is_empty(engine):
            super()._initdb(engine, for_index_shard)
            return
        index_engine = self._engine(INDEX_SHARD_NAME)
        if INDEX_SHARD_NAME not in self._initialized_dbs:
            super()._initdb(index_engine, for_index_shard=True)
            self._initialized_dbs.add(INDEX_SHARD_NAME)
        with index_engine.connect() as index:
            (version,) = index.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).one()
        in_turn(lambda: self._make_tables(engine, version))

    @staticmethod
    def _make_tables(engine: Engine, version: str) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if not connection.exec_driver_sql(_ANY_TABLE).all():
                SqlEventLogStorageMetadata.create_all(connection)
                connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
                connection.execute(
                    sqlalchemy.text("INSERT INTO alembic_version VALUES (:version)"), {"version": version}
                )
            connection.commit()

    @staticmethod
    def _is_empty(engine: Engine) -> bool:
        with engine.connect() as connection:
            return not in_turn(lambda: connection.exec_driver_sql(_ANY_TABLE).all())

    def has_table(self, table_name: str) -> bool:
        if not self._tables.get(table_name):
            self._tables[table_name] = super().has_table(table_name)
        return self._tables[table_name]

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if not self._asset_columns.get(column_name):
            self._asset_columns[column_name] = super()._has_asset_key_col_on_connection(conn, column_name)
        return self._asset_columns[column_name]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """The events of one run, with one transaction for the run's file and one for the index of all runs."""
        runs = {event.run_id for event in events}
        if len(runs) != 1 or any(event.dagster_event_type in EVENT_TYPE_TO_PIPELINE_RUN_STATUS for event in events):
            super().store_event_batch(events)
            return
        with self.run_connection(runs.pop()) as connection:
            connection.execute(self.prepare_insert_event_batch(events))
        mirrored = [event for event in events if event.dagster_event_type in ASSET_EVENTS | ASSET_CHECK_EVENTS]
        if not mirrored:
            return
        with self.index_connection() as connection:
            statement = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            ids = list(connection.execute(statement, [self._event_to_row(event) for event in mirrored]).scalars())
            known = list(zip(mirrored, ids, strict=True))
            assets = [(event, number) for event, number in known if event.dagster_event_type in ASSET_EVENTS]
            if assets:
                self._store_asset_event_tags(connection, *zip(*assets, strict=True))
            latest = {
                (event.dagster_event_type, event.get_dagster_event().asset_key): (event, number)
                for event, number in assets
            }
            for event, number in latest.values():
                self._store_asset_event(connection, event, number)
        for event, number in known:
            if event.dagster_event_type in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, number)

    def wipe(self) -> None:
        self._close()
        super().wipe()

    def watch(self, run_id: str, cursor: str | None, callback: Any) -> None:
        """Dagster's class watches the run's file, which a kept connection rarely touches: the log beside it is written."""
        if self._watcher is None:
            self._watcher = SqlPollingEventWatcher(self)
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Any) -> None:
        if self._watcher is not None:
            self._watcher.unwatch_run(run_id, handler)

    def dispose(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
            self._initialized_dbs = set()
