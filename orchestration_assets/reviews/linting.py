"""What ruff finds in the lines that a change adds. It reads code and runs none of it, and nothing that the repository says reaches it.

What belongs here: the one call, and what of ruff's answer is worth telling. `data/rules.toml` says which rules are asked for.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import Spot, new_findings, rules, with_gone
from resources import ruff

SECONDS = 20
MOST_RUNS = 24
"""Of ruff, for one change: where it breaks down, the files are halved until the one is alone that it breaks down over."""
_RUFF_RULE = re.compile(r"[A-Z]+\d+")
_NAMED = re.compile(r"`([^`\n]+)`")
_MOST_LINES = 30
"""Of one place: what is longer, such as a function, was not added as a whole for its first line's sake."""
_CONTEXT = 4
"""Lines above and below a weak hash that may say what it is for."""
_PROTECTS = re.compile(
    r"passw|passphrase|\bpwd\b|secret|token|signature|\bsign(?:ed|ing)?\b|hmac|credential|login|\bauth(?!or)", re.I
)
_CALLS = frozenset("S113 S201 S301 S302 S324 S501 S502 S506 S507 S602 S605".split())
"""Rules about a call, which a later line of it may break."""
_OF_ANOTHER_KIND = re.compile(
    r"\{\{|\{%|^\s*print [\w'\"]|^\s*except [\w.]+, \w+:|^\s*raise [^#\n(]+, None, |^\s*exec [\w'\"]", re.MULTILINE
)
"""What is no Python of today, and was never meant to be: templates, and Python 2."""
_GIVEN_ELSEWHERE = frozenset({"_", "reveal_type", "get_ipython", "display", "dbutils", "spark", "unicode", "xrange"})
"""Names that a tool gives to the files that it runs."""


def lint_findings(change: Change) -> Iterator[Finding]:
    """Raises SoloistError where ruff is missing."""
    files = change.code("Python")
    texts = {
        text
        for file in with_gone(change, files)
        for text in (change.before(file), change.after(file))
        if text is not None
    }
    found = linted(sorted(texts))
    # What was no Python before was not broken by this change.
    broken = {
        file.path
        for file in files
        if any(spot.rule == "syntax-error" for spot in found.get(change.before(file) or "", []))
        or _OF_ANOTHER_KIND.search(change.after(file) or "")
    }
    yield from new_findings(
        change,
        files,
        lambda path, text: (spot for spot in found.get(text, []) if spot.rule != "syntax-error" or path not in broken),
    )


def linted(texts: Sequence[str]) -> dict[str, list[Spot]]:
    """Text to the places that ruff finds in it; nothing for a text that ruff breaks down over, or does not end with in time: such can be
    made on purpose, and hide no other."""
    found: dict[str, list[Spot]] = {}
    pending = [list(texts)] if texts else []
    for _ in range(MOST_RUNS):
        if not pending:
            break
        together = pending.pop()
        answers = _run(together)
        if answers is None:
            half = len(together) // 2
            pending += [part for part in (together[:half], together[half:]) if part and half]
            continue
        for said in answers:
            text = together[int(Path(said["filename"]).stem[1:])]
            found.setdefault(text, []).extend(_worth_telling(said, text, found.get(text, [])))
    return found


def _run(texts: Sequence[str]) -> list[Mapping[str, Any]] | None:
    """What ruff says of the texts; None where it comes to no end."""
    with tempfile.TemporaryDirectory(prefix="soloist-lint-") as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"f{number}.py").write_text(text, encoding="utf-8", newline="")
        try:
            done = ruff.check(Path(folder), _asked(), ["--target-version=py313"], SECONDS)
        except subprocess.TimeoutExpired:
            return None
    return _answers(done.stdout) if done.returncode == 0 else None


def _answers(output: bytes) -> list[Mapping[str, Any]] | None:
    try:
        answers = json.loads(output)
    except ValueError:
        return None
    return [each for each in answers if each.get("location") and each.get("end_location")]


def _worth_telling(said: Mapping[str, Any], text: str, before: Sequence[Spot]) -> Iterator[Spot]:
    code, message = said["code"], str(said["message"])
    line = int(said["location"]["row"])
    # What ends at the beginning of a line ended on the one before.
    last = max(line, int(said["end_location"]["row"]) - (int(said["end_location"]["column"]) == 1))
    if code in _CALLS:
        last = max(last, _ends_of_calls(text).get(line, last))
    last = min(last, line + _MOST_LINES)
    if code not in rules():
        # What is new in a later Python is for those to judge who know which one they have.
        is_broken = code in (None, "invalid-syntax") and "was added in Python" not in message
        if is_broken and not any(spot.rule == "syntax-error" for spot in before):
            yield Spot("syntax-error", line, line)
        return
    lines = text.split("\n")
    named = found[1] if (found := _NAMED.search(message)) else ""
    at = lines[line - 1] if line <= len(lines) else ""
    match code:
        case "S602" | "S605" if "seems safe" in message:
            return
        case "S324":
            named = message.rpartition("`")[0].rpartition("`")[2] or "md5"
            around = "\n".join(lines[max(0, line - 1 - _CONTEXT) : last + _CONTEXT])
            if not _PROTECTS.search(around):
                return
        case "S110" | "S112" | "E722" if any("#" in each for each in lines[line - 1 : last + 1]):
            # Somebody said why.
            return
        case "F811" if not re.search(rf"\b(?:def|class)\s+{re.escape(named)}\b", at):
            # A test takes a fixture by the name under which it was imported.
            return
        case "F821" if named in _GIVEN_ELSEWHERE or re.search(rf"^\s*class {re.escape(named)}\b", text, re.MULTILINE):
            # A class may be named in hints before it is there, from Python 3.14 on.
            return
    yield Spot(code, line, last, named)


@lru_cache(maxsize=8)
def _ends_of_calls(text: str) -> dict[int, int]:
    """Of each line on which a call begins, the one on which the longest of them ends. ruff tells where a call begins alone."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    ends: dict[int, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            ends[node.lineno] = max(ends.get(node.lineno, 0), node.end_lineno or node.lineno)
    return ends


@lru_cache(maxsize=1)
def _asked() -> tuple[str, ...]:
    return tuple(name for name in rules() if _RUFF_RULE.fullmatch(name))
