"""Small source trees for the tests of the import graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestration_assets.code.import_graph import ImportGraph, build_graph


def write_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes files by their paths below `root`, which it makes and returns."""
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def graph_of_tree(root: Path, files: Mapping[str, str | bytes]) -> ImportGraph:
    return build_graph(write_tree(root, files))


def imported_by(graph: ImportGraph, module: str) -> list[str]:
    return [target for name, target in graph.edges if name == module]


def leads_nowhere(graph: ImportGraph) -> list[tuple[str, str]]:
    return [(each.module, each.written) for each in graph.unresolved]
