"""The main job of a small repository through vLLM's own engine: its wire protocol, structured output and prefix cache are real."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError
from served_vllm import ENVIRONMENT, NAME
from terminal import live_in, small_repository, soloist
from workbench import Workbench

from orchestration_assets.reports.agent import ReportReply
from orchestration_assets.reports.resume_agent import Rephrasings
from orchestration_assets.skills.agent import SkillReply
from orchestration_assets.worklogs.agent import AnalysisReply

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(not ENVIRONMENT.exists(), reason="the engine is not installed; `make test-vllm` does so"),
]

AGENTS = {"worklog_analysis", "skill_extraction", "standup", "status_report", "summary", "resume"}
REPLIES: tuple[type[BaseModel], ...] = (AnalysisReply, SkillReply, ReportReply, Rephrasings)


def test_every_agent_is_answered_in_its_schema_and_the_engine_knows_the_beginnings_of_prompts(
    url: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of chance writes as much as a schema lets it: every reply ends all the same, and none is invalid."""
    live_in(home, monkeypatch)
    monkeypatch.setenv("SOLOIST_MODEL_URL", url)
    done = soloist("run", "--repo", small_repository(tmp_path / "shelf").path, "--json")
    assert done.status in (0, 1), done.err  # words of chance may name nothing that stands in an entry
    bench = Workbench()
    calls = bench.query("SELECT agent, model, outcome, reason, tokens_in, tokens_cached FROM model_calls")
    replies = [str(row["reply"]) for row in bench.query("SELECT reply FROM replies WHERE finish_reason = 'stop'")]
    assert {row["agent"] for row in calls} == AGENTS
    assert {str(row["model"]).partition("@")[0] for row in calls} == {NAME}
    assert [row for row in calls if row["outcome"] != "ok" or row["reason"]] == []
    assert len(replies) >= 4
    assert [reply for reply in replies if not _fits(reply)] == []
    assert sum(int(str(row["tokens_cached"])) for row in calls) > 0


def test_the_doctor_names_the_engine(url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live_in(home, monkeypatch)
    monkeypatch.setenv("SOLOIST_MODEL_URL", url)
    assert "vLLM" in soloist("doctor").out


def _fits(reply: str) -> bool:
    for model in REPLIES:
        with suppress(ValidationError):
            model.model_validate_json(reply)
            return True
    return False
