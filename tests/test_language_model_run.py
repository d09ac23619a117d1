"""Whole runs against a model: every agent asks, nothing is asked twice, and what the model gets wrong stays in its row."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from git_repositories import GitRepository
from scripted_endpoint import Answer, Script, ScriptedEndpoint
from terminal import INSTALLED, live_in, small_repository, soloist
from workbench import Workbench, counts

from resources.errors import SoloistError

AGENTS = {"worklog_analysis", "skill_extraction", "standup", "status_report", "summary", "resume"}
MADE_OF_REPLIES = ("worklog_analyses", "skill_evidence", "skills", "documents")
SCHEMAS = {"worklog_analysis", "skills", "standup", "status_report", "summary", "resume_highlights"}


@pytest.fixture(autouse=True)
def _friday_evening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_NOW", "2026-11-20T18:00:00+00:00")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return small_repository(tmp_path / "shelf")


@pytest.fixture
def bench(repository: GitRepository) -> Workbench:
    found = Workbench()
    found.watch(repository.path)
    return found


@contextmanager
def served(
    monkeypatch: pytest.MonkeyPatch, script: Script | None = None, revision: str = "r1"
) -> Iterator[ScriptedEndpoint]:
    """A model at work: meanwhile the settings name it."""
    with ScriptedEndpoint(script, revision=revision) as endpoint, monkeypatch.context() as patch:
        patch.setenv("SOLOIST_MODEL_URL", endpoint.url)
        patch.setenv("SOLOIST_MODEL", endpoint.model)
        yield endpoint


def asked(endpoint: ScriptedEndpoint) -> Counter[str]:
    """How often each agent asked, by the name of its schema."""
    return Counter(schema_of(request.body) for request in endpoint.requests)


def schema_of(body: dict[str, Any]) -> str:
    return str(body["response_format"]["json_schema"]["name"])


def makers(bench: Workbench) -> dict[str, set[object]]:
    rows = bench.query(
        "SELECT DISTINCT agent, maker FROM derivations WHERE agent IN (SELECT unnest(?))", [sorted(AGENTS)]
    )
    return {str(agent): {row["maker"] for row in rows if row["agent"] == agent} for agent in AGENTS}


def telling_headlines(body: dict[str, Any], attempt: int) -> Answer:
    """Answers that say nothing but a headline for the first commit."""
    if schema_of(body) == "worklog_analysis" and "reader for parcels" in body["messages"][-1]["content"]:
        reply = {"category": "feature", "headline": "Add a reader for parcels to the store"}
        return Answer(content=json.dumps({**reply, "activities": [], "blockers": [], "follow_ups": []}))
    return Answer()


def test_every_agent_asks_once_and_every_row_says_who_made_it(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(monkeypatch, telling_headlines) as endpoint:
        first = bench.run()
        assert set(asked(endpoint)) == SCHEMAS
        assert not any(each.failed for each in first.assets.values())
        assert makers(bench) == {agent: {"scripted@r1"} for agent in AGENTS}
        headlines = {row["headline"] for row in bench.query("SELECT headline FROM worklog_analyses")}
        assert "Add a reader for parcels to the store" in headlines
        calls = bench.query("SELECT agent, model, outcome, attempts, tokens_in, tokens_out FROM model_calls")
        assert len(calls) == endpoint.count
        assert {row["agent"] for row in calls} == AGENTS
        assert {
            (row["model"], row["outcome"], row["attempts"], row["tokens_in"], row["tokens_out"]) for row in calls
        } == {("scripted@r1", "ok", 1, 10, 5)}
        used = bench.query(
            "SELECT agent, sum(calls) AS calls, sum(tokens_in) AS tokens FROM model_usage GROUP BY agent"
        )
        assert {row["agent"] for row in used} == AGENTS
        assert sum(int(str(row["calls"])) for row in used) == endpoint.count
        assert sum(int(str(row["tokens"])) for row in used) == 10 * endpoint.count
        asked_so_far, rows = endpoint.count, bench.comparable()
        with bench.connections.warehouse.write() as session:  # as if what was made of the replies had been lost
            for table in ("derivations", *MADE_OF_REPLIES):
                session.execute(f"DELETE FROM {table}")
        bench.run()
        assert endpoint.count == asked_so_far
        after = bench.comparable()
    assert {table: after[table] for table in MADE_OF_REPLIES} == {table: rows[table] for table in MADE_OF_REPLIES}


@pytest.mark.integration
def test_a_first_model_makes_everything_again_and_another_one_only_what_is_new(
    bench: Workbench, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run()
    assert makers(bench) == {agent: {"extractive"} for agent in AGENTS}
    with served(monkeypatch) as endpoint:
        bench.run()
        assert set(asked(endpoint)) == SCHEMAS
    assert makers(bench) == {agent: {"scripted@r1"} for agent in AGENTS}
    with served(monkeypatch, revision="r2") as endpoint:
        assert bench.made() == {}
        assert endpoint.count == 0
        repository.commit("feat: count parcels", files={"count.py": "N = 0\n"}, authored="2026-11-19T09:00:00+00:00")
        bench.run()
        assert asked(endpoint)["worklog_analysis"] == asked(endpoint)["skills"] == 1
    assert makers(bench)["worklog_analysis"] == {"scripted@r1", "scripted@r2"}


@pytest.mark.integration
def test_rubbish_becomes_a_row_with_its_reason_and_the_run_goes_on(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rubbish(body: dict[str, Any], attempt: int) -> Answer:
        return Answer(content="Sure! Here are the skills:") if schema_of(body) == "skills" else Answer()

    with served(monkeypatch, rubbish) as endpoint:
        result = bench.run()
        assert counts(result, "skill_evidence").failed == 2
        assert counts(result, "worklog_analyses").made == 2
        assert counts(result, "status_report").made == 1
        failed = bench.query("SELECT reason, transient, attempts, tokens_in FROM derivations WHERE reason IS NOT NULL")
        assert [(row["transient"], row["attempts"], row["tokens_in"]) for row in failed] == [(False, 2, 20)] * 2
        assert all(row["reason"] for row in failed)
        outcomes = bench.query(
            "SELECT outcome, count(*) AS n FROM model_calls WHERE agent = 'skill_extraction' GROUP BY ALL"
        )
        assert outcomes == [{"outcome": "failed", "n": 2}]
        before = asked(endpoint)["skills"]
        bench.run()
        assert asked(endpoint)["skills"] == before


@pytest.mark.integration
def test_what_failed_in_passing_is_tried_again_by_the_next_run(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    overloaded = True

    def script(body: dict[str, Any], attempt: int) -> Answer:
        refuses = overloaded and schema_of(body) == "summary"
        return Answer(503, "{}", headers={"Retry-After": "3600"}) if refuses else Answer()

    with served(monkeypatch, script) as endpoint:
        result = bench.run()
        assert counts(result, "summary").failed == 1
        assert bench.query("SELECT transient FROM derivations WHERE reason IS NOT NULL") == [{"transient": True}]
        overloaded, before = False, endpoint.count
        assert bench.made() == {"summary": 1, "model_usage": 1}
        assert endpoint.count == before + 1
    assert bench.query("SELECT agent FROM derivations WHERE reason IS NOT NULL") == []


@pytest.mark.integration
def test_another_model_and_what_failed_for_good_are_gone_over_only_where_asked(
    repository: GitRepository, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_in(home, monkeypatch)

    def rubbish(body: dict[str, Any], attempt: int) -> Answer:
        return Answer(content="No.") if schema_of(body) == "skills" else Answer()

    with served(monkeypatch, rubbish):
        assert soloist("run", "--repo", str(repository.path), "--json").status == 1
    with served(monkeypatch) as endpoint:
        assert made("run", "--json") == {}
        assert made("run", "--json", "--retry-failed")["skill_evidence"] == 2
        assert asked(endpoint) == Counter({"skills": 2})
    with served(monkeypatch, revision="r2") as endpoint:
        assert made("run", "--json") == {}
        assert endpoint.count == 0
        assert set(made("run", "--json", "--refresh")) >= {"worklog_analyses", "skill_evidence", "resume", "standup"}
        assert set(asked(endpoint)) == SCHEMAS
        assert made("run", "--json", "--refresh") == {}
    assert makers(Workbench()) == {agent: {"scripted@r2"} for agent in AGENTS}


def made(*arguments: str) -> dict[str, int]:
    """What a command made, by asset, without what it made nothing of."""
    assets: dict[str, dict[str, int]] = json.loads(soloist(*arguments).out)["assets"]
    return {name: counts["made"] for name, counts in assets.items() if counts["made"]}


@pytest.mark.integration
def test_a_killed_run_asks_nothing_twice(
    repository: GitRepository, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_in(home, monkeypatch)

    def stuck_at_first(body: dict[str, Any], attempt: int) -> Answer:
        return Answer(delay_s=30.0 if schema_of(body) == "summary" and attempt == 0 else 0.0)

    with served(monkeypatch, stuck_at_first) as endpoint:
        with subprocess.Popen(
            [INSTALLED, "run", "--repo", repository.path, "--json"], stdout=subprocess.DEVNULL
        ) as run:
            deadline = time.monotonic() + 60
            while not asked(endpoint)["summary"] and time.monotonic() < deadline:
                time.sleep(0.05)
            run.kill()
        before = asked(endpoint)
        done = soloist("run", "--json")
        assert (done.status, done.err) == (0, "")
        assert asked(endpoint) - before == Counter({"summary": 1})
    assert makers(Workbench()) == {agent: {"scripted@r1"} for agent in AGENTS}


def test_a_model_that_does_not_answer_is_said_at_once_and_the_entries_are_read(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_MODEL_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("SOLOIST_MODEL", "anything")
    bench = Workbench()
    bench.watch(small_repository(tmp_path / "shelf").path)
    began = time.monotonic()
    with pytest.raises(SoloistError, match="does not answer"):
        bench.run()
    assert time.monotonic() - began < 30
    assert bench.query("SELECT count(*) AS n FROM worklog_entries")[0]["n"] != 0
