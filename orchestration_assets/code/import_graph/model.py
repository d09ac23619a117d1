"""What the import graph is made of besides modules and edges: what leads nowhere, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Unresolved:
    """An import that names something of this tree that is not there, or that names nothing until the program runs. `written` is what the
    source says, at `line` (from 1)."""

    module: str
    line: int
    written: str
    reason: str


@dataclass(frozen=True, order=True)
class Broken:
    """A file or folder, by its path below the root, that could not be read whole; `sentence` says why."""

    file: str
    sentence: str


@dataclass
class FileImports:
    """What one file brings to the graph: the modules it imports, by name, and what is wrong with it."""

    targets: frozenset[str] = frozenset()
    unresolved: tuple[Unresolved, ...] = ()
    broken: Broken | None = None
