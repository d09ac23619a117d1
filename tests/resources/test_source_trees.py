"""From a name on GitHub and a commit to a repository that holds it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from resources.git import CommitTree
from resources.source_trees import SourceTrees, SourceUnavailable, web_host
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


def test_where_people_go_is_told_by_where_the_api_is() -> None:
    assert web_host("https://api.github.com") == "https://github.com"
    assert web_host("https://github.example.com/api/v3") == "https://github.example.com"
