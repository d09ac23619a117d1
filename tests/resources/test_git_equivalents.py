"""A branch whose work is on the default branch already is not work in progress."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import GitRepository

from resources.git import Landed, landed_by_title, open_repository, patch_equivalents, read_commits, read_graph


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    made = GitRepository(tmp_path / "engine")
    made.commit("Start", {"a.py": "".join(f"line {number}\n" for number in range(40)), "b.py": "b\n"})
    made.branch("work")
    made.commit("Add a parallel reader", {"a.py": "".join(f"line {number}\n" for number in range(41))})
    made.commit("Tidy", {"b.py": "b\nc\n"})
    made.checkout("main")
    made.commit("Unrelated", {"z.py": "z\n", "a.py": "first\n" + "".join(f"line {number}\n" for number in range(40))})
    return made


def equivalents(made: GitRepository, *, since: int = 0, titles: bool = False) -> dict[str, str]:
    repository = open_repository(made.path)
    graph = read_graph(repository)
    subjects = (
        {commit.hash: commit.message.partition("\n")[0] for commit in read_commits(repository)} if titles else None
    )
    return patch_equivalents(repository, graph, graph.unmerged_heads(), subjects, since=since)


def test_work_that_is_nowhere_else_is_in_progress(made: GitRepository) -> None:
    assert equivalents(made, titles=True) == {}


def test_a_squashed_branch_has_landed(made: GitRepository) -> None:
    made.git("merge", "--squash", "--quiet", "work")
    squash = made.commit("Read in parallel (#4)")
    made.commit("Later", {"a.py": "other\n"})
    assert equivalents(made) == {"refs/heads/work": squash}
    assert equivalents(made, since=2_000_000_000) == {}


def test_a_rebased_branch_has_landed(made: GitRepository) -> None:
    made.git("cherry-pick", "main..work", GIT_COMMITTER_DATE="2024-04-01T00:00:00Z")
    assert equivalents(made) == {"refs/heads/work": made.head()}


@pytest.mark.parametrize("half", ["work", "work~1"])
def test_half_a_branch_has_not_landed(made: GitRepository, half: str) -> None:
    made.git("cherry-pick", half, GIT_COMMITTER_DATE="2024-04-01T00:00:00Z")
    assert equivalents(made) == {}


def test_a_branch_that_took_main_in_before_it_was_squashed_has_landed(made: GitRepository) -> None:
    made.checkout("work")
    made.merge("main", message="Merge main")
    made.checkout("main")
    made.git("merge", "--squash", "--quiet", "work")
    squash = made.commit("Read in parallel (#4)")
    assert equivalents(made) == {"refs/heads/work": squash}


def test_an_edited_squash_is_told_by_its_title(made: GitRepository) -> None:
    squash = made.commit(
        "Add a parallel reader (#4)", {"a.py": "quite different\n"}, authored="2024-03-09T09:30:00+01:00"
    )
    assert equivalents(made) == {}
    assert equivalents(made, titles=True) == {"refs/heads/work": squash}


def test_missing_contents_leave_a_branch_in_progress(made: GitRepository) -> None:
    made.git("merge", "--squash", "--quiet", "work")
    made.commit("Read in parallel (#4)")
    name = made.git("rev-parse", "work:a.py")
    (made.path / ".git/objects" / name[:2] / name[2:]).unlink()
    assert equivalents(made) == {}


@pytest.mark.parametrize(
    ("branch", "subjects", "landed", "same"),
    [
        ("pr-12", ["wip"], "Anything at all (#12)", True),
        ("pull/12/head", ["wip"], "Anything at all (#12)", True),
        ("fix/12-crash", ["wip"], "Anything at all (#12)", False),
        ("work", ["Retry on timeout (#12)"], "Other words (#12)", True),
        ("feature/add-parallel-reader", ["wip", "start"], "Add parallel reader (#3)", True),
        ("work", ["style", "Add the parallel reader"], "add the parallel reader (#3)", True),
        ("work", ["style", "Add the parallel reader"], "Add the parallel reader", False),
        ("work", ["fix typo"], "Fix typo (#3)", False),
        ("work", [], "Fix (#3)", False),
    ],
)
def test_titles(branch: str, subjects: list[str], landed: str, same: bool) -> None:
    found = landed_by_title(
        branch, subjects, [Landed("0" * 40, "Something else (#99)", 1), Landed("1" * 40, landed, 2)]
    )
    assert found == ("1" * 40 if same else None)
