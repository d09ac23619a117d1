"""Functions whose complexity a change raises beyond what anybody wants to test: measured by lizard before and after.

What belongs here: the one call, in a process that can be ended (a text can be made to keep a tokenizer busy for ever), and the comparison.
"""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from orchestration_assets.reviews.change import Change, added_lines, is_code_line
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import applies, finding

THRESHOLD = 15
"""Ways through a function (McCabe) that are nobody's concern yet."""
GROWTH, CROSSING = 5, 3
"""By how much a function beyond the threshold must have grown to be told of; and one that passes it."""
NEW = 40
"""Of a function that was not there before, and has not grown."""
SECONDS = 60
_ENDINGS = frozenset(".py .js .jsx .mjs .cjs .ts .tsx .go .rs .java .kt .c .cc .cpp .cs .rb .php .swift .scala".split())


class Function(NamedTuple):
    name: str
    complexity: int
    first: int
    last: int


def complexity_findings(change: Change) -> Iterator[Finding]:
    files = [
        file
        for file in change.written
        if PurePosixPath(file.path).suffix.lower() in _ENDINGS and applies("complexity-grew", file.path) and file.added
    ]
    texts = [
        (PurePosixPath(file.path).suffix.lower(), text)
        for file in files
        for text in (change.after(file), change.before(file))
        if text is not None
    ]
    measured = measure(list(dict.fromkeys(texts)))
    everywhere: dict[str, int] = defaultdict(int)
    for file in change.files:
        # What was in a file that is gone, or moved into another, has not grown.
        for function in measured.get((PurePosixPath(file.path).suffix.lower(), change.before(file) or ""), []):
            everywhere[function.name] = max(everywhere[function.name], function.complexity)
    for file in files:
        suffix = PurePosixPath(file.path).suffix.lower()
        added = added_lines(file)
        grown: list[str] = []
        before = _by_name(measured.get((suffix, change.before(file) or ""), []))
        after = _by_name(measured.get((suffix, change.after(file) or ""), []))
        for key, function in sorted(after.items(), key=lambda each: -each[0][0].count(".")):
            old = before[key].complexity if key in before else everywhere.get(function.name, 0)
            within = [line for line in range(function.first, function.last + 1) if is_code_line(added.get(line, ""))]
            if not within or not _has_grown(old, function.complexity) or _tells_of_inner(function, grown):
                continue
            grown.append(function.name)
            line = within[0]
            told = (
                f"`{function.name}` has grown from {old} to {function.complexity} ways through it"
                if old
                else f"`{function.name}` has {function.complexity} ways through it"
            )
            yield finding(
                "complexity-grew", file.path, line, added[line], f"{told}; beyond {THRESHOLD}, few tests meet them all"
            )


def measure(texts: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[Function]]:
    """File ending and text to the functions in it, without those that have no name. Empty where lizard does not end in time."""
    if not texts:
        return {}
    with tempfile.TemporaryDirectory(prefix="soloist-measure-") as folder:
        for number, (suffix, text) in enumerate(texts):
            (Path(folder) / f"f{number}{suffix}").write_text(text, encoding="utf-8", newline="")
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-m", "lizard", "--csv", "."],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return {}
    found: dict[tuple[str, str], list[Function]] = defaultdict(list)
    for row in csv.reader(io.StringIO(done.stdout.decode(errors="replace"))):
        if len(row) < 11 or not row[1].isdigit() or not row[9].isdigit() or "anonymous" in row[7]:
            continue
        number = int(Path(row[6]).stem[1:])
        found[texts[number]].append(Function(row[7], int(row[1]), int(row[9]), int(row[10])))
    return found


def _tells_of_inner(function: Function, grown: Sequence[str]) -> bool:
    """Whether one of the functions in it was told of, whose ways count as its own."""
    return any(name.startswith(f"{function.name}.") for name in grown)


def _has_grown(old: int, new: int) -> bool:
    if not old:
        return new > NEW
    return new > THRESHOLD and new - old >= (CROSSING if old <= THRESHOLD else GROWTH)


def _by_name(functions: Sequence[Function]) -> dict[tuple[str, int], Function]:
    """The functions by their name and their place among those of that name."""
    counts: dict[str, int] = defaultdict(int)
    named: dict[tuple[str, int], Function] = {}
    for function in functions:
        named[function.name, counts[function.name]] = function
        counts[function.name] += 1
    return named
