"""What depends on what, as a graph: cycles and where to cut them, levels, the critical path, what each node can wait.

An edge `(a, b)` says that `a` depends on `b`, so that `b` comes first: modules and what they import, tasks and what they wait for. All of
it is pure, and the same for the same graph, in whichever order its edges come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orchestration_assets.code.smallest_cut import smallest_cut
from resources.errors import BadInput

if TYPE_CHECKING:
    from rustworkx import PyDiGraph

Edge = tuple[str, str]


@dataclass(frozen=True)
class Cycle:
    """Nodes that all depend on each other, sorted, and the edges to cut so that they no longer do. Where `exact`, it is proved
    that no smaller set of edges does it; else a good one was found."""

    members: tuple[str, ...]
    cut: tuple[Edge, ...]
    exact: bool


@dataclass(frozen=True)
class CriticalPath:
    """The chain that takes longest, what comes first first, and how long it takes."""

    nodes: tuple[str, ...]
    length: float


@dataclass(frozen=True)
class Timing:
    """When a node can start, given workers enough; how long it may wait without making everything later; and how long the longest chain is
    that starts with it, itself included: a scheduler's priority, the longest first."""

    earliest_start: float
    slack: float
    tail: float


@dataclass(frozen=True)
class Statistics:
    """The size and shape of a graph. `busiest` are the nodes that most depend on, `greediest` those that depend on most, with their numbers."""

    nodes: int
    edges: int
    levels: int
    widest_level: int
    cycles: int
    nodes_in_cycles: int
    edges_to_cut: int
    alone: int
    busiest: tuple[tuple[str, int], ...]
    greediest: tuple[tuple[str, int], ...]


def graph_of(edges: Iterable[Edge], nodes: Iterable[str] = ()) -> DependencyGraph:
    """The graph of these edges, of the nodes they name and of the others. What is given twice counts once."""
    distinct = {(a, b) for a, b in edges}
    names = {*nodes, *(a for a, _ in distinct), *(b for _, b in distinct)}
    return DependencyGraph(tuple(sorted(names)), tuple(sorted(distinct)))


@dataclass(frozen=True)
class DependencyGraph:
    """Made by `graph_of`: nodes and edges are sorted and distinct, and every edge's ends are nodes."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]

    def cycles(self) -> list[Cycle]:
        """Every strongly connected component of two nodes or more, or of one that depends on itself; the largest first."""
        return list(self._cycles)

    def cut(self) -> list[Edge]:
        """The edges of all cycles' cuts, sorted: without them no cycle is left."""
        return sorted(edge for cycle in self._cycles for edge in cycle.cut)

    def levels(self) -> list[list[str]]:
        """The nodes that depend on none, then those that depend only on these, and so on; each level sorted. The edges of the cut do not
        count."""
        import rustworkx

        if not self.nodes:
            return []
        return [
            sorted(self.nodes[number] for number in level) for level in rustworkx.topological_generations(self._acyclic)
        ]

    def order(self) -> list[str]:
        """All nodes, each after what it depends on; among those that could come next the first by name. The edges of the cut do not count."""
        return list(self._order)

    def critical_path(self, estimates: Mapping[str, float] | None = None) -> CriticalPath:
        """The chain whose estimates add up to most; one that is not given is 1. Among equal chains the one first by name from its end. The
        edges of the cut do not count. Raises BadInput for an estimate that is no number of at least 0."""
        weights = self._weights(estimates)
        finish = self._finish(weights)
        if not finish:
            return CriticalPath((), 0.0)
        length = max(finish.values())
        node = min(name for name, time in finish.items() if time == length)
        path = [node]
        while self._needs[node]:
            node = min(self._needs[node], key=lambda name: (-finish[name], name))
            path.append(node)
        return CriticalPath(tuple(reversed(path)), length)

    def timings(self, estimates: Mapping[str, float] | None = None) -> dict[str, Timing]:
        """By node; the estimates as in `critical_path`."""
        weights = self._weights(estimates)
        finish = self._finish(weights)
        tails: dict[str, float] = {}
        for node in reversed(self._order):
            tails[node] = weights[node] + max((tails[name] for name in self._needed_by[node]), default=0.0)
        length = max(finish.values(), default=0.0)
        return {
            node: Timing(
                earliest_start=finish[node] - weights[node],
                # Sums of the same estimates in another order differ in the last bits, and a slack below 0 is none.
                slack=max(0.0, length - (finish[node] - weights[node]) - tails[node]),
                tail=tails[node],
            )
            for node in self.nodes
        }

    def statistics(self, most: int = 5) -> Statistics:
        """Of the busiest and the greediest at most so many are named."""
        levels = self.levels()
        dependents, dependencies = dict.fromkeys(self.nodes, 0), dict.fromkeys(self.nodes, 0)
        for a, b in self.edges:
            dependencies[a] += 1
            dependents[b] += 1
        return Statistics(
            nodes=len(self.nodes),
            edges=len(self.edges),
            levels=len(levels),
            widest_level=max((len(level) for level in levels), default=0),
            cycles=len(self._cycles),
            nodes_in_cycles=sum(len(cycle.members) for cycle in self._cycles),
            edges_to_cut=sum(len(cycle.cut) for cycle in self._cycles),
            alone=sum(not dependents[node] and not dependencies[node] for node in self.nodes),
            busiest=_largest(dependents, most),
            greediest=_largest(dependencies, most),
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {node: number for number, node in enumerate(self.nodes)}

    @cached_property
    def _cycles(self) -> list[Cycle]:
        import rustworkx

        graph = _directed(self.nodes, [(self._numbers[a], self._numbers[b]) for a, b in self.edges])
        own = {a for a, b in self.edges if a == b}
        components = [
            members
            for members in rustworkx.strongly_connected_components(graph)
            if len(members) > 1 or self.nodes[members[0]] in own
        ]
        component_of = {number: place for place, members in enumerate(components) for number in members}
        inside: list[list[tuple[int, int]]] = [[] for _ in components]
        for a, b in self.edges:
            place = component_of.get(self._numbers[a])
            if place is not None and place == component_of.get(self._numbers[b]):
                inside[place].append((self._numbers[a], self._numbers[b]))
        found = []
        for members, arcs in zip(components, inside, strict=True):
            cut, exact = smallest_cut(arcs)
            edges = tuple((self.nodes[a], self.nodes[b]) for a, b in cut)
            found.append(Cycle(tuple(self.nodes[number] for number in sorted(members)), edges, exact))
        return sorted(found, key=lambda cycle: (-len(cycle.members), cycle.members))

    @cached_property
    def _kept(self) -> list[Edge]:
        cut = set(self.cut())
        return [edge for edge in self.edges if edge not in cut]

    @cached_property
    def _acyclic(self) -> PyDiGraph[str, None]:
        """From what comes first to what depends on it."""
        return _directed(self.nodes, [(self._numbers[b], self._numbers[a]) for a, b in self._kept])

    @cached_property
    def _order(self) -> list[str]:
        import rustworkx

        return list(rustworkx.lexicographical_topological_sort(self._acyclic, key=str))

    @cached_property
    def _needs(self) -> dict[str, list[str]]:
        needs: dict[str, list[str]] = {node: [] for node in self.nodes}
        for a, b in self._kept:
            needs[a].append(b)
        return needs

    @cached_property
    def _needed_by(self) -> dict[str, list[str]]:
        needed: dict[str, list[str]] = {node: [] for node in self.nodes}
        for a, b in self._kept:
            needed[b].append(a)
        return needed

    def _finish(self, weights: Mapping[str, float]) -> dict[str, float]:
        finish: dict[str, float] = {}
        for node in self._order:
            finish[node] = weights[node] + max((finish[name] for name in self._needs[node]), default=0.0)
        return finish

    def _weights(self, estimates: Mapping[str, float] | None) -> dict[str, float]:
        given = estimates or {}
        weights = {node: float(given.get(node, 1.0)) for node in self.nodes}
        for node, weight in weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise BadInput(f"The estimate of {node!r} is {weight}; give a number of at least 0.")
        return weights


def _directed(nodes: tuple[str, ...], arcs: list[tuple[int, int]]) -> PyDiGraph[str, None]:
    import rustworkx

    graph: PyDiGraph[str, None] = rustworkx.PyDiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from_no_data(arcs)
    return graph


def _largest(numbers: Mapping[str, int], most: int) -> tuple[tuple[str, int], ...]:
    return tuple(
        sorted(((name, number) for name, number in numbers.items() if number), key=lambda pair: (-pair[1], pair[0]))[
            :most
        ]
    )
