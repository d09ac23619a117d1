"""Keeping the house: backup, restore, and taking out what nothing points at any more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.reports.model import DOCUMENTS
from orchestration_assets.worklogs.model import ENTRIES, NOTES
from resources.errors import BadInput

if TYPE_CHECKING:
    from resources.object_store import ObjectStore
    from resources.settings import Settings
    from resources.warehouse import Warehouse

WAREHOUSE_FILE = "warehouse.duckdb"
GRACE = timedelta(hours=1)
"""Objects younger than this are kept whatever points at them: a run may be about to write the row that does."""


@dataclass(frozen=True)
class Collected:
    """What a garbage collection removed: objects, their bytes, and the bytes that compaction gave back."""

    objects: int
    object_bytes: int
    warehouse_bytes: int


def back_up(warehouse: Warehouse, store: ObjectStore, settings: Settings, target: Path) -> int:
    """Copies warehouse, documents, attachments, sources and profile into the new folder `target`; returns the number of objects.

    The warehouse is copied first: every object that it points at exists by then, and objects are never changed.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadInput(f"{target} exists and is not empty; name a new folder for the backup.")
    target.mkdir(parents=True, exist_ok=True)
    warehouse.backup(target / WAREHOUSE_FILE)
    objects = target / "objects"
    objects.mkdir()
    referenced = _referenced(warehouse)
    for sha256 in sorted(referenced):
        (objects / sha256).write_bytes(store.get_verified(sha256))
    for path in (settings.sources_path, settings.profile_path):
        if path.exists():
            (target / path.name).write_bytes(path.read_bytes())
    manifest = {"objects": sorted(referenced), "warehouse": WAREHOUSE_FILE}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return len(referenced)


def restore(warehouse: Warehouse, store: ObjectStore, settings: Settings, source: Path) -> int:
    """Brings back what `back_up` saved; returns the number of objects. The warehouse that was here is kept aside."""
    manifest = source / "manifest.json"
    try:
        objects: list[str] = json.loads(manifest.read_text(encoding="utf-8"))["objects"]
    except (OSError, ValueError, KeyError):
        raise BadInput(
            f"{source} is no backup of Soloist (it has no readable manifest.json); name the folder that `soloist backup` made."
        ) from None
    for sha256 in objects:
        if store.put_immutable((source / "objects" / sha256).read_bytes(), "application/octet-stream") != sha256:
            raise BadInput(f"The object {sha256} in {source} is damaged; restore from another backup.")
    warehouse.restore(source / WAREHOUSE_FILE)
    for path in (settings.sources_path, settings.profile_path):
        saved = source / path.name
        if saved.exists() and not path.exists():
            path.write_bytes(saved.read_bytes())
    return len(objects)


def collect_garbage(warehouse: Warehouse, store: ObjectStore, now: datetime) -> Collected:
    """Removes objects that no row points at, and gives unused pages of the warehouse back to the disk."""
    listed = [info for info in store.list("objects/") if info.modified < now - GRACE]
    referenced = _referenced(warehouse)
    orphans = [info for info in listed if info.key.replace("/", "").removeprefix("objects") not in referenced]
    store.delete_many([info.key for info in orphans])
    before = warehouse.size_bytes
    warehouse.compact()
    return Collected(len(orphans), sum(info.size for info in orphans), max(0, before - warehouse.size_bytes))


def _referenced(warehouse: Warehouse) -> set[str]:
    with warehouse.read() as session:
        found = {row.sha256 for row in session.rows(DOCUMENTS)}
        found |= {sha256 for row in session.rows(NOTES) for sha256 in row.attachments}
        attached = session.query(f"SELECT DISTINCT unnest(attachments) AS sha256 FROM {ENTRIES.name}")  # noqa: S608
        return found | set(attached["sha256"].to_pylist())
