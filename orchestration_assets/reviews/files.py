"""Files that do not belong into a repository: what a tool left there, secrets of a machine, and what is too large."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import finding

LARGE = 5 << 20
"""Bytes."""
_LEFT_OVER = re.compile(
    r"(?:^|/)(?:__pycache__|node_modules|\.pytest_cache|\.mypy_cache|\.ruff_cache|\.ipynb_checkpoints|\.venv|venv|\.tox|\.nox|[^/]+\.egg-info"
    r"|htmlcov|\.gradle|\.terraform)/|(?:^|/)(?:\.DS_Store|Thumbs\.db|desktop\.ini|\.coverage|npm-debug\.log|yarn-error\.log)$"
    r"|\.(?:pyc|pyo|swp|swo|orig|rej)$"
)
_ENVIRONMENT = re.compile(r"(?:^|/)\.env(?:\.(?:local|production|prod|staging))?$")
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?\w+\s*=\s*[\"']?[^\s\"'#]", re.MULTILINE)
_MOST = 3


def file_findings(change: Change) -> Iterator[Finding]:
    """Of the files that the change adds. Of what is not for git the first few: one is enough to know what happened."""
    left_over = 0
    for file in change.files:
        if file.status != "added":
            continue
        name = file.path.rpartition("/")[2]
        if found := _LEFT_OVER.search(file.path):
            left_over += 1
            if left_over <= _MOST:
                yield finding("not-for-git", file.path, named=f"`{found[0].strip('/') or name}`")
        elif _ENVIRONMENT.search(file.path):
            if _ASSIGNED.search(change.after(file) or ""):
                yield finding("environment-file", file.path)
        else:
            size = _size(change, file.path)
            if size is None or size > LARGE:
                told = "more than 8 MB" if size is None else f"{size / (1 << 20):.0f} MB"
                yield finding("large-file", file.path, named=told)


def _size(change: Change, path: str) -> int | None:
    """None where it is too long to be read."""
    if path not in change.paths:  # a link or a submodule
        return 0
    content = change.head.read(path)
    return None if content is None else len(content)
