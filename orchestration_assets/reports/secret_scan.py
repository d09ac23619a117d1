"""Finds what may not leave in an exported document: secrets, private addresses, e-mail addresses, private words.

What belongs here: the scan of one text, and its redaction. The patterns are data (`data/secret_patterns.toml`). A scan
is a last line of defence, not a proof: a password that looks like an ordinary word is not found.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PATTERNS = Path(__file__).parent / "data" / "secret_patterns.toml"

# What people write where a secret would stand: no secret itself.
_PLACEHOLDER = re.compile(
    r"(?i)^[\"']?(?:[$%{<\[(].*|[x*.•…_-]+|(?:your|my|the|some)[_-].*|(?:os|process|env|settings|config|self|args)[.\[].*"
    r"|none|null|true|false|changeme|example|redacted|secrets?\..*|getenv.*|str|string|bytes|optional.*)[\"']?$"
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """`text[start:end]` should not leave; `kind` says, in words, what it looks like (never the secret itself)."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: str
    regex: re.Pattern[str]
    entropy: float


def findings(text: str, *, allowed: Iterable[str] = (), private_words: Iterable[str] = ()) -> list[Finding]:
    """What in the text should not leave, in order and without overlaps.

    `allowed` are exact strings that may leave although they match (the profile's own e-mail address);
    `private_words` are names that may not (a customer), matched as whole words whatever their case.
    """
    permitted = {word.casefold() for word in allowed}
    found: list[Finding] = []
    for pattern in _patterns():
        for match in pattern.regex.finditer(text):
            group = "secret" if "secret" in pattern.regex.groupindex else 0
            secret = match.group(group)
            if secret.casefold() in permitted or (pattern.entropy and not _is_random(secret, pattern.entropy)):
                continue
            found.append(Finding(match.start(group), match.end(group), pattern.kind))
    for word in private_words:
        if word.strip():
            whole = re.compile(rf"(?<!\w){re.escape(word.strip())}(?!\w)", re.IGNORECASE)
            found.extend(Finding(match.start(), match.end(), "private word") for match in whole.finditer(text))
    return _without_overlaps(found)


def redact(text: str, *, allowed: Iterable[str] = (), private_words: Iterable[str] = ()) -> str:
    """The text with a bracketed word in place of each finding, e.g. `[GitHub token removed]`."""
    parts: list[str] = []
    position = 0
    for finding in findings(text, allowed=allowed, private_words=private_words):
        parts += [text[position : finding.start], f"[{finding.kind} removed]"]
        position = finding.end
    return "".join(parts) + text[position:]


@lru_cache(maxsize=1)
def _patterns() -> tuple[_Pattern, ...]:
    table = tomllib.loads(PATTERNS.read_text(encoding="utf-8"))["pattern"]
    return tuple(_Pattern(row["kind"], re.compile(row["regex"]), float(row.get("entropy", 0))) for row in table)


def _is_random(secret: str, least: float) -> bool:
    """Whether an assigned value looks like a secret: no placeholder, no call, and enough entropy for its length."""
    bare = secret.strip("\"'")
    if _PLACEHOLDER.match(secret) or bare.endswith(("()", "(")):
        return False
    is_quoted = bare != secret
    is_mixed = any(char.isdigit() for char in bare) or any(not char.isalnum() and char not in "._-/" for char in bare)
    return (is_quoted or is_mixed) and entropy(bare) >= min(least, math.log2(max(len(bare), 2)) * 0.85)


def entropy(text: str) -> float:
    """Shannon entropy of the characters, in bits a character; 0.0 for an empty text."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values()) if total else 0.0


def _without_overlaps(found: list[Finding]) -> list[Finding]:
    """The earliest and longest first; findings that touch one already kept are part of it."""
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda one: (one.start, -one.end, one.kind)):
        if kept and finding.start < kept[-1].end:
            last = kept[-1]
            kept[-1] = Finding(last.start, max(last.end, finding.end), last.kind)
        else:
            kept.append(finding)
    return kept
