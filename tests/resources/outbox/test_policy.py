"""Nothing goes to a place that the settings do not name, and nothing goes that holds a secret; code that merely names one goes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from resources.errors import SoloistError
from resources.outbox import Effect, KeepComment, LinkSentryIssue, OpenIssue, OpenPullRequest
from resources.outbox.outcome import Refused
from resources.outbox.policy import Policy
from resources.outbox.secrets import holds_secret
from resources.settings import Settings
from tests.publications import POLICY, SECRET

PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAxyzABCDEFGHIJKLMNOP012345\nqrstuv\n-----END RSA PRIVATE KEY-----"
)


def comment(body: str, repository: str = "ada/engine") -> KeepComment:
    return KeepComment(repository=repository, number=1, body=body)


def refused(effect: Effect, policy: Policy = POLICY, key: str = "k") -> str:
    with pytest.raises(Refused) as caught:
        policy.require(key, effect)
    return str(caught.value)


def test_only_what_the_settings_name_is_a_target() -> None:
    POLICY.require("k", comment("Fine.", "Ada/Engine"))
    POLICY.require("k", OpenIssue(repository="ada/alerts", title="T", body=""))
    POLICY.require("k", LinkSentryIssue(organization="Fern", issue="1", text="", url="https://a.b/"))
    assert "SOLOIST_GITHUB_REPOSITORIES" in refused(comment("Fine.", "ada/other"))
    assert "SOLOIST_GITHUB_REPOSITORIES" in refused(comment("Fine.", "ada/alerts"))
    link = LinkSentryIssue(organization="moss", issue="1", text="", url="https://a.b/")
    assert "moss/1 is not named in SOLOIST_SENTRY_PROJECTS" in refused(link)


@pytest.mark.parametrize(
    "text",
    [
        f"a {SECRET} b",
        "ghp_abcdefghijklmnopqrst",
        "token=ghp_abcdefghijklmnop",
        "password: hunter2",
        'password = "correct horse"',
        "authorization: Bearer abc",
        "authorization: token abcdef",
        "Bearer abcdefghijklmnopqrstuvwx",
        "postgresql://soloist:horses@db/soloist",
        "AKIAABCDEFGHIJKLMNOP",
        PEM,
        'token: str = "abc123def456"',
        "--password hunter22",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.abc",
        "Cookie: sid=abc123def; b=2",
    ],
)
def test_a_text_that_holds_a_secret_is_refused_without_repeating_it(text: str) -> None:
    sentence = refused(comment(text))
    assert sentence == "Its body holds a secret, or what looks like one, so it is not sent; make it anew without."


@pytest.mark.parametrize(
    "text",
    [
        "`def connect(token: str | None = None, password: str = '') -> Session`",
        "self.token = token\nsecret = os.environ['SECRET']\npassword = form.password",
        "`cookies: dict[str, str] = {}` should be `cookies = {}`.",
        "signature == expected and token is None; token := lexer.next()",
        "The token: it is parsed. Authorization is missing. max_tokens=5, token=12.",
        "session_id = uuid4().hex; auth = Auth(user); access_key = keys[0]",
        "settings.github_token.get_secret_value() was [hidden], token=[hidden]",
        "See https://github.com/ada/engine/pull/3#issuecomment-1.",
    ],
)
def test_code_that_names_secrets_and_holds_none_is_sent(text: str) -> None:
    POLICY.require("k", comment(text))


@pytest.mark.parametrize(
    ("member", "value", "place"),
    [
        ("title", f"About {SECRET}", "title"),
        ("commit_message", f"x\n\n{SECRET}", "commit_message"),
        ("branch", f"soloist/{SECRET}", "branch"),
        ("labels", (SECRET,), "labels.0"),
        ("files", {f"a/{SECRET}.txt": ""}, "files (name)"),
        ("files", {"a.txt": f"x = {SECRET!r}"}, "files.a.txt"),
    ],
)
def test_every_text_is_looked_at(member: str, value: Any, place: str) -> None:
    members = {
        "repository": "ada/engine",
        "branch": "b",
        "base": "main",
        "base_commit": "a" * 40,
        "title": "T",
        "body": "",
        "files": {"a": ""},
        "commit_message": "m",
    }
    sentence = refused(OpenPullRequest(**members | {member: value}))
    assert sentence.startswith(f"Its {place} holds a secret")
    assert SECRET not in sentence
    assert refused(comment("Fine."), key=f"review:{SECRET}").startswith("Its key holds")


def test_callers_may_add_patterns() -> None:
    assert holds_secret("customer 123-45-6789", patterns=[re.compile(r"\b\d{3}-\d{2}-\d{4}\b")])
    assert not holds_secret("customer 123456789", patterns=[re.compile(r"\b\d{3}-\d{2}-\d{4}\b")])


def test_every_secret_of_the_settings_is_known(tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_text(PEM, encoding="ascii")
    secret_fields = {
        name: SecretStr(f"{name}-Zq7")
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation) and name != "sentry_dsn"
    }
    assert len(secret_fields) >= 9
    policy = Policy.of(
        Settings(
            **secret_fields,  # type: ignore[arg-type]
            github_app_key=tmp_path / "app.pem",
            inbox_url="postgresql+psycopg://soloist:In%20box-Pw9@db/soloist",
            github_repositories=["Ada/Engine"],
            alert_repository="Ada/Alerts",
        )
    )
    for value in [*(each.get_secret_value() for each in secret_fields.values()), "In box-Pw9", PEM.splitlines()[1]]:
        assert "holds a secret" in refused(comment(f"see {value}"), policy)
    assert repr(policy.known_secrets[0]) not in repr(policy)


def test_a_short_value_refuses_nothing() -> None:
    Policy.of(Settings(github_token=SecretStr("abc"), github_repositories=["ada/engine"])).require(
        "k", comment("the abc of it")
    )


def test_a_refusal_is_one_sentence_for_a_person() -> None:
    assert issubclass(Refused, SoloistError)
