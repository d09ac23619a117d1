"""ruff over the files, on the host: it reads code and runs none of it.

What belongs here: the one call. Neither settings nor `noqa` marks of the project are heeded.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from orchestration_assets.code.quality.classifying import one_line
from orchestration_assets.code.quality.files import Sources
from orchestration_assets.code.quality.model import Reason
from resources import ruff

SECONDS = 60
MOST = 100


class _Location(BaseModel):
    row: int


class _Found(BaseModel):
    filename: Path
    location: _Location
    message: str
    code: str | None


def lint(sources: Sources, rules: Sequence[str]) -> Iterator[Reason]:
    """A reason for each place that breaks one of the rules. The paths must have been found good. Raises SoloistError where ruff is missing."""
    files = {path: data for path, data in sources.items() if path.endswith(".py")}
    if not files or not rules:
        return
    with tempfile.TemporaryDirectory(prefix="soloist-lint-") as folder:
        root = Path(folder).resolve()
        for path, data in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        # A package's own file imports what it exports.
        options = ["--ignore-noqa", "--target-version=py311", "--per-file-ignores=__init__.py:F401"]
        try:
            done = ruff.check(root, rules, options, SECONDS)
        except subprocess.TimeoutExpired:
            yield Reason(kind="lint", sentence=f"ruff did not end within {SECONDS} s; make the files shorter.")
            return
        found = _read(done.stdout) if done.returncode == 0 else None
        if found is None:
            said = one_line(done.stderr.decode(errors="replace"))
            yield Reason(kind="lint", sentence=f"ruff cannot read the files ({said}); make them simpler.")
            return
        for each in found[:MOST]:
            path, line = each.filename.relative_to(root).as_posix(), each.location.row
            sentence = f"{path}, line {line}: {one_line(each.message).rstrip('.')} ({each.code or 'syntax'})."
            yield Reason(kind="lint", sentence=sentence, path=path, line=line)


def _read(output: bytes) -> list[_Found] | None:
    try:
        return TypeAdapter(list[_Found]).validate_json(output)
    except ValidationError:
        return None
