"""A label on an issue has its text built; what becomes of that goes back as a pull request and one comment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from orchestration_assets.activity.model import ISSUES
from orchestration_assets.build_command import build_command
from orchestration_assets.code import issues, making
from orchestration_assets.code.assets import TOLD_TAG
from orchestration_assets.code.model import SPECIFICATIONS
from orchestration_assets.code.partitions import PROJECTS
from orchestration_assets.code.specification import specification
from orchestration_assets.connections import open_warehouse
from orchestration_assets.definitions import build_definitions
from orchestration_assets.publishing import publish_waiting
from orchestration_assets.session import Connections
from resources.errors import BadInput
from resources.github.facts import Issue
from resources.rest.errors import RestError
from resources.settings import load_settings
from sensors.labelled_issues import MOST_TRIES, PAUSE, labelled_issues_sensor
from tests.activity.github_facts import day, issue
from tests.code.projects import prepared
from tests.code.scripted_model import ScriptedModel, swapped
from tests.code.workshop import ScriptedChecker
from tests.git_repositories import GitRepository
from tests.github_server import GitHubServer
from tests.github_writes import commit_on, files_of
from tests.scripted_endpoint import ScriptedEndpoint

SPANS = prepared("spans")
TITLE, _, BODY = SPANS.specification.removeprefix("# ").partition("\n\n")
TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


def labelled(number: int = 3, **changes: Any) -> Issue:
    values: dict[str, Any] = {
        "state": "open",
        "reason": None,
        "closed_at": None,
        "labels": ["Needs-Build"],
        "body": BODY,
    }
    return issue(number, **({"title": TITLE} | values | changes))


def heard_of(*facts: Issue) -> None:
    with open_warehouse(load_settings()).write() as session:
        session.merge(ISSUES, list(facts))


def test_names_of_issues_and_of_their_projects() -> None:
    assert issues.is_issue("fern/ledger#12")
    for name in (
        "fern/ledger",
        "ledger#12",
        "fern/ledger#0",
        "fern/ledger#12.md",
        "a/b/c#1",
        "fern/ledger#",
        "SPEC.md",
    ):
        assert not issues.is_issue(name), name
    assert issues.parts("fern/ledger#12") == ("fern/ledger", 12)
    assert issues.project_of("Fern/Ledger#12") == "fern-ledger-12"
    alike = (
        "a/b-c#1",
        "a-b/c#1",
        "a/b.c#1",
        "a.b/c#1",
        f"{'a' * 60}/{'b' * 60}#123456",
        f"{'a' * 61}/{'b' * 60}#123456",
    )
    projects = [issues.project_of(name) for name in alike]
    assert len(set(projects)) == len(alike)
    for project in projects:
        specification(SPANS.specification, project, 32_768)


def test_the_text_of_an_issue_is_a_specification() -> None:
    told = labelled(title=" Join \n spans ", body="<!-- what is it? -->\n\nMerges what overlaps.\n<!-- never closed")
    assert issues.text_of(told) == "# Join spans\n\nMerges what overlaps.\n"


def test_only_open_issues_with_the_label_are_wanted(home: Path) -> None:
    heard_of(
        labelled(3, opened_at=day(3)),
        labelled(2, opened_at=day(2), labels=["bug", "needs-build"]),
        labelled(4, labels=["needs-builder"]),
        labelled(5, state="closed", closed_at=day(17)),
        labelled(6, state="deleted"),
    )
    with open_warehouse(load_settings()).read() as session:
        assert [each.number for each in issues.wanted(session)] == [2, 3]


class Ticks:
    """The sensor, with its cursor kept from one tick to the next."""

    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: str | None = None

    def __call__(self) -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            said = labelled_issues_sensor(context)
        assert isinstance(said, dg.SensorResult | dg.SkipReason)
        self.cursor = said.cursor if isinstance(said, dg.SensorResult) else self.cursor
        return said

    def run(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> dg.DagsterRun:
        """The run that was asked for, as it would be listed."""
        return create_run_for_test(
            self.instance,
            job_name="build_project_job",
            tags={**request.tags, "dagster/partition": str(request.partition_key)},
            status=status,
        )

    def end(self, run: dg.DagsterRun, *, told: bool) -> None:
        if told:
            self.instance.add_run_tags(run.run_id, {TOLD_TAG: "true"})
        self.instance.report_run_failed(run)

    def asked(self) -> list[dg.RunRequest]:
        said = self()
        return list(said.run_requests or ()) if isinstance(said, dg.SensorResult) else []


def test_a_build_is_asked_for_once_a_text_and_again_where_the_label_is_put_on_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("SOLOIST_MODEL", "planner")
    tick = Ticks()
    assert tick.asked() == []
    heard_of(labelled())
    (request,) = tick.asked()
    assert request.partition_key == "fern-ledger-3"
    assert request.run_config["ops"]["specification"]["config"]["issue"] == "fern/ledger#3"
    assert request.run_config["ops"]["source_files"]["config"]["retry_failed"], "who labels again wants it tried again"
    tick.run(request, dg.DagsterRunStatus.SUCCESS)
    assert tick.asked() == []
    heard_of(labelled(labels=["needs-build", "soon"], happened_at=day(18)))
    assert tick.asked() == [], "another label is no reason"
    heard_of(labelled(body=f"{BODY}\n\nAnd more.", happened_at=day(19)))
    assert tick.asked() == [], "whoever wrote the issue may edit it, and not have it built"
    heard_of(labelled(labels=[], happened_at=day(20)))
    assert tick.asked() == []
    heard_of(labelled(body=f"{BODY}\n\nAnd more.", happened_at=day(21)))
    (again,) = tick.asked()
    assert again.run_key != request.run_key
    fingerprints = [each.run_config["ops"]["specification"]["config"]["fingerprint"] for each in (request, again)]
    assert fingerprints[0] != fingerprints[1]


def test_a_run_that_ends_without_a_word_is_followed_by_another_after_a_pause(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("SOLOIST_MODEL", "planner")
    heard_of(labelled())
    tick, keys = Ticks(), set()
    for tried in range(MOST_TRIES):
        (request,) = tick.asked()
        keys.add(request.run_key)
        run = tick.run(request, dg.DagsterRunStatus.STARTED)
        monkeypatch.setenv("SOLOIST_NOW", (datetime.now(UTC) + timedelta(days=1)).isoformat())
        assert tick.asked() == [], "it is at work"
        tick.end(run, told=False)
        monkeypatch.delenv("SOLOIST_NOW")
        assert tick.asked() == [], "it has only just failed"
        monkeypatch.setenv("SOLOIST_NOW", (datetime.now(UTC) + PAUSE * 2**tried).isoformat())
    assert tick.asked() == [], "it was tried often enough"
    assert len(keys) == MOST_TRIES


def test_a_run_that_ended_with_a_word_is_not_repeated(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("SOLOIST_MODEL", "planner")
    heard_of(labelled())
    tick = Ticks()
    (request,) = tick.asked()
    tick.end(tick.run(request, dg.DagsterRunStatus.STARTED), told=True)
    monkeypatch.setenv("SOLOIST_NOW", (datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert tick.asked() == []


def test_without_a_model_nothing_is_asked_and_nothing_forgotten(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard_of(labelled())
    tick = Ticks()
    said = tick()
    assert isinstance(said, dg.SkipReason) and "SOLOIST_MODEL_URL" in str(said.skip_message)
    monkeypatch.setenv("SOLOIST_MODEL_URL", "http://127.0.0.1:9/v1")
    said = tick()
    assert isinstance(said, dg.SkipReason) and "does not say which models" in str(said.skip_message)
    monkeypatch.setenv("SOLOIST_MODEL", "planner")
    assert len(tick.asked()) == 1


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedModel]:
    """A model, and tests that are not run."""
    monkeypatch.setattr(making, "sandbox_checker", lambda *_: lambda ledger: ScriptedChecker())
    model = ScriptedModel(SPANS)
    with ScriptedEndpoint(model) as endpoint:
        monkeypatch.setenv("SOLOIST_MODEL_URL", endpoint.url)
        yield model


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    """With the repository, a watched clone of which lies here, and the issue."""
    clone = GitRepository(tmp_path / "ledger")
    clone.git("remote", "add", "origin", "https://github.com/fern/ledger.git")
    tip = clone.commit("start", {"README.md": "# Ledger\n"})
    clone.git("update-ref", "refs/remotes/origin/main", tip)
    with GitHubServer(TOKEN) as server:
        there = server.repository("fern/ledger")
        commits = server.written["fern/ledger"].commits
        commits[tip] = {**commits[commit_on(server, there)], "sha": tip}
        there.push("main", tip)
        labels = [{"name": "needs-build"}]
        there.put("issue", 3, title=TITLE, body=BODY, labels=labels)
        monkeypatch.setenv("SOLOIST_REPOSITORIES", str(clone.path))
        monkeypatch.setenv("SOLOIST_GITHUB_REPOSITORIES", "fern/ledger")
        monkeypatch.setenv("SOLOIST_GITHUB_API_URL", server.url)
        monkeypatch.setenv("SOLOIST_GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("SOLOIST_PUBLISH", "on")
        yield server


def built(instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """The run that was asked for."""
    instance.add_dynamic_partitions(str(PROJECTS.name), [str(request.partition_key)])
    job = build_definitions().resolve_job_def("build_project_job")
    return job.execute_in_process(
        run_config=request.run_config, partition_key=request.partition_key, instance=instance, raise_on_error=False
    )


@pytest.mark.integration
def test_a_labelled_issue_becomes_a_pull_request_and_one_comment(
    home: Path, github: GitHubServer, scripted: ScriptedModel
) -> None:
    heard_of(labelled())
    tick = Ticks()
    (request,) = tick.asked()
    assert built(tick.instance, request).success
    assert publish_waiting(load_settings()).sent == 2
    written = github.written["fern/ledger"]
    (comment,) = written.comments[3]
    assert "Built: " in comment["body"] and "`fern-ledger-3/`" in comment["body"]
    (pull,) = github.repositories["fern/ledger"].pulls.values()
    assert pull["head"]["ref"].startswith("build/fern-ledger-3-") and pull["draft"]
    assert "#3" in pull["body"] and all(criterion.id in pull["body"] for criterion in SPANS.plan.criteria)
    files = files_of(github, github.repositories["fern/ledger"], pull["head"]["ref"])
    assert set(files) == {"README.md", *(f"fern-ledger-3/{path}" for path in (*SPANS.files, "pyproject.toml"))}
    assert tick.asked() == []


@pytest.mark.integration
def test_what_cannot_be_built_is_said_under_the_issue(
    home: Path, github: GitHubServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick = Ticks()
    heard_of(labelled(body="Do it."))
    (request,) = tick.asked()
    assert not built(tick.instance, request).success
    assert publish_waiting(load_settings()).sent == 1
    (comment,) = github.written["fern/ledger"].comments[3]
    assert "could not be built" in comment["body"] and "says too little" in comment["body"]
    heard_of(labelled(labels=[], happened_at=day(19)))
    assert tick.asked() == []
    heard_of(labelled(happened_at=day(20)))
    (request,) = tick.asked()
    wrong = [swapped("spans/merging.py", "Spans of", f"{number} # wrong") for number in range(6)]
    scripted.faults = {"merging": wrong, "merging-again": wrong}
    assert not built(tick.instance, request).success
    publish_waiting(load_settings())
    (after,) = github.written["fern/ledger"].comments[3]
    assert after["id"] == comment["id"] and "merging-again" in after["body"]
    assert not github.repositories["fern/ledger"].pulls


@pytest.mark.integration
def test_the_command_builds_an_issue_that_github_is_asked_for(
    home: Path, github: GitHubServer, scripted: ScriptedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    connections = Connections(load_settings())
    assert build_command(connections, "fern/ledger#3") == 0
    with connections.warehouse.read() as session:
        (specified,) = session.rows(SPECIFICATIONS)
    assert (specified.project, specified.issue, specified.repository) == (
        "fern-ledger-3",
        "fern/ledger#3",
        "fern/ledger",
    )
    assert "is to be said in fern/ledger waits in the outbox (2)" in capsys.readouterr().err
    with pytest.raises(RestError, match="fern/ledger#77"):
        build_command(connections, "fern/ledger#77")
    with pytest.raises(BadInput, match="is that of fern/ledger#3"):
        (home / "other.md").write_text(SPANS.specification)
        build_command(connections, home / "other.md", project="fern-ledger-3")
    with pytest.raises(BadInput, match="--propose takes owner/name"):
        build_command(connections, home / "other.md", propose="nowhere")


@pytest.mark.integration
def test_a_file_is_proposed_where_that_is_asked_for(
    home: Path, tmp_path: Path, github: GitHubServer, scripted: ScriptedModel
) -> None:
    path = tmp_path / "spans.md"
    path.write_text(SPANS.specification)
    assert build_command(Connections(load_settings()), path, propose="fern/ledger") == 0
    assert publish_waiting(load_settings()).sent == 1
    (pull,) = github.repositories["fern/ledger"].pulls.values()
    assert pull["head"]["ref"].startswith("build/spans-")
