"""Deliveries are verified over their bytes, kept once, and refused in one sentence; whatever is sent, the app goes on."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from github_deliveries import SECRET, deliver, headers, merged, signature
from hypothesis import strategies as st
from pydantic import SecretStr
from served_webhooks import serving_webhooks

from resources.inbox import Inbox
from resources.settings import Settings
from sensors.webhooks import create_app

SAMPLES = Path(__file__).parents[3] / "shared" / "eval" / "events" / "github"
PAYLOAD = merged(7, "Count parcels", "2024-03-07T11:00:00Z")
BODY = json.dumps(PAYLOAD).encode()
LIMIT = 64 * 1024


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    opened = Inbox(f"sqlite:///{tmp_path}/inbox.db")
    yield opened
    opened.close()


@pytest.fixture
def url(tmp_path: Path, inbox: Inbox) -> Iterator[str]:
    with serving_webhooks(settings(tmp_path), inbox) as address:
        yield address


def settings(home: Path, **more: Any) -> Settings:
    values: dict[str, Any] = {
        "home": home,
        "github_webhook_secret": SecretStr(SECRET),
        "github_webhook_secret_previous": SecretStr("the secret before"),
        "sentry_webhook_secret": SecretStr(SECRET),
        "webhook_body_limit": LIMIT,
        "webhook_timeout_seconds": 1.0,
    }
    return Settings(**(values | more))


def post(url: str, path: str, body: bytes, sent: Mapping[str, str]) -> tuple[int, Any]:
    """Status and answer."""
    request = urllib.request.Request(url + path, body, dict(sent))
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def github(
    url: str, body: bytes = BODY, kind: str = "pull_request", delivery: str = "one", **more: str
) -> tuple[int, Any]:
    return post(url, "/webhooks/github", body, headers(body, kind, delivery) | more)


def test_a_delivery_is_kept_once_however_often_it_comes(url: str, inbox: Inbox) -> None:
    for _ in range(3):
        assert github(url) == (202, {"accepted": True})
    (event,) = inbox.latest()
    assert (event.state, event.kind, event.subject) == ("waiting", "pull_request", "github:pull_request:1007")
    assert json.loads(event.payload)["title"] == "Count parcels"


def test_the_signature_is_githubs_own() -> None:
    """The example of GitHub's documentation."""
    expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature(b"Hello, World!", "It's a Secret to Everybody") == f"sha256={expected}"


@pytest.mark.parametrize(
    "sent",
    [
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": signature(BODY, "another secret")},
        {"X-Hub-Signature-256": signature(BODY + b" ")},
        {"X-Hub-Signature-256": signature(BODY).removeprefix("sha256=").upper()},
        {"X-Hub-Signature-256": "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()},
        {"X-Hub-Signature-256": "\xff" * 64},
    ],
    ids=["none", "empty", "other secret", "other body", "upper case", "sha1", "no text"],
)
def test_what_is_not_signed_is_refused(url: str, inbox: Inbox, sent: dict[str, str]) -> None:
    status, said = github(url, **sent)
    assert status == 401
    assert said["detail"].startswith("The signature does not fit the body; ")
    assert inbox.counts() == {}


def test_the_secret_before_is_still_taken(url: str) -> None:
    sent = headers(BODY, "pull_request", "one", "the secret before")
    assert post(url, "/webhooks/github", BODY, sent)[0] == 202


def test_without_a_secret_nothing_is_taken(tmp_path: Path, inbox: Inbox) -> None:
    bare = settings(tmp_path, github_webhook_secret=None, github_webhook_secret_previous=SecretStr(""))
    with serving_webhooks(bare, inbox) as url:
        status, said = github(url)
    assert (status, inbox.counts()) == (503, {})
    assert "SOLOIST_GITHUB_WEBHOOK_SECRET" in said["detail"]


@pytest.mark.parametrize(
    ("body", "sent", "sentence"),
    [
        (b"{", {}, "The body is not JSON."),
        (b"[1]", {}, "The body is no JSON object."),
        (b"[" * 5000, {}, "The body is not JSON."),
        (b"\xff\xfe", {}, "The body is not JSON."),
        (BODY, {"X-GitHub-Event": ""}, "The header X-GitHub-Event is missing or no name."),
        (BODY, {"X-GitHub-Delivery": "x" * 500}, "The header X-GitHub-Delivery is missing or no name."),
        (b"other=1", {"Content-Type": "application/x-www-form-urlencoded"}, "The form has no payload."),
        (b"\xff=1", {"Content-Type": "application/x-www-form-urlencoded"}, "The body is no form."),
    ],
)
def test_what_github_would_not_send_is_refused_in_a_sentence(
    url: str, inbox: Inbox, body: bytes, sent: dict[str, str], sentence: str
) -> None:
    assert github(url, body, **sent) == (400, {"detail": sentence})
    assert inbox.counts() == {}


def test_a_form_is_taken_as_well(url: str, inbox: Inbox) -> None:
    body = urllib.parse.urlencode({"payload": BODY.decode()}).encode()
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    assert github(url, body, **sent)[0] == 202
    assert inbox.counts() == {"waiting": 1}


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        ("ping", {"zen": "Design for failure."}, "Nothing is made of ping."),
        ("pull_request", {"action": "opened", "pull_request": None}, "The repository has no full_name."),
        ("something_new", {}, "Nothing is made of something_new."),
        ("push", {"repository": PAYLOAD["repository"]}, "The push has no after."),
    ],
)
def test_what_nothing_is_made_of_is_kept_with_the_reason(
    url: str, inbox: Inbox, kind: str, payload: dict[str, Any], reason: str
) -> None:
    assert deliver(url, kind, "one", payload) == 202
    (event,) = inbox.latest()
    assert (event.state, event.reason) == ("ignored", reason)


@pytest.mark.skipif(not SAMPLES.exists(), reason="needs the sample payloads in ../shared/eval/events")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_genuine_payloads_are_kept(tmp_path: Path, inbox: Inbox, path: Path) -> None:
    kind = path.name.partition(".")[0]
    with serving_webhooks(settings(tmp_path, webhook_body_limit=1 << 20), inbox) as url:
        body = path.read_bytes()
        assert github(url, body, kind)[0] == 202
    (event,) = inbox.latest()
    assert event.state == ("ignored" if kind in ("ping", "check_run") else "waiting"), event.reason


def test_a_body_that_is_said_to_be_too_large_is_refused_unread(url: str) -> None:
    with socket.create_connection(_host(url), timeout=5) as connection:
        connection.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_end_is_refused_soon_after_the_limit(url: str, inbox: Inbox) -> None:
    """A gigabyte in chunks: the answer comes, and no more is taken than fits the buffers of the way."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with socket.create_connection(_host(url), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        connection.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with pytest.raises(OSError, match=r"Connection reset|Broken pipe"):
            for _ in range((1 << 30) // len(chunk)):
                connection.sendall(chunk)
                sent += len(chunk)
    assert sent < 16 << 20
    assert inbox.counts() == {}
    assert github(url)[0] == 202


def test_the_refusal_of_a_body_that_does_not_end_is_413(url: str) -> None:
    with socket.create_connection(_host(url), timeout=5) as connection:
        connection.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"11000\r\n" + b"x" * 0x11000 + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_drips_is_given_up(url: str) -> None:
    with socket.create_connection(_host(url), timeout=5) as connection:
        connection.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


def test_an_inbox_that_is_gone_is_said_and_nothing_is_taken(tmp_path: Path, inbox: Inbox) -> None:
    with serving_webhooks(settings(tmp_path), inbox) as url:
        assert get(f"{url}/readyz") == (200, '{"status":"ok"}')
        for file in tmp_path.glob("inbox.db*"):
            file.unlink()
        inbox.close()
        (tmp_path / "inbox.db").mkdir()
        status, said = github(url)
        assert status == 503
        assert "deliver it again later" in said["detail"]
        assert get(f"{url}/readyz")[0] == 503
        status, health = get(f"{url}/health")
        assert (status, json.loads(health)["status"]) == (503, "broken")
        assert get(f"{url}/healthz")[0] == 200
        assert get(f"{url}/metrics")[0] == 200


def test_health_and_metrics_tell_what_happened(url: str) -> None:
    github(url)
    github(url)
    github(url, **{"X-Hub-Signature-256": "sha256=0"})
    deliver(url, "ping", "two", {})
    status, health = get(f"{url}/health")
    assert status == 200
    told = json.loads(health)
    assert (told["status"], told["environment"], told["dependencies"]) == ("ok", "local", {"inbox": "ok"})
    _, metrics = get(f"{url}/metrics")
    for outcome in ("accepted", "known", "ignored", "401"):
        assert f'soloist_webhook_deliveries_total{{outcome="{outcome}",source="github"}} 1.0' in metrics
    assert 'soloist_inbox_events{state="waiting"} 1.0' in metrics


def test_rubbish_is_never_accepted_and_never_an_error_of_ours(url: str, inbox: Inbox) -> None:
    chance = random.Random(5)
    for _ in range(300):
        body = chance.randbytes(chance.choice([0, 1, 50, 2000]))
        if chance.random() < 0.5:
            body = BODY[: chance.randrange(len(BODY))]
        sent = {
            "X-GitHub-Event": chance.choice(["push", "pull_request", "x" * 300, "é"]),
            "X-Hub-Signature-256": chance.choice(
                ["", signature(BODY), chance.randbytes(32).hex(), "sha256=" + "é" * 3]
            ),
        }
        encoded = {name: value.encode("utf-8").decode("latin-1") for name, value in sent.items()}
        status, _ = post(url, chance.choice(["/webhooks/github", "/webhooks/sentry"]), body, encoded)
        assert 400 <= status < 500
    assert inbox.counts() == {}


SENTRY_BODY = json.dumps(
    {
        "action": "created",
        "data": {
            "issue": {
                "id": "41",
                "shortId": "SHELF-1",
                "title": "ValueError: no parcel",
                "status": "unresolved",
                "substatus": "new",
                "firstSeen": "2024-03-07T11:00:00Z",
                "lastSeen": "2024-03-07T11:00:00Z",
                "project": {"slug": "shelf"},
                "metadata": {"type": "ValueError"},
            }
        },
    }
).encode()


@pytest.mark.parametrize("header", ["Sentry-Hook-Signature", "sentry-app-signature"])
def test_a_delivery_of_sentry_is_kept_under_either_header(url: str, inbox: Inbox, header: str) -> None:
    digest = hmac.new(SECRET.encode(), SENTRY_BODY, hashlib.sha256).hexdigest()
    sent = {"Content-Type": "application/json", "Sentry-Hook-Resource": "issue", "Request-ID": "r1", header: digest}
    assert post(url, "/webhooks/sentry", SENTRY_BODY, sent) == (202, {"accepted": True})
    assert post(url, "/webhooks/sentry", SENTRY_BODY, sent)[0] == 202
    (event,) = inbox.latest()
    assert (event.source, event.subject, event.state) == ("sentry", "sentry:issue:41", "waiting")
    assert post(url, "/webhooks/sentry", SENTRY_BODY, sent | {header: digest[:-1]})[0] == 401


def _host(url: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The OpenAPI document, and the app that it describes."""
    folder = tmp_path_factory.mktemp("described")
    inbox = Inbox(f"sqlite:///{folder}/inbox.db")
    yield schemathesis.openapi.from_asgi("/openapi.json", create_app(settings(folder), inbox))
    inbox.close()


@pytest.mark.integration
@hypothesis.settings(max_examples=200, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(data=st.data())
def test_the_openapi_document_tells_the_truth(described: Any, data: st.DataObject) -> None:
    operations = [each.ok() for each in described.get_all_operations()]
    operation = data.draw(st.sampled_from(operations))
    data.draw(operation.as_strategy()).call_and_validate()
