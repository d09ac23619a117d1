"""An import graph as JSON and as a Mermaid diagram."""

from __future__ import annotations

import json
from collections.abc import Sequence

from orchestration_assets.code.dependency_graph import DependencyGraph, Edge
from orchestration_assets.code.import_graph.model import Broken, Unresolved


def to_json(
    dependencies: DependencyGraph, edges: Sequence[Edge], unresolved: Sequence[Unresolved], broken: Sequence[Broken]
) -> str:
    """`edges` hold a module's imports of itself too. `cuts` has one entry for each of `cycles`, in the same order, and `exact` where it is proved
    that no smaller set of edges does."""
    cycles = dependencies.cycles()
    return json.dumps(
        {
            "modules": dependencies.nodes,
            "edges": edges,
            "cycles": [cycle.members for cycle in cycles],
            "unresolved": [
                {"module": each.module, "import": each.written, "line": each.line, "reason": each.reason}
                for each in unresolved
            ],
            "cuts": [{"edges": cycle.cut, "exact": cycle.exact} for cycle in cycles],
            "broken": [{"file": each.file, "reason": each.sentence} for each in broken],
            "levels": dependencies.levels(),
        }
    )


def to_mermaid(dependencies: DependencyGraph) -> str:
    """Modules and arrows to what they import; the edges that the cut of the cycles takes away are dotted."""
    numbers = {module: number for number, module in enumerate(dependencies.nodes)}
    cut = set(dependencies.cut())
    lines = ["flowchart LR"]
    lines += [f'  m{number}["{_label(module)}"]' for module, number in numbers.items()]
    lines += [f"  m{numbers[a]} {'-.->' if (a, b) in cut else '-->'} m{numbers[b]}" for a, b in dependencies.edges]
    return "\n".join(lines) + "\n"


def _label(name: str) -> str:
    """Names come from file names: what would end the label or begin a tag is written as an entity."""
    return "".join(each if each.isalnum() or each in "._-/ @" else f"#{ord(each)};" for each in name)
