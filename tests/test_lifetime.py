"""Over a long life: backup and restore, what is thrown away and what is not, and warehouses that an earlier version made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from pydantic import create_model
from terminal import live_in, made_home, soloist

from orchestration_assets import tables
from orchestration_assets.code.bundle import BundleInput
from orchestration_assets.code.ledger import Ledger
from orchestration_assets.code.making import builds_path
from orchestration_assets.code.model import RELEASE_BUNDLES, Plan
from orchestration_assets.code.quality import TestReport
from orchestration_assets.code.releasing import make_release, write_release
from orchestration_assets.jobs import prune_runs
from orchestration_assets.maintenance import GRACE, collect_garbage, prune_builds
from orchestration_assets.reports.model import DOCUMENTS
from orchestration_assets.session import Connections
from orchestration_assets.worklogs.model import ENTRIES, NOTES, Entry
from orchestration_assets.worklogs.notes import new_note, note_entry
from resources.inbox import Event, Inbox
from resources.object_store.interface import object_key
from resources.settings import load_settings
from resources.warehouse import Migration, Session, TableSpec, Warehouse

LATER = datetime.now(UTC) + 2 * GRACE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which everything was made, and a note with an attachment."""
    folder = tmp_path_factory.mktemp("made")
    home = made_home(folder)[0]
    (folder / "picture.png").write_bytes(b"picture")
    with pytest.MonkeyPatch.context() as patch:
        live_in(home, patch)
        assert soloist("log", "Drew a picture", "--attach", folder / "picture.png").status == 0
        connections().warehouse.close()  # its log may not vanish while the folder is copied
    return home


@pytest.fixture(autouse=True)
def own_home(home: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    return live_in(tmp_path / "home", monkeypatch)


def connections() -> Connections:
    return Connections(load_settings())


def attachment() -> str:
    with connections().warehouse.read() as session:
        return str(session.scalar("SELECT attachments[1] FROM notes"))


def shown() -> list[str]:
    """Everything that a person can look at."""
    commands = ("show standup", "show status", "show summary", "show skills", "show resume", "notes")
    return [soloist(*command.split(), "--json").out for command in commands]


@pytest.mark.integration
def test_what_was_saved_comes_back_in_an_empty_home_and_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, picture = shown(), attachment()
    assert all(before)
    assert soloist("backup", "saved").status == 0
    live_in(tmp_path / "new", monkeypatch)
    done = soloist("restore", "saved")
    assert (done.status, done.out) == (0, "")
    assert shown() == before
    assert connections().store.get_verified(picture) == b"picture"
    with connections().warehouse.read() as session:
        documents = session.rows(DOCUMENTS)
    assert {document.format for document in documents} == {"md", "html", "json", "pdf"}
    assert all(len(connections().store.get_verified(document.sha256)) == document.size for document in documents)
    assert (tmp_path / "new" / "profile.toml").read_text() == (tmp_path / "home" / "profile.toml").read_text()
    again = json.loads(soloist("run", "--json").out)["assets"]
    assert (
        again["worklog_entries"]["made"] == again["worklog_analyses"]["made"] == 1
    )  # the note, not yet an entry when it was saved


def test_what_was_here_before_a_restore_is_kept_aside(own_home: Path) -> None:
    soloist("backup", "saved")
    soloist("log", "Later than the backup")
    assert soloist("restore", "saved").status == 0
    assert "Later" not in soloist("notes").out
    (own_home / "warehouse.duckdb.before-restore").replace(own_home / "warehouse.duckdb")
    assert "Later" in soloist("notes").out


def _flip_object(saved: Path) -> None:
    path = next((saved / "objects").iterdir())
    path.write_bytes(b"!" + path.read_bytes()[1:])


def _lose_object(saved: Path) -> None:
    next((saved / "objects").iterdir()).unlink()


def _damage_warehouse(saved: Path) -> None:
    (saved / "warehouse.duckdb").write_bytes(b"no database" * 1000)


def _lose_warehouse(saved: Path) -> None:
    (saved / "warehouse.duckdb").unlink()


def _break_manifest(saved: Path) -> None:
    (saved / "manifest.json").write_text('["objects"]')


@pytest.mark.integration
@pytest.mark.parametrize("damage", [_flip_object, _lose_object, _damage_warehouse, _lose_warehouse, _break_manifest])
def test_a_damaged_backup_is_refused_and_nothing_is_lost(tmp_path: Path, damage: object) -> None:
    soloist("backup", "saved")
    before = shown()
    assert callable(damage)
    damage(tmp_path / "saved")
    done = soloist("restore", "saved")
    assert done.status != 0
    assert "saved" in done.sentence
    assert shown() == before


def _arrived(delivery: str) -> Event:
    return Event("github", delivery, "issue", f"github:issue:{delivery}", LATER, "same", b"{}")


def test_events_come_back_as_they_were_and_those_of_now_are_kept_aside(tmp_path: Path, own_home: Path) -> None:
    inbox = connections().inbox
    inbox.add([_arrived("before")])
    assert soloist("backup", "saved").status == 0
    inbox.add([_arrived("after")])
    assert soloist("restore", "saved").status == 0
    assert [event.delivery_id for event in inbox.latest(None, 10)] == ["before"]
    aside = Inbox(f"sqlite:///{own_home / 'inbox.db.before-restore'}")
    assert {event.delivery_id for event in aside.latest(None, 10)} == {"before", "after"}
    (tmp_path / "saved" / "inbox.db").write_bytes(b"no database" * 1000)
    done = soloist("restore", "saved")
    assert done.status == 2 and "inbox.db is damaged" in done.sentence
    assert [event.delivery_id for event in inbox.latest(None, 10)] == ["before"]


def released() -> list[str]:
    """The names of the files of the bundle of a project that is handed over."""
    opened = connections()
    report = TestReport(of="", strategy="coverage", toolchain="Python", tests=(), failures=())
    plan = Plan(name="shop", summary="Sells apples.")
    given = BundleInput(project="shop", plan=plan, sources={"shop.py": b"x = 1\n"}, report=report, criteria={})
    return sorted(file.name for file in make_release(opened.warehouse, opened.store, "shop", given))


def test_a_bundle_outlives_a_garbage_collection_and_comes_back_from_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, opened = released(), connections()
    assert collect_garbage(opened.warehouse, opened.store, LATER).objects == 0
    assert [path.name for path in write_release(opened.warehouse, opened.store, "shop", tmp_path / "here")] == names
    assert soloist("backup", "saved").status == 0
    live_in(tmp_path / "new", monkeypatch)
    assert soloist("restore", "saved").status == 0
    opened = connections()
    assert [path.name for path in write_release(opened.warehouse, opened.store, "shop", tmp_path / "there")] == names
    for name in names:
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_every_table_that_may_point_at_an_object_was_thought_of() -> None:
    """A new one that does is to be among what a garbage collection leaves and a backup saves."""
    texts = {"specifications"}
    naming = {spec.name for spec in tables.TABLES if {"sha256", "attachments"} & set(spec.model.model_fields)}
    assert naming - texts == {spec.name for spec in (DOCUMENTS, RELEASE_BUNDLES, NOTES, ENTRIES)}


def begun(*projects: str) -> Ledger:
    """The ledger of this home, in which builds of these projects were begun besides those that were there."""
    ledger = Ledger(builds_path(load_settings()))
    for project in projects:
        ledger.begin(project, "basis", Plan(name=project), [])
    return ledger


def test_builds_come_back_as_they_were_and_those_of_now_are_kept_aside(tmp_path: Path, own_home: Path) -> None:
    ledger = begun("before")
    assert soloist("backup", "saved").status == 0
    begun("after").close()
    assert soloist("restore", "saved").status == 0
    assert ledger.load("before") is not None and ledger.load("after") is None
    ledger.close()
    aside = Ledger(own_home / "builds.db.before-restore")
    assert aside.load("before") is not None and aside.load("after") is not None
    aside.close()
    (tmp_path / "saved" / "builds.db").write_bytes(b"no database" * 1000)
    done = soloist("restore", "saved")
    assert done.status == 2 and "builds.db is damaged" in done.sentence
    ledger = begun()
    assert ledger.load("before") is not None
    ledger.close()


def test_a_home_in_which_nothing_was_built_is_saved_and_pruned_without_a_ledger(tmp_path: Path) -> None:
    assert soloist("backup", "saved").status == 0
    assert soloist("restore", "saved").status == 0
    assert prune_builds(load_settings(), LATER) == 0
    assert not builds_path(load_settings()).exists() and not (tmp_path / "saved" / "builds.db").exists()


def test_old_reports_of_tests_are_pruned_and_what_a_build_came_to_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = begun("shop")
    for number in (1, 20):
        monkeypatch.setenv("SOLOIST_NOW", f"2026-11-{number:02}T18:00:00+00:00")
        ledger.keep_report(f"of {number}", "{}")
    assert prune_builds(load_settings(), datetime(2026, 11, 10, tzinfo=UTC)) == 1
    assert (ledger.report("of 1"), ledger.report("of 20")) == (None, "{}")
    assert ledger.load("shop") is not None
    ledger.close()


def test_a_backup_that_cannot_be_finished_leaves_no_folder_behind(own_home: Path, tmp_path: Path) -> None:
    key = object_key(attachment())
    (own_home / "objects" / key).unlink()
    done = soloist("backup", "saved")
    assert done.status == 1 and done.sentence
    assert not (tmp_path / "saved").exists() and not (tmp_path / "saved.part").exists()


def test_only_old_objects_that_nothing_points_at_are_removed() -> None:
    opened = connections()
    before = shown()
    orphan = opened.store.put_immutable(b"nobody points at this", "text/plain")
    assert collect_garbage(opened.warehouse, opened.store, datetime.now(UTC)).objects == 0
    assert opened.store.has(orphan)
    assert collect_garbage(opened.warehouse, opened.store, LATER).objects == 1
    assert not opened.store.has(orphan)
    assert opened.store.get_verified(attachment()) == b"picture"
    assert shown() == before


def test_the_attachment_of_a_deleted_note_goes() -> None:
    opened, picture = connections(), attachment()
    soloist("delete", soloist("notes").out[:8])
    assert collect_garbage(opened.warehouse, opened.store, LATER).objects == 1
    assert not opened.store.has(picture)


def test_gc_says_what_it_removed() -> None:
    before = shown()
    done = soloist("gc")
    assert done.status == 0
    assert done.err.startswith("Removed 0 objects (0 bytes), 0 old runs and 0 copies of repositories; ")
    assert shown() == before


def test_runs_are_forgotten_when_they_are_old_and_what_they_made_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    before = shown()
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs_count()
        monkeypatch.setenv("SOLOIST_NOW", datetime.now(UTC).isoformat())
        assert (prune_runs(instance, 90), instance.get_runs_count()) == (0, runs)
        monkeypatch.setenv("SOLOIST_NOW", (datetime.now(UTC) + timedelta(days=91)).isoformat())
        assert (prune_runs(instance, 90), instance.get_runs_count()) == (runs, 0)
    monkeypatch.setenv("SOLOIST_NOW", "2026-11-20T18:00:00+00:00")
    assert runs > 0
    assert shown() == before


def test_a_warehouse_of_an_earlier_version_is_migrated_after_a_backup(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[int] = []
    known = tuple(tables.MIGRATIONS)
    version = known[-1].version

    def shout(session: Session) -> None:
        applied.append(version + 1)
        session.execute("UPDATE notes SET text = upper(text)")

    migrations: Sequence[Migration] = (*known, Migration(version + 1, "notes are shouted", shout))
    monkeypatch.setattr(tables, "MIGRATIONS", migrations)
    assert "DREW A PICTURE" in soloist("notes").out
    assert "DREW A PICTURE" in soloist("notes").out
    assert applied == [version + 1]
    backup = own_home / f"warehouse.duckdb.v{version}.backup"
    assert backup.exists()
    monkeypatch.setattr(tables, "MIGRATIONS", known)
    assert "made by a newer Soloist" in soloist("notes").sentence
    backup.replace(own_home / "warehouse.duckdb")
    assert "Drew a picture" in soloist("notes").out


def test_a_migration_that_fails_leaves_the_warehouse_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(session: Session) -> None:
        session.execute("DELETE FROM notes")
        raise RuntimeError("no")

    known = tuple(tables.MIGRATIONS)
    with monkeypatch.context() as patch:
        patch.setattr(tables, "MIGRATIONS", (*known, Migration(known[-1].version + 1, "fails", fail)))
        with pytest.raises(RuntimeError):
            soloist("notes")
    assert "Drew a picture" in soloist("notes").out


def test_a_warehouse_of_the_first_version_opens_and_keeps_its_entries(tmp_path: Path) -> None:
    """Entries had no number, address, opening or merge commit then."""
    new = {"number", "url", "opened_at", "merge_commit"}
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in Entry.model_fields.items() if name not in new
    }
    first: TableSpec[Any] = TableSpec("worklog_entries", create_model("FirstEntry", **fields), key=("entry_id",))
    others = [spec for spec in tables.TABLES if spec.name != "worklog_entries"]
    entry = note_entry(new_note("Drew a picture", datetime(2026, 11, 20, 9, tzinfo=UTC)), ZoneInfo("UTC"))
    path = tmp_path / "warehouse.duckdb"
    with Warehouse(path, specs=[first, *others]).write() as session:
        session.insert(first, [first.model(**entry.model_dump(exclude=new))])
    with Warehouse(path, specs=tables.TABLES, migrations=tables.MIGRATIONS).write() as session:
        assert session.rows(ENTRIES) == [entry]
    assert (tmp_path / "warehouse.duckdb.v1.backup").exists()
