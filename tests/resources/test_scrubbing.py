"""Secrets in every shape that logs and error messages give them."""

from __future__ import annotations

import io
import json
import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import scrubbing
from resources.scrubbing import HIDDEN, ScrubbingFilter, is_secret_name, remember_secrets, scrub

CANARY = "Canary0Secret1Canary2Secret3"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"authorization: {CANARY}",
        f"{{'Authorization': 'Basic {CANARY}=='}}",
        f'curl -H "Authorization: token {CANARY}" https://example.com',
        f"got Bearer {CANARY} back",
        f"X-Api-Key: {CANARY}",
        f"Cookie: theme=dark; sid={CANARY}; a=b",
        f"Set-Cookie: sid={CANARY}; Path=/",
        f"postgresql://ada:{CANARY}@db.example.com:5432/soloist",
        f"postgresql://ada:p@ss@{CANARY}@db.example.com/soloist",
        f"redis://:{CANARY}@localhost:6379/0",
        f"amqp://ada:a/{CANARY}@localhost",
        f"https://{CANARY}@github.com/ada/example.git",
        f"https://example.com/x?page=1&access_token={CANARY}&sort=asc",
        f"https://example.com/x?sig={CANARY}",
        f"AWS_SECRET_ACCESS_KEY={CANARY}",
        f"export SOLOIST_MODEL_API_KEY='{CANARY}'",
        f"password = {CANARY}",
        f"db.password: {CANARY}",
        f"clientSecret={CANARY}",
        f'{{"api_key": "{CANARY}", "n": 1}}',
        f'{{"api_key": "a \\" b {CANARY}"}}',
        json.dumps({"body": json.dumps({"password": f"two words {CANARY}"})}),
        json.dumps({"body": json.dumps({"x": json.dumps({"token": CANARY})})}),
        f"{{'token': b'{CANARY}'}}",
        f'os.environ["GITHUB_TOKEN"] = "{CANARY}"',
        f"token => {CANARY}",
        f"login --password {CANARY} --user ada",
        f"serve --api-key={CANARY}",
        f'password="{CANARY} and no end',
        f"sk-{CANARY}",
        f"sk-proj-{CANARY}",
        f"ghp_{CANARY}",
        f"github_pat_{CANARY}",
        f"glpat-{CANARY}",
        f"xoxb-{CANARY}",
        f"hf_{CANARY}",
        f"npm_{CANARY}",
        f"the key (sk_live_{CANARY}) is wrong",
        f"eyJhbGciOiJIUzI1NiJ9.eyJ{CANARY}.c2ln",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\nabc\n-----END RSA PRIVATE KEY-----\n",
        f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
        "AKIAIOSFODNN7EXAMPLE",
    ],
)
def test_a_secret_is_hidden(text: str) -> None:
    assert CANARY not in scrub(text)
    assert "AKIA" not in scrub(text)
    assert HIDDEN in scrub(text)
    assert scrub(scrub(text)) == scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "max_tokens=512 tokens_in: 12 tokens_out: 4",
        "commit 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567 by Ada Example <ada@example.com>",
        "http://127.0.0.1:8000/v1/chat/completions",
        "http://localhost:4873/@types/node",
        "git@github.com:ada/example.git and ssh://git@github.com/ada/example.git",
        "author=Ada, passed: 12, keyboard: de, monkey=1",
        "token: None, password=null",
        "basic information and basic authentication, bearer of news",
        "the tokenizer secretly passes",
        "secretary: Ada",
        "risk-assessment-of-the-whole-warehouse",
        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub(text) == text


def test_json_stays_json() -> None:
    text = json.dumps({"api_key": 'a"b\\', "nested": {"password": "x y", "n": 1}, "url": "https://a:b@c/d"})
    assert json.loads(scrub(text)) == {
        "api_key": HIDDEN,
        "nested": {"password": HIDDEN, "n": 1},
        "url": f"https://{HIDDEN}@c/d",
    }


values = st.text("abcXYZ019+/=_.~-", min_size=12, max_size=40).map(lambda value: "Q9" + value + "9Q")
names = st.sampled_from(
    ["password", "API_KEY", "x-api-key", "githubToken", "client_secret", "aws_secret_access_key", "Auth"]
)
forms = st.sampled_from(
    [
        "{n}={v}",
        "{n}: {v}",
        '"{n}": "{v}"',
        "'{n}': '{v}'",
        '\\"{n}\\": \\"{v}\\"',
        "--{n} {v}",
        "?{n}={v}&x=1",
        "{n}: Bearer {v}",
    ]
)


@given(
    name=names,
    value=values,
    form=forms,
    before=st.text("ab: =/\"'\n", max_size=12),
    after=st.text("ab ,}\n\"'", max_size=8),
)
def test_a_value_under_a_secret_name_never_survives(name: str, value: str, form: str, before: str, after: str) -> None:
    planted = form.replace("{n}", name).replace("{v}", value)
    assert value not in scrub(f"{before} {planted} {after}")


@given(st.text(max_size=300))
def test_any_text_can_be_scrubbed(text: str) -> None:
    assert isinstance(scrub(text), str)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "://",
        "a://",
        "http://a:",
        'password="',
        "password=\\",
        "--a-",
        "-----BEGIN PRIVATE KEY-----",
        "eyJaaaaaaaaa.",
        "Basic ",
        "SG.a",
    ],
)
def test_a_hostile_line_costs_linear_time(unit: str) -> None:
    began = time.perf_counter()
    scrub(unit * (300_000 // len(unit)))
    assert time.perf_counter() - began < 5


def test_remembered_values_are_hidden_whatever_they_look_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrubbing, "_known", frozenset())
    remember_secrets(["correct horse", "correct horse battery", "abc", ""])
    assert scrub("it is correct horse battery, abc") == f"it is {HIDDEN}, abc"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("api_key", True),
        ("X-Api-Key", True),
        ("GITHUB_TOKEN", True),
        ("cookies", True),
        ("max_tokens", False),
        ("author", False),
    ],
)
def test_names_of_secrets_are_told_apart(name: str, secret: bool) -> None:
    assert is_secret_name(name) is secret


def test_the_filter_hides_secrets_in_messages_tracebacks_and_extras() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        logging.Formatter("%(levelname)s %(message)s %(api_key)s %(note)s", defaults={"api_key": "-", "note": "-"})
    )
    handler.addFilter(ScrubbingFilter())
    logger = logging.Logger("soloist.test")
    logger.addHandler(handler)
    logger.warning(
        "calling %s with %d", f"https://ada:{CANARY}@example.com", 3, extra={"api_key": CANARY, "note": "fine"}
    )
    logger.error("wrong arguments %d", f"token={CANARY}")
    try:
        raise ValueError(f"password={CANARY}")
    except ValueError:
        logger.exception("failed")
    text = stream.getvalue()
    assert CANARY not in text
    assert f"WARNING calling https://{HIDDEN}@example.com with 3 {HIDDEN} fine" in text
    assert f"ValueError: password={HIDDEN}" in text
    assert "wrong arguments" in text
