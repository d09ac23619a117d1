"""When commits landed on the default branch, what brought them, and what is still on branches."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from git_repositories import GitRepository
from hypothesis import given
from hypothesis import strategies as st

from resources.git import CommitGraph, open_repository, read_graph
from resources.git.refs import Refs


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "engine")


def graph_of(made: GitRepository) -> CommitGraph:
    return read_graph(open_repository(made.path))


def day(number: int) -> str:
    return f"2024-03-{number:02}T12:00:00+00:00"


def seconds(number: int) -> int:
    return int(datetime.fromisoformat(day(number)).timestamp())


def test_a_merge_lands_its_branch_on_the_day_of_the_merge(made: GitRepository) -> None:
    start = made.commit("Start", authored=day(1))
    made.branch("feature")
    first = made.commit("First", {"a": "1"}, authored=day(2))
    second = made.commit("Second", {"a": "2"}, authored=day(3))
    made.checkout("main")
    other = made.commit("Other", {"b": "1"}, authored=day(4))
    merge = made.merge("feature", authored=day(10))
    graph = graph_of(made)
    assert graph.landings() == {
        start: seconds(1),
        other: seconds(4),
        first: seconds(10),
        second: seconds(10),
        merge: seconds(10),
    }
    assert graph.landed_by() == {first: merge, second: merge}
    assert graph.unmerged_heads() == []


def test_a_fast_forward_lands_commits_at_their_own_times(made: GitRepository) -> None:
    made.commit("Start", authored=day(1))
    made.branch("feature")
    head = made.commit("Feature", {"a": "1"}, authored=day(2), committed=day(3))
    made.checkout("main")
    made.merge("feature", no_ff=False)
    graph = graph_of(made)
    assert graph.landings()[head] == seconds(3)
    assert graph.landed_by() == {}


def test_a_long_lived_branch_lands_piece_by_piece(made: GitRepository) -> None:
    made.commit("Start", authored=day(1))
    made.branch("next")
    first = made.commit("First", {"a": "1"}, authored=day(2))
    made.checkout("main")
    merge_one = made.merge("next", authored=day(5))
    made.checkout("next")
    back = made.merge("main", authored=day(6), message="Take main in")
    second = made.commit("Second", {"a": "2"}, authored=day(7))
    made.checkout("main")
    merge_two = made.merge("next", authored=day(9))
    made.checkout("next")
    open_one = made.commit("Third", {"a": "3"}, authored=day(10))
    graph = graph_of(made)
    landings = graph.landings()
    assert (landings[first], landings[back], landings[second]) == (seconds(5), seconds(9), seconds(9))
    assert graph.landed_by() == {first: merge_one, back: merge_two, second: merge_two}
    assert graph.branch_of() == {open_one: "next"}
    assert graph.merge_base(open_one) == second


def test_an_octopus_lands_all_its_arms(made: GitRepository) -> None:
    made.commit("Start", authored=day(1))
    arms = {}
    for name in ("one", "two", "three"):
        made.branch(name, "main")
        arms[name] = made.commit(name, {name: "x"}, authored=day(2))
    made.checkout("main")
    merge = made.merge("one", "two", "three", authored=day(4))
    graph = graph_of(made)
    assert graph.landed_by() == dict.fromkeys(arms.values(), merge)


def test_two_roots_are_landed_by_the_merge_that_joins_them(made: GitRepository) -> None:
    start = made.commit("Start", {"a": "a"}, authored=day(2))
    made.git("checkout", "--quiet", "--orphan", "pages")
    pages = made.commit("Pages", {"a": None, "index": "x"}, authored=day(1))
    made.checkout("main")
    before = graph_of(made)
    assert (before.landings(), before.branch_of()) == ({start: seconds(2)}, {pages: "pages"})
    assert before.merge_base(pages) is None
    merge = made.merge("pages", authored=day(3))
    assert graph_of(made).landed_by() == {pages: merge}


def test_a_clock_that_runs_backwards_does_not_land_before_its_parent(made: GitRepository) -> None:
    made.commit("Late", authored=day(20))
    early = made.commit("Early", authored=day(2))
    assert graph_of(made).landings()[early] == seconds(20)


def test_one_commit_from_the_future_does_not_hold_up_the_others(made: GitRepository) -> None:
    made.commit("Start", authored=day(1))
    wrong = made.commit("Wrong clock", authored="2099-01-01T00:00:00+00:00")
    later = [made.commit(f"Number {number}", authored=day(number)) for number in range(3, 7)]
    landings = graph_of(made).landings()
    assert [landings[commit] for commit in [wrong, *later]] == [seconds(number) for number in (1, 3, 4, 5, 6)]


def test_a_branch_is_unmerged_once_here_and_on_the_remote(made: GitRepository, tmp_path: Path) -> None:
    made.commit("Start")
    clone = made.clone(tmp_path / "clone")
    clone.branch("ahead")
    published = clone.commit("Published", {"a": "1"})
    clone.git("push", "--quiet", "origin", "ahead")
    ours = clone.commit("Ours", {"a": "2"})
    clone.branch("same", "main")
    same = clone.commit("Same", {"b": "1"})
    clone.git("push", "--quiet", "origin", "same")
    clone.git("update-ref", "refs/pull/3/head", "same")
    heads = graph_of(clone).unmerged_heads()
    assert [(head.ref, head.name, head.commits) for head in heads] == [
        ("refs/heads/ahead", "ahead", (ours, published)),
        ("refs/heads/same", "same", (same,)),
    ]


def test_the_default_branch_counts_as_it_stands_here_and_on_the_remote(made: GitRepository, tmp_path: Path) -> None:
    made.commit("Start", authored=day(1))
    clone = made.clone(tmp_path / "clone")
    ours = clone.commit("Not pushed", {"a": "1"}, authored=day(2))
    theirs = made.commit("Not pulled", {"b": "1"}, authored=day(3))
    clone.git("fetch", "--quiet")
    graph = graph_of(clone)
    assert (graph.landings()[ours], graph.landings()[theirs]) == (seconds(2), seconds(3))
    assert graph.unmerged_heads() == []


def test_a_commit_belongs_to_the_smallest_branch_that_holds_it(made: GitRepository) -> None:
    made.commit("Start")
    made.branch("base-work")
    first = made.commit("First", {"a": "1"})
    made.branch("a-stacked")
    second = made.commit("Second", {"a": "2"})
    assert graph_of(made).branch_of() == {first: "base-work", second: "a-stacked"}


def test_a_hundred_thousand_commits_are_walked_in_seconds() -> None:
    count, chance = 100_000, random.Random(1)
    hashes = [f"{number:040x}" for number in range(count)]  # newest first
    parents = [
        tuple(
            hashes[min(number + step, count - 1)]
            for step in ((1, chance.randrange(2, 40)) if number % 9 == 0 else (1,))
        )
        for number in range(count - 1)
    ]
    refs = Refs({"refs/heads/main": hashes[10], "refs/heads/work": hashes[0]}, "refs/heads/main", None, "main")
    times = list(range(count, 0, -1))
    graph = CommitGraph(hashes, [*parents, ()], times, times, refs, {name: at for at, name in enumerate(hashes)})
    started = time.perf_counter()
    assert len(graph.landings()) == count - 10
    assert len(graph.branch_of()) == 10
    assert time.perf_counter() - started < 5


@given(st.lists(st.lists(st.integers(1, 6), min_size=0, max_size=3), min_size=1, max_size=40), st.data())
def test_landed_is_what_the_default_branch_reaches(steps: list[list[int]], data: st.DataObject) -> None:
    count = len(steps)
    hashes = [f"{number:040x}" for number in range(count)]
    parents = [
        tuple(dict.fromkeys(hashes[at + step] for step in steps[at] if at + step < count)) for at in range(count)
    ]
    times = [data.draw(st.integers(0, 100)) for _ in range(count)]
    tips = {
        "refs/heads/main": hashes[data.draw(st.integers(0, count - 1))],
        "refs/remotes/origin/main": hashes[data.draw(st.integers(0, count - 1))],
        "refs/heads/work": hashes[data.draw(st.integers(0, count - 1))],
    }
    graph = CommitGraph(
        hashes, parents, times, times, Refs(tips, None, None, "main"), {h: i for i, h in enumerate(hashes)}
    )

    def reached(tip: str) -> set[str]:
        return {tip}.union(*(reached(parent) for parent in parents[hashes.index(tip)]))

    landed = reached(tips["refs/heads/main"]) | reached(tips["refs/remotes/origin/main"])
    landings = graph.landings()
    assert set(landings) == landed
    assert set(graph.branch_of()) == reached(tips["refs/heads/work"]) - landed
    for commit, brought_by in graph.landed_by().items():
        assert commit in reached(brought_by)
        assert landings[commit] == landings[brought_by]
        assert len(parents[hashes.index(brought_by)]) > 1


def test_a_branch_brought_up_to_date_does_not_take_over_the_line_of_the_default_branch(tmp_path: Path) -> None:
    """A branch merges main into itself and main is then fast-forwarded to it: main's own commits landed when they were made, not when
    the branch did."""
    repository = GitRepository(tmp_path)
    repository.commit(
        "Begin", files={"a": "1"}, authored="2026-01-05T09:00:00+00:00", committed="2026-01-05T09:00:00+00:00"
    )
    repository.branch("topic")
    repository.commit(
        "On the topic", files={"b": "1"}, authored="2026-01-06T09:00:00+00:00", committed="2026-01-06T09:00:00+00:00"
    )
    repository.checkout("main")
    landed = repository.commit(
        "On main", files={"c": "1"}, authored="2026-01-07T09:00:00+00:00", committed="2026-01-07T09:00:00+00:00"
    )
    repository.checkout("topic")
    topic = repository.git("rev-parse", "HEAD")
    repository.merge("main", message="Merge branch 'main' into topic", committed="2026-02-02T09:00:00+00:00")
    repository.checkout("main")
    repository.merge("topic", no_ff=False)
    graph = read_graph(open_repository(tmp_path))
    january, february = graph.landings()[landed], graph.landings()[topic]
    assert datetime.fromtimestamp(january, UTC).date().isoformat() == "2026-01-07"
    assert datetime.fromtimestamp(february, UTC).date().isoformat() == "2026-02-02"
