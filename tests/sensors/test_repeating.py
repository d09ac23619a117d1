"""What a run failed to make is asked for again, after pauses that grow, and what is made or at work is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from sensors.repeating import FIRST_PAUSE, LONGEST_PAUSE, pause_after, repeated

ASKED = dg.RunRequest(run_key="commits:abc:2024-03-01", job_name="refresh_worklogs_job", tags={"range": "2024-03"})
STATUS = dg.DagsterRunStatus
SECOND = timedelta(seconds=1)


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def ran(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, instant: datetime, **tags: str) -> datetime:
    """A run of what is asked for at an instant; when it was last heard of."""
    request = repeated(instance, ASKED, instant)
    run: dg.DagsterRun = create_run_for_test(
        instance, job_name="refresh_worklogs_job", status=status, tags={**request.tags, **tags}
    )
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))
    return record.update_timestamp


def key_at(instance: dg.DagsterInstance, instant: datetime) -> str | None:
    return repeated(instance, ASKED, instant).run_key


def test_the_first_attempt_has_the_key_and_the_tags_that_it_was_asked_for_with(instance: dg.DagsterInstance) -> None:
    request = repeated(instance, ASKED, datetime.now().astimezone())
    assert (request.run_key, request.job_name, request.tags["range"]) == (ASKED.run_key, ASKED.job_name, "2024-03")


def test_what_failed_is_asked_for_again_under_a_new_key_after_each_pause(instance: dg.DagsterInstance) -> None:
    instant, seen = datetime.now().astimezone(), [ASKED.run_key]
    for attempt in range(6):
        ended = ran(instance, STATUS.FAILURE, instant)
        assert key_at(instance, ended + pause_after(attempt) - SECOND) == seen[-1]
        instant = ended + pause_after(attempt)
        seen.append(key_at(instance, instant))
        assert seen[-1] == key_at(instance, instant + timedelta(days=1))
    assert len(set(seen)) == 7


def test_the_pauses_double_up_to_an_hour() -> None:
    minutes = [pause_after(attempt) / timedelta(minutes=1) for attempt in range(6)]
    assert minutes == [5, 10, 20, 40, 60, 60]
    assert (pause_after(0), pause_after(10**6)) == (FIRST_PAUSE, LONGEST_PAUSE)


@pytest.mark.parametrize("status", [STATUS.SUCCESS, STATUS.CANCELED, STATUS.STARTED, STATUS.CANCELING])
def test_what_is_made_at_work_or_called_off_is_not_asked_for_again(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    ended = ran(instance, status, datetime.now().astimezone())
    assert key_at(instance, ended + timedelta(days=1)) == ASKED.run_key


def test_a_run_that_dagster_starts_again_by_itself_is_left_to_it(instance: dg.DagsterInstance) -> None:
    ended = ran(instance, STATUS.FAILURE, datetime.now().astimezone(), **{"dagster/will_retry": "true"})
    assert key_at(instance, ended + timedelta(days=1)) == ASKED.run_key


def test_runs_of_another_request_do_not_count(instance: dg.DagsterInstance) -> None:
    ended = ran(instance, STATUS.FAILURE, datetime.now().astimezone())
    other = ASKED.with_replaced_attrs(run_key=f"{ASKED.run_key}:2024-04-01")
    assert repeated(instance, other, ended + timedelta(days=1)).run_key == other.run_key
