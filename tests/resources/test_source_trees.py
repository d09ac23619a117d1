"""From a name on GitHub and a commit to a repository that holds it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from orchestration_assets.incidents.releases import locate
from resources.git import CommitTree
from resources.git.mirrors import default_tips
from resources.rest.errors import Unauthorized
from resources.source_trees import SourceTrees, SourceUnavailable, at_head, default_branch, web_host
from tests.git_repositories import GitRepository


class _Host:
    """A server that gives out repositories by git's dumb protocol, and remembers who asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authorizations: list[str | None] = []
        host = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                host.authorizations.append(self.headers.get("authorization"))
                super().do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, made: GitRepository, name: str) -> None:
        bare = self.folder / f"{name}.git"
        if not bare.exists():
            bare.parent.mkdir(parents=True, exist_ok=True)
            made.git("clone", "--quiet", "--bare", made.path, bare)
        made.git("push", "--quiet", "--mirror", "--force", bare)
        made.git(f"--git-dir={bare}", "update-server-info")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[_Host]:
    running = _Host(tmp_path / "host")
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def made(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "made")


def test_a_watched_clone_that_holds_the_commit_is_asked_alone(made: GitRepository, host: _Host, tmp_path: Path) -> None:
    made.git("remote", "add", "origin", "https://github.com/Owner/Name.git")
    commit = made.commit("first", {"a": "1\n"})
    trees = SourceTrees([tmp_path / "gone", made.path], tmp_path / "mirrors", host.url)
    assert trees.repository_with("owner/name", commit).path == made.path
    assert host.authorizations == []
    assert not (tmp_path / "mirrors").exists()


@pytest.mark.parametrize("branch", ["main", "master", "trunk", "release/2"])
def test_a_copy_knows_the_default_branch_of_its_server(
    made: GitRepository, host: _Host, tmp_path: Path, branch: str
) -> None:
    commit = made.commit("first", {"a": "1\n"})
    made.git("branch", "--force", "other")
    made.git("branch", "--move", branch)
    host.publish(made, "owner/name")
    made.git(f"--git-dir={host.folder}/owner/name.git", "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    trees = SourceTrees([], tmp_path / "mirrors", host.url)
    repository = at_head(trees, "owner/name")
    assert default_tips(repository) == [commit]
    assert repository.default_branch == branch
    assert default_branch(repository.default_branch, commit, "owner/name", []) == branch


def test_a_partial_clone_is_not_taken_for_the_source(made: GitRepository, host: _Host, tmp_path: Path) -> None:
    """What it has not fetched yet would be missing."""
    commit = made.commit("first", {"a": "1\n"})
    host.publish(made, "owner/name")
    made.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    made.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{made.path}", partial)
    made.git("-C", partial, "remote", "set-url", "origin", "https://github.com/owner/name.git")
    trees = SourceTrees([partial], tmp_path / "mirrors", host.url)
    repository = trees.repository_with("owner/name", commit, ["HEAD"])
    with CommitTree(repository, commit) as tree:
        assert tree.read("a") == b"1\n"


def test_a_clone_that_was_passed_over_is_named(made: GitRepository, host: _Host, tmp_path: Path) -> None:
    commit = made.commit("first", {"a": "1\n"})
    made.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    made.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{made.path}", partial)
    made.git("remote", "add", "origin", "https://github.com/other/fork.git")
    for clone, advice in ((partial, "clone it without --filter"), (made.path, "holds it as other/fork: have its")):
        with pytest.raises(SourceUnavailable, match=advice) as raised:
            SourceTrees([clone], tmp_path / "mirrors", host.url).repository_with("owner/name", commit)
        assert str(clone) in str(raised.value)


def test_credentials_that_are_refused_are_a_sentence(made: GitRepository, host: _Host, tmp_path: Path) -> None:
    def refused() -> str:
        raise Unauthorized("GitHub does not let the app in.")

    made.commit("first", {"a": "1\n"})
    host.publish(made, "owner/name")
    with pytest.raises(SourceUnavailable, match="does not let the app in"):
        SourceTrees([], tmp_path / "mirrors", host.url, refused).repository_with("owner/name", "HEAD")


def test_a_copy_of_which_only_a_commit_was_asked_for_knows_no_default_branch(
    made: GitRepository, host: _Host, tmp_path: Path
) -> None:
    made.commit("first", {"a": "1\n"})
    made.git("update-ref", "refs/pull/7/head", "HEAD")
    host.publish(made, "owner/name")
    trees = SourceTrees([], tmp_path / "mirrors", host.url)
    repository = trees.repository_with("owner/name", made.git("rev-parse", "HEAD"), ["refs/pull/7/head"])
    assert default_branch(repository.default_branch, "a" * 40, "owner/name", []) == ""


def test_what_no_clone_holds_is_fetched_once_and_brought_up_to_date(
    made: GitRepository, host: _Host, tmp_path: Path
) -> None:
    made.commit("first", {"a": "1\n"})
    made.git("update-ref", "refs/pull/7/head", "HEAD")
    first = made.git("rev-parse", "HEAD")
    host.publish(made, "owner/name")
    trees = SourceTrees([], tmp_path / "mirrors", host.url, lambda: "secret-token")
    refs = ("refs/pull/7/head",)
    with CommitTree(trees.repository_with("owner/name", first, refs), first) as tree:
        assert tree.read("a") == b"1\n"
    asked = len(host.authorizations)
    assert asked
    assert all(line and line.startswith("Basic ") for line in host.authorizations)
    trees.repository_with("owner/name", first, refs)
    assert len(host.authorizations) == asked
    second = made.commit("second", {"a": "2\n"})
    made.git("update-ref", "refs/pull/7/head", "HEAD")
    host.publish(made, "owner/name")
    with CommitTree(trees.repository_with("owner/name", second, refs), second) as tree:
        assert tree.read("a") == b"2\n"


def test_no_secret_lies_in_the_copy(made: GitRepository, host: _Host, tmp_path: Path) -> None:
    commit = made.commit("first", {"a": "1\n"})
    host.publish(made, "owner/name")
    SourceTrees([], tmp_path / "mirrors", host.url, lambda: "secret-token").repository_with(
        "owner/name", commit, ("refs/heads/main",)
    )
    kept = [path.read_bytes() for path in (tmp_path / "mirrors").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"secret-token" in content for content in kept)


@pytest.mark.parametrize("name", ["owner/../..", "owner", "../x", "owner/..", "/etc"])
def test_a_name_that_leaves_the_folder_is_refused(name: str, tmp_path: Path, host: _Host) -> None:
    with pytest.raises(SourceUnavailable):
        SourceTrees([], tmp_path / "mirrors", host.url).repository_with(name, "0" * 40)
    assert not (tmp_path / "mirrors").exists()


def test_what_is_nowhere_is_one_sentence(made: GitRepository, host: _Host, tmp_path: Path) -> None:
    made.commit("first", {"a": "1\n"})
    host.publish(made, "owner/name")
    trees = SourceTrees([], tmp_path / "mirrors", host.url)
    for name in ("owner/name", "owner/other"):
        with pytest.raises(SourceUnavailable, match=name):
            trees.repository_with(name, "1" * 40, ("refs/heads/main",))


def test_a_release_that_is_no_tag_costs_one_look_at_the_tags(made: GitRepository, host: _Host, tmp_path: Path) -> None:
    made.commit("first", {"a": "1\n"})
    made.tag("shop-v1.2.0")
    made.commit("second", {"a": "2\n"})
    host.publish(made, "owner/name")
    trees = SourceTrees([], tmp_path / "mirrors", host.url)

    def cost(release: str | None) -> int:
        before = len(host.authorizations)
        locate(trees, "owner/name", release)
        return len(host.authorizations) - before

    cost(None)
    known = cost(None)
    look = 2  # which refs there are, and no more
    assert cost("shop@9.9.9") == known + look
    assert cost("shop@1.2.0") > known + look
    assert cost("shop@1.2.0") == known


def test_where_people_go_is_told_by_where_the_api_is() -> None:
    assert web_host("https://api.github.com") == "https://github.com"
    assert web_host("https://github.example.com/api/v3") == "https://github.example.com"
