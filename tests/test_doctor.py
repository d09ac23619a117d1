"""`soloist doctor` says ok only of what works: it asks each server once, and what cannot be used is one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from github_server import SERVER_ERROR, GitHubServer
from github_server import Fault as GitHubFault
from sentry_server import HALF, SentryServer
from sentry_server import Fault as SentryFault
from terminal import live_in, soloist

from orchestration_assets import diagnosis

TOKEN = "canarytoken0123456789abcdefCANARY"


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    return live_in(home, monkeypatch)


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    with GitHubServer(TOKEN) as server:
        server.repository("ada/engine")
        told(monkeypatch, GITHUB_API_URL=server.url, GITHUB_TOKEN=TOKEN, GITHUB_REPOSITORIES="ada/engine,ada/other")
        yield server


@pytest.fixture
def sentry(monkeypatch: pytest.MonkeyPatch) -> Iterator[SentryServer]:
    with SentryServer(TOKEN) as server:
        server.put("fern/shelf")
        told(monkeypatch, SENTRY_API_URL=server.url, SENTRY_TOKEN=TOKEN, SENTRY_PROJECTS="fern/shelf")
        yield server


def told(monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"SOLOIST_{name}", str(value))


def found(component: str) -> tuple[str, str]:
    """State and detail of a component. The command's status is 1 where one is broken, and no secret is ever shown."""
    done = soloist("doctor", "--json")
    components = {each["component"]: (each["state"], each["detail"]) for each in json.loads(done.out)}
    assert done.status == int("broken" in {state for state, _ in components.values()}), done
    assert TOKEN not in done.out + done.err
    return components[component]


def test_github_is_asked_once_and_what_it_says_is_said(github: GitHubServer) -> None:
    assert found("github") == (
        "ok",
        f"ada/engine, ada/other at {github.url}, asked with a token; it answers for ada/engine",
    )
    assert [each.path for each in github.requests] == ["/repos/ada/engine"]
    github.token = "another"
    state, detail = found("github")
    assert state == "broken" and detail.startswith("GitHub refuses the token in SOLOIST_GITHUB_TOKEN (401")
    github.token, github.fault = TOKEN, lambda _request: SERVER_ERROR
    assert found("github")[0] == "broken"
    assert len(github.requests) == 3


def test_a_repository_that_github_does_not_show_is_named(github: GitHubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, GITHUB_REPOSITORIES="ada/gone")
    state, detail = found("github")
    assert state == "broken" and detail.startswith("GitHub has no repository ada/gone")


def test_sentry_is_asked_once_and_what_it_says_is_said(sentry: SentryServer) -> None:
    assert found("sentry issues") == ("ok", f"fern/shelf at {sentry.url}; it answers for fern/shelf")
    assert [(each.project, each.query["limit"]) for each in sentry.requests] == [("fern/shelf", "1")]
    sentry.token = "another"
    state, detail = found("sentry issues")
    assert state == "broken" and detail.startswith("Sentry refuses SOLOIST_SENTRY_TOKEN (401")
    sentry.token, sentry.fault = TOKEN, lambda _request: HALF
    state, detail = found("sentry issues")
    assert state == "broken" and "does not answer" in detail
    assert len(sentry.requests) == 3


def test_where_nothing_answers_the_doctor_does_not_wait_long(
    github: GitHubServer, sentry: SentryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert diagnosis.ASKED_SECONDS <= 5
    monkeypatch.setattr(diagnosis, "ASKED_SECONDS", 0.6)
    github.fault, sentry.fault = lambda _request: GitHubFault(delay_s=60), lambda _request: SentryFault(delay_s=60)
    for component in ("github", "sentry issues"):
        state, detail = found(component)
        assert state == "broken" and "does not answer (no answer in 1 seconds)" in detail
    assert (len(github.requests), len(sentry.requests)) == (2, 2)


def test_a_port_where_nobody_listens_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, GITHUB_API_URL="http://127.0.0.1:9", GITHUB_REPOSITORIES="a/b")
    told(monkeypatch, SENTRY_API_URL="http://127.0.0.1:9", SENTRY_PROJECTS="a/b", SENTRY_TOKEN=TOKEN)
    for component, name in (("github", "GITHUB"), ("sentry issues", "SENTRY")):
        state, detail = found(component)
        assert state == "broken"
        assert "at http://127.0.0.1:9 does not answer" in detail and f"check the network and SOLOIST_{name}" in detail


def test_where_nothing_is_polled_nobody_is_asked(
    github: GitHubServer, sentry: SentryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(monkeypatch, GITHUB_REPOSITORIES="", SENTRY_PROJECTS="")
    assert found("github") == ("off", "no repository is polled (set SOLOIST_GITHUB_REPOSITORIES)")
    assert found("sentry issues") == ("off", "no project is polled (set SOLOIST_SENTRY_PROJECTS)")
    assert github.requests == [] and sentry.requests == []
    told(monkeypatch, GITHUB_TOKEN="two words", SENTRY_TOKEN="two words")
    assert found("github")[0] == "broken" and "SOLOIST_GITHUB_TOKEN is no token" in found("github")[1]
    assert found("sentry issues")[0] == "broken" and "SOLOIST_SENTRY_TOKEN is no token" in found("sentry issues")[1]


def test_projects_without_a_token_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, SENTRY_PROJECTS="fern/shelf")
    state, detail = found("sentry issues")
    assert state == "broken" and "SOLOIST_SENTRY_TOKEN is not set" in detail


@pytest.mark.parametrize("repositories", ["ada/engine", ""])
def test_an_app_that_cannot_ask_is_said_and_nobody_is_asked(
    github: GitHubServer, monkeypatch: pytest.MonkeyPatch, repositories: str, tmp_path: Path
) -> None:
    told(monkeypatch, GITHUB_REPOSITORIES=repositories, PUBLISH="on", GITHUB_APP_ID="77")
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    for settings, says in (
        ({}, "set all three of SOLOIST_GITHUB_APP_ID"),
        ({"GITHUB_APP_KEY": tmp_path / "none"}, "set all three of SOLOIST_GITHUB_APP_ID"),
        ({"GITHUB_APP_INSTALLATION": 5}, "none cannot be read; check SOLOIST_GITHUB_APP_KEY"),
        ({"GITHUB_APP_KEY": tmp_path / "passwd"}, "passwd, which holds no private key in PEM"),
    ):
        told(monkeypatch, **settings)
        for component in ("github", "publishing"):
            state, detail = found(component)
            assert state == "broken" and says in detail
    assert github.requests == []


def test_an_app_with_its_key_is_let_in_or_not(
    github: GitHubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def keep(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> None:
        way = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        (tmp_path / "app.pem").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, way)
        )

    good = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    told(monkeypatch, GITHUB_APP_ID="78", GITHUB_APP_KEY=tmp_path / "app.pem", GITHUB_APP_INSTALLATION="8")
    for key, password in ((ec.generate_private_key(ec.SECP256R1()), None), (good, b"secret")):
        keep(key, password)
        state, detail = found("github")
        assert state == "broken" and "SOLOIST_GITHUB_APP_KEY holds no RSA private key" in detail
    assert github.requests == []
    keep(good)
    github.app = lambda _token: False
    state, detail = found("github")
    assert state == "broken" and "the app of SOLOIST_GITHUB_APP_ID (78)" in detail
    github.app = lambda _token: True
    assert found("github") == (
        "ok",
        f"ada/engine, ada/other at {github.url}, asked as an app; it answers for ada/engine",
    )


def test_a_time_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("settings")[0] == "ok"
    told(monkeypatch, NOW="garbage")
    state, detail = found("settings")
    assert state == "broken" and detail.startswith("SOLOIST_NOW is 'garbage', which is no time")


def test_a_profile_that_was_named_and_is_not_there_is_said(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("profile")[0] == "off"
    told(monkeypatch, PROFILE=own_home / "wrong.toml")
    state, detail = found("profile")
    assert state == "broken" and f"SOLOIST_PROFILE names {own_home / 'wrong.toml'}, which does not exist" in detail
    (own_home / "wrong.toml").write_text('[basics]\nname = "Ada Example"\n')
    assert found("profile") == ("ok", str(own_home / "wrong.toml"))


def test_a_model_without_an_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("language model")[1].startswith("no model configured")
    told(monkeypatch, MODEL="large-one")
    state, detail = found("language model")
    assert state == "fallback"
    assert detail.startswith("SOLOIST_MODEL names large-one, but SOLOIST_MODEL_URL does not say where it is")
    told(monkeypatch, MODEL_BACKEND="extractive")
    assert found("language model") == ("fallback", "SOLOIST_MODEL_BACKEND is extractive; no model is asked")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_API_URL", "ftp://x"),
        ("GITHUB_API_URL", "github.com"),
        ("SENTRY_API_URL", "gopher://x"),
        ("MODEL_URL", "127.0.0.1:8000"),
        ("MODEL_ENGINE", "notjson"),
    ],
)
@pytest.mark.parametrize("command", ["doctor", "show standup"])
def test_a_setting_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, command: str
) -> None:
    told(monkeypatch, **{name: value})
    done = soloist(*command.split())
    assert (done.status, done.out) == (2, "")
    assert done.sentence.startswith(f"The setting SOLOIST_{name} cannot be used: it is n")
