"""What the extractive reports go by, read once from `data/report_rules.toml`: weights and names of categories, word lists."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orchestration_assets.worklogs.model import Category

PATH = Path(__file__).parent / "data" / "report_rules.toml"


@dataclass(frozen=True)
class Kind:
    """A category as a reader sees it, and how much a unit of it weighs."""

    weight: float
    singular: str
    plural: str
    heading: str


@dataclass(frozen=True)
class Rules:
    kinds: dict[Category, Kind]
    generic_topics: frozenset[str]
    vague_nouns: dict[str, str]
    no_words: re.Pattern[str]
    undoing: re.Pattern[str]
    praise: re.Pattern[str]
    prepositions: frozenset[str]
    uncountable: frozenset[str]
    published_branches: re.Pattern[str]
    ignored_branches: re.Pattern[str]


@lru_cache(maxsize=1)
def rules() -> Rules:
    data = tomllib.loads(PATH.read_text(encoding="utf-8"))
    words = data["words"]
    return Rules(
        kinds={
            Category(name): Kind(
                kind["weight"], kind["singular"], kind.get("plural", kind["singular"] + "s"), kind["heading"]
            )
            for name, kind in data["category"].items()
        },
        generic_topics=frozenset(words["generic_topics"]),
        vague_nouns=words["vague_nouns"],
        no_words=re.compile("|".join(words["no_words"]), re.IGNORECASE),
        undoing=_any_of(words["undoing"]),
        praise=_any_of(words["praise"]),
        prepositions=frozenset(words["prepositions"]),
        uncountable=frozenset(words["uncountable"]),
        published_branches=re.compile(data["branches"]["published"], re.IGNORECASE),
        ignored_branches=re.compile(data["branches"]["ignored"], re.IGNORECASE),
    )


def _any_of(phrases: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, phrases))})(?!\w)", re.IGNORECASE)
