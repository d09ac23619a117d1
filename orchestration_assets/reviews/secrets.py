"""Secrets in lines of code: where they are, and the line without them. A review never repeats one.

What belongs here: shapes that are certain. A review that cries over every `token = ...` is not read a second time; `data/secrets.toml` has
the shapes.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parent / "data" / "secrets.toml"
HIDDEN = "[hidden]"
_LEAST_ENTROPY = 3.3
"""Bits a character: random letters and digits have more, words and sentences less."""
_PLACEHOLDER = re.compile(
    r"example|sample|dummy|fake|placeholder|changeme|change[_-]me|redacted|x{4,}|\*{3,}|\.\.\.|your[_-]|<[^>]*>|\{|\$|%\(|\btest|test[_-]|"
    r"1234|abcd|\bhttps?:|^/|\s|secret[_-]?key|password$|notsecret|not[_-]a|insecure",
    re.IGNORECASE,
)


class Secret(NamedTuple):
    """`line[start:end]` is one; `kind` says what it looks like."""

    start: int
    end: int
    kind: str


class _Shape(NamedTuple):
    kind: str
    pattern: re.Pattern[str]
    assigned: bool


def secrets_in(line: str) -> Iterator[Secret]:
    for shape in _shapes():
        for found in shape.pattern.finditer(line):
            group = "secret" if "secret" in shape.pattern.groupindex else 0
            value = found[group]
            if "EXAMPLE" in value or (shape.assigned and not _is_random(value)):
                continue
            yield Secret(found.start(group), found.end(group), shape.kind)


def masked(line: str) -> str:
    """The line with a mark in the place of every secret."""
    parts: list[str] = []
    end = 0
    for secret in sorted(secrets_in(line)):
        if secret.start >= end:
            parts += [line[end : secret.start], HIDDEN]
        end = max(end, secret.end)
    return "".join(parts) + line[end:]


def _is_random(value: str) -> bool:
    if _PLACEHOLDER.search(value) or not (any(c.isdigit() for c in value) and any(c.isalpha() for c in value)):
        return False
    total = len(value)
    entropy = -sum(count / total * math.log2(count / total) for count in Counter(value).values())
    return entropy >= _LEAST_ENTROPY


@lru_cache(maxsize=1)
def _shapes() -> tuple[_Shape, ...]:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))["shape"]
    return tuple(_Shape(row["kind"], re.compile(row["regex"]), bool(row.get("assigned"))) for row in table)
