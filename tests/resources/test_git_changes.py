"""What lies between two commits, and the files of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from resources.git import CommitTree, UnreadableRepository, changed_files, merge_base, open_repository
from resources.git.trees import LONGEST_FILE
from tests.git_repositories import GitRepository


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "made")


def test_every_kind_of_change_is_told_with_its_lines(made: GitRepository) -> None:
    long = "".join(f"line {number}\n" for number in range(20))
    base = made.commit(
        "base", {"kept.py": long, "gone.py": "x = 1\n", "old name.py": long + "end\n", "picture": b"\0a"}
    )
    changed = long.replace("line 10\n", "line ten\nand more\n")
    files = {"kept.py": changed, "gone.py": None, "old name.py": None, "ne\tw.py": long + "end\n", "picture": b"\0b"}
    head = made.commit("head", files | {"added.py": "--- a\n+++ b\n@@ -1 +1 @@\n", "empty.py": ""})
    found = {file.path: file for file in changed_files(open_repository(made.path), base, head)}
    assert {path: (file.status, file.old_path, file.is_binary) for path, file in found.items()} == {
        "kept.py": ("modified", None, False),
        "gone.py": ("deleted", None, False),
        "ne\tw.py": ("renamed", "old name.py", False),
        "picture": ("modified", None, True),
        "added.py": ("added", None, False),
        "empty.py": ("added", None, False),
    }
    assert [(line.sign, line.old, line.new, line.text) for line in found["kept.py"].lines] == [
        (" ", 8, 8, "line 7"),
        (" ", 9, 9, "line 8"),
        (" ", 10, 10, "line 9"),
        ("-", 11, None, "line 10"),
        ("+", None, 11, "line ten"),
        ("+", None, 12, "and more"),
        (" ", 12, 13, "line 11"),
        (" ", 13, 14, "line 12"),
        (" ", 14, 15, "line 13"),
    ]
    assert [line.text for line in found["added.py"].lines] == ["--- a", "+++ b", "@@ -1 +1 @@"]
    assert (found["kept.py"].added, found["kept.py"].removed, found["gone.py"].removed) == (2, 1, 1)


def test_what_the_base_did_in_the_meantime_is_no_change(made: GitRepository) -> None:
    start = made.commit("start", {"a": "1\n"})
    made.git("switch", "--quiet", "--create", "proposal")
    head = made.commit("proposal", {"b": "1\n"})
    made.git("switch", "--quiet", "main")
    base = made.commit("meanwhile", {"a": "2\n"})
    repository = open_repository(made.path)
    assert merge_base(repository, base, head) == start
    assert [file.path for file in changed_files(repository, base, head)] == ["b"]


def test_a_commit_that_is_not_there_is_one_sentence(made: GitRepository) -> None:
    head = made.commit("head", {"a": "1\n"})
    repository = open_repository(made.path)
    with pytest.raises(UnreadableRepository):
        changed_files(repository, "0" * 40, head)
    with pytest.raises(UnreadableRepository), CommitTree(repository, "0" * 40):
        pass


def test_a_tree_holds_regular_files_alone(made: GitRepository, tmp_path: Path) -> None:
    (made.path / "link").symlink_to("/etc/passwd")
    files = {"a/b.py": "x\n", "übung.txt": "u\n", "long": b"0" * (LONGEST_FILE + 1), "after": "y"}
    commit = made.commit("all", files)
    with CommitTree(open_repository(made.path), commit) as tree:
        assert tree.paths() == {"a/b.py", "übung.txt", "long", "after"}
        assert tree.read("a/b.py") == b"x\n"
        assert tree.read("long") is None
        assert tree.read("link") is None
        assert tree.read("nowhere") is None
        assert dict(tree.contents(["long", "after", "nowhere", "a/b.py"])) == {"after": b"y", "a/b.py": b"x\n"}
        tree.export(tmp_path / "out")
    assert {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()} == {
        "a/b.py",
        "übung.txt",
        "after",
    }
