"""Which paths a plan or a reply may name: relative, plain, beneath the project, and none that changes how the tests are run."""

from __future__ import annotations

import re
import sys
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
    """Why no file may be made under this name, in words that follow it ("... leaves the project"); None where one may."""
    parts = path.split("/")
    if not path or len(path) > LONGEST_PATH or len(parts) > DEEPEST:
        return f"is empty, longer than {LONGEST_PATH} characters or deeper than {DEEPEST} folders"
    if path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path):
        return "is no path relative to the project with forward slashes"
    if ".." in parts:
        return "leaves the project"
    if any(part.startswith(".") for part in parts):
        return "is hidden, or names the current folder"
    if not all(_PART.fullmatch(part) for part in parts):
        return "holds what is no letter, digit, dot, hyphen or underscore of ASCII, or an empty name"
    name = parts[-1].lower()
    if name in RESERVED:
        return "would change how the project is tested or packaged, which is not the plan's"
    suffix = PurePosixPath(name).suffix
    if suffix not in SUFFIXES:
        return f"is of no kind of text file that is made here ({', '.join(sorted(SUFFIXES))})"
    if suffix == ".py" and len(parts) == 1 and PurePosixPath(name).stem in sys.stdlib_module_names:
        return "would hide a module of the standard library"
    if suffix == ".py" and parts[0] in sys.stdlib_module_names:
        return "would hide a package of the standard library"
    return None


def is_test(path: str) -> bool:
    """Whether pytest takes it for a file of tests."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def module_of(path: str) -> str | None:
    """The dotted name under which a file of the project is imported, with the project's folder (and `src`) on the path; None for what is
    no module."""
    pure = PurePosixPath(path)
    if pure.suffix != ".py":
        return None
    parts = [*pure.parts[:-1], pure.stem]
    if parts[0] == "src" and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts) or None
