"""As whom the client asks GitHub: with a token that shows nowhere and goes nowhere else, or as an app."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from github_polled import PULLS, TOKEN, asking_at
from github_server import DROP, SERVER_ERROR, Fault, GitHubServer
from pydantic import SecretStr

from resources.errors import BadInput
from resources.github import credentials
from resources.github.client import GitHub, open_github
from resources.github.credentials import App, Token
from resources.rest.errors import (
    Denied,
    RestError,
    Unauthorized,
)
from resources.settings import Settings


@pytest.mark.parametrize("way", ["redirect", "next"])
def test_the_token_goes_to_no_other_host(github: GitHubServer, client: GitHub, way: str) -> None:
    with GitHubServer() as other:
        target = f"{other.url}/{PULLS}"
        if way == "redirect":
            github.fault = lambda _request: Fault(302, headers={"location": target})
            url: str | None = PULLS
        else:
            github.fault = lambda _request: Fault(200, "[]", headers={"link": f'<{target}>; rel="next"'})
            url = client.get(PULLS, "pull requests").next
        assert url is not None
        with pytest.raises(Denied, match="another host"):
            client.get(url, "pull requests")
        assert other.requests == []


def test_the_token_shows_nowhere(github: GitHubServer, client: GitHub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    told = [repr(client), repr(vars(client)), repr(Token(SecretStr(TOKEN)))]
    echo = f'{{"message": "Bad: {TOKEN}"}}'
    for fault in (
        DROP,
        SERVER_ERROR,
        Fault(401, echo),
        Fault(403, echo),
        Fault(404, echo),
        Fault(500, echo),
        Fault(429, echo),
    ):
        github.fault = lambda _request, fault=fault: fault  # type: ignore[misc]
        with asking_at(github) as each, pytest.raises(RestError) as failure:
            each.get(PULLS, "pull requests")
        told += [
            "".join(traceback.format_exception(failure.value)),
            repr(failure.value),
            str(failure.value.__context__),
        ]
    assert not [text for text in (*told, caplog.text) if TOKEN in text]
    assert github.requests[0].headers["authorization"] == f"token {TOKEN}"


def test_what_is_no_token_and_no_address() -> None:
    for token in ("two words", "ghp_é", "line\nbreak"):
        with pytest.raises(BadInput) as failure:
            Token(SecretStr(token))
        assert token not in str(failure.value)
    for url in ("", "ftp://x", "api.github.com", "http://", "https://user:secret@x", "http://x:0"):
        with pytest.raises(BadInput):
            GitHub(Token(None), url)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path_factory.mktemp("key") / "app.pem"
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return path, public.decode()


def test_an_app_gets_a_token_of_its_installation_once(github: GitHubServer, key: tuple[Path, str]) -> None:
    import jwt

    path, public = key
    github.app = lambda token: jwt.decode(token, public, algorithms=["RS256"])["iss"] == "77"
    settings = Settings(github_app_id="77", github_app_key=path, github_app_installation="5", github_api_url=github.url)
    for _ in range(2):
        with open_github(settings) as client:
            assert client.get(PULLS, "pull requests").body
    assert [each.method for each in github.requests] == ["POST", "GET", "GET"]
    # Revoked meanwhile: refused once, and the next client gets a new one.
    github.token = "another"
    with open_github(settings) as client, pytest.raises(Unauthorized):
        client.get(PULLS, "pull requests")
    with open_github(settings) as client:
        assert client.get(PULLS, "pull requests").body


def test_git_gets_what_requests_are_signed_with(github: GitHubServer, key: tuple[Path, str]) -> None:
    credentials._installation_tokens.clear()
    github.app = lambda _token: True
    with GitHub(App("77", SecretStr(key[0].read_text()), "5"), github.url) as client:
        assert client.token() == github.token
    with GitHub(Token(SecretStr(TOKEN)), github.url) as client:
        assert client.token() == TOKEN


def test_an_app_that_is_not_let_in_is_a_sentence(github: GitHubServer, key: tuple[Path, str]) -> None:
    credentials._installation_tokens.clear()
    with GitHub(App("77", SecretStr(key[0].read_text()), "6"), github.url) as client:
        with pytest.raises(Unauthorized, match=r"the app of SOLOIST_GITHUB_APP_ID \(77\)"):
            client.get(PULLS, "pull requests")
        github.fault = lambda _request: Fault(404, '{"message": "Not Found"}')
        with pytest.raises(Unauthorized):
            client.get(PULLS, "pull requests")
    rubbish = App("77", SecretStr("-----BEGIN RUBBISH-----"), "6")
    with GitHub(rubbish, github.url) as client, pytest.raises(Unauthorized, match="no RSA private key"):
        client.get(PULLS, "pull requests")


def test_the_settings_of_an_app_come_together(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="all three"):
        open_github(Settings(github_app_id="77"))
    missing = tmp_path / "none.pem"
    with pytest.raises(BadInput, match=r"none\.pem cannot be read"):
        open_github(Settings(github_app_id="77", github_app_key=missing, github_app_installation="5"))


def test_a_file_without_a_private_key_is_named_before_anybody_is_asked(
    github: GitHubServer, key: tuple[Path, str], tmp_path: Path
) -> None:
    for name, text in (("passwd", "root:x:0:0:root:/root:/bin/bash\n"), ("public.pem", key[1]), ("empty.pem", "")):
        (tmp_path / name).write_text(text)
        with pytest.raises(BadInput, match=f"{name}, which holds no private key in PEM"):
            open_github(
                Settings(
                    github_app_id="77",
                    github_app_key=tmp_path / name,
                    github_app_installation="5",
                    github_api_url=github.url,
                )
            )
    assert github.requests == []
