"""The document in which a repository says how it is built: where it is, and as much of it as a prompt has room for."""

from __future__ import annotations

import re
from typing import NamedTuple

from orchestration_assets.reviews.change import Change

PLACES = (
    "architecture.md",
    "docs/architecture.md",
    "doc/architecture.md",
    "contributing.md",
    ".github/contributing.md",
)
"""In small letters; of CONTRIBUTING only the part on structure counts."""
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_ABOUT_STRUCTURE = re.compile(
    r"structure|architecture|layout|organi[sz]ation|design|modules|layers|conventions|where (?:things|code)",
    re.IGNORECASE,
)


class Document(NamedTuple):
    """`text` is "" where there is none."""

    path: str
    text: str


NONE = Document("", "")


def architecture_of(change: Change) -> Document:
    """The first that is found, as it is after the change: what the change itself writes into it is no drift."""
    for place in PLACES:
        for path in sorted(change.paths):
            if path.lower() != place:
                continue
            text = change.text(path) or ""
            if place.endswith("contributing.md"):
                text = structure_part(text)
            if text.strip():
                return Document(path, text.strip())
    return NONE


def structure_part(text: str) -> str:
    """The sections of a Markdown text whose headings speak of structure, with what is below them."""
    kept: list[str] = []
    depth = 0
    is_code = False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            is_code = not is_code
        heading = None if is_code else _HEADING.match(line)
        if heading:
            level = len(heading[1])
            if depth and level <= depth:
                depth = 0
            if not depth and _ABOUT_STRUCTURE.search(heading[2]):
                depth = level
        if depth:
            kept.append(line)
    return "\n".join(kept)


def clipped(text: str, room: int) -> str:
    """The whole lines that fit into `room` characters, and whether there are more."""
    if len(text) <= room:
        return text
    cut = text.rfind("\n", 0, room)
    return text[: cut if cut > 0 else room].rstrip() + "\n[... the rest of the document is left out here ...]"
