"""Settings come from the environment, and what cannot be used is said in one sentence."""

from __future__ import annotations

import json
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
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=said) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


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
