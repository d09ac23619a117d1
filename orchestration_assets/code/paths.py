"""Which paths a project may hold, and of these which a plan or a reply may name: the plain ones, and none that changes how the tests are run."""

from __future__ import annotations

import re
import sys
from pathlib import PurePosixPath

LONGEST_PATH, DEEPEST = 200, 16
LONGEST_NAMED_PATH, DEEPEST_NAMED = 120, 8
"""Of what a plan or a reply names."""
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


def unsafe(path: str) -> str | None:
    """Why no project may hold a file of this name, in words that follow it ("... leads out of the project"); None where one may."""
    parts = path.split("/")
    if not path.isprintable() or len(path) > LONGEST_PATH or len(parts) > DEEPEST:
        return "has characters that cannot be printed, is too long or too deep"
    if path.startswith(("/", "~")) or "\\" in path or ":" in path:
        return "is not relative to the project with forward slashes"
    if ".." in parts:
        return "leads out of the project"
    if any(part.startswith((".", "-")) or not part for part in parts):
        return "holds an empty or hidden name, or one that begins with a hyphen"
    if set(path) & set("[]*?'\"<>|&;$`"):
        return "holds characters that mean something to a shell or to pytest"
    top = (parts[1] if parts[0] == "src" and len(parts) > 1 else parts[0]).removesuffix(".py")
    if path.endswith(".py") and top in sys.stdlib_module_names - {"test"}:
        return "hides a module of the standard library; give it another name"
    if path.endswith(".py") and top in ("pytest", "_pytest", "pluggy", "coverage"):
        return "hides what runs the tests; give it another name"
    return None


def objection(path: str) -> str | None:
    """Why a plan or a reply may name no file so, in words that follow it; None where it may."""
    if why := unsafe(path):
        return why
    parts = path.split("/")
    if len(path) > LONGEST_NAMED_PATH or len(parts) > DEEPEST_NAMED:
        return f"is longer than {LONGEST_NAMED_PATH} characters or deeper than {DEEPEST_NAMED} folders"
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
    """Whether it is a file of tests, by pytest's own rule."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))
