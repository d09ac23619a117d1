"""Keeping the house: backup, restore, and taking out what nothing points at any more."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.code.model import RELEASE_BUNDLES
from orchestration_assets.reports.model import DOCUMENTS
from orchestration_assets.worklogs.model import ENTRIES, NOTES
from resources.errors import BadInput
from resources.inbox.copying import copy_inbox as copy_database
from resources.inbox.copying import require_whole as require_whole_inbox

if TYPE_CHECKING:
    from resources.object_store import ObjectStore
    from resources.settings import Settings
    from resources.warehouse import Warehouse

WAREHOUSE_FILE = "warehouse.duckdb"
INBOX_FILE = "inbox.db"
BUILDS_FILE = "builds.db"
GRACE = timedelta(hours=1)
"""Objects younger than this are kept whatever points at them: a run may be about to write the row that does."""


@dataclass(frozen=True)
class Collected:
    """What a garbage collection removed: objects, their bytes, and the bytes that compaction gave back."""

    objects: int
    object_bytes: int
    warehouse_bytes: int


def back_up(warehouse: Warehouse, store: ObjectStore, settings: Settings, target: Path) -> int:
    """Copies inbox, ledger of builds, warehouse, documents, bundles, attachments, sources and profile into the new folder `target`; returns
    the number of objects.

    The inbox is copied first: what is settled in it has its rows by then. So is the ledger: the plan of a build and the replies that it rests
    on are in the warehouse by then. The warehouse before the documents: every object that it points at exists by then, and objects are never
    changed.
    """
    from orchestration_assets.code.making import builds_path

    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadInput(f"{target} exists and is not empty; name a new folder for the backup.")
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        (part / "objects").mkdir(parents=True)
        for path, name in ((settings.inbox_path, INBOX_FILE), (builds_path(settings), BUILDS_FILE)):
            if path.exists():
                copy_database(path, part / name)
        warehouse.backup(part / WAREHOUSE_FILE)
        referenced = sorted(_referenced(warehouse))
        for sha256 in referenced:
            (part / "objects" / sha256).write_bytes(store.get_verified(sha256))
        for path in (settings.sources_path, settings.profile_path):
            if path.exists():
                (part / path.name).write_bytes(path.read_bytes())
        manifest = {"objects": referenced, "warehouse": WAREHOUSE_FILE}
        (part / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(referenced)


def restore(warehouse: Warehouse, store: ObjectStore, settings: Settings, source: Path) -> int:
    """Brings back what `back_up` saved; returns the number of objects. The warehouse, the inbox and the ledger of builds that were here are
    kept aside.

    A damaged backup is refused before anything is changed. Raises BadInput.
    """
    from orchestration_assets.code.making import builds_path

    objects = _saved_objects(source)
    for sha256 in objects:
        store.put_immutable((source / "objects" / sha256).read_bytes(), "application/octet-stream")
    require_whole_inbox(source / INBOX_FILE)
    _require_whole_ledger(source / BUILDS_FILE)
    warehouse.restore(source / WAREHOUSE_FILE)
    _restore_database(source / INBOX_FILE, settings.inbox_path)
    _restore_database(source / BUILDS_FILE, builds_path(settings))
    for path in (settings.sources_path, settings.profile_path):
        saved = source / path.name
        if saved.exists() and not path.exists():
            path.write_bytes(saved.read_bytes())
    return len(objects)


def _require_whole_ledger(path: Path) -> None:
    """Raises BadInput where there is a file at `path` that is no whole ledger of builds."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as kept:
            problem = kept.execute("PRAGMA quick_check").fetchone()[0]
            kept.execute("SELECT count(*) FROM builds")
    except sqlite3.DatabaseError as error:
        problem = str(error)
    if problem != "ok":
        raise BadInput(
            f"The ledger of builds {path} is damaged ({problem}); restore another backup, nothing was changed."
        )


def _restore_database(saved: Path, path: Path) -> None:
    if not saved.exists():
        return
    if path.exists():
        aside = path.with_name(f"{path.name}.before-restore")
        aside.unlink(missing_ok=True)
        copy_database(path, aside)
    path.parent.mkdir(parents=True, exist_ok=True)
    copy_database(saved, path)


def collect_garbage(warehouse: Warehouse, store: ObjectStore, now: datetime) -> Collected:
    """Removes objects that no row points at, and gives unused pages of the warehouse back to the disk."""
    listed = [info for info in store.list("objects/") if info.modified < now - GRACE]
    referenced = _referenced(warehouse)
    orphans = [info for info in listed if info.key.replace("/", "").removeprefix("objects") not in referenced]
    store.delete_many([info.key for info in orphans])
    before = warehouse.size_bytes
    warehouse.compact()
    return Collected(len(orphans), sum(info.size for info in orphans), max(0, before - warehouse.size_bytes))


def prune_builds(settings: Settings, older_than: datetime) -> int:
    """Takes reports of tests that were kept before out of the ledger of builds; returns how many. What builds came to stays."""
    from orchestration_assets.code.making import builds_path

    if not builds_path(settings).exists():
        return 0
    from orchestration_assets.code.ledger import Ledger

    ledger = Ledger(builds_path(settings))
    try:
        return ledger.prune(older_than)
    finally:
        ledger.close()


def _saved_objects(source: Path) -> list[str]:
    """The sha256 of every object of a backup, each proven to be there and whole. Raises BadInput."""
    try:
        objects = [str(name) for name in json.loads((source / "manifest.json").read_bytes())["objects"]]
    except (OSError, ValueError, LookupError, TypeError):
        raise BadInput(
            f"{source} is no backup of Soloist (it has no readable manifest.json); name the folder that `soloist backup` made."
        ) from None
    for sha256 in objects:
        try:
            is_whole = hashlib.sha256((source / "objects" / sha256).read_bytes()).hexdigest() == sha256
        except (OSError, ValueError):
            is_whole = False
        if not is_whole:
            raise BadInput(
                f"The object {sha256[:64]!r} in the backup {source} is damaged or missing; restore another backup, nothing was changed."
            )
    return objects


def _referenced(warehouse: Warehouse) -> set[str]:
    with warehouse.read() as session:
        found = {row.sha256 for row in session.rows(DOCUMENTS)}
        found |= {row.sha256 for row in session.rows(RELEASE_BUNDLES)}
        found |= {sha256 for row in session.rows(NOTES) for sha256 in row.attachments}
        attached = session.query(f"SELECT DISTINCT unnest(attachments) AS sha256 FROM {ENTRIES.name}")
        return found | set(attached["sha256"].to_pylist())
