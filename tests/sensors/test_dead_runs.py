"""Which runs the reaper fails: those whose own process is known to be gone, and no other."""

from __future__ import annotations

import socket
import time

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.test_utils import create_run_for_test

from resources.processes import PROCESS_TAG, this_process
from sensors import dead_runs
from sensors.dead_runs import dead_runs_sensor, reap_dead_runs

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def started(instance: dg.DagsterInstance, parent: str | None = None, **tags: str) -> str:
    run: dg.DagsterRun = create_run_for_test(
        instance, job_name="make_summary_job", status=STARTED, tags=tags, parent_run_id=parent, root_run_id=parent
    )
    return run.run_id


def test_a_run_whose_process_is_gone_is_failed_once(instance: dg.DagsterInstance, gone: str) -> None:
    dead = started(instance, **{PROCESS_TAG: gone})
    assert reap_dead_runs(instance) == [dead]
    run = instance.get_run_by_id(dead)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert reap_dead_runs(instance) == []


def test_runs_that_may_be_alive_are_left_alone(instance: dg.DagsterInstance, gone: str) -> None:
    elsewhere = gone.replace(socket.gethostname(), "another-host", 1)
    for tags in ({}, {PROCESS_TAG: this_process()}, {PROCESS_TAG: elsewhere}, {PROCESS_TAG: "rubbish:of:somebody"}):
        started(instance, **tags)
    assert reap_dead_runs(instance) == []


def test_a_run_that_was_killed_before_it_named_its_process_is_failed_after_a_while(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: dg.DagsterRun = create_run_for_test(instance, job_name="make_summary_job", status=dg.DagsterRunStatus.STARTING)
    instance.report_dagster_event(
        DagsterEvent(DagsterEventType.RUN_START.value, "make_summary_job"), run.run_id, timestamp=time.time()
    )
    assert reap_dead_runs(instance) == []
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + dead_runs.NAMED_WITHIN + 1)
    assert reap_dead_runs(instance) == [run.run_id]


def test_a_retry_that_starts_with_the_tags_of_its_dead_parent_is_left_alone(
    instance: dg.DagsterInstance, gone: str
) -> None:
    parent = started(instance, **{PROCESS_TAG: gone})
    reap_dead_runs(instance)
    retry = started(instance, parent, **{PROCESS_TAG: gone})
    assert reap_dead_runs(instance) == []
    instance.add_run_tags(retry, {PROCESS_TAG: f"{socket.gethostname()}:0:1"})
    assert reap_dead_runs(instance) == [retry]


def test_the_sensor_says_what_it_did(instance: dg.DagsterInstance, gone: str) -> None:
    dead = started(instance, **{PROCESS_TAG: gone})
    with dg.build_sensor_context(instance=instance) as context:
        assert dead in str(dead_runs_sensor.evaluate_tick(context).skip_message)
        assert "No dead runs" in str(dead_runs_sensor.evaluate_tick(context).skip_message)
