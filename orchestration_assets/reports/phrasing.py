"""The words of a claim: what is stripped from a headline before it may stand in a document, lists, plurals, and clipped lengths.

People's addresses and handles, times of day, and characters that reorder text go; identifiers stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from orchestration_assets.worklogs.wording import plural

MAX_TEXT = 220
MAX_QUOTE = 300

_REORDERING = dict.fromkeys((*range(8234, 8239), *range(8294, 8298), 8203, 8206, 8207, 1564, 65279))
_EMAIL = re.compile(r"<?[\w.+-]+@[\w-]+(?:\.[\w-]+)+>?")
_HANDLE = re.compile(
    r"[\s(]*\b(?:by|from|for|thanks(?: to)?|thx(?: to)?|cc|per|h/t|via|with)\s*:?\s+@[\w-]+(?:\s*(?:,|and|&)\s*@[\w-]+)*\)?|(?<!\S)@[\w-]+:?",
    re.IGNORECASE,
)
_TIME = re.compile(r"\s*\b(?:at\s+|@\s*)?(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[ap]m)?\b", re.IGNORECASE)
_CLOSING = re.compile(
    r"(?:^|[\s,;(–—-]+)(?:(?:and|which|that|this)\s+)?(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s*:?\s+(?:issues?\s+)?"
    r"#\d+(?:(?:\s*,\s*|\s+and\s+|\s*&\s*)#\d+)*\)?(?:\s*[:,;–—-]\s*|\s+|$)",
    re.IGNORECASE,
)
_TAILS = re.compile(r"(?:\s*\((?:GH-)?#\d+\))+\s*$")
_QUOTES = re.compile(r"[\"'“”‘’`]")


def plain(text: str) -> str:
    """One line of text without control and reordering characters, e-mail addresses, handles or times of day; "" where nothing else was
    in it. Praise is gone already: headlines come cleaned of it."""
    text = one_line(text)
    text = _EMAIL.sub("", _HANDLE.sub("", text))
    text = _TIME.sub("", text)
    return re.sub(r"\(\s*\)|\s+(?=[,;)](?:\s|$))", "", " ".join(text.split())).strip(" ,;:–—!")


def without_closing(headline: str) -> str:
    """The headline without "fixes #12": what an issue tracker did of it, no commit proves. Where that was all, `Work on #12`."""
    shorter = " ".join(_CLOSING.sub(" ", headline).split())
    if shorter == headline or re.search(r"\w{3}", shorter):
        return shorter
    return f"Work on {listing(re.findall(r'#[0-9]+', headline))}"


def one_line(text: str) -> str:
    """Text without line breaks, control characters, and characters that reorder what is around them."""
    spaced = "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") else c for c in text.translate(_REORDERING)
    )
    return " ".join(spaced.split())


def clip(text: str, length: int = MAX_TEXT) -> str:
    """The text, cut at a word where it is longer than `length` characters."""
    if len(text) <= length:
        return text
    cut = text[: length - 1].rsplit(" ", 1)[0] if " " in text[length // 2 : length - 1] else text[: length - 1]
    return cut.rstrip(" ,;:") + "…"


def uncapitalised(text: str) -> str:
    """With a small first letter, unless the first word is a name or an identifier, as its other letters show."""
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first.isalpha() and first[1:].islower() and len(first) > 1 else text


def listing(names: Sequence[str], at_most: int = 4, rest: str = "more") -> str:
    """`A`, `A and B`, `A, B and C`; beyond `at_most` names the first three and `13 more`."""
    names = list(names)
    if len(names) > at_most:
        names = [*names[:3], f"{len(names) - 3} {rest}"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(count: int, singular: str, several: str) -> str:
    return f"{count:,} {singular if count == 1 else several}"


def plural_word(noun: str) -> str:
    """`icons` for `icon`."""
    return plural(2, noun).removeprefix("2 ")


def subject_key(subject: str) -> str:
    """What two subjects are compared by: case, quotes, spaces and pull-request tails do not count."""
    return " ".join(_QUOTES.sub("", _TAILS.sub("", subject)).casefold().split()).rstrip(".")
