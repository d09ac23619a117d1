"""How fast the warehouse is beside raw DuckDB, and how well processes share it. Prints one JSON object a line.

`ours`, `reference` and `ratio` are what the name and the unit say; `holds` tells whether the bar is kept. Both sides of
a comparison run alternately in this one run, open, work, commit and close each time, and are compared by their medians:
trust the ratio, not the figures.

python tests/benchmarks/warehouse.py [--scale 0.1] [name ...]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pydantic import BaseModel  # noqa: E402

from resources.warehouse import TableSpec, Warehouse  # noqa: E402

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Result = dict[str, object]

EXTENSIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class Part(BaseModel):
    path: str
    added: int | None


class Record(BaseModel):
    """About one kilobyte, shaped like a row of the platform."""

    key: str
    number: int
    at: float
    tags: list[str]
    parts: list[Part]
    text: str


class Line(BaseModel):
    """About a hundred bytes."""

    writer: int
    group_number: int
    number: int
    text: str


RECORDS = TableSpec("records", Record, ("key",))
LINES = TableSpec("lines", Line, ("writer", "group_number", "number"))


def insert_speed(rows: int = 100_000, rounds: int = 9) -> Iterator[Result]:
    """Seconds for `rows` rows of about 1 KB, from Arrow and from models; the reference is raw DuckDB."""
    records = _records(rows)
    table = RECORDS.to_arrow(records)

    def ours_arrow(path: Path) -> None:
        with Warehouse(path, [RECORDS]).write() as session:
            session.insert(RECORDS, table)

    def raw_arrow(path: Path) -> None:
        _raw_insert(path, table)

    def ours_models(path: Path) -> None:
        with Warehouse(path, [RECORDS]).write() as session:
            session.insert(RECORDS, records)

    def raw_models(path: Path) -> None:
        import pyarrow as pa

        _raw_insert(path, pa.Table.from_pylist([record.model_dump() for record in records], schema=RECORDS.schema))

    yield _speed("insert_arrow", ours_arrow, raw_arrow, rounds, bar=0.8, rows=rows)
    yield _speed("insert_models", ours_models, raw_models, max(rounds - 6, 1), bar=0.8, rows=rows)


def read_speed(rows: int = 100_000, rounds: int = 15) -> Iterator[Result]:
    """Seconds to read `rows` rows of about 1 KB, to Arrow and to models; the reference is raw DuckDB (and pydantic)."""
    table = RECORDS.to_arrow(_records(rows))

    def ours_arrow(path: Path) -> None:
        with Warehouse(path, [RECORDS]).read() as session:
            assert session.query("SELECT * FROM records").num_rows == rows

    def raw_arrow(path: Path) -> None:
        assert _raw_read(path).num_rows == rows

    def ours_models(path: Path) -> None:
        with Warehouse(path, [RECORDS]).read() as session:
            assert len(session.rows(RECORDS)) == rows

    def raw_models(path: Path) -> None:
        from pydantic import TypeAdapter

        assert len(TypeAdapter(list[Record]).validate_python(_raw_read(path).to_pylist())) == rows

    def filled(path: Path) -> None:
        with Warehouse(path, [RECORDS]).write() as session:
            session.insert(RECORDS, table)

    yield _speed("read_arrow", ours_arrow, raw_arrow, rounds, bar=0.9, rows=rows, prepare=filled)
    yield _speed("read_models", ours_models, raw_models, max(rounds - 12, 1), bar=0.9, rows=rows, prepare=filled)


def eight_writers(groups: int = 1000, rows: int = 2000, rounds: int = 5) -> Iterator[Result]:
    """Seconds until eight processes have written `groups` groups of `rows` rows between them, each group a session.

    The reference is one process that does the same through the same layer, opening the file for each group. `lingering`:
    one that need not, because nobody waits for it; `held_connection`: one that keeps a raw connection open. Each side writes a file of its own, a part of the groups a round, and they take turns at it; the
    ratio is the median of the rounds'.
    """
    share = max(groups // rounds // 8, 1) * 8
    sides = {"held": ("held", 1), "lingering": ("lingering", 1), "alone": ("opening", 1), "together": ("lingering", 8)}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    errors = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = {side: Path(folder) / f"{side}.duckdb" for side in sides}
        for number in range(rounds):
            for side, (work, workers) in sides.items() if number % 2 else reversed(sides.items()):
                took, failed = _written(paths[side], work, workers, share, rows, number)
                seconds[side].append(took)
                errors += failed
        lost = sum(rounds * share * rows - _distinct(path) for path in paths.values())
    ratio = median(b / a for a, b in zip(seconds["alone"], seconds["together"], strict=True))
    together, alone, held, lingering = (sum(seconds[side]) for side in ("together", "alone", "held", "lingering"))
    yield {
        **_result("eight_writers", together, alone, ratio, 1.5, ratio <= 1.5 and errors == 0 and lost == 0),
        "lingering": round(lingering, 3),
        "held_connection": round(held, 3),
        "errors": errors,
        "rows_lost": lost,
        "groups": rounds * share,
        "rows": rows,
    }


def readers_do_not_starve_writer(readers: int = 8, writes: int = 20) -> Iterator[Result]:
    """Seconds that a writer waits at most until it is inside, while processes read without a pause; the reference is
    the bar."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "w.duckdb"
        warehouse = Warehouse(path, [LINES], lingers=True)
        with warehouse.write() as session:
            session.insert(LINES, _lines(0, 0, 100_000))
        processes = [stack.enter_context(_worker(path, "reads", number, 0, 0)) for number in range(readers)]
        _start_together(processes)
        time.sleep(1)
        waits = [_wait_to_write(warehouse, number) for number in range(writes)]
    yield {
        **_result("readers_do_not_starve_writer", max(waits), 1.0, max(waits), 1.0, max(waits) < 1),
        "median": round(median(waits), 4),
        "readers": readers,
        "writes": writes,
    }


def results(scale: float = 1.0, only: Sequence[str] = ()) -> Iterator[Result]:
    """All results, or those of the functions named in `only`; `scale` below 1 makes the work smaller, for trying it
    out."""
    rows = max(int(100_000 * scale), 100)
    groups = max(int(1000 * scale) // 8 * 8, 8)
    programs: dict[str, Callable[[], Iterator[Result]]] = {
        "insert_speed": lambda: insert_speed(rows),
        "read_speed": lambda: read_speed(rows),
        "eight_writers": lambda: eight_writers(groups),
        "readers_do_not_starve_writer": readers_do_not_starve_writer,
    }
    for name, program in programs.items():
        if not only or name in only:
            yield from program()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scale", type=float, default=1.0, help="make the work smaller, for trying it out")
    parser.add_argument(
        "--worker", nargs=5, metavar=("PATH", "WORK", "WRITER", "GROUPS", "ROWS"), help=argparse.SUPPRESS
    )
    parser.add_argument("names", nargs="*", help="functions to run; all without one")
    arguments = parser.parse_args(argv)
    if arguments.worker:
        path, work, *counts = arguments.worker
        _work(Path(path), work, *map(int, counts))
        return 0
    kept = True
    for result in results(arguments.scale, arguments.names):
        print(json.dumps(result), flush=True)
        kept = kept and bool(result["holds"])
    return 0 if kept else 1


def _result(name: str, ours: float, reference: float, ratio: float, bar: float, holds: bool) -> Result:
    return {
        "name": f"warehouse.{name}",
        "unit": "s",
        "ours": round(ours, 4),
        "reference": round(reference, 4),
        "ratio": round(ratio, 3),
        "bar": bar,
        "holds": holds,
    }


def _speed(
    name: str,
    ours: Callable[[Path], None],
    reference: Callable[[Path], None],
    rounds: int,
    *,
    bar: float,
    rows: int,
    prepare: Callable[[Path], None] | None = None,
) -> Result:
    """Ratio of speeds, so that more is better: 1 is as fast as the reference. One round before the counted ones
    warms up."""
    seconds: dict[Callable[[Path], None], list[float]] = {ours: [], reference: []}
    for number in range(rounds + 1):
        for side in (ours, reference) if number % 2 else (reference, ours):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "w.duckdb"
                (prepare or _create)(path)
                started = time.perf_counter()
                side(path)
                if number:
                    seconds[side].append(time.perf_counter() - started)
    mine, theirs = median(seconds[ours]), median(seconds[reference])
    return {**_result(name, mine, theirs, theirs / mine, bar, theirs / mine >= bar), "rows": rows}


def _create(path: Path) -> None:
    with Warehouse(path, [RECORDS]).write():
        pass


def _records(count: int) -> list[Record]:
    filler = os.urandom(350 * 997).hex()
    return [
        Record(
            key=f"{number:064x}",
            number=number,
            at=number / 7,
            tags=["python", f"tag {number % 50}"],
            parts=[
                Part(path=f"source/module_{number % 900}.py", added=number % 40),
                Part(path="README.md", added=None),
            ],
            text=filler[number % 997 * 700 : number % 997 * 700 + 700],
        )
        for number in range(count)
    ]


def _lines(writer: int, group: int, count: int) -> list[Line]:
    text = f"writer {writer} writes group {group} " * 3
    return [Line(writer=writer, group_number=group, number=number, text=text + str(number)) for number in range(count)]


def _raw_insert(path: Path, table: pa.Table) -> None:
    with _raw(path) as connection:
        connection.begin()
        connection.register("incoming", table)
        connection.execute("INSERT INTO records SELECT * FROM incoming")
        connection.commit()


def _raw_read(path: Path) -> pa.Table:
    with _raw(path, read_only=True) as connection:
        return connection.execute("SELECT * FROM records").to_arrow_table()


@contextmanager
def _raw(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    connection = duckdb.connect(path, read_only=read_only, config=EXTENSIONS)
    try:
        yield connection
    finally:
        connection.close()


def _written(path: Path, work: str, workers: int, groups: int, rows: int, round_: int) -> tuple[float, int]:
    """Let `workers` processes write `groups` groups between them; returns seconds and how many processes failed."""
    share = groups // workers
    with ExitStack() as stack:
        numbers = [round_ * workers + number for number in range(workers)]
        processes = [stack.enter_context(_worker(path, work, number, share, rows)) for number in numbers]
        started = _start_together(processes)
        done = [process.stdout.readline() == "done\n" for process in processes if process.stdout]
        return time.perf_counter() - started, done.count(False)


def _distinct(path: Path) -> int:
    with Warehouse(path, [LINES]).read() as session:
        return int(
            str(session.scalar("SELECT count(*) FROM (SELECT DISTINCT writer, group_number, number FROM lines)"))
        )


@contextmanager
def _worker(path: Path, work: str, writer: int, groups: int, rows: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, __file__, "--worker", str(path), work, str(writer), str(groups), str(rows)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _start_together(processes: list[subprocess.Popen[str]]) -> float:
    """Wait until all have imported what they need, then let them go; returns when that was."""
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    started = time.perf_counter()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return started


def _work(path: Path, work: str, writer: int, groups: int, rows: int) -> None:
    """What a worker process does, once it is told to. The file lingers, as in the product, unless it is opened for each group."""
    batches = [LINES.to_arrow(_lines(writer, group, rows)) for group in range(groups)]
    warehouse = Warehouse(path, [LINES], lingers=work != "opening")
    with warehouse.read():  # loads the libraries and makes the file
        pass
    warehouse.close()
    print("ready", flush=True)
    sys.stdin.readline()
    if work == "held":
        with _raw(path) as connection:
            for batch in batches:
                connection.register("incoming", batch)
                connection.execute("INSERT INTO lines SELECT * FROM incoming")
    elif work in ("opening", "lingering"):
        for batch in batches:
            with warehouse.write() as session:
                session.insert(LINES, batch)
    print("done", flush=True)
    while work == "reads":
        with warehouse.read() as session:
            session.query("SELECT group_number, count(*), sum(length(text)) FROM lines GROUP BY ALL")


def _wait_to_write(warehouse: Warehouse, number: int) -> float:
    lines = LINES.to_arrow(_lines(1, number, 2000))
    started = time.perf_counter()
    with warehouse.write() as session:
        waited = time.perf_counter() - started
        session.insert(LINES, lines)
    return waited


if __name__ == "__main__":
    raise SystemExit(main())
