"""Settings come from the environment, and what cannot be used is said in one sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from resources import clock
from resources.errors import BadInput
from resources.settings import Settings, load_settings, parse_working_days
from resources.sources import load_sources, remember_sources


@pytest.mark.parametrize(
    ("text", "days"),
    [("mon-fri", (0, 1, 2, 3, 4)), ("sun,mon,tue,wed,thu", (0, 1, 2, 3, 6)), ("Sat-Mon", (0, 5, 6)), ("wed", (2,))],
)
def test_working_days_are_read_as_people_write_them(text: str, days: tuple[int, ...]) -> None:
    assert parse_working_days(text) == days


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SOLOIST_WORKING_DAYS", "mon-someday", "no weekday"),
        ("SOLOIST_HORIZON_DAYS", "many", "SOLOIST_HORIZON_DAYS"),
        ("SOLOIST_DOCUMENT_PORT", "70000", "SOLOIST_DOCUMENT_PORT"),
        ("SOLOIST_SENTRY_REPOSITORIES", "acme/shop", "'acme/shop' is not organization/project=owner/name"),
        ("SOLOIST_SENTRY_REPOSITORIES", "acme=fern/shelf", "'acme' is not two names with a slash"),
        ("SOLOIST_ALERT_REPOSITORY", "shelf", "'shelf' is not two names with a slash"),
        ("SOLOIST_MODEL_ENGINE", "notjson", "SOLOIST_MODEL_ENGINE cannot be used: it is no JSON object"),
        ("SOLOIST_MODEL_ENGINE", "[1]", "SOLOIST_MODEL_ENGINE cannot be used: it is no JSON object"),
        ("SOLOIST_HOME", "~nobody-here/soloist", "SOLOIST_HOME cannot be used: '~nobody-here/soloist' begins with"),
        (
            "SOLOIST_REPOSITORIES",
            "~nobody-here/shelf",
            "SOLOIST_REPOSITORIES cannot be used: '~nobody-here/shelf' begins",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=said) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["notjson", "{", "[1]", "~nobody-here", "\x7f", "-1", "http://[::1"])
def test_no_value_of_any_setting_is_a_traceback(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    for field in Settings.model_fields:
        with monkeypatch.context() as patch, suppress(BadInput):
            patch.setenv(f"SOLOIST_{field.upper()}", value)
            load_settings()


@pytest.mark.parametrize("name", ["SOLOIST_GITHUB_API_URL", "SOLOIST_SENTRY_API_URL", "SOLOIST_MODEL_URL"])
def test_an_address_is_http_with_a_host(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    field = name.removeprefix("SOLOIST_").lower()
    wrong = (
        "ftp://x",
        "gopher://x",
        "github.com",
        "127.0.0.1:9",
        "http://",
        "https:///path",
        "http://x:0",
        "http://[::1",
    )
    for value in (*wrong, "ftp://user:hidden-password@x"):
        monkeypatch.setenv(name, value)
        with pytest.raises(
            BadInput, match=f"^The setting {name} cannot be used: it is not an http or https URL"
        ) as caught:
            load_settings()
        assert "hidden-password" not in str(caught.value)
    for value in ("http://127.0.0.1:9", "https://host.example/api/v3", " https://host.example "):
        monkeypatch.setenv(name, value)
        assert getattr(load_settings(), field) == value.strip()


@pytest.mark.parametrize("blank", ["", " "])
def test_an_address_or_arguments_left_blank_are_the_default(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    for field in ("github_api_url", "sentry_api_url", "model_url", "model_engine"):
        monkeypatch.setenv(f"SOLOIST_{field.upper()}", blank)
        assert getattr(load_settings(), field) == Settings.model_fields[field].default, field
    monkeypatch.setenv("SOLOIST_PROFILE", "")
    assert load_settings().profile is None


def test_arguments_of_the_engine_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_MODEL_ENGINE", '{"gpu_memory_utilization": 0.8}')
    assert load_settings().model_engine == {"gpu_memory_utilization": 0.8}


def test_a_timezone_that_is_none_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_TIMEZONE", "Mars/Olympus")
    with pytest.raises(BadInput, match="Europe/Berlin"):
        _ = load_settings().zone


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_MODEL_API_KEY", "key-that-nobody-may-see")
    monkeypatch.setenv("SOLOIST_S3_SECRET_KEY", "another-of-these")
    shown = repr(load_settings()) + load_settings().model_dump_json()
    assert "nobody-may-see" not in shown
    assert "another-of-these" not in shown


def test_the_clock_can_be_set_and_a_time_that_is_none_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_NOW", "2026-03-29T02:30:00+01:00")
    assert clock.now() == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    monkeypatch.setenv("SOLOIST_NOW", "soon")
    with pytest.raises(BadInput, match="SOLOIST_NOW"):
        clock.now()


def test_remembered_sources_are_used_until_the_settings_say_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_sources(load_settings(), [tmp_path / "one"], None)
    remember_sources(load_settings(), None, ["ada@example.com"])
    sources = load_sources(load_settings())
    assert sources.repositories == [(tmp_path / "one").resolve()]
    assert sources.authors == ["ada@example.com"]
    monkeypatch.setenv("SOLOIST_REPOSITORIES", f"{tmp_path}/two:{tmp_path}/three")
    assert [path.name for path in load_sources(load_settings()).repositories] == ["two", "three"]


def test_a_broken_list_of_sources_is_one_sentence(home: Path) -> None:
    (home / "sources.json").write_text(json.dumps({"repositories": 3}))
    with pytest.raises(BadInput, match=r"sources\.json"):
        load_sources(load_settings())


def test_a_secret_that_is_blank_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an example of an environment file leaves it: nothing is verified by it, and nobody is told that something is."""
    for name, field in Settings.model_fields.items():
        if "SecretStr" in str(field.annotation):
            monkeypatch.setenv(f"SOLOIST_{name.upper()}", "")
            assert getattr(load_settings(), name) is None, name
