"""How processes and threads share the warehouse: taking turns, waiting no longer than they should, dying at any
moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from pydantic import BaseModel

from resources.warehouse import TableSpec, Warehouse, WarehouseError, WarehouseLocked

ROOT = Path(__file__).resolve().parents[2]


class Line(BaseModel):
    writer: int
    group_number: int
    number: int
    text: str


LINES = TableSpec("lines", Line, ("writer", "group_number", "number"))

PRELUDE = f"""
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from pydantic import BaseModel
from resources.warehouse import TableSpec, Warehouse

class Line(BaseModel):
    writer: int
    group_number: int
    number: int
    text: str

LINES = TableSpec("lines", Line, ("writer", "group_number", "number"))
warehouse = Warehouse(Path(sys.argv[1]), [LINES], lingers="WAREHOUSE_LINGERS" in os.environ)
"""

WRITE_GROUPS = """
writer, groups, rows = map(int, sys.argv[2:5])
for group in range(groups):
    lines = [Line(writer=writer, group_number=group, number=n, text=f"{group} {n} " * 20) for n in range(rows)]
    with warehouse.write() as session:
        session.insert(LINES, lines)
    print(group, flush=True)
"""

READ_FOR_EVER = """
while True:
    with warehouse.read() as session:
        session.scalar("SELECT count(*) FROM lines")
        print("read", flush=True)
        time.sleep(0.02)
"""

HOLD = """
with getattr(warehouse, sys.argv[2])():
    print("open", flush=True)
    time.sleep(60)
"""

HOLD_FROM_OUTSIDE = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""


@pytest.fixture(params=[False, True], ids=["closed", "lingers"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """Closed after each session or not, here and in the processes of the test alike."""
    if request.param:
        monkeypatch.setenv("WAREHOUSE_LINGERS", "1")
    warehouse = Warehouse(tmp_path / "w.duckdb", [LINES], lingers=request.param)
    yield warehouse
    warehouse.close()


@pytest.fixture
def lingering(tmp_path: Path) -> Iterator[Warehouse]:
    warehouse = Warehouse(tmp_path / "w.duckdb", [LINES], lingers=True)
    yield warehouse
    warehouse.close()


@contextmanager
def running(code: str, path: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """The code in a process of its own, killed at the end."""
    command = [sys.executable, "-c", code, str(path), *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def count(warehouse: Warehouse) -> int:
    with warehouse.read() as session:
        return int(str(session.scalar("SELECT count(*) FROM lines")))


@pytest.mark.integration
def test_processes_that_write_at_once_lose_nothing(warehouse: Warehouse) -> None:
    """The very first of them makes the file, too."""
    workers = [running(PRELUDE + WRITE_GROUPS, warehouse.path, writer, 6, 20) for writer in range(4)]
    with workers[0] as a, workers[1] as b, workers[2] as c, workers[3] as d:
        for process in (a, b, c, d):
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
    with warehouse.read() as session:
        groups = session.query("SELECT writer, group_number, count(*) AS n FROM lines GROUP BY ALL").to_pylist()
    assert len(groups) == 24 and {group["n"] for group in groups} == {20}


def test_threads_of_one_process_read_together_and_write_in_turn(warehouse: Warehouse) -> None:
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        for group in range(5):
            with warehouse.write() as session:
                session.insert(LINES, [Line(writer=writer, group_number=group, number=0, text="x")])

    def read(_: int) -> None:
        seen = 0
        for _ in range(10):
            now = count(warehouse)
            assert now >= seen
            seen = now

    def guarded(work: Callable[[int], None], number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work, number)) for number in range(3) for work in (write, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert count(warehouse) == 15


def test_two_readers_are_inside_at_the_same_time(warehouse: Warehouse) -> None:
    with running(PRELUDE + HOLD, warehouse.path, "read") as other:
        assert wait_for_line(other) == "open"
        warehouse.lock_timeout = 0.5
        assert count(warehouse) == 0


@pytest.mark.integration
@pytest.mark.parametrize(("theirs", "ours"), [("write", "read"), ("write", "write"), ("read", "write")])
def test_a_holder_that_stays_ends_the_wait_with_one_sentence(warehouse: Warehouse, theirs: str, ours: str) -> None:
    with running(PRELUDE + HOLD, warehouse.path, theirs) as other:
        assert wait_for_line(other) == "open"
        warehouse.lock_timeout = 0.3
        started = time.monotonic()
        who = f"process {other.pid}" if theirs == "write" else "another process"
        with pytest.raises(WarehouseLocked, match=f"in use by {who};"), getattr(warehouse, ours)():
            pass
        assert 0.25 < time.monotonic() - started < 3


def test_a_killed_holder_frees_the_lock_at_once(warehouse: Warehouse) -> None:
    with running(PRELUDE + HOLD, warehouse.path, "write") as other:
        assert wait_for_line(other) == "open"
        other.kill()
        other.wait()
        warehouse.lock_timeout = 1.0
        assert count(warehouse) == 0


@pytest.mark.parametrize(
    ("outer", "inner"), [("read", "read"), ("read", "write"), ("write", "read"), ("write", "write")]
)
def test_a_session_inside_a_session_is_an_error_and_not_a_deadlock(
    warehouse: Warehouse, outer: str, inner: str
) -> None:
    same_file = Warehouse(warehouse.path.parent / "." / "w.duckdb", [LINES])
    with getattr(warehouse, outer)():
        with pytest.raises(WarehouseError, match="already open in this thread"), getattr(same_file, inner)():
            pass
        with pytest.raises(WarehouseError, match="already open in this thread"):
            same_file.compact()
    with warehouse.write():
        pass


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_program_that_takes_no_turns_is_named(warehouse: Warehouse, mode: str) -> None:
    count(warehouse)
    warehouse.close()
    with running(HOLD_FROM_OUTSIDE, warehouse.path) as other:
        assert wait_for_line(other) == "open"
        warehouse.lock_timeout = 0.3
        held = rf"held open by .*python.* \(process {other.pid}\)"
        with pytest.raises(WarehouseLocked, match=held), getattr(warehouse, mode)():
            pass
    assert count(warehouse) == 0


def test_no_file_is_put_in_the_place_of_one_that_another_program_holds(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.backup(tmp_path / "backup")
    inode = warehouse.path.stat().st_ino
    with running(HOLD_FROM_OUTSIDE, warehouse.path) as other:
        assert wait_for_line(other) == "open"
        for replace in (warehouse.compact, lambda: warehouse.restore(tmp_path / "backup")):
            with pytest.raises(WarehouseLocked, match="held open by"):
                replace()
    assert warehouse.path.stat().st_ino == inode


def test_a_program_that_takes_no_turns_is_waited_for(warehouse: Warehouse) -> None:
    count(warehouse)
    warehouse.close()
    with running(HOLD_FROM_OUTSIDE, warehouse.path) as other:
        assert wait_for_line(other) == "open"
        killer = threading.Timer(0.4, other.kill)
        killer.start()
        assert count(warehouse) == 0
        killer.join()


@pytest.mark.integration
def test_constant_readers_do_not_starve_a_writer(warehouse: Warehouse) -> None:
    count(warehouse)
    readers = [running(PRELUDE + READ_FOR_EVER, warehouse.path) for _ in range(4)]
    with readers[0] as a, readers[1] as b, readers[2] as c, readers[3] as d:
        for process in (a, b, c, d):
            assert wait_for_line(process) == "read"
        for number in range(5):
            started = time.monotonic()
            with warehouse.write() as session:
                waited = time.monotonic() - started
                session.insert(LINES, [Line(writer=0, group_number=0, number=number, text="x")])
            assert waited < 1


def kill_while_writing(warehouse: Warehouse, chance: random.Random, rows: int = 300) -> tuple[int, int]:
    """Kill a writer at a random moment; returns how many groups it acknowledged and how many are there, none of them
    in part."""
    writer = chance.randrange(2**40)
    with running(PRELUDE + WRITE_GROUPS, warehouse.path, writer, 10_000, rows) as process:
        wait_for_line(process)
        time.sleep(chance.uniform(0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        output = process.stdout.read()
    acknowledged = 1 + sum(line.isdigit() for line in output.split("\n")[:-1])
    with warehouse.read() as session:
        sql = "SELECT count(*) AS n FROM lines WHERE writer = ? GROUP BY group_number"
        groups = session.query(sql, [writer])["n"].to_pylist()
    assert all(size == rows for size in groups)
    return acknowledged, len(groups)


def check_kills(warehouse: Warehouse, times: int) -> None:
    chance = random.Random(20260101)
    for _ in range(times):
        acknowledged, kept = kill_while_writing(warehouse, chance)
        assert acknowledged <= kept <= acknowledged + 1
    with warehouse.write() as session:
        assert session.insert(LINES, [Line(writer=0, group_number=0, number=0, text="the next one gets in")]) == 1


@pytest.mark.integration
def test_a_killed_writer_loses_nothing_that_it_acknowledged_and_leaves_no_part_of_a_group(warehouse: Warehouse) -> None:
    check_kills(warehouse, 5)


@pytest.mark.soak
def test_two_hundred_killed_writers_lose_nothing(warehouse: Warehouse) -> None:
    check_kills(warehouse, 200)


def test_a_process_killed_while_it_makes_the_file_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    chance = random.Random(7)
    for attempt in range(4):
        path = tmp_path / f"{attempt}.duckdb"
        with running(PRELUDE + "print('go', flush=True)\nwarehouse.write().__enter__()", path) as process:
            wait_for_line(process)
            time.sleep(chance.uniform(0.05, 0.3))
        assert count(Warehouse(path, [LINES])) == 0


def is_open(warehouse: Warehouse) -> bool:
    """Whether somebody has the file open to write."""
    return warehouse.path.with_name("w.duckdb.undo").exists()


def test_a_file_lingers_between_sessions_and_not_for_ever(lingering: Warehouse) -> None:
    for number in range(3):
        with lingering.write() as session:
            session.insert(LINES, [Line(writer=0, group_number=0, number=number, text="x")])
        assert is_open(lingering)
        assert count(lingering) == number + 1
    deadline = time.monotonic() + 10
    while is_open(lingering):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not lingering.path.with_name("w.duckdb.wal").exists()
    assert count(lingering) == 3


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_file_that_lingers_is_given_up_to_whoever_waits(lingering: Warehouse, mode: str) -> None:
    other = Warehouse(lingering.path, [LINES])
    waited = []
    for number in range(5):
        with lingering.write() as session:
            session.insert(LINES, [Line(writer=0, group_number=0, number=number, text="x")])
        began = time.monotonic()
        with getattr(other, mode)() as session:
            waited.append(time.monotonic() - began)
            assert session.scalar("SELECT count(*) FROM lines") == number + 1
    assert sorted(waited)[2] < 0.3


def test_a_read_session_on_a_file_that_lingers_cannot_write(lingering: Warehouse) -> None:
    line = Line(writer=0, group_number=0, number=0, text="x")
    with lingering.write() as session:
        session.insert(LINES, [line])
    with pytest.raises(duckdb.Error, match="read-only"), lingering.read() as session:
        session.insert(LINES, [line.model_copy(update={"number": 1})])
    assert count(lingering) == 1


def test_a_session_that_fails_leaves_nothing_open(lingering: Warehouse) -> None:
    with lingering.write() as session:
        session.insert(LINES, [Line(writer=0, group_number=0, number=0, text="x")])
    with pytest.raises(ZeroDivisionError), lingering.write() as session:
        session.insert(LINES, [Line(writer=0, group_number=0, number=1, text="x")])
        print(1 / 0)
    assert not is_open(lingering)
    assert count(lingering) == 1


def test_a_forked_child_opens_the_file_for_itself(lingering: Warehouse) -> None:
    with lingering.write() as session:
        session.insert(LINES, [Line(writer=0, group_number=0, number=0, text="parent")])
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with lingering.write() as session:
                session.insert(LINES, [Line(writer=1, group_number=0, number=0, text="child")])
            lingering.close()
            code = 0
        finally:
            os._exit(code)
    with lingering.write() as session:
        session.insert(LINES, [Line(writer=0, group_number=0, number=1, text="parent")])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert count(lingering) == 3


def test_a_file_put_in_the_place_of_one_that_lingers_is_what_is_read(lingering: Warehouse, tmp_path: Path) -> None:
    other = Warehouse(tmp_path / "other" / "w.duckdb", [LINES])
    with other.write() as session:
        session.insert(LINES, [Line(writer=7, group_number=0, number=0, text="x")])
    with Warehouse(lingering.path, [LINES]).write() as session:
        session.insert(LINES, [Line(writer=0, group_number=0, number=n, text="x") for n in range(2)])
    assert count(lingering) == 2
    other.path.replace(lingering.path)
    assert count(lingering) == 1


ENDS_WHILE_IT_IS_CLOSED = """
from resources.warehouse import lingering
from resources.warehouse.engines import Engines

lingering.LINGER_S = 0.01
detached = Engines._detached

def slowly(self, engine):
    time.sleep(0.5)
    whole = detached(self, engine)
    print("closed", flush=True)
    return whole

Engines._detached = slowly
with warehouse.write():
    pass
time.sleep(0.2)
"""


@pytest.mark.integration
def test_a_process_ends_only_after_the_file_is_closed(lingering: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is stopped inside DuckDB aborts the process."""
    monkeypatch.setenv("WAREHOUSE_LINGERS", "1")
    with running(PRELUDE + ENDS_WHILE_IT_IS_CLOSED, lingering.path) as process:
        output, errors = process.communicate(timeout=30)
    assert (output.split(), process.returncode) == (["closed"], 0), errors
