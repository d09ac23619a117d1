"""Cycles, the edges to cut, levels and critical paths of any dependency graph."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.code.dependency_graph import DependencyGraph, Edge, graph_of
from orchestration_assets.code.smallest_cut import EXACT_NODES
from resources.errors import BadInput

NODES = [f"n{number}" for number in range(6)]
edges_of_few = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=16)
edges_of_many = st.integers(EXACT_NODES + 1, 30).flatmap(
    lambda count: st.lists(st.tuples(*[st.sampled_from([f"m{number}" for number in range(count)])] * 2), max_size=90)
)


def reachable(edges: list[Edge], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        for a, b in edges:
            if a == node and b not in found:
                found.add(b)
                waiting.append(b)
    return found


def in_cycles(edges: list[Edge]) -> set[frozenset[str]]:
    """By looking from every node whether it comes back to itself."""
    nodes = {node for edge in edges for node in edge}
    reach = {node: reachable(edges, node) for node in nodes}
    return {
        frozenset({other for other in nodes if other in reach[node] and node in reach[other]})
        for node in nodes
        if node in reach[node]
    }


def fewest_to_cut(edges: list[Edge]) -> int:
    """The fewest edges that lead backwards in any order of the nodes."""
    nodes = sorted({node for edge in edges for node in edge})
    return min(sum(order.index(a) >= order.index(b) for a, b in set(edges)) for order in itertools.permutations(nodes))


@settings(max_examples=40, deadline=None)
@given(edges_of_few)
def test_cycles_are_the_nodes_that_come_back_to_themselves(edges: list[Edge]) -> None:
    found = {frozenset(cycle.members) for cycle in graph_of(edges).cycles()}
    assert found == in_cycles(edges)


@settings(max_examples=40, deadline=None)
@given(edges_of_few)
def test_the_cut_of_a_small_graph_is_the_smallest(edges: list[Edge]) -> None:
    graph = graph_of(edges)
    assert all(cycle.exact for cycle in graph.cycles())
    assert len(graph.cut()) == (fewest_to_cut(edges) if edges else 0)
    assert in_cycles([edge for edge in edges if edge not in graph.cut()]) == set()


@settings(max_examples=30, deadline=None)
@given(edges_of_many)
def test_the_cut_of_a_large_graph_breaks_every_cycle(edges: list[Edge]) -> None:
    graph = graph_of(edges)
    cut = graph.cut()
    assert set(cut) <= set(edges)
    assert in_cycles([edge for edge in edges if edge not in cut]) == set()


def test_what_is_proved_of_a_large_graph_is_true() -> None:
    """Ten triangles that share one node, and a ring too long for the exact search: eleven edges are needed, and the rest proves it."""
    triangles = [
        edge
        for number in range(10)
        for edge in [("hub", f"a{number}"), (f"a{number}", f"b{number}"), (f"b{number}", "hub")]
    ]
    ring = [(f"r{number}", f"r{(number + 1) % 40}") for number in range(40)]
    first, second = graph_of([*triangles, *ring]).cycles()
    assert (len(first.members), len(first.cut), first.exact) == (40, 1, True)
    assert (len(second.members), len(second.cut), second.exact) == (21, 10, True)


def test_a_graph_for_which_nothing_is_proved_says_so() -> None:
    edges = [(f"n{a}", f"n{b}") for a in range(80) for b in range(80) if (a * 7 + b * 11) % 5 < 2 and a != b]
    (cycle,) = graph_of(edges).cycles()
    assert not cycle.exact
    assert in_cycles([edge for edge in edges if edge not in cycle.cut]) == set()


def test_a_node_that_depends_on_itself_is_a_cycle() -> None:
    (cycle,) = graph_of([("a", "a"), ("a", "b")]).cycles()
    assert (cycle.members, cycle.cut, cycle.exact) == (("a",), (("a", "a"),), True)


@settings(max_examples=40, deadline=None)
@given(st.permutations([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "b"), ("e", "a")]))
def test_the_order_of_the_edges_changes_nothing(edges: list[Edge]) -> None:
    graph = graph_of(edges)
    assert graph.cut() == [("b", "c")]
    assert graph.levels() == [["b"], ["a", "d"], ["c", "e"]]


def test_levels_put_each_node_after_all_that_it_depends_on() -> None:
    graph = graph_of([("app", "models"), ("app", "views"), ("views", "models"), ("models", "base")], ["alone"])
    assert graph.levels() == [["alone", "base"], ["models"], ["views"], ["app"]]
    assert graph.order() == ["alone", "base", "models", "views", "app"]


@settings(max_examples=40, deadline=None)
@given(edges_of_few)
def test_every_node_is_in_one_level_above_its_dependencies(edges: list[Edge]) -> None:
    graph = graph_of(edges, NODES)
    level_of = {node: number for number, level in enumerate(graph.levels()) for node in level}
    assert sorted(level_of) == NODES
    cut = set(graph.cut())
    assert all(level_of[a] > level_of[b] for a, b in graph.edges if (a, b) not in cut)


def test_the_critical_path_is_weighed_by_the_estimates() -> None:
    graph = graph_of([("d", "b"), ("d", "c"), ("b", "a"), ("c", "a")])
    assert graph.critical_path({"a": 1, "b": 2, "c": 5, "d": 1}).nodes == ("a", "c", "d")
    assert graph.critical_path({"a": 1, "b": 9, "c": 5, "d": 1}).length == 11
    assert graph.critical_path().nodes == ("a", "b", "d")
    assert graph_of([]).critical_path().nodes == ()


def test_timings_tell_a_scheduler_what_can_wait() -> None:
    timings = graph_of([("d", "b"), ("d", "c"), ("b", "a"), ("c", "a")]).timings({"a": 1, "b": 2, "c": 5, "d": 1})
    assert {node: (each.earliest_start, each.slack, each.tail) for node, each in timings.items()} == {
        "a": (0, 0, 7),
        "b": (1, 3, 3),
        "c": (1, 0, 6),
        "d": (6, 0, 1),
    }


@settings(max_examples=40, deadline=None)
@given(edges_of_few, st.lists(st.floats(0, 100), min_size=6, max_size=6))
def test_the_critical_path_has_no_slack_and_nothing_is_longer(edges: list[Edge], weights: list[float]) -> None:
    graph, estimates = graph_of(edges, NODES), dict(zip(NODES, weights, strict=True))
    path, timings = graph.critical_path(estimates), graph.timings(estimates)
    assert math.isclose(path.length, sum(estimates[node] for node in path.nodes), abs_tol=1e-9)
    assert math.isclose(path.length, max(each.tail for each in timings.values()), abs_tol=1e-9)
    assert all(timings[node].slack < 1e-9 for node in path.nodes)
    kept = set(graph.edges) - set(graph.cut())
    assert all((b, a) in kept for a, b in itertools.pairwise(path.nodes))


@pytest.mark.parametrize("estimate", [-1, math.nan, math.inf])
def test_an_estimate_that_is_none_is_refused_in_one_sentence(estimate: float) -> None:
    with pytest.raises(BadInput, match="estimate of 'a'"):
        graph_of([("a", "b")]).critical_path({"a": estimate})


def test_statistics_count_and_name_the_most_used() -> None:
    figures = graph_of([("a", "c"), ("b", "c"), ("c", "d"), ("d", "c")], ["e"]).statistics()
    assert (figures.nodes, figures.edges, figures.cycles, figures.nodes_in_cycles, figures.edges_to_cut) == (
        5,
        4,
        1,
        2,
        1,
    )
    assert (figures.alone, figures.busiest[0], figures.levels, figures.widest_level) == (1, ("c", 3), 2, 3)


def test_a_chain_of_twenty_thousand_needs_no_deep_stack() -> None:
    graph: DependencyGraph = graph_of([(f"n{number}", f"n{number + 1}") for number in range(20_000)])
    assert graph.critical_path().length == 20_001
    assert len(graph.levels()) == 20_001
