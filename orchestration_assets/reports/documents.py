"""Documents: bytes in the object store, and the rows that point at them. The pointer is written last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestration_assets.reports.model import DOCUMENTS, MEDIA_TYPES, Document

if TYPE_CHECKING:
    from resources.object_store import ObjectStore
    from resources.warehouse import Session

Format = Literal["md", "html", "json", "pdf"]


@dataclass(frozen=True)
class Rendered:
    """One document in all its formats, not stored yet."""

    kind: str
    key: str
    title: str
    formats: Mapping[Format, bytes]
    variant: str = ""


def store_documents(store: ObjectStore, rendered: Sequence[Rendered]) -> list[Document]:
    """Puts the bytes into the object store and returns the rows that point at them. Slow; no lock is held meanwhile."""
    return [
        Document(
            kind=document.kind,
            key=document.key,
            variant=document.variant,
            format=form,
            sha256=store.put_immutable(data, MEDIA_TYPES[form]),
            size=len(data),
            title=document.title,
        )
        for document in rendered
        for form, data in document.formats.items()
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
