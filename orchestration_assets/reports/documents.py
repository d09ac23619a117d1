"""Documents: bytes in the object store, and the rows that point at them. The pointer is written last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestration_assets.reports.model import DOCUMENTS, MEDIA_TYPES, Document

if TYPE_CHECKING:
    from resources.object_store import ObjectStore
    from resources.warehouse import Session

Format = Literal["md", "html", "json", "pdf"]

UPLOADS = 8
"""Objects that are put at once: what takes the time is the disk, or the wire."""


@dataclass(frozen=True)
class Rendered:
    """One document in all its formats, not stored yet."""

    kind: str
    key: str
    title: str
    formats: Mapping[Format, bytes]
    variant: str = ""


def store_documents(store: ObjectStore, rendered: Sequence[Rendered]) -> list[Document]:
    """Puts the bytes into the object store, several at once, and returns the rows that point at them. Slow; no lock is held meanwhile."""
    parts = [(document, form, data) for document in rendered for form, data in document.formats.items()]
    with ThreadPoolExecutor(UPLOADS) as uploads:
        hashes = uploads.map(lambda part: store.put_immutable(part[2], MEDIA_TYPES[part[1]]), parts)
        return [
            Document(
                kind=document.kind,
                key=document.key,
                variant=document.variant,
                format=form,
                sha256=sha256,
                size=len(data),
                title=document.title,
            )
            for (document, form, data), sha256 in zip(parts, hashes, strict=True)
        ]


def find_document(session: Session, kind: str, key: str, form: Format, variant: str = "") -> Document | None:
    found = session.rows(
        DOCUMENTS, where="kind = ? AND key = ? AND format = ? AND variant = ?", params=[kind, key, form, variant]
    )
    return found[0] if found else None


def document_name(document: Document) -> str:
    """The name under which a document is served, such as `status_report/2026-W47.html`."""
    variant = f".{document.variant}" if document.variant else ""
    return f"{document.kind}/{document.key}{variant}.{document.format}"
