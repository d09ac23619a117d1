"""Which paths a plan or a reply may name: those that the gate of quality takes, of these the plain ones, and none that changes how the tests are
run."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

LONGEST_PATH, DEEPEST = 120, 8
SUFFIXES = frozenset(
    (
        ".py",
        ".pyi",
        ".md",
        ".txt",
        ".json",
        ".toml",
        ".csv",
        ".tsv",
        ".html",
        ".css",
        ".js",
        ".sql",
        ".ini",
        ".cfg",
        ".xml",
    )
)
RESERVED = frozenset(
    (
        *("conftest.py", "pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", "setup.py", "pyproject.toml"),
        *("sitecustomize.py", "usercustomize.py", "manifest.in"),
    )
)
"""Files that change how Python or pytest runs; the project's packaging is made by the platform."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def objection(path: str) -> str | None:
    """Why no file may be made under this name, in words that follow it ("... leads out of the project"); None where one may."""
    from orchestration_assets.code.quality import files

    if why := files.objection(path):
        return why
    parts = path.split("/")
    if len(path) > LONGEST_PATH or len(parts) > DEEPEST:
        return f"is longer than {LONGEST_PATH} characters or deeper than {DEEPEST} folders"
    if not all(_PART.fullmatch(part) for part in parts):
        return "holds what is no letter, digit, dot, hyphen or underscore of ASCII, or an empty name"
    name = parts[-1].lower()
    if name in RESERVED:
        return "would change how the project is tested or packaged, which is not the plan's"
    suffix = PurePosixPath(name).suffix
    if suffix not in SUFFIXES:
        return f"is of no kind of text file that is made here ({', '.join(sorted(SUFFIXES))})"
    return None


def is_test(path: str) -> bool:
    """Whether pytest takes it for a file of tests."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))
