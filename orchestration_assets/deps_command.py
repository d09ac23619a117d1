"""`soloist deps`: the import graph of a source tree, on the terminal, as JSON, or as a Mermaid diagram."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from resources.errors import BadInput

if TYPE_CHECKING:
    from orchestration_assets.code.import_graph import ImportGraph

MOST_SHOWN = 20


def show_dependencies(path: Path, *, as_json: bool, mermaid: bool, cycles: bool, critical_path: bool) -> int:
    """The exit status: 1 where a file could not be read. Raises BadInput for what is no readable folder."""
    from orchestration_assets.code.import_graph import build_graph

    if not path.is_dir():
        raise BadInput(f"{path} is no folder; name the folder of a source tree.")
    graph = build_graph(path)
    if as_json:
        sys.stdout.write(graph.to_json() + "\n")
    elif mermaid:
        sys.stdout.write(graph.to_mermaid())
    elif cycles or critical_path:
        sys.stdout.write("".join(f"{line}\n" for line in [*_cycles(graph, cycles), *_critical(graph, critical_path)]))
    else:
        _tell(graph)
    for each in graph.broken[:MOST_SHOWN]:
        sys.stderr.write(f"{each.file}: {each.sentence}\n")
    if len(graph.broken) > MOST_SHOWN:
        sys.stderr.write(f"... and {len(graph.broken) - MOST_SHOWN} more files that could not be read.\n")
    return 1 if graph.broken else 0


def _tell(graph: ImportGraph) -> None:
    told = graph.statistics()
    lines = [
        f"{told.nodes:,} modules, {told.edges:,} imports, {told.levels:,} levels (the widest holds {told.widest_level:,}).",
        *_cycles(graph, True),
    ]
    if told.busiest:
        lines.append("Most imported: " + ", ".join(f"{name} ({count:,})" for name, count in told.busiest) + ".")
    if told.greediest:
        lines.append("Importing most: " + ", ".join(f"{name} ({count:,})" for name, count in told.greediest) + ".")
    unresolved = graph.unresolved
    if unresolved:
        lines.append(f"{len(unresolved):,} imports lead nowhere:")
        lines += [f"  {each.module}:{each.line} {each.written} ({each.reason})" for each in unresolved[:MOST_SHOWN]]
        if len(unresolved) > MOST_SHOWN:
            lines.append(f"  ... and {len(unresolved) - MOST_SHOWN:,} more; --json has all.")
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _cycles(graph: ImportGraph, wanted: bool) -> list[str]:
    if not wanted:
        return []
    found = graph.cycles()
    if not found:
        return ["No cycles."]
    lines = [f"{len(found):,} groups of modules import each other in a circle:"]
    for cycle in found:
        names = ", ".join(cycle.members[:MOST_SHOWN]) + (", ..." if len(cycle.members) > MOST_SHOWN else "")
        cut = ", ".join(f"{one} -> {other}" for one, other in cycle.cut[:MOST_SHOWN])
        least = "the least that can be" if cycle.exact else "perhaps fewer do"
        lines += [f"  {names}", f"    cut {len(cycle.cut):,} ({least}): {cut}"]
    return lines


def _critical(graph: ImportGraph, wanted: bool) -> list[str]:
    """The longest chain of imports, each module counting 1."""
    if not wanted:
        return []
    path = graph.critical_path()
    return [f"The longest chain has {len(path.nodes):,} modules:", *(f"  {name}" for name in path.nodes)]
