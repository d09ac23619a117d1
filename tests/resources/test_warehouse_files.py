"""The warehouse as a file: damaged, full, older, newer, copied, put back, made small."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel

from resources.warehouse import (
    Migration,
    SchemaMismatch,
    Session,
    TableSpec,
    Warehouse,
    WarehouseCorrupt,
    WarehouseError,
    WarehouseLocked,
    WarehouseTooNew,
)

ROOT = Path(__file__).resolve().parents[2]


class Note(BaseModel):
    number: int
    text: str


class TaggedNote(BaseModel):
    number: int
    text: str
    tags: list[str]


class Extra(BaseModel):
    name: str


NOTES = TableSpec("notes", Note, ("number",))
TAGGED = TableSpec("notes", TaggedNote, ("number",))
EXTRAS = TableSpec("extras", Extra, ("name",))


def add_tags(session: Session) -> None:
    session.rebuild(TAGGED, "SELECT *, [text] AS tags FROM old")


ADD_TAGS = Migration(2, "add tags", add_tags)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


@pytest.fixture
def warehouse(path: Path) -> Warehouse:
    warehouse = Warehouse(path, [NOTES])
    with warehouse.write() as session:
        session.insert(NOTES, [Note(number=number, text=f"note {number}") for number in range(100)])
    return warehouse


def numbers(warehouse: Warehouse) -> list[object]:
    with warehouse.read() as session:
        return [row["number"] for row in session.query("SELECT number FROM notes ORDER BY number").to_pylist()]


def files_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()} - {"w.duckdb.turn", "w.duckdb.lock"}


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_missing_warehouse_is_made_with_its_folder_and_tables(tmp_path: Path, mode: str) -> None:
    warehouse = Warehouse(tmp_path / "new" / "folder" / "w.duckdb", [NOTES, EXTRAS])
    assert warehouse.size_bytes == 0
    with getattr(warehouse, mode)() as session:
        assert session.rows(NOTES) == [] and session.rows(EXTRAS) == []
    assert warehouse.size_bytes > 0
    assert files_in(warehouse.path.parent) == {"w.duckdb"}


@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_table_that_is_new_is_added_without_a_migration(warehouse: Warehouse, path: Path, mode: str) -> None:
    with getattr(Warehouse(path, [NOTES, EXTRAS]), mode)() as session:
        assert session.rows(EXTRAS) == []
    assert numbers(warehouse) == list(range(100))


def not_duckdb(path: Path) -> None:
    path.write_text("This is no database.\n" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scribbled_on(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


@pytest.mark.parametrize("damage", [not_duckdb, empty, cut_short, scribbled_on])
@pytest.mark.parametrize("mode", ["read", "write", "compact"])
def test_a_damaged_file_is_one_sentence_and_stays_as_it_is(warehouse: Warehouse, path: Path, damage, mode: str) -> None:
    damage(path)
    before = path.read_bytes()
    for same in (warehouse, Warehouse(path, [NOTES])):
        with pytest.raises(WarehouseCorrupt, match=r"damaged or is no DuckDB file") as caught, using(same, mode):
            pass
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


@contextmanager
def using(warehouse: Warehouse, mode: str) -> Iterator[None]:
    if mode == "compact":
        warehouse.compact()
        yield
    else:
        with getattr(warehouse, mode)() as session:
            session.rows(NOTES)
            yield


def test_a_folder_in_its_place_or_a_file_above_it_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "folder", tmp_path / "file" / "w.duckdb"):
        with pytest.raises(WarehouseError, match="cannot be used"), Warehouse(path, [NOTES]).read():
            pass


def test_a_log_without_its_file_is_not_mistaken_for_a_new_warehouse(path: Path) -> None:
    path.with_name("w.duckdb.wal").write_bytes(b"what was not yet in the file")
    with pytest.raises(WarehouseError, match="gone but its log"), Warehouse(path, [NOTES]).write():
        pass


def test_errors_of_the_code_inside_the_block_pass_as_they_are(warehouse: Warehouse) -> None:
    import duckdb

    with pytest.raises(FileNotFoundError), warehouse.read():
        Path("/nowhere/at/all").read_text()
    with pytest.raises(OSError, match="full") as caught, warehouse.write():
        raise OSError(errno.ENOSPC, "another disk is full")
    assert not isinstance(caught.value, WarehouseError)
    with pytest.raises(duckdb.ParserException), warehouse.read() as session:
        session.query("SELEKT 1")


@pytest.mark.integration
def test_a_disk_that_fills_up_keeps_what_was_there(warehouse: Warehouse, path: Path) -> None:
    code = f"""
import os, resource, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from pydantic import BaseModel
from resources.warehouse import TableSpec, Warehouse, WarehouseFull
class Note(BaseModel):
    number: int
    text: str
notes = TableSpec("notes", Note, ("number",))
warehouse = Warehouse(Path({str(path)!r}), [notes])
for size, limit in ((20_000, 1_500_000), (200_000, 4_000_000)):
    rows = [Note(number=1000 + n, text=os.urandom(50).hex()) for n in range(size)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        with warehouse.write() as session:
            session.insert(notes, rows)
    except WarehouseFull as error:
        print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line.startswith("There is no room to write the warehouse") for line in result.stdout.splitlines()] == [
        True
    ] * 2
    assert numbers(warehouse) == list(range(100))
    with warehouse.write() as session:
        session.insert(NOTES, [Note(number=100, text="there is room again")])
    assert numbers(warehouse) == list(range(101))


@pytest.mark.parametrize("mode", ["read", "write"])
def test_an_older_warehouse_is_backed_up_and_brought_forward(warehouse: Warehouse, path: Path, mode: str) -> None:
    newer = Warehouse(path, [TAGGED], [ADD_TAGS])
    with getattr(newer, mode)() as session:
        rows = session.rows(TAGGED, order_by="number")
        assert rows[7] == TaggedNote(number=7, text="note 7", tags=["note 7"]) and len(rows) == 100
        assert session.query("SELECT version, name FROM _schema ORDER BY version").to_pylist() == [
            {"version": 1, "name": "created"},
            {"version": 2, "name": "add tags"},
        ]
    assert files_in(path.parent) == {"w.duckdb", "w.duckdb.v1.backup"}
    assert numbers(Warehouse(path.with_name("w.duckdb.v1.backup"), [NOTES])) == list(range(100))


def test_a_new_warehouse_begins_at_the_newest_version(path: Path) -> None:
    with Warehouse(path, [TAGGED], [ADD_TAGS]).read() as session:
        assert session.scalar("SELECT max(version) FROM _schema") == 2
    assert files_in(path.parent) == {"w.duckdb"}


def test_a_migration_that_fails_changes_nothing(warehouse: Warehouse, path: Path) -> None:
    def fails(session: Session) -> None:
        session.execute("DELETE FROM notes")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        Warehouse(path, [TAGGED], [ADD_TAGS, Migration(3, "fails", fails)]).write().__enter__()
    assert numbers(warehouse) == list(range(100))
    with Warehouse(path, [TAGGED], [ADD_TAGS]).write() as session:
        assert session.scalar("SELECT count(*) FROM notes WHERE len(tags) = 1") == 100


def test_migrations_must_count_up_without_a_gap() -> None:
    for versions in ([1], [3], [2, 4], [3, 2]):
        with pytest.raises(ValueError, match="without a gap"):
            Warehouse(Path("x"), [NOTES], [Migration(version, "m", add_tags) for version in versions])


def test_a_newer_warehouse_is_refused_even_by_one_that_opened_it_before(warehouse: Warehouse, path: Path) -> None:
    with Warehouse(path, [TAGGED], [ADD_TAGS]).write():
        pass
    for older in (warehouse, Warehouse(path, [NOTES])):
        for mode in ("read", "write", "compact"):
            with (
                pytest.raises(WarehouseTooNew, match=r"newer Soloist \(schema 2, this one knows 1\)"),
                using(older, mode),
            ):
                pass
    with pytest.raises(WarehouseTooNew, match="newer Soloist"):
        Warehouse(path.with_name("other.duckdb"), [NOTES]).restore(path)
    assert not path.with_name("other.duckdb").exists()


class Reworded(BaseModel):
    number: int
    text: str | None


class Shorter(BaseModel):
    number: int


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (TaggedNote, r"Column tags of table notes .* is absent where this Soloist expects VARCHAR\[\] NOT NULL"),
        (Reworded, r"Column text of table notes .* is VARCHAR NOT NULL where this Soloist expects VARCHAR;"),
        (Shorter, r"Column text of table notes .* is VARCHAR NOT NULL where this Soloist expects absent"),
    ],
)
@pytest.mark.parametrize("mode", ["read", "write"])
def test_columns_that_differ_without_a_migration_are_named(
    warehouse: Warehouse, path: Path, mode: str, model: type[BaseModel], message: str
) -> None:
    with (
        pytest.raises(SchemaMismatch, match=message),
        getattr(Warehouse(path, [TableSpec("notes", model, ("number",))]), mode)(),
    ):
        pass
    assert numbers(warehouse) == list(range(100))


def test_a_foreign_duckdb_file_is_left_alone(path: Path) -> None:
    import duckdb

    with closing(duckdb.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (number BIGINT)")
    for mode in ("read", "write"):
        with pytest.raises(WarehouseError, match="no Soloist warehouse"), getattr(Warehouse(path, [NOTES]), mode)():
            pass


def test_backup_and_restore_bring_the_old_state_back_and_keep_the_new(warehouse: Warehouse, path: Path) -> None:
    backup = path.parent / "backups" / "monday.duckdb"
    warehouse.backup(backup)
    with warehouse.write() as session:
        session.delete(NOTES, "number >= 10")
    kept = warehouse.restore(backup)
    assert numbers(warehouse) == list(range(100))
    assert kept == path.with_name("w.duckdb.before-restore")
    again = warehouse.restore(kept)
    assert again == path.with_name("w.duckdb.before-restore.2")
    assert numbers(warehouse) == list(range(10))
    assert files_in(path.parent) == {"w.duckdb", kept.name, again.name, "backups"}
    assert files_in(backup.parent) == {"monday.duckdb"}


def test_a_backup_overwrites_nothing(warehouse: Warehouse, path: Path) -> None:
    target = path.with_name("precious")
    target.write_text("mine")
    with pytest.raises(WarehouseError, match="exists already"):
        warehouse.backup(target)
    with pytest.raises(WarehouseError, match="exists already"):
        warehouse.backup(path)
    assert target.read_text() == "mine" and numbers(warehouse) == list(range(100))


def test_restore_takes_only_a_warehouse(warehouse: Warehouse, path: Path) -> None:
    garbage = path.with_name("garbage")
    not_duckdb(garbage)
    for source, message in ((garbage, "no DuckDB file"), (path.with_name("nothing"), "There is no backup")):
        with pytest.raises(WarehouseError, match=message):
            warehouse.restore(source)
    assert numbers(warehouse) == list(range(100))
    assert files_in(path.parent) == {"w.duckdb", "garbage"}


def test_restore_rescues_a_damaged_warehouse(warehouse: Warehouse, path: Path) -> None:
    warehouse.backup(path.with_name("backup"))
    scribbled_on(path)
    damaged = path.read_bytes()
    kept = warehouse.restore(path.with_name("backup"))
    assert kept is not None and kept.read_bytes() == damaged
    assert numbers(warehouse) == list(range(100))


def test_an_older_backup_is_brought_forward_after_restoring_it(warehouse: Warehouse, path: Path) -> None:
    warehouse.backup(path.with_name("old"))
    newer = Warehouse(path, [TAGGED], [ADD_TAGS])
    with newer.write() as session:
        session.delete(TAGGED, "true")
    newer.restore(path.with_name("old"))
    with newer.read() as session:
        assert len(session.rows(TAGGED)) == 100


def test_restore_into_nothing_makes_the_warehouse(warehouse: Warehouse, path: Path) -> None:
    other = Warehouse(path.with_name("other.duckdb"), [NOTES])
    assert other.restore(path) is None
    assert numbers(other) == list(range(100))


def test_compact_gives_the_space_of_deleted_rows_back(warehouse: Warehouse, path: Path) -> None:
    with warehouse.write() as session:
        session.insert(NOTES, [Note(number=number, text=os.urandom(200).hex()) for number in range(1000, 9000)])
    with warehouse.write() as session:
        session.delete(NOTES, "number >= 1000")
    before = warehouse.size_bytes
    saved = warehouse.compact()
    assert saved == before - warehouse.size_bytes and warehouse.size_bytes < before / 3
    assert numbers(warehouse) == list(range(100))
    with pytest.raises(WarehouseError, match="does not fit"), warehouse.write() as session:
        session.execute("INSERT INTO notes VALUES (1, NULL)")  # the constraints are still there
    assert files_in(path.parent) == {"w.duckdb"}


@pytest.mark.parametrize("action", ["backup", "restore", "compact"])
def test_whole_files_are_not_moved_while_a_reader_is_inside(warehouse: Warehouse, path: Path, action: str) -> None:
    import threading

    warehouse.backup(path.with_name("backup"))
    impatient = Warehouse(path, [NOTES], lock_timeout=0.2)
    arguments = {"backup": [path.with_name("b2")], "restore": [path.with_name("backup")], "compact": []}[action]
    inside, leave = threading.Event(), threading.Event()

    def read() -> None:
        with warehouse.read():
            inside.set()
            leave.wait(10)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert inside.wait(10)
        with pytest.raises(WarehouseLocked, match="in use by"):
            getattr(impatient, action)(*arguments)
    finally:
        leave.set()
        reader.join()
    getattr(impatient, action)(*arguments)


def test_what_a_killed_copy_left_behind_is_cleared_away(warehouse: Warehouse, path: Path) -> None:
    for name in ("w.duckdb.compacting", "w.duckdb.compacting.wal", "copy.part"):
        path.with_name(name).write_bytes(b"half of something")
    warehouse.compact()
    warehouse.backup(path.with_name("copy"))
    assert files_in(path.parent) == {"w.duckdb", "copy"}
    assert numbers(Warehouse(path.with_name("copy"), [NOTES])) == list(range(100))


def test_a_path_with_a_quote_in_it_is_a_path(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "it's; here" / "w'.duckdb", [NOTES])
    with warehouse.write() as session:
        session.insert(NOTES, [Note(number=1, text="x")])
    warehouse.compact()
    warehouse.backup(tmp_path / "o'clock")
    warehouse.restore(tmp_path / "o'clock")
    assert numbers(warehouse) == [1]


def test_a_copy_that_runs_out_of_room_is_no_copy_and_costs_nothing(warehouse: Warehouse, path: Path) -> None:
    """Wherever the room ends: a copy that a close could not finish must not take the place of a whole file."""
    with warehouse.write() as session:
        session.insert(NOTES, [Note(number=number, text=os.urandom(500).hex()) for number in range(100, 1500)])
    size = warehouse.size_bytes
    code = f"""
import resource, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from pydantic import BaseModel
from resources.warehouse import TableSpec, Warehouse, WarehouseFull
class Note(BaseModel):
    number: int
    text: str
warehouse = Warehouse(Path({str(path)!r}), [TableSpec("notes", Note, ("number",))])
for limit in range(10_000, {size}, {size} // 12):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for action in (lambda: warehouse.backup(Path({str(path)!r} + str(limit))), warehouse.compact):
        try:
            action()
        except WarehouseFull:
            print("full")
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("full") >= 12
    assert numbers(warehouse) == list(range(1500))
    for copy in files_in(path.parent) - {"w.duckdb"}:
        assert numbers(Warehouse(path.with_name(copy), [NOTES])) == list(range(1500))


@pytest.mark.parametrize("action", ["compact", "backup", "restore"])
def test_what_only_the_log_of_a_killed_writer_holds_is_not_lost(warehouse: Warehouse, path: Path, action: str) -> None:
    warehouse.backup(path.with_name("old"))
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from pydantic import BaseModel
from resources.warehouse import TableSpec, Warehouse
class Note(BaseModel):
    number: int
    text: str
notes = TableSpec("notes", Note, ("number",))
with Warehouse(Path({str(path)!r}), [notes]).write() as session:
    session.insert(notes, [Note(number=100, text="committed")])
    session.execute("COMMIT")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert path.with_name("w.duckdb.wal").exists()
    if action == "compact":
        warehouse.compact()
        assert numbers(warehouse) == list(range(101))
    elif action == "backup":
        warehouse.backup(path.with_name("copy"))
        assert numbers(Warehouse(path.with_name("copy"), [NOTES])) == list(range(101))
    else:
        kept = warehouse.restore(path.with_name("old"))
        assert kept is not None and numbers(Warehouse(kept, [NOTES])) == list(range(101))
        assert numbers(warehouse) == list(range(100))
