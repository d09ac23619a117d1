"""The rule that every claim rests on: a quote stands in its entry, letter for letter, at its offsets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestration_assets.worklogs.model import Entry, Evidence, Excerpt


def quoted_string(evidence: Evidence, entry: Entry, excerpts: Sequence[Excerpt]) -> str | None:
    """The string of the entry that `evidence` points into, or None where there is no such string."""
    if evidence.where == "message":
        return entry.text
    if evidence.where == "path":
        return entry.files[evidence.index].path if 0 <= evidence.index < len(entry.files) else None
    return next((excerpt.line for excerpt in excerpts if excerpt.number == evidence.index), None)


def is_verbatim(evidence: Evidence, entry: Entry, excerpts: Sequence[Excerpt]) -> bool:
    """True where the quote is not empty and is what stands between the offsets."""
    string = quoted_string(evidence, entry, excerpts)
    return string is not None and bool(evidence.quote) and string[evidence.start : evidence.end] == evidence.quote


def broken_quotes(
    evidence: Iterable[Evidence], entries: Mapping[str, Entry], excerpts: Mapping[str, Sequence[Excerpt]]
) -> list[Evidence]:
    """Those that name no known entry or are not verbatim."""
    return [
        piece
        for piece in evidence
        if piece.entry_id not in entries
        or not is_verbatim(piece, entries[piece.entry_id], excerpts.get(piece.entry_id, ()))
    ]
