"""Whole runs that ask a model in batch files: each run goes as far as the answers that are there."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from batch_endpoint import BatchEndpoint
from scripted_endpoint import Answer
from terminal import small_repository
from workbench import Workbench

from orchestration_assets.definitions import defs
from resources.settings import load_settings
from sensors.model_batches import model_batches_sensor

pytestmark = pytest.mark.integration

NOTHING_WAITS = "SELECT count(*) AS n FROM derivations WHERE reason IS NOT NULL"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    monkeypatch.setenv("SOLOIST_NOW", "2026-11-20T18:00:00+00:00")
    found = Workbench()
    found.watch(small_repository(tmp_path / "shelf").path)
    return found


def ask_in_batches(monkeypatch: pytest.MonkeyPatch, endpoint: BatchEndpoint) -> None:
    monkeypatch.setenv("SOLOIST_MODEL_URL", endpoint.url)
    monkeypatch.setenv("SOLOIST_MODEL", endpoint.model)
    monkeypatch.setenv("SOLOIST_MODEL_BACKEND", "batch")


def waiting(bench: Workbench) -> int:
    return int(str(bench.query(NOTHING_WAITS)[0]["n"]))


def test_runs_end_with_everything_made_by_the_model(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    with BatchEndpoint() as endpoint:
        ask_in_batches(monkeypatch, endpoint)
        first = bench.run()
        assert first.assets["worklog_analyses"].failed > 0
        assert endpoint.questions, "what waits is sent at the end of the run"
        for _ in range(6):
            endpoint.work()
            last = bench.run()
        assert waiting(bench) == 0
        assert not any(counts.failed for counts in last.assets.values())
        makers = bench.query("SELECT DISTINCT maker FROM derivations WHERE agent = 'worklog_analysis'")
        assert makers == [{"maker": "scripted@r1"}]
        asked = [line["custom_id"] for line in endpoint.questions]
        assert len(asked) == len(set(asked)), "nothing is paid for twice"
        usage = bench.query("SELECT sum(calls)::INT AS calls, sum(tokens_in)::INT AS given FROM model_usage")
        assert usage == [{"calls": len(asked), "given": 10 * len(asked)}]
        bench.run()
        assert len(endpoint.questions) == len(asked)


def test_an_endpoint_that_is_gone_is_a_problem_and_the_questions_are_kept(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BatchEndpoint() as endpoint:
        ask_in_batches(monkeypatch, endpoint)
        monkeypatch.setenv("SOLOIST_MODEL_REVISION", "r1")
    result = bench.run()
    assert any("does not answer" in problem and "The questions are kept" in problem for problem in result.problems)
    assert bench.query("SELECT count(*) > 0 AS kept FROM batched_questions") == [{"kept": True}]


def test_the_sensor_asks_for_runs_once_a_file_is_answered(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def tick() -> list[dg.RunRequest]:
        context = dg.build_sensor_context(instance=bench.instance, definitions=defs)
        return list(model_batches_sensor.evaluate_tick(context).run_requests or [])

    assert tick() == []
    with BatchEndpoint(lambda _request, _attempt: Answer()) as endpoint:
        ask_in_batches(monkeypatch, endpoint)
        bench.run()
        sent = len(endpoint.batches)
        assert tick() == []
        endpoint.work()
        requests = tick()
        assert {request.job_name for request in requests} >= {"refresh_worklogs_job"}
        assert len(endpoint.batches) == sent
        assert tick() == [], "an answer asks for runs once"
    assert load_settings().model_backend == "batch"
