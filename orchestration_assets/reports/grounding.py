"""Whether a model's sentence says only what its facts say: figures, identifiers, names and praise must stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from orchestration_assets.reports.composition import Fact
from orchestration_assets.reports.model import ReportEntry
from orchestration_assets.reports.rules import rules

_EMAIL = re.compile(r"\S+@\S+\.\w+|(?<!\S)@\w+")
_TIME = re.compile(r"\b(?:[01]?\d|2[0-3]):[0-5]\d\b|\b\d{1,2}\s?(?:am|pm)\b", re.IGNORECASE)
_BEYOND_PROOF = re.compile(r"\b(?:clos(?:ed|es|ing)|deployed|released to|tested|verified|resolved)\b", re.IGNORECASE)
_TOKEN = re.compile(r"[^\s,;:!?()\[\]{}\"“”‘’`]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?]\s+)$")
_WORDS_FOR_FIGURES = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|dozens|hundreds?|thousands?|half|double[ds]?|twice|tripled?)\b",
    re.IGNORECASE,
)


def unsupported(text: str, facts: Iterable[Fact], entries: Mapping[str, ReportEntry]) -> str:
    """What the sentence says beyond its facts and their quotes; "" where nothing."""
    known = _known(facts, entries)
    spoken = known.casefold()
    if found := _EMAIL.search(text):
        return f"{found[0]!r} names somebody"
    if found := _TIME.search(text):
        return f"{found[0]!r} is a time of day"
    for pattern, what in (
        (rules().praise, "praise"),
        (_BEYOND_PROOF, "beyond proof"),
        (_WORDS_FOR_FIGURES, "a figure"),
    ):
        for found in pattern.finditer(text):
            if found[0].casefold() not in spoken:
                return f"{found[0]!r} is {what}"
    figures = {_figure(found) for found in _NUMBER.findall(known)}
    for figure in _NUMBER.findall(text):
        if _figure(figure) not in figures:
            return f"the figure {figure} is in no fact"
    words = {_bare(word) for word in _TOKEN.findall(known)}
    for found in _TOKEN.finditer(text):
        word = found[0].strip(".'")
        starts = _SENTENCE_START.search(text[: found.start()]) is not None
        if _is_name(word, starts) and _bare(word) not in words and word.casefold() not in spoken:
            return f"{word!r} is in no fact"
    return ""


def _known(facts: Iterable[Fact], entries: Mapping[str, ReportEntry]) -> str:
    """Everything that the facts say, and the messages' words that they quote."""
    parts: list[str] = []
    for fact in facts:
        parts += [fact.claim.text, fact.topic]
        for piece in fact.claim.evidence:
            parts.append(piece.quote)
            if piece.entry_id in entries:
                parts.append(entries[piece.entry_id].entry.subject)
    return "\n".join(parts)


def _is_name(word: str, starts: bool) -> bool:
    """A proper name or an identifier: a capital letter where no sentence begins, or a shape that prose does not have."""
    letters = re.sub(r"^\W+|\W+$", "", word)
    if not any(letter.isalpha() for letter in letters):
        return False
    if re.search(r"[_/#\\]|\w\.\w|::|[a-z][A-Z]|[A-Z]{2}|\d", letters):
        return True
    return letters[:1].isupper() and not starts


def _bare(word: str) -> str:
    return re.sub(r"^\W+|\W+$", "", word).casefold().removesuffix("'s").removesuffix("’s")


def _figure(text: str) -> str:
    return text.replace(",", "").rstrip(".")
