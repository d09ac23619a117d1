"""Batches whose run is over are given back: with a pause where it failed, at once where it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from orchestration_assets.activity.assets import BATCH_TAG
from resources.inbox import Event, Inbox
from resources.inbox.store import FIRST_PAUSE
from resources.processes import PROCESS_TAG
from sensors import unfinished
from sensors.dead_runs import REAPED_TAG, reap_dead_runs
from sensors.inbox_events import batch_requests
from tests.publications import Clock

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(tmp_path: Path, clock: Clock) -> Iterator[Inbox]:
    """With one event that waits."""
    opened = Inbox(f"sqlite:///{tmp_path}/inbox.db", clock)
    opened.add([Event("github", "1", "issues", "github:issue:1", datetime(2026, 11, 1, tzinfo=UTC), "open", b"{}")])
    yield opened
    opened.close()


def started(instance: dg.DagsterInstance, inbox: Inbox, **tags: str) -> str:
    """The run of the one batch that is asked for."""
    (request,) = batch_requests(instance, inbox)
    run: dg.DagsterRun = create_run_for_test(
        instance, job_name="apply_events_job", status=STARTED, tags={**request.tags, **tags}
    )
    assert run.tags[BATCH_TAG] == request.run_key
    return run.run_id


@pytest.mark.parametrize("tags", [{}, {REAPED_TAG: "of-the-run-that-it-repeats"}])
def test_after_a_run_that_failed_its_events_pause(
    instance: dg.DagsterInstance, inbox: Inbox, clock: Clock, tags: dict[str, str]
) -> None:
    run = instance.get_run_by_id(started(instance, inbox, **tags))
    assert run is not None
    instance.report_run_failed(run, message="The warehouse is locked.")
    assert list(batch_requests(instance, inbox)) == []
    assert run.run_id in str(inbox.latest("waiting")[0].reason)
    clock.now += FIRST_PAUSE - timedelta(seconds=1)
    assert list(batch_requests(instance, inbox)) == []
    clock.now += timedelta(seconds=1)
    assert len(list(batch_requests(instance, inbox))) == 1


def test_after_a_run_whose_process_is_gone_its_events_are_due_at_once(
    instance: dg.DagsterInstance, inbox: Inbox, gone: str
) -> None:
    dead = started(instance, inbox, **{PROCESS_TAG: gone})
    assert reap_dead_runs(instance) == [dead]
    (request,) = batch_requests(instance, inbox)
    assert request.run_key != dead
    assert [event.attempts for event in inbox.latest("leased")] == [1]


def test_a_retry_that_was_announced_is_waited_for_a_while_and_not_for_ever(
    instance: dg.DagsterInstance, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that is killed after it said so never begins it."""
    run = instance.get_run_by_id(started(instance, inbox, **{"dagster/will_retry": "true"}))
    assert run is not None
    instance.report_run_failed(run, message="It did not start in time.")
    assert list(batch_requests(instance, inbox)) == []
    assert [event.state for event in inbox.latest()] == ["leased"], "the retry will have it"
    monkeypatch.setattr(unfinished, "RETRY_PATIENCE", timedelta(0))
    assert list(batch_requests(instance, inbox)) == []
    assert [event.state for event in inbox.latest()] == ["waiting"]
