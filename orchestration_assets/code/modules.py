"""Under which name a file of the project is imported."""

from __future__ import annotations

from pathlib import PurePosixPath


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


def package_of(path: str) -> str:
    """The package of a module, from which its relative imports start; "" for one at the top."""
    module = module_of(path) or ""
    return module if path.endswith("__init__.py") else module.rpartition(".")[0]
