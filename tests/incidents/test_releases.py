"""The release that an event names leads to a commit, by whichever of its names is known; and the commit that mended it is found."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from orchestration_assets.incidents.fixing import fixed_since, line_after, most_runs
from orchestration_assets.incidents.releases import Commit, commit_of, locate
from resources.git import open_repository
from resources.git.mirrors import default_tips, has_commit, prune
from resources.github.facts import Release
from resources.source_trees import SourceTrees, SourceUnavailable
from tests.git_repositories import GitRepository

MAY = datetime(2024, 5, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[GitRepository, list[str]]:
    git = GitRepository(tmp_path_factory.mktemp("history") / "shelf")
    commits = [
        git.commit(f"Step {number}", {"step.txt": f"{number}\n"}, committed=f"2024-{number:02}-01T09:00:00+00:00")
        for number in range(1, 9)
    ]
    git.tag("v1.2.0", commits[2])
    git.tag("shop-1.3", commits[3], message="annotated")
    git.tag("2024.5", commits[4])
    return git, commits


def found(history: tuple[GitRepository, list[str]], release: str | None, *releases: Release) -> tuple[int, str]:
    """Which step, and how it was found."""
    git, commits = history
    commit = commit_of(open_repository(git.path), release, MAY, releases)
    assert isinstance(commit, Commit)
    return commits.index(commit.hash) + 1, commit.found


def test_ways_to_name_a_commit(history: tuple[GitRepository, list[str]]) -> None:
    whole = history[1][1]
    assert found(history, whole) == (2, "hash")
    assert found(history, whole[:9]) == (2, "hash")
    assert found(history, f"shop@1.9.0+{whole[:12]}") == (2, "hash")
    assert found(history, f"backend-{whole[:10]}") == (2, "hash")
    for name in ("v1.2.0", "1.2.0", "shop@1.2.0", "shop@v1.2.0", "shop@1.2.0+77"):
        assert found(history, name) == (3, "tag"), name
    assert found(history, "shop@1.3") == (4, "tag")
    assert found(history, "2024.5") == (5, "tag")


@pytest.mark.parametrize(
    "name", [None, "", "unknown", "0" * 40, "--upload-pack=true", "a..b", "refs/heads/main^{/x}", "v9\n", "-1"]
)
def test_what_names_none_is_the_newest_at_the_time_of_the_error(
    history: tuple[GitRepository, list[str]], name: str | None
) -> None:
    assert found(history, name) == (5, "time")


def test_a_release_on_github_leads_to_its_tag(history: tuple[GitRepository, list[str]]) -> None:
    release = Release(
        id="1",
        repository="fern/shelf",
        url="https://github.com/fern/shelf",
        happened_at=MAY,
        tag="v1.2.0",
        title="Spring",
        body="",
        author="ada",
        draft=False,
        prerelease=False,
        deleted=False,
    )
    assert found(history, "Spring", release) == (3, "release")
    assert found(history, "Spring", release.model_copy(update={"deleted": True})) == (5, "time")


def test_an_error_older_than_all_commits_is_looked_at_in_the_first(history: tuple[GitRepository, list[str]]) -> None:
    git, commits = history
    commit = commit_of(open_repository(git.path), None, datetime(2020, 1, 1, tzinfo=UTC))
    assert commit == Commit(commits[0], "time")


def test_an_empty_repository_has_no_commit(tmp_path: Path) -> None:
    assert commit_of(open_repository(GitRepository(tmp_path / "empty").path), "v1", MAY) is None


def test_the_line_after_a_commit(history: tuple[GitRepository, list[str]]) -> None:
    git, commits = history
    repository = open_repository(git.path)
    assert line_after(repository, commits[4]) == commits[5:]
    assert line_after(repository, commits[-1]) == []
    assert line_after(repository, "no commit") == []


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 100])
def test_the_first_commit_that_mends_is_found_in_few_runs(length: int) -> None:
    line = [str(number) for number in range(length)]
    for first in range(length):
        asked: list[str] = []

        def passes(commit: str, first: int = first, asked: list[str] = asked) -> bool:
            asked.append(commit)
            return int(commit) >= first

        since = fixed_since(line, passes)
        assert since is not None
        assert (since.head, since.fixed) == (line[-1], line[first])
        assert since.runs == len(asked) <= most_runs(length)


def test_what_fails_at_the_end_is_not_mended() -> None:
    since = fixed_since(["a", "b"], lambda commit: False)
    assert since is not None
    assert (since.head, since.fixed, since.runs) == ("b", None, 1)
    assert fixed_since([], lambda commit: True) is None


class Quiet(SimpleHTTPRequestHandler):
    """Gives out files, as git's dumb protocol needs."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "host")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def publish(git: GitRepository, folder: Path) -> None:
    bare = folder / "host/fern/shelf.git"
    if not bare.exists():
        git.git("clone", "--quiet", "--bare", git.path, bare)
    git.git("push", "--quiet", "--mirror", "--force", bare)
    git.git(f"--git-dir={bare}", "update-server-info")


def test_a_repository_without_a_clone_is_copied_with_the_tags_that_are_asked_for(tmp_path: Path, host: str) -> None:
    git = GitRepository(tmp_path / "made")
    commits = [git.commit(f"Step {number}", {"a": f"{number}"}) for number in range(4)]
    git.tag("v1.2.0", commits[1])
    publish(git, tmp_path)
    trees = SourceTrees([], tmp_path / "mirrors", host)

    def found(release: str | None) -> tuple[int, str, int]:
        """Which step, how it was found, and where the default branch stands."""
        repository = locate(trees, "fern/shelf", release)
        commit = commit_of(repository, release, MAY)
        assert commit is not None
        (tip,) = default_tips(repository)
        return commits.index(commit.hash), commit.found, commits.index(tip)

    assert found(commits[2]) == (2, "hash", 3)
    assert found(commits[0][:10]) == (0, "hash", 3)
    assert found("shop@1.2.0") == (1, "tag", 3)
    assert found(None) == (3, "time", 3)
    commits.append(git.commit("Step 4", {"a": "4"}))
    publish(git, tmp_path)
    assert found(commits[2]) == (2, "hash", 4)
    assert line_after(locate(trees, "fern/shelf", None), commits[2]) == commits[3:]


def test_a_release_that_is_a_hash_is_found_on_whichever_branch_it_is(tmp_path: Path, host: str) -> None:
    git = GitRepository(tmp_path / "made")
    git.commit("Step 0", {"a": "0"})
    git.branch("hotfix")
    hotfix = git.commit("Hotfix", {"a": "mended"})
    git.checkout("main")
    publish(git, tmp_path)
    repository = locate(SourceTrees([], tmp_path / "mirrors", host), "fern/shelf", hotfix)
    assert commit_of(repository, hotfix, MAY) == Commit(hotfix, "hash")


def test_a_copy_that_nobody_asks_for_is_removed_and_had_again(tmp_path: Path, host: str) -> None:
    git = GitRepository(tmp_path / "made")
    commits = [git.commit("Step", {"a": f"{number}"}) for number in range(2)]
    publish(git, tmp_path)
    mirrors = tmp_path / "mirrors"
    trees = SourceTrees([], mirrors, host)
    trees.repository_with("fern/shelf", commits[0])
    folder = mirrors / "fern/shelf.git"
    os.utime(folder, (0, 0))
    assert prune(mirrors, datetime.fromtimestamp(0, UTC)) == 0
    trees.repository_with("fern/shelf", commits[0])
    assert prune(mirrors, MAY) == 0
    os.utime(folder, (0, 0))
    assert prune(mirrors, MAY) == 1
    assert not folder.exists()
    assert has_commit(trees.repository_with("fern/shelf", commits[1]), commits[1])


def test_a_repository_that_is_nowhere_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable):
        locate(SourceTrees([], tmp_path, "http://127.0.0.1:9"), "fern/shelf", "v1")
