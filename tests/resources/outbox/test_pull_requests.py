"""One commit, one branch and one pull request of ours, whatever was there before; and never a commit on somebody else's branch."""

from __future__ import annotations

import json

from tests.github_objects import sha, user
from tests.github_server import BAD_GATEWAY_AFTER, Fault, Received
from tests.github_writes import files_of
from tests.publications import NAME, World, only

KEY = "regression:7"
BRANCH = "soloist/regression-1"


def test_it_stands_on_its_base_with_exactly_the_named_files(world: World) -> None:
    files = {"tests/test_crash.py": "def test(): ...\n", "README.md": "Hello, again.\n"}
    world.put(world.pull_request(files=files), KEY)
    assert world.publish().sentences == []
    repository = world.github.repositories[NAME]
    pull, written = only(world.pulls), world.github.written[NAME]
    assert (pull["draft"], pull["base"]["ref"], pull["head"]["ref"]) == (True, "main", BRANCH)
    assert pull["body"] == "It fails as production did.\n\n<!-- soloist:regression:7 -->"
    assert files_of(world.github, repository, BRANCH) == files
    commit = written.commits[repository.branches[BRANCH]]
    assert [each["sha"] for each in commit["parents"]] == [world.base_commit]
    assert (commit["author"], commit["message"]) == (commit["committer"], "test: the crash of yesterday")
    assert commit["author"]["date"] == written.commits[world.base_commit]["committer"]["date"]
    assert repository.branches["main"] == world.base_commit


def test_the_same_effect_makes_the_same_commit_at_any_time(world: World) -> None:
    world.put(world.pull_request(), KEY)
    world.publish()
    first = world.github.repositories[NAME].branches.pop(BRANCH)
    world.github.repositories[NAME].pulls.pop(only(world.pulls)["number"])
    world.clock.tick(days=3)
    world.outbox.replay([1])
    world.publish()
    assert world.github.repositories[NAME].branches[BRANCH] == first


def test_title_and_body_of_an_open_one_are_brought_up_to_date(world: World) -> None:
    world.put(world.pull_request(), KEY)
    world.publish()
    world.put(world.pull_request(title="A better title", body="New.", labels=("tests", "crash")), KEY)
    world.publish()
    pull = only(world.pulls)
    assert (pull["title"], pull["body"]) == ("A better title", "New.\n\n<!-- soloist:regression:7 -->")
    assert [each["name"] for each in pull["labels"]] == ["tests", "crash"]


def test_a_closed_one_is_left_alone_and_told(world: World) -> None:
    world.put(world.pull_request(), KEY)
    world.publish()
    repository, pull = world.github.repositories[NAME], only(world.pulls)
    repository.put("pull", pull["number"], state="closed")
    repository.push(BRANCH, None)
    writes = len(world.github.writes())
    world.put(world.pull_request(title="Again"), KEY)
    told = world.publish()
    assert (told.sent, len(world.github.writes())) == (1, writes)
    assert only(told.sentences).endswith("was closed, so it is left as it is.")
    assert only(world.outbox.latest()).result == pull["html_url"]
    assert BRANCH not in repository.branches


def test_one_of_somebody_else_is_left_alone_and_told(world: World) -> None:
    mine = {"ref": BRANCH, "sha": sha(5), "repo": {"full_name": NAME}}
    world.github.repositories[NAME].put("pull", head=mine, user=user("eve"), body="<!-- soloist:regression:7 -->")
    world.put(world.pull_request(), KEY)
    told = world.publish()
    assert "somebody else's" in only(told.sentences)
    assert world.github.writes() == []


def test_one_from_a_branch_of_the_same_name_in_a_fork_is_none_of_it(world: World) -> None:
    fork = {"ref": BRANCH, "sha": sha(5), "repo": {"full_name": "eve/engine"}}
    world.github.repositories[NAME].put("pull", head=fork, user=user("eve"))
    world.put(world.pull_request(), KEY)
    assert world.publish().sent == 1
    assert [each["head"]["repo"]["full_name"] for each in world.pulls] == ["eve/engine", NAME]


def test_a_branch_with_other_commits_is_refused_and_left_as_it_is(world: World) -> None:
    repository = world.github.repositories[NAME]
    repository.push(BRANCH, world.base_commit)
    world.put(world.pull_request(), KEY)
    told = world.publish()
    assert (told.dead, world.pulls) == (1, [])
    assert "exists and holds other commits" in only(told.sentences)
    assert repository.branches[BRANCH] == world.base_commit


def test_other_files_do_not_move_the_branch(world: World) -> None:
    world.put(world.pull_request(), KEY)
    world.publish()
    before = world.github.repositories[NAME].branches[BRANCH]
    world.put(world.pull_request("def test_better(): ...\n"), KEY)
    assert "holds other commits" in only(world.publish().sentences)
    assert world.github.repositories[NAME].branches[BRANCH] == before


def test_commits_on_top_of_ours_are_no_hindrance(world: World) -> None:
    """Somebody worked on after the pull request was opened, and before we heard that it was."""
    world.put(world.pull_request(), KEY)
    repository, written = world.github.repositories[NAME], world.github.written[NAME]
    world.github.fault = lambda request: BAD_GATEWAY_AFTER if _opens(request) else None
    world.publish()
    ours = repository.branches[BRANCH]
    written.commits["b" * 40] = written.commits[ours] | {"parents": [{"sha": ours}]}
    repository.push(BRANCH, "b" * 40)
    world.github.fault = lambda _request: None
    world.clock.tick(hours=1)
    assert world.publish().sent == 1
    assert (only(world.pulls)["state"], repository.branches[BRANCH]) == ("open", "b" * 40)
    assert [each["name"] for each in only(world.pulls)["labels"]] == ["tests"]


def test_a_branch_that_appears_meanwhile_at_our_commit_is_ours(world: World) -> None:
    world.put(world.pull_request(), KEY)
    world.github.fault = lambda request: BAD_GATEWAY_AFTER if request.path.endswith("/git/refs") else None
    world.publish()
    world.github.fault = lambda request: (
        Fault(404, '{"message": "Not Found"}') if "/git/ref/heads/" in request.path and not _asked(world, 2) else None
    )
    world.clock.tick(hours=1)
    assert world.publish().sent == 1
    only(world.pulls)


def test_one_that_the_list_does_not_show_yet_is_not_opened_twice(world: World) -> None:
    world.put(world.pull_request(), KEY)
    world.github.fault = lambda request: BAD_GATEWAY_AFTER if _opens(request) else None
    world.publish()
    lists = [0]

    def late(request: Received) -> Fault | None:
        lists[0] += request.method == "GET" and request.name == "pulls"
        return Fault(200, "[]") if request.name == "pulls" and request.method == "GET" and lists[0] == 1 else None

    world.github.fault = late
    world.clock.tick(hours=1)
    assert world.publish().sent == 1
    only(world.pulls)


def test_where_there_are_no_drafts_it_is_an_ordinary_one(world: World) -> None:
    world.github.written[NAME].has_drafts = False
    world.put(world.pull_request(), KEY)
    assert world.publish().sent == 1
    assert only(world.pulls)["draft"] is False


def test_a_base_that_is_not_there_is_a_sentence(world: World) -> None:
    world.put(world.pull_request(base_commit="c" * 40), KEY)
    assert "has no commit cccccccccccc of ada/engine" in only(world.publish().sentences)
    world.put(world.pull_request(base="gone"), KEY)
    assert "head or base" in only(world.publish().sentences)
    assert world.outbox.counts() == {"dead": 1}


def test_a_name_that_means_something_in_an_address_stays_a_name(world: World) -> None:
    branch = "soloist/50%-off#1&x=é"
    world.put(world.pull_request(branch=branch), KEY)
    assert world.publish().sent == 1
    assert only(world.pulls)["head"]["ref"] == branch
    assert json.loads(world.github.writes()[-1].body) == {"labels": ["tests"]}


def _opens(request: Received) -> bool:
    return request.method == "POST" and request.name == "pulls"


def _asked(world: World, times: int) -> bool:
    """Whether the branch was asked for so often already, the request at hand included."""
    return sum("/git/ref/heads/" in each.path for each in world.github.requests) > times
