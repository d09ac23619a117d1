"""The client against a Sentry that limits, fails, redirects and refuses: it asks as it should, and every failure is one sentence."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sentry_objects import caught
from sentry_server import DROP, HALF, SERVER_ERROR, WEB_PAGE, Fault, Received, SentryServer

from resources.errors import BadInput
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
from resources.scrubbing import scrub
from resources.sentry_issues.client import SentryApi, open_sentry
from resources.settings import Settings

TOKEN = "canarytoken0123456789abcdefCANARY"
PROJECT = "fern/shelf"


def failing(times: int, fault: Fault) -> Callable[[Received], Fault | None]:
    left = [times]

    def fault_of(_request: Received) -> Fault | None:
        left[0] -= 1
        return fault if left[0] >= 0 else None

    return fault_of


@pytest.fixture
def sentry() -> Iterator[SentryServer]:
    with SentryServer(TOKEN, page_size=2) as server:
        for _ in range(5):
            server.put(PROJECT)
        yield server


def asking(sentry: SentryServer, token: str = TOKEN, **options: object) -> SentryApi:
    return SentryApi(SecretStr(token), sentry.url, **({"now": lambda: sentry.clock, "pause_s": 0.005} | options))  # type: ignore[arg-type]


@pytest.fixture
def client(sentry: SentryServer) -> Iterator[SentryApi]:
    with asking(sentry) as client:
        yield client


def read(client: SentryApi) -> list[str]:
    """Ids of all pages."""
    found, page = [], None
    while True:
        answer = client.issues("fern", "shelf", page)
        found += [each["id"] for each in answer.body]
        if (page := answer.next) is None:
            return found


@pytest.mark.parametrize(
    "fault", [HALF, SERVER_ERROR, WEB_PAGE, Fault(delay_s=30)], ids=["half", "500", "page", "silence"]
)
def test_it_is_examined_with_one_request(sentry: SentryServer, fault: Fault) -> None:
    with asking(sentry, try_s=0.3) as client:
        client.examine("fern", "shelf")
        assert [(each.project, each.query["limit"]) for each in sentry.requests] == [(PROJECT, "1")]
        with pytest.raises(Missing, match="no issues of fern/gone"):
            client.examine("fern", "gone")
        sentry.fault = lambda _request: fault
        with pytest.raises((Broken, Unreachable)):
            client.examine("fern", "shelf")
    assert len(sentry.requests) == 3


def test_pages_are_followed_to_the_one_that_has_nothing_behind_it(sentry: SentryServer, client: SentryApi) -> None:
    assert read(client) == ["1005", "1004", "1003", "1002", "1001"]
    assert [each.offset for each in sentry.requests] == [0, 2, 4]
    assert all(each.query["query"] == "" and each.query["sort"] == "date" for each in sentry.requests)


def test_nothing_is_asked_for_behind_a_page_that_says_there_is_nothing(sentry: SentryServer, client: SentryApi) -> None:
    del sentry.projects[PROJECT]["1003"], sentry.projects[PROJECT]["1002"], sentry.projects[PROJECT]["1001"]
    assert len(read(client)) == 2
    assert len(sentry.requests) == 1


def test_the_time_is_sentrys(sentry: SentryServer, client: SentryApi) -> None:
    assert client.issues("fern", "shelf").at == sentry.clock


def test_an_error_is_asked_for(sentry: SentryServer, client: SentryApi) -> None:
    sdk = caught(lambda: {}["left"])
    issue = sentry.put(PROJECT, error=sdk)
    for which in ("latest", "recommended"):
        assert client.event("fern", issue, which).body["eventID"] == sdk["event_id"]  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [DROP, HALF, SERVER_ERROR, WEB_PAGE, Fault(502, "<html>"), Fault(200, "")])
def test_what_fails_for_a_while_is_asked_for_again(sentry: SentryServer, client: SentryApi, fault: Fault) -> None:
    sentry.fault = failing(3, fault)
    assert len(client.issues("fern", "shelf").body) == 2
    assert len(sentry.requests) == 4


def test_half_of_the_answers_may_fail(sentry: SentryServer, client: SentryApi) -> None:
    sentry.fault = lambda _request: SERVER_ERROR if len(sentry.requests) % 2 else None
    assert len(read(client)) == 5


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (SERVER_ERROR, Broken, "fails to give issues of fern/shelf (500: Internal Error)"),
        (WEB_PAGE, Broken, "SOLOIST_SENTRY_API_URL may be that of a web page"),
        (Fault(200, "{}"), Broken, "not what it should be"),
        (DROP, Unreachable, "does not answer (ServerDisconnectedError)"),
        (HALF, Unreachable, "does not answer (ClientPayloadError)"),
        (Fault(401, '{"detail": "Invalid token"}'), Unauthorized, "SOLOIST_SENTRY_TOKEN (401: Invalid token)"),
        (Fault(403, '{"detail": "You do not have permission."}'), Denied, "event:read"),
        (Fault(404, '{"detail": {"message": "Gone", "code": 1}}'), Missing, "(404: Gone)"),
        (Fault(400, '"Invalid cursor parameter."'), Denied, "(400: Invalid cursor parameter)"),
        (Fault(418, "\x00"), Denied, "(418)"),
    ],
)
def test_every_failure_is_one_sentence(
    sentry: SentryServer, client: SentryApi, fault: Fault, kind: type[RestError], says: str
) -> None:
    sentry.fault = lambda _request: fault
    with pytest.raises(RestError) as raised:
        client.issues("fern", "shelf")
    assert type(raised.value) is kind
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    # aiohttp asks a second time of its own accord where a connection is dropped.
    assert len(sentry.requests) in ((5, 10) if issubclass(kind, Broken | Unreachable) else (1,))


def test_nothing_at_the_address_is_a_sentence() -> None:
    with (
        SentryApi(SecretStr(TOKEN), "http://127.0.0.1:9", pause_s=0.001) as client,
        pytest.raises(Unreachable) as raised,
    ):
        client.issues("fern", "shelf")
    assert "http://127.0.0.1:9 does not answer" in str(raised.value)


def test_a_slow_answer_is_given_up_and_asked_for_again(sentry: SentryServer) -> None:
    sentry.fault = failing(1, Fault(delay_s=3))
    with asking(sentry, try_s=0.2) as client:
        assert len(client.issues("fern", "shelf").body) == 2


def test_the_deadline_holds_whatever_happens(sentry: SentryServer, client: SentryApi) -> None:
    with pytest.raises(OutOfTime):
        client.issues("fern", "shelf", deadline=time.monotonic() - 1)
    assert sentry.requests == []
    sentry.fault = lambda _request: Fault(500, delay_s=0.2)
    began = time.monotonic()
    with pytest.raises(RestError):
        client.issues("fern", "shelf", deadline=began + 0.3)
    assert time.monotonic() - began < 1.5


def test_a_limit_that_is_far_is_told_and_nothing_is_asked_before(sentry: SentryServer, client: SentryApi) -> None:
    sentry.remaining = 1
    assert client.issues("fern", "shelf").body
    for _ in range(3):
        with pytest.raises(RateLimited) as raised:
            client.issues("fern", "shelf")
    assert raised.value.until == sentry.clock + timedelta(seconds=600)
    assert "2026-11-20 09:10:05 UTC" in str(raised.value)
    assert len(sentry.requests) == 1
    sentry.tick(600)
    sentry.remaining = 10
    assert client.issues("fern", "shelf").body


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {"X-Sentry-Rate-Limit-Reset": "0", "X-Sentry-Rate-Limit-Remaining": "0"},
        {"X-Sentry-Rate-Limit-Reset": "9999999999", "X-Sentry-Rate-Limit-ConcurrentRemaining": "0"},
    ],
)
def test_a_limit_that_ends_soon_is_waited_for(sentry: SentryServer, client: SentryApi, headers: dict[str, str]) -> None:
    sentry.fault = failing(1, Fault(429, "{}", headers))
    began = time.monotonic()
    assert client.issues("fern", "shelf").body
    assert 0.9 < time.monotonic() - began < 3
    assert len(sentry.requests) == 2


def test_a_limit_of_which_nothing_is_told_lasts_longer_each_time(sentry: SentryServer, client: SentryApi) -> None:
    sentry.fault = lambda _request: Fault(429, "{}")
    waits = []
    for _ in range(3):
        before = sentry.clock
        with pytest.raises(RateLimited) as raised:
            client.issues("fern", "shelf")
        waits.append(raised.value.until - before)
        sentry.clock = raised.value.until
    assert waits == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert len(sentry.requests) == 3


@pytest.mark.parametrize("wait", ["999999999999", "1e9", "-5", "soon", "Fri, 31 Dec 9999 23:59:59 GMT", ""])
def test_no_limit_keeps_it_still_for_days(sentry: SentryServer, client: SentryApi, wait: str) -> None:
    sentry.fault = lambda _request: Fault(429, "", {"Retry-After": wait})
    with pytest.raises(RateLimited) as raised:
        client.issues("fern", "shelf", deadline=time.monotonic() + 1)
    assert raised.value.until <= sentry.clock + timedelta(hours=2)


def test_the_token_goes_to_no_other_host(sentry: SentryServer, client: SentryApi) -> None:
    with SentryServer() as other:
        sentry.fault = lambda _request: Fault(302, "", {"Location": f"{other.url}/api/0/"})
        with pytest.raises(Denied, match="another host, which is not given the token"):
            client.issues("fern", "shelf")
        assert other.requests == []


def test_a_renamed_project_is_followed_but_not_in_a_circle(sentry: SentryServer, client: SentryApi) -> None:
    path = "/api/0/projects/fern/shelf/issues/?query="
    sentry.fault = lambda request: Fault(302, "", {"Location": path}) if "/old/" in request.path else None
    assert client.issues("fern", "old").body
    assert {each.headers["authorization"] for each in sentry.requests} == {f"Bearer {TOKEN}"}
    sentry.fault = lambda _request: Fault(302, "", {"Location": path})
    with pytest.raises(Denied, match="in a circle"):
        client.issues("fern", "old")


def test_a_body_without_end_is_not_read(sentry: SentryServer) -> None:
    sentry.fault = lambda _request: Fault(200, "[" + " " * (3 << 20) + "]")
    with asking(sentry, body_limit=1 << 20) as client, pytest.raises(Denied, match="larger than 1 MiB"):
        client.issues("fern", "shelf")


@pytest.mark.parametrize(
    "fault", [DROP, SERVER_ERROR, Fault(401, f'{{"detail": "Invalid token {TOKEN}"}}'), Fault(403)]
)
def test_the_token_is_never_shown(
    sentry: SentryServer,
    client: SentryApi,
    fault: Fault,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    sentry.fault = lambda _request: fault
    with pytest.raises(RestError) as raised:
        client.issues("fern", "shelf")
    shown = "".join(traceback.format_exception(raised.value)) + repr(client) + repr(raised.value) + caplog.text
    shown += "".join(capfd.readouterr())
    assert TOKEN not in shown
    assert TOKEN not in str(vars(client))
    assert scrub(f"x {TOKEN}") == "x [hidden]"


@pytest.mark.parametrize("token", ["", "two words", "line\nend", "pässword"])
def test_what_is_no_token_is_refused_at_once(token: str) -> None:
    with pytest.raises(BadInput) as raised:
        SentryApi(SecretStr(token))
    assert not token or token not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["sentry.io", "ftp://sentry.io", "https://", "https://a@b", "https://h/?q", "https://h/x", "http://[::1"]
)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(BadInput, match="SOLOIST_SENTRY_API_URL"):
        SentryApi(SecretStr(TOKEN), url)


def test_it_is_opened_from_the_settings(sentry: SentryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="SOLOIST_SENTRY_TOKEN is not set"):
        open_sentry(Settings())
    monkeypatch.setenv("SOLOIST_SENTRY_TOKEN", TOKEN)
    monkeypatch.setenv("SOLOIST_SENTRY_API_URL", f"{sentry.url}/api/0/")
    with open_sentry(Settings()) as client:
        assert client.issues("fern", "shelf").body


def test_a_client_that_asks_nothing_imports_and_opens_nothing() -> None:
    code = (
        "import sys; from pydantic import SecretStr; from resources.sentry_issues.client import SentryApi; "
        "SentryApi(SecretStr('x' * 20)).close(); print('aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
