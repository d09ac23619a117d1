"""The import graph of a tree of Python, JavaScript and TypeScript sources: `build_graph(root)`."""

from orchestration_assets.code.import_graph.graph import ImportGraph, build_graph

__all__ = ["ImportGraph", "build_graph"]
