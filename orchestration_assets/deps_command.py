"""`soloist deps PATH`: what imports what in a tree of sources, its cycles and where to cut them, for people, programs and diagrams."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.foreign_text import harmless
from orchestration_assets.reports.phrasing import counted
from resources.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from orchestration_assets.code.import_graph import ImportGraph

SHOWN = 10
"""Cycles, members, cuts, unresolved imports and broken files that the summary names at most, each; `--json` names all."""


def show_dependencies(path: Path, *, as_json: bool, as_mermaid: bool, cycles: bool, critical_path: bool) -> None:
    """Prints the graph of a folder. `cycles` and `critical_path` choose what of the summary is shown, in full; `--json` holds both anyway.
    Raises BadInput for a folder that cannot be read, where two forms are asked for, or a part of one that has no parts."""
    if as_json and as_mermaid:
        raise BadInput("--json and --mermaid are two forms of the same graph; choose one.")
    if (as_json or as_mermaid) and (parts := ["--cycles"] * cycles + ["--critical-path"] * critical_path):
        form = "--json holds the cycles and the longest chain anyway" if as_json else "--mermaid draws the whole graph"
        raise BadInput(f"{form}; leave {' and '.join(parts)} out.")
    from orchestration_assets.code.import_graph import build_graph

    graph = build_graph(path)
    if as_json:
        sys.stdout.write(graph.to_json() + "\n")
    elif as_mermaid:
        sys.stdout.write(graph.to_mermaid())
    else:
        _show(graph, path, cycles=cycles, critical_path=critical_path)


def _show(graph: ImportGraph, path: Path, *, cycles: bool, critical_path: bool) -> None:
    from rich.console import Console

    # Names are those of files: no markup is read from them, and nothing in them is lit up.
    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    if not graph.modules:
        _line(console, f"There are no Python, JavaScript or TypeScript files below {path}.")
    if not (cycles or critical_path) and graph.modules:
        _show_counts(console, graph)
    if cycles or not critical_path:
        _show_cycles(console, graph, most=None if cycles else SHOWN)
    if critical_path:
        _show_critical_path(console, graph)
    if not (cycles or critical_path):
        unresolved = [f"{each.module}:{each.line}: {each.written} ({each.reason})" for each in graph.unresolved]
        _show_some(console, counted(len(unresolved), "import that leads", "imports that lead") + " nowhere", unresolved)
        broken = [f"{each.file} {each.sentence}" for each in graph.broken]
        _show_some(console, counted(len(broken), "file", "files") + " not read whole", broken)


def _show_counts(console: Console, graph: ImportGraph) -> None:
    figures = graph.statistics()
    _line(
        console,
        f"{_modules(figures.nodes)}, {counted(figures.edges, 'import', 'imports')}, {counted(figures.levels, 'level', 'levels')} of at most "
        f"{_modules(figures.widest_level)}; {_modules(figures.alone)} "
        f"{'imports none of these and is' if figures.alone == 1 else 'import none of these and are'} imported by none.",
    )
    for title, ranking in (("Most imported", figures.busiest), ("Importing most", figures.greediest)):
        if ranking:
            _line(console, f"{title}: " + ", ".join(f"{name} ({number:,})" for name, number in ranking))


def _show_cycles(console: Console, graph: ImportGraph, most: int | None) -> None:
    found = graph.cycles()
    if not found:
        _line(console, "No cycles.")
        return
    _line(console, f"\n{counted(len(found), 'cycle', 'cycles')}:")
    for cycle in found[:most]:
        _line(console, f"- {_modules(len(cycle.members))}: {_some(cycle.members, most)}")
        smallest = (
            "the fewest imports that break it" if cycle.exact else "imports that break it (perhaps not the fewest)"
        )
        _line(console, f"  cut {len(cycle.cut):,}, {smallest}: {_some([f'{a} -> {b}' for a, b in cycle.cut], most)}")
    if most is not None and len(found) > most:
        _line(console, f"- and {len(found) - most:,} more; --cycles shows all")


def _show_critical_path(console: Console, graph: ImportGraph) -> None:
    path = graph.critical_path()
    _line(console, f"The longest chain of imports has {_modules(len(path.nodes))}, what is imported first:")
    for name in path.nodes:
        _line(console, f"  {name}")


def _show_some(console: Console, title: str, lines: list[str]) -> None:
    if not lines:
        return
    _line(console, f"\n{title}:")
    for line in lines[:SHOWN]:
        _line(console, f"- {line}")
    if len(lines) > SHOWN:
        _line(console, f"- and {len(lines) - SHOWN:,} more; --json has all")


def _modules(number: int) -> str:
    return counted(number, "module", "modules")


def _some(names: tuple[str, ...] | list[str], most: int | None) -> str:
    shown = ", ".join(names[:most])
    return shown if most is None or len(names) <= most else f"{shown} and {len(names) - most:,} more"


def _line(console: Console, text: str) -> None:
    """A file's name may hold anything but a slash."""
    console.print(harmless(text, kept="\n"))
