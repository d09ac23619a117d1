"""The smallest set of edges whose removal leaves no cycle (the minimum feedback arc set), which is NP-hard.

Nodes that no two cycles share separate a graph into blocks, and each block is solved alone: by dynamic programming over its subsets where it
is small, else by the greedy order of Eades, Lin and Smyth, improved by moving single nodes, which is as good as proved where as many
cycles as it cuts edges share no edge.
"""

from __future__ import annotations

import heapq
import random
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

EXACT_NODES = 16
"""Blocks of up to this many nodes are solved exactly: 2^16 subsets are some 0.1 s and 1 MB."""
IMPROVING_STEPS = 1_000_000
"""Edges looked at while the order of one large block is improved: about a second."""
LARGEST_SHAKEN = 5_000
"""Nodes of a block on which more is tried than that, and a proof is looked for: a larger one takes seconds as it is."""
SHAKING_STEPS = 100_000
"""Edges looked at while more is tried on a block for which there is no proof."""
PROVING_STEPS = 1_000_000
"""Edges looked at in the search for a proof."""

Arc = tuple[int, int]


def smallest_cut(arcs: Iterable[Arc]) -> tuple[list[Arc], bool]:
    """The arcs to remove, sorted, and whether it is proved that no smaller set does."""
    distinct = sorted(set(arcs))
    cut = [arc for arc in distinct if arc[0] == arc[1]]
    exact = True
    for block in _blocks([arc for arc in distinct if arc[0] != arc[1]]):
        part, proved = _cut_of_block(block)
        cut += part
        exact = exact and proved
    return sorted(cut), exact


def _blocks(arcs: list[Arc]) -> list[list[Arc]]:
    """The arcs inside each strongly connected component, and of these inside each biconnected one: no cycle leaves such a block."""
    import rustworkx

    numbers, graph = _numbered(arcs)
    component = {}
    for number, members in enumerate(rustworkx.strongly_connected_components(graph)):
        component.update(dict.fromkeys(members, number))
    inside = [(a, b) for a, b in arcs if component[numbers[a]] == component[numbers[b]]]
    undirected = rustworkx.PyGraph(multigraph=False)
    undirected.add_nodes_from(range(len(numbers)))
    undirected.add_edges_from_no_data([(numbers[a], numbers[b]) for a, b in inside])
    block_of = rustworkx.biconnected_components(undirected)
    blocks: dict[int, list[Arc]] = defaultdict(list)
    for a, b in inside:
        pair = (numbers[a], numbers[b])
        blocks[block_of[pair] if pair in block_of else block_of[pair[::-1]]].append((a, b))
    return [blocks[number] for number in sorted(blocks, key=lambda number: blocks[number][0])]


def _numbered(arcs: list[Arc]):  # type: ignore[no-untyped-def]
    import rustworkx

    numbers = {node: number for number, node in enumerate(sorted({node for arc in arcs for node in arc}))}
    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from(range(len(numbers)))
    graph.add_edges_from_no_data([(numbers[a], numbers[b]) for a, b in arcs])
    return numbers, graph


def _cut_of_block(arcs: list[Arc]) -> tuple[list[Arc], bool]:
    nodes = sorted({node for arc in arcs for node in arc})
    numbers = {node: number for number, node in enumerate(nodes)}
    local = [(numbers[a], numbers[b]) for a, b in arcs]
    if len(nodes) <= EXACT_NODES:
        cut, proved = _backward(_best_order(len(nodes), local), local), True
    else:
        cut, proved = _good_cut(len(nodes), local)
    return [(nodes[a], nodes[b]) for a, b in cut], proved


def _backward(order: Sequence[int], arcs: Sequence[Arc]) -> list[Arc]:
    position = {node: place for place, node in enumerate(order)}
    return [(a, b) for a, b in arcs if position[a] > position[b]]


def _best_order(count: int, arcs: Sequence[Arc]) -> list[int]:
    """The order with the fewest arcs that lead backwards. `fewest[s]` is that of the nodes of the set `s` put first; the last of them, `v`,
    adds its arcs into the rest of `s`."""
    import numpy as np

    leads_to = [0] * count
    for a, b in arcs:
        leads_to[a] |= 1 << b
    fewest = np.zeros(1 << count, dtype=np.uint16)
    last = np.zeros(1 << count, dtype=np.uint8)
    subsets = np.arange(1 << count, dtype=np.uint32)
    sizes = np.bitwise_count(subsets)
    for size in range(1, count + 1):
        layer = subsets[sizes == size]
        best = np.full(len(layer), np.iinfo(np.uint16).max, dtype=np.uint16)
        chosen = np.zeros(len(layer), dtype=np.uint8)
        for node in range(count):
            holding = np.flatnonzero(layer & np.uint32(1 << node))
            rest = layer[holding] ^ np.uint32(1 << node)
            cost = fewest[rest] + np.bitwise_count(rest & np.uint32(leads_to[node]))
            better = cost < best[holding]
            best[holding[better]] = cost[better]
            chosen[holding[better]] = node
        fewest[layer] = best
        last[layer] = chosen
    order = []
    left = (1 << count) - 1
    while left:
        order.append(int(last[left]))
        left ^= 1 << order[-1]
    return order[::-1]


def _good_cut(count: int, arcs: Sequence[Arc]) -> tuple[list[Arc], bool]:
    after: list[list[int]] = [[] for _ in range(count)]
    before: list[list[int]] = [[] for _ in range(count)]
    for a, b in arcs:
        after[a].append(b)
        before[b].append(a)
    order = _Order(_greedy_order(count, after, before), after, before)
    order.improve(range(count), IMPROVING_STEPS)
    cut = order.backward(arcs)
    if count > LARGEST_SHAKEN:
        return cut, False
    if _disjoint_cycles(count, arcs, cut) == len(cut):
        return cut, True
    shaking = random.Random(count)  # noqa: S311 - the same shakes every time, so that the same graph has the same cut
    order.spent = 0
    while order.spent < SHAKING_STEPS:
        kept, changed = order.position.copy(), 0
        shaken = {end for _ in range(2) for end in shaking.choice(cut)}
        for node in sorted(shaken):
            changed += order.move(node, shaking.uniform(-1.0, count))
        changed += order.improve([*shaken, *(near for node in shaken for near in order.near(node))], SHAKING_STEPS)
        if changed > 0:
            order.position = kept
        elif changed < 0:
            cut = order.backward(arcs)
    cut = order.backward(arcs)
    return cut, _disjoint_cycles(count, arcs, cut) == len(cut)


class _Order:
    """An order of nodes in which single nodes move. Only a node's place among its neighbours matters, so it goes half way between two of
    them; `spent` counts the arcs looked at."""

    def __init__(self, order: list[int], after: list[list[int]], before: list[list[int]]) -> None:
        self.position = [0.0] * len(order)
        for place, node in enumerate(order):
            self.position[node] = float(place)
        self.spent = 0
        self._after, self._before = after, before

    def near(self, node: int) -> list[int]:
        return self._after[node] + self._before[node]

    def backward(self, arcs: Sequence[Arc]) -> list[Arc]:
        return [(a, b) for a, b in arcs if self.position[a] > self.position[b]]

    def move(self, node: int, place: float) -> int:
        """How many more arcs lead backwards for it."""
        position = self.position
        taken = {position[other] for other in self.near(node)}
        if place in taken:
            return 0
        old = self._backward_at(node, position[node])
        position[node] = place
        return self._backward_at(node, place) - old

    def improve(self, nodes: Iterable[int], steps: int) -> int:
        """Moves these nodes, and the neighbours of what moved, to where the fewest of their arcs lead backwards, until no move helps or the
        steps are spent. How many more arcs lead backwards: at most 0."""
        queue = deque(dict.fromkeys(nodes))
        waiting = set(queue)
        changed = 0
        while queue and self.spent < steps:
            node = queue.popleft()
            waiting.discard(node)
            gained = self._settle(node)
            changed -= gained
            if gained:
                for other in self.near(node):
                    if other not in waiting:
                        waiting.add(other)
                        queue.append(other)
        return changed

    def _backward_at(self, node: int, place: float) -> int:
        position = self.position
        return sum(position[other] < place for other in self._after[node]) + sum(
            position[other] > place for other in self._before[node]
        )

    def _settle(self, node: int) -> int:
        position, here = self.position, self.position[node]
        neighbours = [(position[other], 1) for other in self._after[node]]
        neighbours += [(position[other], -1) for other in self._before[node]]
        neighbours.sort()
        self.spent += len(neighbours)
        # Before all neighbours, every arc into the node leads backwards; past a target its arc does too, past a source one less does.
        backward = len(self._before[node])
        best, best_place, present = backward, -1, backward
        for place, (where, change) in enumerate(neighbours):
            backward += change
            if where < here:
                present = backward
            if backward < best and (place + 1 == len(neighbours) or neighbours[place + 1][0] > where):
                best, best_place = backward, place
        if best >= present:
            return 0
        low = neighbours[best_place][0] if best_place >= 0 else neighbours[0][0] - 2.0
        high = neighbours[best_place + 1][0] if best_place + 1 < len(neighbours) else low + 2.0
        if not low < (low + high) / 2 < high:
            # Numbers this close have no third between them: all places are counted anew, and the node waits for its next turn.
            self._renumber()
            return 0
        position[node] = (low + high) / 2
        return present - best

    def _renumber(self) -> None:
        nodes = sorted(range(len(self.position)), key=lambda node: (self.position[node], node))
        for place, node in enumerate(nodes):
            self.position[node] = float(place)


def _greedy_order(count: int, after: list[list[int]], before: list[list[int]]) -> list[int]:
    """Eades, Lin and Smyth (1993): sinks last, sources first, and where there are neither the node with the most arcs out over arcs in."""
    outward, inward = [len(found) for found in after], [len(found) for found in before]
    left, right = [], deque[int]()
    placed = [False] * count
    queue = [(inward[node] - outward[node], node) for node in range(count)]
    heapq.heapify(queue)
    ends = [node for node in range(count) if not outward[node] or not inward[node]]
    for _ in range(count):
        node = -1
        while ends and node < 0:
            node = ends.pop()
            node = -1 if placed[node] else node
        while node < 0:
            excess, node = heapq.heappop(queue)
            if placed[node] or excess != inward[node] - outward[node]:
                node = -1
        placed[node] = True
        if outward[node]:
            left.append(node)
        else:
            right.appendleft(node)
        for neighbours, degrees in ((after[node], inward), (before[node], outward)):
            for other in neighbours:
                if not placed[other]:
                    degrees[other] -= 1
                    heapq.heappush(queue, (inward[other] - outward[other], other))
                    if not inward[other] or not outward[other]:
                        ends.append(other)
    return [*left, *right]


def _disjoint_cycles(count: int, arcs: Sequence[Arc], cut: Sequence[Arc]) -> int:
    """How many cycles that share no arc were found, each through another arc of the cut: no smaller set than their number can cut them all."""
    after: list[set[int]] = [set() for _ in range(count)]
    for a, b in arcs:
        after[a].add(b)
    found, steps = 0, PROVING_STEPS
    for start, end in cut:
        came_from: dict[int, int] = {end: start}
        queue = deque([end])
        while queue and start not in came_from and steps > 0:
            node = queue.popleft()
            steps -= len(after[node])
            for other in sorted(after[node]):
                if other not in came_from:
                    came_from[other] = node
                    queue.append(other)
        if start in came_from and end in after[start]:
            found += 1
            node = start
            while True:
                after[came_from[node]].discard(node)
                node = came_from[node]
                if node == start:
                    break
    return found
