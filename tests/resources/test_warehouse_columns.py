"""How models travel through Arrow and DuckDB and back, and what a table specification derives from its model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from resources.warehouse import RowRejected, Session, TableSpec, Warehouse

ROOT = Path(__file__).resolve().parents[2]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    end: datetime | None = None
    weights: list[float] = []


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    colour: Colour
    centre: Point | None
    corners: list[Point]


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


class Everything(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    text: str
    note: str | None
    ratio: float
    perhaps: float | None
    flag: bool
    flag_or_none: bool | None
    at: datetime
    at_or_none: datetime | None
    day: date
    day_or_none: date | None
    blob: bytes
    colour: Colour
    colour_or_none: Colour | None
    kind: Literal["a", "b"]
    level: Literal[1, 2] | None
    words: list[str]
    words_or_none: list[str] | None
    holes: list[int | None]
    grid: list[list[int]]
    colours: list[Colour]
    shape: Shape
    shapes: list[Shape]
    maybe_shapes: list[Shape | None] | None
    labels: dict[str, str]
    counts: dict[str, int] | None
    anything: dict[str, object]
    anything_or_none: dict[str, object] | None
    union: int | str
    tree: Tree
    pair: tuple[int, str]


EVERYTHING = TableSpec("everything", Everything, ("number",))

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
whole = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)
zones = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=zones | st.just(UTC))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
points = st.builds(Point, label=texts, end=st.none() | instants, weights=st.lists(floats, max_size=2))
shapes = st.builds(
    Shape, colour=st.sampled_from(Colour), centre=st.none() | points, corners=st.lists(points, max_size=3)
)
trees = st.recursive(
    st.builds(Tree, name=texts), lambda inner: st.builds(Tree, name=texts, children=st.lists(inner, max_size=2))
)
everything = st.builds(
    Everything,
    number=whole,
    text=texts,
    note=st.none() | texts,
    ratio=floats,
    perhaps=st.none() | floats,
    flag_or_none=st.none() | st.booleans(),
    at=instants,
    at_or_none=st.none() | instants,
    day_or_none=st.none() | st.dates(),
    level=st.sampled_from([None, 1, 2]),
    words=st.lists(texts, max_size=3),
    words_or_none=st.none() | st.lists(texts, max_size=3),
    holes=st.lists(st.none() | whole, max_size=3),
    grid=st.lists(st.lists(whole, max_size=2), max_size=3),
    shape=shapes,
    shapes=st.lists(shapes, max_size=2),
    maybe_shapes=st.none() | st.lists(st.none() | shapes, max_size=3),
    labels=st.dictionaries(texts, texts, max_size=3),
    counts=st.none() | st.dictionaries(texts, whole, max_size=3),
    anything=st.dictionaries(texts, plain, max_size=3),
    anything_or_none=st.none() | st.dictionaries(texts, plain, max_size=2),
    union=whole | texts,
    tree=trees,
    pair=st.tuples(whole, texts),
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Warehouse(tmp_path / "w.duckdb", [EVERYTHING]).write() as session:
        yield session


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=st.lists(everything, max_size=4, unique_by=lambda row: row.number))
def test_rows_come_back_equal_whatever_they_hold(session: Session, rows: list[Everything]) -> None:
    session.delete(EVERYTHING, "true")
    session.insert(EVERYTHING, rows)
    read = session.rows(EVERYTHING, order_by="number")
    assert read == sorted(rows, key=lambda row: row.number)
    assert [Everything.model_validate(row.model_dump()) for row in read] == read  # types too, not only equal values
    assert session.merge(EVERYTHING, read).unchanged == len(rows)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(everything, max_size=3), start=st.integers(0, 3))
def test_a_slice_of_an_arrow_table_decodes_to_the_slice_of_the_rows(rows: list[Everything], start: int) -> None:
    assert EVERYTHING.from_arrow(EVERYTHING.to_arrow(rows).slice(start)) == rows[start:]


def test_many_rows_come_back_in_the_order_of_writing(tmp_path: Path) -> None:
    spec = TableSpec("points", Point, ("label",))
    rows = [Point(label=str(i), weights=[i / 3] * (i % 3)) for i in range(5000)]
    warehouse = Warehouse(tmp_path / "w.duckdb", [spec])
    with warehouse.write() as session:
        assert session.insert(spec, rows) == 5000
    with warehouse.read() as session:
        assert session.rows(spec) == rows
        assert session.rows(spec, "label IN (?, ?)", ("7", "9"), "label DESC") == [rows[9], rows[7]]


def test_a_model_with_private_state_is_built_with_it(tmp_path: Path) -> None:
    class Counter(BaseModel):
        name: str
        _hits: int = 7

    spec = TableSpec("counters", Counter, ("name",))
    (row,) = spec.from_arrow(spec.to_arrow([Counter(name="a")]))
    assert row._hits == 7


def test_not_a_number_is_a_value_like_any_other(session: Session) -> None:
    row = _sample(ratio=float("nan"), anything={"x": float("nan")})
    session.insert(EVERYTHING, [row])
    (read,) = session.rows(EVERYTHING)
    assert str(read.ratio) == "nan" and str(read.anything["x"]) == "nan"
    assert session.merge(EVERYTHING, [row]).unchanged == 1


def test_column_types_follow_the_annotations() -> None:
    types = {name: column.sql for name, (column, _) in EVERYTHING.columns.items()}
    assert types["number"] == "BIGINT"
    assert types["text"] == types["colour"] == types["kind"] == types["anything"] == types["union"] == "VARCHAR"
    assert types["at"] == "TIMESTAMP WITH TIME ZONE" and types["day"] == "DATE" and types["blob"] == "BLOB"
    assert types["ratio"] == "DOUBLE" and types["flag"] == "BOOLEAN" and types["level"] == "BIGINT"
    assert types["grid"] == "BIGINT[][]" and types["labels"] == "MAP(VARCHAR, VARCHAR)"
    assert types["counts"] == "MAP(VARCHAR, BIGINT)"
    point = 'STRUCT("label" VARCHAR, "end" TIMESTAMP WITH TIME ZONE, "weights" DOUBLE[])'
    assert types["shape"] == f'STRUCT("colour" VARCHAR, "centre" {point}, "corners" {point}[])'
    assert '"text" VARCHAR NOT NULL' in EVERYTHING.ddl and '"note" VARCHAR,' in EVERYTHING.ddl
    assert "PRIMARY" not in EVERYTHING.ddl and "UNIQUE" not in EVERYTHING.ddl


def test_the_schema_hash_changes_with_the_schema_alone() -> None:
    class A(BaseModel):
        x: int
        y: str | None

    class B(BaseModel):
        x: int
        y: str | None = Field(default=None, description="the same columns")

    class C(BaseModel):
        x: int
        y: str

    first = TableSpec("t", A, ("x",)).schema_hash
    assert first == TableSpec("t", B, ("x",)).schema_hash
    assert len({first, TableSpec("t", C, ("x",)).schema_hash, TableSpec("u", A, ("x",)).schema_hash}) == 3


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"number": 2**63}, "number"),
        ({"text": "\ud800"}, "text"),
        ({"at": datetime(2026, 1, 1)}, "at"),
        ({"anything": {"x": object()}}, "anything"),
        ({"words": [None, "\udfff"]}, "words"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_column(change: dict[str, object], column: str) -> None:
    with pytest.raises(RowRejected, match=rf"column {column} of the table everything"):
        EVERYTHING.to_arrow([_sample().model_copy(update=change)])


def test_rows_of_another_model_are_refused() -> None:
    with pytest.raises(RowRejected, match="takes rows of Everything, not of Point"):
        EVERYTHING.to_arrow([Point(label="x")])


def test_an_arrow_table_may_order_its_columns_freely_but_must_have_them_all(tmp_path: Path) -> None:
    import pyarrow as pa

    spec = TableSpec("points", Point, ("label",))
    swapped = pa.table({"weights": [[1.0]], "end": pa.nulls(1), "label": pa.array(["a"], pa.large_string())})
    with Warehouse(tmp_path / "w.duckdb", [spec]).write() as session:
        session.insert(spec, swapped)
        assert session.rows(spec) == [Point(label="a", weights=[1.0])]
        with pytest.raises(RowRejected, match="lack end"):
            session.insert(spec, swapped.drop_columns(["end"]))
        with pytest.raises(RowRejected, match="beyond its columns, more"):
            session.insert(spec, swapped.append_column("more", [[1]]))


@pytest.mark.parametrize(
    ("name", "key"), [("Bad", ("label",)), ("x;--", ("label",)), ("t", ()), ("t", ("end",)), ("t", ("no",))]
)
def test_a_specification_that_cannot_be_is_refused(name: str, key: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"table|key"):
        TableSpec(name, Point, key)


def test_importing_the_warehouse_imports_neither_duckdb_nor_pyarrow() -> None:
    code = (
        "import sys; from resources.warehouse import TableSpec, Warehouse; from pathlib import Path\n"
        "from pydantic import create_model\n"
        "spec = TableSpec('t', create_model('Row', x=(int, ...)), ('x',)); Warehouse(Path('x'), [spec]); spec.schema_hash\n"
        "print([name for name in ('duckdb', 'pyarrow', 'pandas', 'numpy') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert result.stdout.strip() == "[]"


def _sample(**change: object) -> Everything:
    point = Point(label="p", end=datetime(2026, 1, 2, tzinfo=UTC))
    shape = Shape(colour=Colour.RED, centre=None, corners=[point])
    values: dict[str, object] = {
        "number": 1,
        "text": "t",
        "ratio": 0.5,
        "flag": True,
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "day": date(2026, 1, 2),
        "blob": b"\x00",
        "colour": Colour.BLUE,
        "kind": "a",
        "words": [],
        "holes": [None],
        "grid": [[]],
        "colours": [],
        "shape": shape,
        "shapes": [],
        "labels": {},
        "anything": {},
        "union": 1,
        "tree": Tree(name="root"),
        "pair": (1, "x"),
    }
    nothing = {name: None for name in Everything.model_fields if name not in values}
    return Everything.model_validate({**values, **nothing, **change})
