"""Asking again for what a run failed to make: the run key of a request, which Dagster takes once, bears the attempt.

What belongs here: the pauses between attempts. A sensor that finds the same stale at every tick asks for the same at every tick, and
Dagster lets the request through when its key is a new one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import dagster as dg

from sensors.unfinished import is_to_be_retried

BASE_TAG = "soloist/request"
"""The run key of the first attempt."""
ATTEMPT_TAG = "soloist/attempt"
"""Which repetition a run is; the first attempt has none."""
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)


def repeated(instance: dg.DagsterInstance, request: dg.RunRequest, instant: datetime) -> dg.RunRequest:
    """The request under the key of its last attempt or, where that one failed and its pause is over, of the next. One query."""
    base = str(request.run_key)
    found = instance.get_run_records(dg.RunsFilter(tags={BASE_TAG: base}), limit=1)
    attempt = _next_attempt(found[0], instant) if found else 0
    key, more = (f"{base}:{attempt}", {ATTEMPT_TAG: str(attempt)}) if attempt else (base, {})
    return request.with_replaced_attrs(run_key=key, tags={**request.tags, BASE_TAG: base, **more})


def _next_attempt(last: dg.RunRecord, instant: datetime) -> int:
    run = last.dagster_run
    attempt = int(run.tags.get(ATTEMPT_TAG, "0"))
    failed = run.status is dg.DagsterRunStatus.FAILURE and not is_to_be_retried(last)
    return attempt + 1 if failed and last.update_timestamp + pause_after(attempt) <= instant else attempt


def pause_after(attempt: int) -> timedelta:
    """5 minutes after the first, twice as long after each further one, at most an hour."""
    return min(FIRST_PAUSE * int(2 ** min(attempt, 10)), LONGEST_PAUSE)
