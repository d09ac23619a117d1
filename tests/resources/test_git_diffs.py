"""The changed lines of commits: the right ones, with their numbers, whatever they look like."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import GitRepository
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.git import DiffLine, open_repository, read_diff_lines


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "engine")


def lines(made: GitRepository, commit: str, *pathspecs: str) -> list[DiffLine]:
    return list(read_diff_lines(open_repository(made.path), [commit], pathspecs))


def test_added_and_removed_lines_have_their_numbers(made: GitRepository) -> None:
    start = made.commit("Start", {"a.py": "one\ntwo\nthree\n"})
    head = made.commit("Change", {"a.py": "zero\none\nthree\nfour\n"})
    assert [tuple(line) for line in lines(made, start)] == [
        (start, "a.py", None, "+", 1, "one"),
        (start, "a.py", None, "+", 2, "two"),
        (start, "a.py", None, "+", 3, "three"),
    ]
    assert [tuple(line)[3:] for line in lines(made, head)] == [("+", 1, "zero"), ("-", 2, "two"), ("+", 4, "four")]


def test_only_matching_files_are_read(made: GitRepository) -> None:
    head = made.commit("Start", {"a.py": "a\n", "b.txt": "b\n", "deep/pyproject.toml": "c\n", "-odd": "d\n"})
    assert {line.path for line in lines(made, head, "*.py", ":(glob)**/pyproject.toml")} == {
        "a.py",
        "deep/pyproject.toml",
    }
    assert {line.path for line in lines(made, head, "-odd")} == {"-odd"}
    assert {line.path for line in lines(made, head)} == {"a.py", "b.txt", "deep/pyproject.toml", "-odd"}


def test_renames_deletions_and_odd_paths(made: GitRepository) -> None:
    text = "".join(f"line {number}\n" for number in range(30))
    names = ["tab\there", 'quo"te', "a\nb", "grün", "end ", "back\\slash", "caf\udce9", "b/b"]
    made.commit("Start", {name: text.replace("line", str(at)) for at, name in enumerate(names)})
    for name in names:
        made.git("mv", f"./{name}", f"./{name}2")
    moved = made.commit("Move", {f"{name}2": text.replace("line", str(at)) + "x" for at, name in enumerate(names)})
    expected = {name.replace("\udce9", "\\xe9") for name in names}
    assert {(line.old_path, line.path) for line in lines(made, moved)} == {(name, f"{name}2") for name in expected}
    gone = made.commit("Remove", {f"{name}2": None for name in names})
    assert {line.path for line in lines(made, gone)} == {f"{name}2" for name in expected}
    assert {line.sign for line in lines(made, gone)} == {"-"}


IMITATION = [
    "-- a/evil.py",
    "++ b/evil.py",
    "--- a/evil.py",
    "+++ b/evil.py",
    "@@ -1,3 +1,3 @@ evil",
    "diff --git a/evil.py b/evil.py",
    "rename from evil.py",
    "0123456789012345678901234567890123456789",
    "\\ No newline at end of file",
    "+import evil",
    "-import evil",
    "",
    " ",
]


def test_content_that_imitates_a_patch_is_content(made: GitRepository) -> None:
    start = made.commit("Start", {"real.py": "\n".join(IMITATION)})
    gone = made.commit("Remove", {"real.py": None, "other.py": "x = 1\n"})
    assert [(line.path, line.text) for line in lines(made, start)] == [("real.py", text) for text in IMITATION]
    removed = [line for line in lines(made, gone) if line.sign == "-"]
    assert [(line.path, line.text) for line in removed] == [("real.py", text) for text in IMITATION]
    assert [(line.path, line.sign, line.text) for line in lines(made, gone, "other.py")] == [("other.py", "+", "x = 1")]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(IMITATION), max_size=12), st.lists(st.sampled_from(IMITATION), max_size=12), st.booleans()
)
def test_lines_rebuild_the_file(made: GitRepository, before: list[str], after: list[str], ended: bool) -> None:
    end = "\n" if ended else ""
    made.commit("Before", {"f": "".join(f"{line}\n" for line in before)})
    head = made.commit("After", {"f": "\n".join(after) + end if after else ""})
    changes = lines(made, head)
    kept = dict(enumerate(before, 1))
    for change in changes:
        if change.sign == "-":
            assert kept.pop(change.line_number) == change.text
    rebuilt, rest = {line.line_number: line.text for line in changes if line.sign == "+"}, iter(kept.values())
    total = len(rebuilt) + len(kept)
    result = [rebuilt[number] if number in rebuilt else next(rest) for number in range(1, total + 1)]
    whole = (made.path / "f").read_text().split("\n")
    assert result == (whole[:-1] if whole[-1] == "" else whole)


def test_long_lines_binary_files_and_merges_are_left_out(made: GitRepository) -> None:
    head = made.commit("Start", {"a": "x" * 2001 + "\n" + "y" * 2000 + "\n", "b.png": b"\0\1", "c": b"caf\xe9\r\n"})
    assert [(line.path, line.line_number, len(line.text)) for line in lines(made, head)] == [
        ("a", 2, 2000),
        ("c", 1, 7),
    ]
    made.branch("feature")
    made.commit("Feature", {"d": "d\n"})
    made.checkout("main")
    assert lines(made, made.merge("feature")) == []


def test_missing_contents_cost_their_commits_alone(made: GitRepository) -> None:
    hashes = [made.commit(f"Number {number}", {f"{number % 2}.txt": f"{number}\n"}) for number in range(20)]
    for number, damage in ((4, "missing"), (9, "damaged")):
        name = made.git("rev-parse", f"{hashes[number]}:{number % 2}.txt")
        path = made.path / ".git/objects" / name[:2] / name[2:]
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-6])
        if damage == "missing":
            path.unlink()
    said: list[str] = []
    read = list(read_diff_lines(open_repository(made.path), hashes, (), said.append))
    assert {line.hash for line in read} == set(hashes) - {hashes[4], hashes[6], hashes[9], hashes[11]}
    assert len(read) == len(set(read)) == 2 * 16 - 2
    assert said == ["engine: left out the diff of 4 commits, because git lacks file contents; a full clone has them."]
    said.clear()
    assert list(read_diff_lines(open_repository(made.path), hashes, ["absent"], said.append)) == []
    assert said == []
    assert list(read_diff_lines(open_repository(made.path), ["f" * 40, "--all"])) == []


def test_the_boundary_of_a_shallow_clone_has_no_lines(made: GitRepository, tmp_path: Path) -> None:
    hashes = [made.commit(f"Number {number}", {"a": f"{number}\n"}) for number in range(3)]
    made.git("clone", "--quiet", "--depth=2", made.path.as_uri(), tmp_path / "shallow")
    read = read_diff_lines(open_repository(tmp_path / "shallow"), hashes)
    assert {line.hash for line in read} == {hashes[2]}
