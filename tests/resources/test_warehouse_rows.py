"""What insert, merge, replace and delete do to a table, held against a dictionary that does the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from resources.warehouse import DuplicateKey, MergeCounts, RowRejected, Session, TableSpec, Warehouse

ROOT = Path(__file__).resolve().parents[2]


class Item(BaseModel):
    shelf: str
    number: int
    words: list[str] = []
    size: float | None = None
    labels: dict[str, int] = {}


class Pair(BaseModel):
    left: str
    right: str


ITEMS = TableSpec("items", Item, ("shelf", "number"))
PAIRS = TableSpec("pairs", Pair, ("left", "right"))

Stored = dict[tuple[str, int], Item]

items = st.builds(
    Item,
    shelf=st.sampled_from("abc"),
    number=st.integers(0, 4),
    words=st.lists(st.sampled_from(["x", "y"]), max_size=2),
    size=st.sampled_from([None, 0.0, 1.5]),
    labels=st.dictionaries(st.sampled_from("pq"), st.integers(0, 1), max_size=2),
)
batches = st.lists(items, max_size=8, unique_by=lambda item: (item.shelf, item.number))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Warehouse(tmp_path / "w.duckdb", [ITEMS, PAIRS]).write() as session:
        yield session


def keyed(rows: list[Item]) -> Stored:
    assert len({(row.shelf, row.number) for row in rows}) == len(rows)
    return {(row.shelf, row.number): row for row in rows}


def expected_counts(before: Stored, incoming: Stored) -> MergeCounts:
    inserted = len(incoming.keys() - before.keys())
    unchanged = sum(before.get(key) == row for key, row in incoming.items())
    return MergeCounts(inserted, len(incoming) - inserted - unchanged, unchanged)


anything_goes = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anything_goes
@given(steps=st.lists(batches, min_size=1, max_size=4))
def test_merge_is_an_update_of_a_dictionary_and_counts_what_it_did(session: Session, steps: list[list[Item]]) -> None:
    session.delete(ITEMS, "true")
    stored: Stored = {}
    for step in steps:
        incoming = keyed(step)
        assert session.merge(ITEMS, step) == expected_counts(stored, incoming)
        stored |= incoming
        assert keyed(session.rows(ITEMS)) == stored


@anything_goes
@given(before=batches, batch=batches, shelf=st.sampled_from("abc"))
def test_replace_makes_one_part_equal_to_the_rows_and_leaves_the_rest(
    session: Session, before: list[Item], batch: list[Item], shelf: str
) -> None:
    session.delete(ITEMS, "true")
    session.insert(ITEMS, before)
    stored, incoming = keyed(before), keyed([item for item in batch if item.shelf == shelf])
    counts = session.replace(ITEMS, list(incoming.values()), "shelf = ?", [shelf])
    gone = {key for key in stored if key[0] == shelf and key not in incoming}
    wanted = expected_counts(stored, incoming)
    assert counts == MergeCounts(wanted.inserted, wanted.updated, wanted.unchanged, len(gone))
    assert keyed(session.rows(ITEMS)) == {key: row for key, row in stored.items() if key not in gone} | incoming


def test_unchanged_rows_are_not_written_again(session: Session) -> None:
    session.insert(ITEMS, [Item(shelf="a", number=number) for number in range(3)])
    before = session.query("SELECT rowid, number FROM items WHERE number <> 1 ORDER BY number").to_pylist()
    changed = [Item(shelf="a", number=number, size=1.0 if number == 1 else None) for number in range(3)]
    assert session.merge(ITEMS, changed) == MergeCounts(updated=1, unchanged=2)
    assert session.query("SELECT rowid, number FROM items WHERE number <> 1 ORDER BY number").to_pylist() == before


def test_a_dictionary_in_another_order_is_the_same(session: Session) -> None:
    session.insert(ITEMS, [Item(shelf="a", number=1, labels={"p": 1, "q": 2})])
    assert session.merge(ITEMS, [Item(shelf="a", number=1, labels={"q": 2, "p": 1})]) == MergeCounts(unchanged=1)


def test_a_table_that_is_all_key_merges(session: Session) -> None:
    assert session.merge(PAIRS, [Pair(left="a", right="b")]) == MergeCounts(inserted=1)
    assert session.merge(PAIRS, [Pair(left="a", right="b"), Pair(left="a", right="c")]) == MergeCounts(1, 0, 1)


def test_a_key_twice_in_the_rows_is_refused_and_named(session: Session) -> None:
    twice = [Item(shelf="a", number=1), Item(shelf="b", number=1), Item(shelf="a", number=1, size=1.0)]
    with pytest.raises(DuplicateKey, match=r"Two rows for the table items have the same key \(shelf 'a', number 1\)"):
        session.merge(ITEMS, twice)
    with pytest.raises(DuplicateKey, match="same key"):
        session.replace(ITEMS, twice, "true")


def test_a_key_twice_in_the_table_is_refused_rather_than_multiplied(session: Session) -> None:
    session.insert(ITEMS, [Item(shelf="a", number=1), Item(shelf="a", number=1)])
    with pytest.raises(DuplicateKey, match="table items holds two rows with one key"):
        session.merge(ITEMS, [Item(shelf="a", number=1, size=2.0)])


def test_a_row_outside_the_part_that_it_should_replace_is_refused(session: Session) -> None:
    with pytest.raises(RowRejected, match="not among the rows"):
        session.replace(ITEMS, [Item(shelf="b", number=1)], "shelf = ?", ["a"])
    with pytest.raises(RowRejected, match="not among the rows"):
        session.replace(ITEMS, [Item(shelf="b", number=1)], "size > 1")


def test_no_rows_are_rows_too(session: Session) -> None:
    assert session.insert(ITEMS, []) == 0
    assert session.merge(ITEMS, []) == MergeCounts()
    session.insert(ITEMS, [Item(shelf="a", number=1)])
    assert session.replace(ITEMS, [], "true") == MergeCounts(deleted=1)
    assert session.rows(ITEMS) == []


def test_scalar_execute_and_delete_take_parameters(session: Session) -> None:
    session.insert(ITEMS, [Item(shelf="it's", number=number) for number in range(4)])
    session.execute("UPDATE items SET size = ? WHERE number = ?", [2.5, 3])
    assert session.scalar("SELECT max(size) FROM items WHERE shelf = ?", ["it's"]) == 2.5
    assert session.scalar("SELECT number FROM items WHERE shelf = ?", ["nowhere"]) is None
    assert session.delete(ITEMS, "shelf = ? AND number < ?", ["it's", 3]) == 3


def test_an_error_inside_the_block_rolls_everything_back(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb", [ITEMS, PAIRS])
    with pytest.raises(ZeroDivisionError), warehouse.write() as session:
        session.insert(ITEMS, [Item(shelf="a", number=1)])
        session.execute("CREATE TABLE extra (x INTEGER)")
        print(1 / 0)
    with warehouse.read() as session:
        assert session.rows(ITEMS) == []
        assert session.scalar("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'extra'") == 0


def test_a_null_where_none_may_be_is_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    import pyarrow as pa

    warehouse = Warehouse(tmp_path / "w.duckdb", [ITEMS, PAIRS])
    with pytest.raises(RowRejected, match="does not fit its table"), warehouse.write() as session:
        session.insert(PAIRS, [Pair(left="a", right="b")])
        session.insert(PAIRS, pa.table({"left": ["a"], "right": pa.nulls(1, pa.string())}))
    with warehouse.read() as session:
        assert session.rows(PAIRS) == []


def test_sql_reaches_no_other_file(session: Session, tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    for sql in (
        f"SELECT * FROM read_csv('{tmp_path}/secret.csv')",
        f"COPY items TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/other.duckdb'",
    ):
        with pytest.raises(duckdb.PermissionException):
            session.execute(sql)


def test_a_small_memory_limit_spills_instead_of_failing(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb", [ITEMS], threads=1, memory_limit="60MB")
    with warehouse.read() as session:
        wide = "SELECT md5(i::VARCHAR) AS h FROM range(900000) r(i) ORDER BY h"
        assert session.scalar(f"SELECT count(*) FROM ({wide} LIMIT 800000)") == 800000
        assert session.scalar("SELECT current_setting('threads')") == 1


def test_times_are_in_utc_whatever_the_machine_says(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from pydantic import BaseModel
from resources.warehouse import TableSpec, Warehouse
class Row(BaseModel):
    x: int
with Warehouse(Path(sys.argv[1]), [TableSpec("rows", Row, ("x",))]).read() as session:
    print(session.scalar("SELECT date_trunc('day', TIMESTAMPTZ '2026-01-02 23:30:00Z')::VARCHAR"))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-c", code, str(tmp_path / "w.duckdb")]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert result.stdout.strip() == "2026-01-02 00:00:00+00"
