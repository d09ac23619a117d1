"""What changes something on GitHub is sent once, in its turn and not too fast; and of each failure it is known whether it may be tried again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from github_polled import TOKEN, asking_at
from github_server import (
    BAD_GATEWAY_AFTER,
    DROP,
    HTML,
    SECONDARY_LIMIT,
    SERVER_ERROR,
    WEB_PAGE,
    Fault,
    GitHubServer,
    Received,
)
from github_writes import commit_on
from pydantic import SecretStr

from resources.github.client import GitHub
from resources.github.credentials import Token
from resources.rest.errors import Broken, Denied, Invalid, Missing, OutOfTime, RateLimited, RestError, Unreachable

ISSUES = "repos/ada/engine/issues"


def quick(server: GitHubServer, pause_s: float = 0.0, try_s: float = 10.0) -> GitHub:
    return GitHub(Token(SecretStr(TOKEN)), server.url, pause_s=0.001, try_s=try_s, write_pause_s=pause_s)


def first(fault: Fault) -> Callable[[Received], Fault | None]:
    left = [fault]
    return lambda _request: left.pop() if left else None


def issue(title: str = "A title", **members: object) -> dict[str, object]:
    return {"title": title, "body": "A body", "labels": [], **members}


def test_what_is_made_is_told_and_sent_as_json(github: GitHubServer, client: GitHub) -> None:
    made = client.post(ISSUES, "issue", issue("Ünïcode — “quoted”\n"))
    assert (made.body["title"], made.body["number"]) == ("Ünïcode — “quoted”\n", 6)
    changed = client.patch(f"{ISSUES}/6", "issue", {"state": "closed"})
    assert changed.body["state"] == "closed"
    request = github.requests[0]
    assert (request.method, request.path) == ("POST", "/repos/ada/engine/issues")
    assert request.headers["content-type"].startswith("application/json")
    assert request.headers["authorization"] == f"token {TOKEN}"
    assert request.headers["x-github-api-version"] == "2022-11-28"
    assert json.loads(request.body)["body"] == "A body"


def test_an_answer_without_a_body_is_one(github: GitHubServer, client: GitHub) -> None:
    github.fault = lambda _request: Fault(204, "")
    assert client.put(ISSUES, "issues", {}).body is None
    assert github.requests[0].method == "PUT"


@pytest.mark.parametrize("fault", [DROP, SERVER_ERROR, HTML, WEB_PAGE, BAD_GATEWAY_AFTER])
def test_what_may_have_been_made_is_not_made_again_of_its_own_accord(github: GitHubServer, fault: Fault) -> None:
    github.fault = first(fault)
    with quick(github) as client, pytest.raises((Broken, Unreachable)):
        client.post(ISSUES, "issue", issue())
    assert len(github.requests) == 1


@pytest.mark.parametrize("fault", [DROP, SERVER_ERROR, BAD_GATEWAY_AFTER])
def test_what_is_the_same_twice_is_tried_again(github: GitHubServer, fault: Fault) -> None:
    commit = commit_on(github, github.repositories["ada/engine"])
    tree = {"base_tree": github.written["ada/engine"].commits[commit]["tree"]["sha"], "tree": []}
    with quick(github) as client:
        github.fault = first(fault)
        assert client.post("repos/ada/engine/git/trees", "tree", tree, again=True).body["sha"] == tree["base_tree"]
        github.fault = first(fault)
        assert client.patch("repos/ada/engine/pulls/1", "pull request", {"title": "T"}).body["title"] == "T"
    assert len(github.requests) == 4


def test_an_answer_that_is_too_late_leaves_open_whether_it_was_done(github: GitHubServer) -> None:
    github.fault = lambda _request: Fault(delay_s=0.5)
    with quick(github, try_s=0.2) as client, pytest.raises(Unreachable, match="does not answer"):
        client.post(ISSUES, "issue", issue())


def test_between_two_writes_there_is_a_pause_and_none_before_a_read(github: GitHubServer) -> None:
    at: list[tuple[str, float]] = []
    github.before = lambda request: at.append((request.method, time.monotonic()))
    with quick(github, pause_s=0.3) as client:
        begun = time.monotonic()
        client.post(ISSUES, "issue", issue())
        client.get(f"{ISSUES}/6", "issue")
        client.patch(f"{ISSUES}/6", "issue", {"title": "Another"})
    assert [method for method, _ in at] == ["POST", "GET", "PATCH"]
    assert at[1][1] - begun < 0.25
    assert at[2][1] - at[0][1] >= 0.3


def test_the_pause_is_a_second_where_nobody_says_otherwise(github: GitHubServer) -> None:
    with asking_at(github) as client:
        client.post(ISSUES, "issue", issue())
        begun = time.monotonic()
        with pytest.raises(OutOfTime, match="before GitHub was asked"):
            client.post(ISSUES, "issue", issue(), begun + 0.2)
        assert time.monotonic() - begun < 0.5
    assert len(github.requests) == 1


def test_a_secondary_limit_is_kept_to(github: GitHubServer) -> None:
    github.fault = first(SECONDARY_LIMIT)
    with quick(github) as client:
        for _ in range(2):
            with pytest.raises(RateLimited, match="used up until"):
                client.post(ISSUES, "issue", issue(), again=True)
    assert len(github.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (403, Denied, "does not let the token in SOLOIST_GITHUB_TOKEN write the issue (403: No)"),
        (404, Missing, "may not be written by it"),
        (410, Missing, "has no the issue"),
        (422, Invalid, "does not take the issue (422: No)"),
        (409, Denied, "does not take the issue (409: No)"),
        (301, Denied, "has another name now"),
        (502, Broken, "fails to write the issue (502: No); it is tried again later"),
    ],
)
def test_every_refusal_is_one_sentence(github: GitHubServer, status: int, kind: type[RestError], words: str) -> None:
    github.fault = lambda _request: Fault(status, '{"message": "No."}', headers={"location": "https://evil.example/"})
    with quick(github) as client, pytest.raises(kind) as caught:
        client.post(ISSUES, "the issue", issue())
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert len(github.requests) == 1


def test_whose_token_it_is_is_asked_for_once(github: GitHubServer, client: GitHub) -> None:
    assert [client.author().login, client.author().login] == ["soloist", "soloist"]
    assert [each.path for each in github.requests] == ["/user"]
    github.fault = lambda _request: Fault(200, '{"login": 7}')
    with quick(github) as other, pytest.raises(Broken, match="whose token"):
        other.author()
