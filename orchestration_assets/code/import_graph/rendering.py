"""An import graph as JSON and as a Mermaid diagram."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration_assets.code.import_graph.graph import ImportGraph


def document(graph: ImportGraph) -> dict[str, Any]:
    """What `to_json` writes: `cuts` has one entry for each of `cycles`, in the same order, and `exact` where it is proved that no smaller set of
    edges does."""
    cycles = graph.cycles()
    return {
        "modules": graph.modules,
        "edges": [list(edge) for edge in graph.edges],
        "cycles": [list(cycle.members) for cycle in cycles],
        "unresolved": [
            {"module": each.module, "import": each.written, "line": each.line, "reason": each.reason}
            for each in graph.unresolved
        ],
        "cuts": [{"edges": [list(edge) for edge in cycle.cut], "exact": cycle.exact} for cycle in cycles],
        "broken": [{"file": each.file, "reason": each.sentence} for each in graph.broken],
        "levels": graph.levels(),
    }


def to_json(graph: ImportGraph) -> str:
    return json.dumps(document(graph))


def to_mermaid(graph: ImportGraph) -> str:
    """Modules and arrows to what they import; the edges that a cut of the cycles takes away are dotted."""
    numbers = {module: number for number, module in enumerate(graph.modules)}
    cut = set(graph.dependencies.cut())
    lines = ["flowchart LR"]
    lines += [f'  m{number}["{_label(module)}"]' for module, number in numbers.items()]
    lines += [f"  m{numbers[a]} {'-.->' if (a, b) in cut else '-->'} m{numbers[b]}" for a, b in graph.edges if a != b]
    return "\n".join(lines) + "\n"


def _label(name: str) -> str:
    """Names come from file names: what would end the label or begin a tag is written as an entity."""
    return "".join(each if each.isalnum() or each in "._-/ @" else f"#{ord(each)};" for each in name)
