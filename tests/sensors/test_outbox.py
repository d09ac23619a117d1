"""The sensor that publishes: silent while publishing is off or nothing is due, and one run at a time otherwise; and what its run does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from orchestration_assets.resource_definitions import settings_resource
from resources.outbox import KeepComment, Outbox
from sensors.outbox import outbox_effects_sensor, publish_effects_job
from tests.github_server import GitHubServer
from tests.publications import NAME, TOKEN


@pytest.fixture
def github(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    """Which publishing is on for."""
    with GitHubServer(TOKEN) as server:
        server.repository(NAME).put("pull")
        values = {"API_URL": server.url, "TOKEN": TOKEN, "REPOSITORIES": NAME}
        for name, value in values.items():
            monkeypatch.setenv(f"SOLOIST_GITHUB_{name}", value)
        monkeypatch.setenv("SOLOIST_PUBLISH", "on")
        yield server


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def put(home: Path, body: str = "One finding.", key: str = "review:1") -> None:
    outbox = Outbox(f"sqlite:///{home}/inbox.db")
    outbox.put({key: KeepComment(repository=NAME, number=1, body=body)})
    outbox.close()


def tick(instance: dg.DagsterInstance) -> str | None:
    """Why it skips; None where it asks for a run."""
    with dg.build_sensor_context(instance=instance) as context:
        said = outbox_effects_sensor(context)
    return said.skip_message if isinstance(said, dg.SkipReason) else None


def publish(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return publish_effects_job.execute_in_process(instance=instance, resources={"settings": settings_resource})


def test_nothing_happens_while_publishing_is_off(
    instance: dg.DagsterInstance, home: Path, github: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home)
    for mode in ("off", "dry-run"):
        monkeypatch.setenv("SOLOIST_PUBLISH", mode)
        assert str(tick(instance)).startswith(f"SOLOIST_PUBLISH is {mode};")
        assert publish(instance).success
    assert github.requests == []


def test_it_asks_for_a_run_where_something_is_due_and_for_one_at_a_time(
    instance: dg.DagsterInstance, home: Path, github: GitHubServer
) -> None:
    assert tick(instance) == "Nothing was put into the outbox yet."
    assert not (home / "inbox.db").exists()
    put(home)
    assert tick(instance) is None
    running = create_run_for_test(instance, job_name=publish_effects_job.name, status=dg.DagsterRunStatus.STARTED)
    assert tick(instance) == "A run publishes already."
    instance.report_run_failed(running)
    assert tick(instance) is None


def test_the_run_sends_what_is_due_and_says_what_it_came_to(
    instance: dg.DagsterInstance, home: Path, github: GitHubServer
) -> None:
    put(home)
    put(home, "See password=hunter22.", "review:2")
    done = publish(instance)
    assert done.success
    (output,) = [each for each in done.all_events if each.event_type is dg.DagsterEventType.STEP_OUTPUT]
    told = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert told == {"sent": 1, "dead": 1, "failed": 0, "waiting": 0}
    (comment,) = github.written[NAME].every_comment()
    assert comment["body"].startswith("One finding.")
    assert tick(instance) == "Nothing in the outbox is due."


def test_settings_that_do_not_fit_together_ask_for_no_run(
    instance: dg.DagsterInstance, home: Path, github: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home)
    monkeypatch.setenv("SOLOIST_GITHUB_APP_ID", "77")
    assert "set all three" in str(tick(instance))
