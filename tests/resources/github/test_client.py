"""The client against a GitHub that limits, fails, redirects and refuses: it asks as it should, and every failure is one sentence."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from github_polled import PULLS, TOKEN, asking_at
from github_server import DROP, HALF, HTML, SERVER_ERROR, WEB_PAGE, Fault, GitHubServer, Received
from pydantic import SecretStr

from resources.github.client import GitHub
from resources.github.credentials import Token
from resources.rest.errors import (
    Broken,
    Denied,
    Missing,
    OutOfTime,
    RateLimited,
    RestError,
    Unauthorized,
    Unreachable,
)


def failing(times: int, fault: Fault) -> Callable[[Received], Fault | None]:
    left = [times]

    def choose(_request: Received) -> Fault | None:
        left[0] -= 1
        return fault if left[0] >= 0 else None

    return choose


def test_pages_are_followed_where_github_says_they_are(github: GitHubServer, client: GitHub) -> None:
    github.page_size = 2
    url: str | None = PULLS
    numbers = []
    while url:
        answer = client.get(url, "pull requests")
        numbers += [each["number"] for each in answer.body]
        url = answer.next
    assert numbers == [5, 4, 3, 2, 1]
    assert [each.path for each in github.requests] == ["/repos/ada/engine/pulls", *["/repositories/1/pulls"] * 2]


@pytest.mark.parametrize(
    "fault", [HALF, SERVER_ERROR, WEB_PAGE, Fault(delay_s=30)], ids=["half", "500", "page", "silence"]
)
def test_it_is_examined_with_one_request(github: GitHubServer, fault: Fault) -> None:
    with GitHub(Token(SecretStr(TOKEN)), github.url, pause_s=0.001, try_s=0.3) as client:
        client.examine("ada/engine")
        assert [each.path for each in github.requests] == ["/repos/ada/engine"]
        with pytest.raises(Missing, match="no repository ada/gone"):
            client.examine("ada/gone")
        github.fault = lambda _request: fault
        with pytest.raises((Broken, Unreachable)):
            client.examine("ada/engine")
    assert len(github.requests) == 3


def test_what_is_unchanged_costs_nothing(github: GitHubServer, client: GitHub) -> None:
    first = client.get(PULLS, "pull requests")
    remaining = github.remaining
    again = client.get(PULLS, "pull requests", etag=first.etag)
    assert (again.unchanged, again.body, again.etag) == (True, None, first.etag)
    assert github.remaining == remaining
    assert github.requests[-1].headers["if-none-match"] == first.etag
    github.repositories["ada/engine"].put("pull", 3)
    changed = client.get(PULLS, "pull requests", etag=first.etag)
    assert not changed.unchanged
    assert changed.body[0]["number"] == 3


@pytest.mark.parametrize(
    "fault", [DROP, SERVER_ERROR, HTML, HALF, WEB_PAGE, Fault(520), Fault(500, "{", headers={"x-ratelimit-limit": "x"})]
)
def test_what_fails_is_tried_again(github: GitHubServer, client: GitHub, fault: Fault) -> None:
    github.fault = failing(3, fault)
    assert len(client.get(PULLS, "pull requests").body) == 5
    assert len(github.requests) == 4
    assert github.most_at_once == 1


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (SERVER_ERROR, Broken, "fails to give pull requests (500: Server Error)"),
        (HTML, Broken, "(502)"),
        (WEB_PAGE, Broken, "is not JSON"),
        (DROP, Unreachable, "does not answer"),
        (HALF, Unreachable, "does not answer"),
    ],
)
def test_what_goes_on_failing_is_one_sentence(
    github: GitHubServer, client: GitHub, fault: Fault, kind: type[RestError], words: str
) -> None:
    github.fault = lambda _request: fault
    with pytest.raises(kind) as failure:
        client.get(PULLS, "pull requests")
    assert words in str(failure.value)
    # aiohttp asks once more by itself where a connection ends without a word.
    assert len(github.requests) == (10 if fault is DROP else 5)


def test_nobody_is_there() -> None:
    with (
        GitHub(Token(None), "http://127.0.0.1:9", pause_s=0.005) as client,
        pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"),
    ):
        client.get(PULLS, "pull requests")


def test_refusals_are_not_repeated(github: GitHubServer, client: GitHub) -> None:
    with pytest.raises(Missing, match="has no repository ada/none for the token in SOLOIST_GITHUB_TOKEN"):
        client.get("repos/ada/none", "repository ada/none")
    github.fault = lambda _request: Fault(403, '{"message": "Resource not accessible by personal access token"}')
    with pytest.raises(Denied, match=r"read pull requests \(403: Resource not accessible by personal access token\)"):
        client.get(PULLS, "pull requests")
    github.fault = lambda _request: None
    with asking_at(github, "expired") as other, pytest.raises(Unauthorized, match=r"\(401: Bad credentials\)"):
        other.get(PULLS, "pull requests")
    assert len(github.requests) == 3


def test_the_primary_limit_is_waited_for_by_githubs_clock(github: GitHubServer) -> None:
    """Its clock is half a day ahead of this machine's; the wait is the same half hour."""
    here = [github.clock - timedelta(hours=12)]
    with asking_at(github, now=lambda: here[0]) as client:
        github.remaining = 0
        with pytest.raises(RateLimited) as failure:
            client.get(PULLS, "pull requests")
        assert failure.value.until == here[0] + timedelta(minutes=30)
        assert "2026-11-19 21:30" in str(failure.value)
        with pytest.raises(RateLimited):
            client.get(PULLS, "pull requests")
        assert len(github.requests) == 1  # the second was not even asked
        github.remaining = 5000
        here[0] += timedelta(minutes=31)
        assert client.get(PULLS, "pull requests").body


def test_the_last_allowed_question_is_the_last(github: GitHubServer, client: GitHub) -> None:
    github.remaining = 1
    assert client.get(PULLS, "pull requests").body
    with pytest.raises(RateLimited):
        client.get(PULLS, "pull requests")
    assert len(github.requests) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "90", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, timedelta(seconds=90)),
        ({"retry-after": "Fri, 20 Nov 2026 09:02:06 GMT"}, timedelta(minutes=2)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, timedelta(seconds=1)),
        ({"x-ratelimit-remaining": "57", "x-ratelimit-reset": "99999999999"}, timedelta(minutes=1)),
        ({"retry-after": "99999999999999999999999"}, timedelta(minutes=1)),
        ({"retry-after": "9999999999"}, timedelta(hours=2)),
        ({"retry-after": "soon"}, timedelta(minutes=1)),
        ({}, timedelta(minutes=1)),
    ],
)
@pytest.mark.parametrize("status", [403, 429])
def test_secondary_limits(
    github: GitHubServer, client: GitHub, status: int, headers: dict[str, str], wait: timedelta
) -> None:
    body = '{"message": "You have exceeded a secondary rate limit."}'
    github.fault = lambda _request: Fault(status, body, headers=headers)
    with pytest.raises(RateLimited) as failure:
        client.get(PULLS, "pull requests")
    assert failure.value.until - github.clock == wait
    assert len(github.requests) == 1


def test_a_limit_without_an_end_grows(github: GitHubServer) -> None:
    github.fault = lambda _request: Fault(429, "{}")
    waits = []
    with asking_at(github) as client:
        for _ in range(9):
            with pytest.raises(RateLimited) as failure:
                client.get(PULLS, "pull requests")
            waits.append((failure.value.until - github.clock) // timedelta(minutes=1))
            github.clock = failure.value.until
        assert waits == [1, 2, 4, 8, 16, 32, 64, 120, 120]
        github.fault = lambda _request: None
        client.get(PULLS, "pull requests")
        assert client.limits_in_a_row == 0


def test_a_renamed_repository_is_followed(github: GitHubServer, client: GitHub) -> None:
    github.renamed["ada/motor"] = "ada/engine"
    assert client.get("repos/ada/motor", "repository").body["full_name"] == "ada/engine"


def test_redirects_end(github: GitHubServer, client: GitHub) -> None:
    github.fault = lambda _request: Fault(301, headers={"location": f"/{PULLS}"})
    with pytest.raises(Denied, match="in a circle"):
        client.get(PULLS, "pull requests")


def test_a_body_without_end_is_not_read(github: GitHubServer) -> None:
    github.fault = lambda _request: Fault(200, "[" + "1, " * 500_000 + "1]")
    with asking_at(github, body_limit=1 << 20) as client, pytest.raises(Denied, match="larger than 1 MiB"):
        client.get(PULLS, "pull requests")
    assert len(github.requests) == 1


def test_hostile_json_is_a_sentence(github: GitHubServer, client: GitHub) -> None:
    github.fault = lambda _request: Fault(200, "[" * 200_000)
    with pytest.raises(Broken, match="is not JSON"):
        client.get(PULLS, "pull requests")


def test_the_time_is_kept(github: GitHubServer) -> None:
    github.fault = lambda _request: Fault(delay_s=20)
    with asking_at(github) as client:
        began = time.monotonic()
        with pytest.raises(OutOfTime):
            client.get(PULLS, "pull requests", deadline=began + 0.2)
        assert time.monotonic() - began < 3
        with pytest.raises(OutOfTime):
            client.get(PULLS, "pull requests", deadline=began)
        assert len(github.requests) == 1


def test_a_slow_answer_is_no_answer(github: GitHubServer) -> None:
    github.fault = failing(1, Fault(delay_s=5))
    with asking_at(github, try_s=0.2) as client:
        assert client.get(PULLS, "pull requests").body
    assert len(github.requests) == 2


def test_importing_is_cheap() -> None:
    code = "import sys, resources.github.client, resources.github.polling; print({'gidgethub', 'aiohttp', 'jwt'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )


def test_the_instant_of_an_answer_is_githubs(github: GitHubServer, client: GitHub) -> None:
    assert client.get(PULLS, "pull requests").at == github.clock.replace(microsecond=0)
    assert github.clock.tzinfo is UTC
    assert isinstance(github.clock, datetime)
