"""Opening repositories of every kind, telling which one it is, and noticing that it changed."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from git_repositories import GitRepository

from resources.git import (
    GitMissing,
    NotARepository,
    UnreadableRepository,
    open_repository,
    read_commits,
    read_file,
    read_graph,
    refs_fingerprint,
    self_email,
)


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "engine")
    repository.commit("Start", {"src/main.py": "print(1)\n", "README.md": "Engine\n"})
    return repository


def test_a_work_tree_its_folders_and_its_git_directory_are_one_repository(made: GitRepository) -> None:
    whole = open_repository(made.path)
    assert (whole.path, whole.name, whole.default_branch) == (made.path, "engine", "main")
    assert not whole.is_empty
    assert not whole.is_shallow
    assert open_repository(made.path / "src") == whole
    assert open_repository(made.path / ".git") == whole


def test_the_repository_of_the_environment_is_not_mistaken_for_the_one_asked_for(
    made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitRepository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    assert open_repository(made.path).path == made.path
    assert not open_repository(made.path).is_empty


def test_a_bare_repository(made: GitRepository, tmp_path: Path) -> None:
    made.git("clone", "--quiet", "--bare", made.path, tmp_path / "engine.git")
    made.git("-C", tmp_path / "engine.git", "remote", "remove", "origin")
    bare = open_repository(tmp_path / "engine.git")
    assert (bare.path, bare.name, bare.work_tree) == (tmp_path / "engine.git", "engine", None)
    assert bare.id == open_repository(made.path).id
    assert [commit.message for commit in read_commits(bare)] == ["Start"]


def test_a_linked_worktree_has_its_own_head_and_the_same_identity(made: GitRepository, tmp_path: Path) -> None:
    made.git("worktree", "add", "--quiet", "-b", "feature", tmp_path / "linked")
    GitRepository(tmp_path / "linked").commit("Feature", {"b": "b"})
    linked, main = open_repository(tmp_path / "linked"), open_repository(made.path)
    assert (linked.id, linked.name, linked.default_branch) == (main.id, "engine", "main")
    assert {commit.message for commit in read_commits(linked)} == {"Start", "Feature"}
    assert [head.name for head in read_graph(linked).unmerged_heads()] == ["feature"]


def test_a_submodule_is_a_repository_of_its_own(made: GitRepository, tmp_path: Path) -> None:
    outer = GitRepository(tmp_path / "outer")
    outer.git("submodule", "--quiet", "add", made.path, "parts/engine")
    outer.commit("Add the engine")
    inner = open_repository(outer.path / "parts/engine")
    assert inner.path == outer.path / "parts/engine"
    assert inner.id == open_repository(made.path).id != open_repository(outer.path).id
    assert [commit.message for commit in read_commits(inner)] == ["Start"]


def test_an_empty_repository_can_be_read(tmp_path: Path) -> None:
    empty = open_repository(GitRepository(tmp_path / "empty").path)
    assert empty.is_empty
    assert empty.id == str(tmp_path / "empty")
    assert list(read_commits(empty)) == []
    assert read_graph(empty).landings() == {}
    assert len(refs_fingerprint(empty)) == 64


def test_objects_may_be_named_by_sha256(tmp_path: Path) -> None:
    made = GitRepository(tmp_path / "modern", object_format="sha256")
    head = made.commit("Start", {"a": "a\n"})
    repository = open_repository(made.path)
    assert [commit.hash for commit in read_commits(repository)] == [head]
    assert [commit.hash for commit in read_commits(repository, [head])] == [head]


def test_paths_that_are_no_repository_get_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for name, said in [("nowhere", "does not exist"), ("file", "is a file"), ("folder", "not in a git repository")]:
        with pytest.raises(NotARepository, match=said) as caught:
            open_repository(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert str(tmp_path / name) in str(caught.value)
    for path in ("a\0b", "x" * 5000):
        with pytest.raises(NotARepository):
            open_repository(path)


def test_a_broken_configuration_is_named(made: GitRepository) -> None:
    (made.path / ".git/config").write_text("[core\nnonsense")
    with pytest.raises(UnreadableRepository, match="bad config line"):
        open_repository(made.path)


def test_a_missing_git_is_one_sentence(made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = open_repository(made.path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissing, match="not installed"):
        open_repository(made.path)
    with pytest.raises(GitMissing, match="not installed"):
        list(read_commits(repository))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_repository_of_another_user_can_be_read(made: GitRepository) -> None:
    for path in [made.path, *made.path.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert [commit.message for commit in read_commits(open_repository(made.path / "src"))] == ["Start"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
@pytest.mark.parametrize("closed", [".", ".git", ".git/refs"])
def test_a_folder_that_may_not_be_read_gets_one_sentence(made: GitRepository, closed: str) -> None:
    (made.path / closed).chmod(0o700)
    for folder in (made.path.parent, made.path.parent.parent, made.path.parent.parent.parent):
        folder.chmod(0o755)
    assert re.fullmatch(r"UnreadableRepository: .*/engine.*: [^\n]*\n?", _opened_by_nobody(made.path))


def _opened_by_nobody(path: Path) -> str:
    """What opening the repository says to a user without rights, in a process of its own."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os.chdir("/")
            said = repr(list(read_graph(open_repository(path)).hashes))
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def test_a_clone_elsewhere_has_the_same_id(made: GitRepository, tmp_path: Path) -> None:
    made.git("remote", "add", "origin", "git@example.com:ada/engine.git")
    other = made.clone(tmp_path / "elsewhere")
    other.git("remote", "set-url", "origin", "https://token@Example.com/ada/engine/")
    first, second = open_repository(made.path), open_repository(other.path)
    assert first.id == second.id == "example.com/ada/engine"
    assert first.name == second.name == "ada/engine"


def test_a_local_clone_shares_the_id_of_its_original(made: GitRepository, tmp_path: Path) -> None:
    clone = made.clone(tmp_path / "clone")
    again = clone.clone(tmp_path / "clone of the clone")
    again.git("remote", "set-url", "origin", "../clone")
    assert open_repository(clone.path).id == open_repository(again.path).id == open_repository(made.path).id
    assert open_repository(again.path).name == "engine"
    made.git("remote", "add", "origin", "https://example.com/ada/engine")
    assert open_repository(again.path).id == "example.com/ada/engine"


def test_a_clone_whose_original_is_gone_keeps_the_id(made: GitRepository, tmp_path: Path) -> None:
    clone = made.clone(tmp_path / "clone")
    before = open_repository(clone.path).id
    made.path.rename(tmp_path / "away")
    assert open_repository(clone.path).id == before


def test_origins_that_lead_in_circles_end(made: GitRepository, tmp_path: Path) -> None:
    clone = made.clone(tmp_path / "clone")
    made.git("remote", "add", "origin", clone.path)
    assert open_repository(clone.path).id == open_repository(made.path).id


def test_an_abbreviated_origin_is_written_out(made: GitRepository) -> None:
    made.git("config", "url.https://example.com/.insteadOf", "ex:")
    made.git("remote", "add", "origin", "ex:ada/engine")
    assert open_repository(made.path).id == "example.com/ada/engine"


def test_credentials_appear_nowhere(made: GitRepository) -> None:
    made.git("remote", "add", "origin", "https://ada:hunter2@example.com/ada/engine.git?token=hunter2")
    assert "hunter2" not in repr(open_repository(made.path))


def test_the_default_branch_is_the_origins(made: GitRepository, tmp_path: Path) -> None:
    made.git("branch", "-m", "main", "stable")
    clone = made.clone(tmp_path / "clone")
    clone.branch("feature")
    clone.branch("main")
    assert open_repository(clone.path).default_branch == "stable"


def test_without_an_origin_the_default_branch_has_a_usual_name(made: GitRepository) -> None:
    made.branch("feature")
    assert open_repository(made.path).default_branch == "main"
    made.git("branch", "-m", "main", "trunk")
    assert open_repository(made.path).default_branch == "feature"
    made.checkout("trunk")
    assert open_repository(made.path).default_branch == "trunk"
    made.git("branch", "-D", "feature")
    made.git("branch", "-m", "trunk", "only")
    assert open_repository(made.path).default_branch == "only"


def test_a_detached_head_without_branches_is_read(made: GitRepository) -> None:
    head = made.head()
    made.git("checkout", "--quiet", "--detach")
    made.git("branch", "-D", "main")
    repository = open_repository(made.path)
    assert (repository.default_branch, repository.is_empty) == ("HEAD", False)
    assert list(read_graph(repository).landings()) == [head]


def test_the_fingerprint_changes_exactly_when_refs_or_mailmap_do(made: GitRepository) -> None:
    repository = open_repository(made.path)
    seen = [refs_fingerprint(repository)]

    def changed() -> bool:
        seen.append(refs_fingerprint(open_repository(made.path)))
        assert seen[-1] == refs_fingerprint(repository)
        return seen[-1] != seen[-2]

    made.write("untracked", "x")
    assert not changed()
    for hidden in ("pull/1/head", "merge-requests/1/head", "changes/1", "notes/x", "original/x", "prefetch/x"):
        made.git("update-ref", f"refs/{hidden}", "HEAD")
    made.git("stash", "--include-untracked", "--quiet")
    made.git("gc", "--quiet")
    assert not changed()
    made.commit("More", {"c": "c"})
    assert changed()
    made.tag("v1")
    assert changed()
    made.branch("feature")
    assert changed()
    made.checkout("main")
    assert not changed()
    made.git("checkout", "--quiet", "--detach")
    assert not changed()
    made.commit("On no branch", {"d": "d"})
    assert changed()
    made.checkout("main")
    assert changed()
    made.write(".mailmap", "Ada <ada@example.com> <old@example.com>\n")
    assert changed()
    made.git("branch", "-D", "feature")
    assert changed()
    assert len(set(seen)) >= 6


def test_the_fingerprint_of_a_bare_repository_sees_its_mailmap(made: GitRepository, tmp_path: Path) -> None:
    made.git("clone", "--quiet", "--bare", made.path, tmp_path / "bare.git")
    repository = open_repository(tmp_path / "bare.git")
    before = refs_fingerprint(repository)
    made.write(".mailmap", "Ada Lovelace <ada@example.com>\n")
    made.commit("Names")
    made.git("push", "--quiet", tmp_path / "bare.git", "main")
    assert refs_fingerprint(repository) != before
    assert {commit.author_name for commit in read_commits(repository)} == {"Ada Lovelace"}


def test_files_of_a_revision(made: GitRepository) -> None:
    repository = open_repository(made.path)
    made.commit("Change", {"README.md": b"\xff new"})
    assert read_file(repository, "HEAD", "README.md") == b"\xff new"
    assert read_file(repository, "main~1", "README.md") == b"Engine\n"
    assert read_file(repository, "HEAD", "nothing") is None
    assert read_file(repository, "HEAD", "src") is None
    assert read_file(repository, "no-such-branch", "README.md") is None
    assert read_file(repository, "--output=x", "a\0b") is None


def test_the_own_identity_is_gits_configuration(
    made: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n\tname = Ada Example\n\temail = ada@example.com\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    repository = open_repository(made.path)
    assert self_email(repository) == ("Ada Example", "ada@example.com")
    made.git("config", "user.email", "ada@work.example")
    assert self_email(repository) == ("Ada Example", "ada@work.example")
    settings.write_text("")
    made.git("config", "--unset", "user.email")
    assert self_email(replace(repository)) == (None, None)
