"""Notes: what a person says they did, kept until an entry is made of it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.worklogs.model import NOTES, Entry, Note
from resources.errors import BadInput
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from resources.object_store import ObjectStore
    from resources.warehouse import Session

MAX_ATTACHMENT_BYTES = 100 * 1024 * 1024


def new_note(
    text: str,
    authored_at: datetime,
    tags: Sequence[str] = (),
    minutes: int | None = None,
    attachments: Sequence[str] = (),
) -> Note:
    """A note of an aware instant. Raises BadInput for an empty text or a negative duration."""
    if not text.strip():
        raise BadInput('A note needs a text, such as: soloist log "Paired on the release checklist".')
    if minutes is not None and minutes < 0:
        raise BadInput(f"{minutes} minutes is no duration; give --minutes a number that is not negative.")
    offset = authored_at.utcoffset()
    return Note(
        note_id=uuid.uuid4().hex,
        text=text.strip(),
        authored_at=authored_at.astimezone(UTC),
        author_offset=int(offset.total_seconds() // 60) if offset else 0,
        tags=sorted({tag.strip().lstrip("#").lower() for tag in tags if tag.strip()}),
        minutes=minutes,
        attachments=list(attachments),
    )


def store_attachment(store: ObjectStore, path: Path) -> str:
    """Puts a file into the object store and returns its sha256. Raises BadInput where it cannot be read or is too large."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_ATTACHMENT_BYTES else None
    except OSError as error:
        raise BadInput(f"The attachment {path} cannot be read ({error.strerror}); check the path.") from None
    if data is None:
        raise BadInput(
            f"The attachment {path} is larger than {MAX_ATTACHMENT_BYTES // 1024**2} MB; link to it in the note instead."
        )
    return store.put_immutable(data, "application/octet-stream")


def find_note(session: Session, prefix: str) -> Note:
    """The one note whose id begins with `prefix`. Raises BadInput where none or several do."""
    found = session.rows(NOTES, where="starts_with(note_id, ?) AND NOT deleted", params=[prefix]) if prefix else []
    if len(found) != 1:
        many = "Several notes have" if found else "No note has"
        raise BadInput(f"{many} an id that begins with {prefix!r}; `soloist notes` lists them.")
    return found[0]


def note_entry(note: Note, zone: ZoneInfo) -> Entry:
    """The entry that a note is: its id never changes, however often the note is edited."""
    local = note.authored_at.astimezone(zone)
    subject = note.text.split("\n", 1)[0].strip()
    return Entry(
        entry_id=content_hash("note", note.note_id),
        source="note",
        repository_id="notes",
        repository="notes",
        text=note.text,
        subject=subject,
        author_name="",
        author_email="",
        authored_at=note.authored_at,
        author_offset=note.author_offset,
        committed_at=note.authored_at,
        committer_offset=note.author_offset,
        landed_at=note.authored_at,
        tags=note.tags,
        minutes=note.minutes,
        attachments=note.attachments,
        vanished=note.deleted,
        month=local.date().replace(day=1),
        input_hash=content_hash(note.text, note.tags),
    )
