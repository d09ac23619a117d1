"""The sensors that poll: silent where nothing is set, and a sentence for whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from github_polled import NAME, filled, waiting
from github_server import GitHubServer

from resources.inbox import Inbox
from sensors.polls import github_poll_sensor


def tick() -> str:
    result = github_poll_sensor(dg.build_sensor_context())
    assert isinstance(result, dg.SkipReason)
    return str(result.skip_message)


def test_nothing_is_done_where_no_repository_is_named(home: Path) -> None:
    assert tick() == "SOLOIST_GITHUB_REPOSITORIES names no repository."
    assert not (home / "inbox.db").exists()


def test_what_changed_lies_in_the_inbox(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GitHubServer("ghp_abcdefghijklmnop") as server:
        filled(server.repository(NAME), 2, 2, 2, 2, 2)
        monkeypatch.setenv("SOLOIST_GITHUB_REPOSITORIES", NAME)
        monkeypatch.setenv("SOLOIST_GITHUB_API_URL", server.url)
        monkeypatch.setenv("SOLOIST_NOW", server.clock.isoformat())
        monkeypatch.setenv("SOLOIST_GITHUB_TOKEN", "ghp_abcdefghijklmnop")
        assert tick() == "11 new facts of 1 repositories."
        assert tick() == "0 new facts of 1 repositories."
        monkeypatch.setenv("SOLOIST_GITHUB_TOKEN", "expired")
        assert "(401: Bad credentials)" in tick()
    inbox = Inbox(f"sqlite:///{home / 'inbox.db'}")
    assert len(waiting(inbox)) == 11
    inbox.close()


def test_settings_that_cannot_be_used_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_GITHUB_REPOSITORIES", NAME)
    monkeypatch.setenv("SOLOIST_GITHUB_APP_ID", "77")
    assert "set all three" in tick()


def test_it_runs_of_its_own_accord_each_minute() -> None:
    assert github_poll_sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert github_poll_sensor.minimum_interval_seconds == 60
