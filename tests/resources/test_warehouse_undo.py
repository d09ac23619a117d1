"""A process that dies while DuckDB overwrites its metadata in place leaves a warehouse that opens, with everything that was committed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from resources.warehouse import TableSpec, Warehouse, WarehouseCorrupt

ROOT = Path(__file__).resolve().parents[2]


class Line(BaseModel):
    number: int
    text: str


LINES = TableSpec("lines", Line, ("number",))

PRELUDE = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from pydantic import BaseModel
from resources.warehouse import TableSpec, Warehouse
from resources.warehouse.undo import UndoJournal

class Line(BaseModel):
    number: int
    text: str

LINES = TableSpec("lines", Line, ("number",))
path = Path(sys.argv[1])
warehouse = Warehouse(path, [LINES])
"""

TORN = """
with warehouse.write() as session:
    session.insert(LINES, [Line(number=2, text="half")])
    with path.open("r+b") as file:
        for number, *_ in session._connection.execute("PRAGMA metadata_info").fetchall():
            file.seek(12288 + number * 262144 + 1000)
            file.write(bytes(100_000))
    os.kill(os.getpid(), signal.SIGKILL)
"""

WHOLE = """
UndoJournal.end = lambda self, whole: os.kill(os.getpid(), signal.SIGKILL)
with warehouse.write() as session:
    session.insert(LINES, [Line(number=2, text="whole")])
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "w.duckdb", [LINES])
    with warehouse.write() as session:
        session.insert(LINES, [Line(number=1, text="first")])
    return warehouse


def killed(warehouse: Warehouse, program: str) -> None:
    done = subprocess.run([sys.executable, "-c", PRELUDE + program, str(warehouse.path)], check=False)
    assert done.returncode == -signal.SIGKILL


def texts(warehouse: Warehouse) -> list[str]:
    with warehouse.read() as session:
        return [row.text for row in session.rows(LINES, order_by="number")]


def test_blocks_that_were_half_overwritten_are_put_back(warehouse: Warehouse) -> None:
    killed(warehouse, TORN)
    assert texts(warehouse) == ["first"]
    with warehouse.write() as session:
        session.insert(LINES, [Line(number=3, text="third")])
    assert texts(warehouse) == ["first", "third"]
    assert not warehouse.path.with_name("w.duckdb.undo").exists()


def test_without_the_journal_such_a_file_would_be_lost(warehouse: Warehouse) -> None:
    """What the journal is for; if this fails, DuckDB has learned to do without."""
    killed(warehouse, TORN)
    warehouse.path.with_name("w.duckdb.undo").unlink()
    with pytest.raises(WarehouseCorrupt):
        texts(warehouse)


def test_a_checkpoint_that_was_written_whole_is_kept(warehouse: Warehouse) -> None:
    killed(warehouse, WHOLE)
    assert warehouse.path.with_name("w.duckdb.undo").exists()
    assert texts(warehouse) == ["first", "whole"]


def test_a_torn_file_that_a_backup_replaces_is_kept_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.backup(tmp_path / "backup.duckdb")
    killed(warehouse, TORN)
    kept = warehouse.restore(tmp_path / "backup.duckdb")
    assert texts(warehouse) == ["first"]
    assert kept is not None
    assert texts(Warehouse(kept, [LINES])) == ["first"]
