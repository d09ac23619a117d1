"""The word and path tables of this domain, read from data/*.toml.

What belongs here: reading them, and nothing that decides. Tables are kept beside the code so that a reader can mend a word list without
reading a regular expression.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent / "data"

NAMES = ("assistance", "categories", "languages", "paths", "phrases", "subjects", "verbs")
WORDING_TABLES = ("subjects", "verbs")
"""The tables that decide how a document words a headline: part of the version of whatever writes one."""

Table = dict[str, list[str] | dict[str, str]]


@cache
def table_text(name: str) -> str:
    """The text of a table's file: part of the version of the agent whose rules rest on it."""
    return (_DATA / f"{name}.toml").read_text(encoding="utf-8")


@cache
def _table(name: str) -> Table:
    table: Table = tomllib.loads(table_text(name))
    return table


def words(name: str, key: str) -> list[str]:
    """A list of strings of a table."""
    found = _table(name)[key]
    assert isinstance(found, list), f"{key} in data/{name}.toml is no list"
    return found


def mapping(name: str, key: str) -> dict[str, str]:
    """A section of a table: string to string."""
    found = _table(name)[key]
    assert isinstance(found, dict), f"{key} in data/{name}.toml is no section"
    return found


def any_of(name: str, key: str, **placeholders: str) -> re.Pattern[str]:
    """The regular expressions of a list as one pattern without case; NAME in them is replaced by the placeholder of that name."""
    pattern = "|".join(f"(?:{each})" for each in words(name, key))
    for placeholder, meaning in placeholders.items():
        pattern = pattern.replace(placeholder, meaning)
    return re.compile(pattern, re.IGNORECASE)
