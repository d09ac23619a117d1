"""Names that stand in scopes, paths and tables, written as headings.

What belongs here: their spelling. Which names may head anything is for the reports to decide; the words stand in data/subjects.toml.
"""

from __future__ import annotations

import re

from orchestration_assets.worklogs.tables import mapping, words

_ACRONYMS = frozenset(words("subjects", "acronyms"))
_SPELLINGS = mapping("subjects", "spellings")
_OWN_SPELLING = re.compile(r"[./:\\\d]")


def heading(name: str) -> str:
    """`Dark mode` for "dark-mode", `CLI` for "cli", `DuckDB` for "duckdb", `GitHub actions` for "github_actions". A name with capitals,
    digits, points or slashes of its own stays as it is, unless it is known by another spelling."""
    known = _spelled(name)
    if known != name or not name.islower() or _OWN_SPELLING.search(name):
        return known
    joined = " ".join(_spelled(part) for part in re.split(r"[-_ ]+", name) if part)
    return joined[:1].upper() + joined[1:] if joined.split(" ", 1)[0].islower() else joined


def fold(name: str) -> str:
    """What two names of one thing have in common, whatever their case and number: "parser" for "Parser" and "parsers"."""
    lowered = name.casefold()
    return lowered[:-1] if re.search(r"[^\Wsui]s$", lowered) and len(lowered) > 4 else lowered


def _spelled(word: str) -> str:
    lowered = word.lower()
    return _SPELLINGS.get(lowered) or (word.upper() if word.islower() and word.upper() in _ACRONYMS else word)
