"""`soloist build`: from a Markdown file to tested files, through the assets, and again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration_assets.build_command import BuildResult, _tell, build_command
from orchestration_assets.code import making
from orchestration_assets.code.model import SPECIFICATIONS
from orchestration_assets.code.planning_agent import NeedsModel
from orchestration_assets.code.releasing import require_folder
from orchestration_assets.session import Connections
from resources.errors import BadInput
from resources.sandbox import Sandbox, SandboxUnavailable
from resources.settings import ROOT, load_settings
from tests.code.projects import prepared
from tests.code.scripted_model import ScriptedModel, swapped
from tests.code.workshop import ScriptedChecker
from tests.scripted_endpoint import ScriptedEndpoint

SPANS = prepared("spans")
SOLOIST = [sys.executable, "-c", "from orchestration_assets.cli import main; main()"]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spans.md"
    path.write_text(SPANS.specification)
    return path


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedModel]:
    model = ScriptedModel(SPANS)
    with ScriptedEndpoint(model) as endpoint:
        monkeypatch.setenv("SOLOIST_MODEL_URL", endpoint.url)
        yield model


def build(spec: Path, **options: object) -> int:
    return build_command(Connections(load_settings()), spec, as_json=True, **options)  # type: ignore[arg-type]


def test_without_a_model_it_is_one_sentence(spec: Path) -> None:
    with pytest.raises(NeedsModel, match="SOLOIST_MODEL_URL"):
        build(spec)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/v1"])
def test_the_specification_is_looked_at_before_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Found by a stranger: a file that is not there was answered with “no model is configured”."""
    if url:
        monkeypatch.setenv("SOLOIST_MODEL_URL", url)
    (tmp_path / "empty.md").touch()
    (tmp_path / "huge.md").write_bytes(b"word " * 300_000)
    for name, said in {
        "NOPE.md": "cannot be read",
        "empty.md": "too little",
        "huge.md": "Shorten",
        ".": "no file",
    }.items():
        with pytest.raises(BadInput, match=said):
            build(tmp_path / name)


def test_whether_a_specification_is_too_long_is_said_once_the_model_is_known(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.write_text(f"{SPANS.specification}\n{'It merges what overlaps. ' * 4000}")
    with pytest.raises(NeedsModel):
        build(spec)
    model = ScriptedModel(SPANS)
    with ScriptedEndpoint(model) as endpoint:
        monkeypatch.setenv("SOLOIST_MODEL_URL", endpoint.url)
        with pytest.raises(BadInput, match=r"spans\.md has .* characters, and the model takes some"):
            build(spec)
    assert not model.calls


def test_a_folder_that_cannot_be_written_is_refused_before_the_model_is_asked(
    spec: Path, scripted: ScriptedModel
) -> None:
    for folder in (Path("/proc/x"), spec, spec / "beneath"):
        with pytest.raises(BadInput, match=f"cannot be written to {folder} .*--output"):
            build(spec, output=folder)
    assert not scripted.calls
    with Connections(load_settings()).warehouse.read() as session:
        assert session.rows(SPECIFICATIONS) == []


def test_trying_a_folder_leaves_nothing_there(tmp_path: Path) -> None:
    require_folder(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old").mkdir()
    require_folder(tmp_path / "old")
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]


def test_only_a_repository_that_the_settings_name_can_be_proposed_to(
    spec: Path, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_GITHUB_REPOSITORIES", "fern/ledger")
    with pytest.raises(BadInput, match="wrong/repo is not named in SOLOIST_GITHUB_REPOSITORIES"):
        build(spec, propose="wrong/repo")
    with pytest.raises(BadInput, match="'' names no repository"):
        build(spec, propose="")
    assert not scripted.calls


@pytest.mark.parametrize(
    ("number", "complete", "told"),
    [
        (1, True, "spans: its one task is done (1 now), 1 file, all tests pass; 1 call, 2.0 s.\n"),
        (2, True, "spans: all 2 tasks are done (2 now), 2 files, all tests pass; 2 calls, 2.0 s.\n"),
        (1, False, "spans: 1 of 1 task done; what is done is kept, and the same command goes on from there.\n"),
        (2, False, "spans: 2 of 2 tasks done; what is done is kept, and the same command goes on from there.\n"),
    ],
)
def test_one_task_is_told_of_as_one(number: int, complete: bool, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    counts = dict.fromkeys(("tasks", "done", "made", "calls", "tokens_in", "tokens_out"), number)
    files, nothing = [f"{each}.py" for each in range(number)], {"given_up": [], "concerns": [], "problems": []}
    values = {"project": "spans", "repository": "", "complete": complete, "files": files, "seconds": 2}
    _tell(Connections(load_settings()), BuildResult.model_validate(values | counts | nothing))
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.integration
def test_where_a_project_is_proposed_counts_for_the_build_that_it_is_said_of(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found by a stranger: a build that could not begin had its --propose remembered by all later ones."""
    monkeypatch.setenv("SOLOIST_GITHUB_REPOSITORIES", "fern/ledger")
    monkeypatch.setenv("SOLOIST_MODEL_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("SOLOIST_MODEL", "planner")
    monkeypatch.setenv("SOLOIST_MODEL_TIME_BUDGET_SECONDS", "1")
    told = "spans is proposed nowhere, and no longer to Fern/Ledger"
    for propose, repository, is_told in (("Fern/Ledger", "Fern/Ledger", False), (None, "", True), (None, "", False)):
        assert build(spec, propose=propose) == 1
        said = capsys.readouterr()
        assert json.loads(said.out)["repository"] == repository
        assert (told in said.err) == is_told


@pytest.mark.integration
def test_the_assets_are_made_and_made_again_only_where_something_changed(
    spec: Path, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "sandbox_checker", lambda *_: lambda ledger: ScriptedChecker())
    assert build(spec) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["complete"] and said["done"] == said["tasks"] == said["made"] == len(SPANS.plan.tasks)
    assert said["files"] == sorted(SPANS.files)
    assert len(scripted.calls) == 1 + len(SPANS.plan.tasks)
    connections = Connections(load_settings())
    with connections.warehouse.read() as session:
        kinds = session.query("SELECT kind, key, format FROM documents ORDER BY ALL").to_pylist()
        agents = session.query("SELECT agent, count(*) AS n FROM model_calls GROUP BY ALL ORDER BY ALL").to_pylist()
    assert [(row["kind"], row["key"], row["format"]) for row in kinds] == [
        ("build_report", "spans", "html"),
        *((kind, "spans", form) for kind in ("integration_report", "unit_test_report") for form in ("json", "md")),
    ]
    assert [(row["agent"], row["n"]) for row in agents] == [
        ("build_planning", 1),
        ("source_writing", len(SPANS.plan.tasks)),
    ]
    assert build(spec) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["complete"] and said["made"] == 0 and said["calls"] == 0
    assert len(scripted.calls) == 1 + len(SPANS.plan.tasks)


@pytest.mark.integration
def test_what_is_given_up_is_said_and_nothing_after_it_is_made(
    spec: Path, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "sandbox_checker", lambda *_: lambda ledger: ScriptedChecker())
    wrong = [swapped("spans/merging.py", "Spans of", f"{number} # wrong") for number in range(6)]
    scripted.faults = {"merging": wrong, "merging-again": wrong}
    assert build(spec) == 1
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert not result["complete"] and result["given_up"] == ["merging-again"]
    assert "is not complete" in result["problems"][0] and "merging-again" in result["problems"][0]
    assert "Traceback" not in said.err
    with Connections(load_settings()).warehouse.read() as session:
        assert session.count("SELECT count(*) FROM documents") == 0
    scripted.faults = {}
    from orchestration_assets.derivation import Policy

    assert build(spec, policy=Policy(retry_failed=True)) == 0


@pytest.mark.integration
def test_a_command_that_was_killed_goes_on_when_it_is_run_again_with_every_test_in_the_sandbox(
    spec: Path, scripted: ScriptedModel
) -> None:
    try:
        Sandbox().examine()
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox works here: {error}")
    scripted.latency = lambda call: 0.3
    folder = spec.parent / "released"
    command = [*SOLOIST, "build", str(spec), "--output", str(folder), "--json"]
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 90
    while len(scripted.written()) < 4 and time.monotonic() < deadline and first.poll() is None:
        time.sleep(0.01)
    assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["complete"]
    cloned = folder / "clone"
    subprocess.run(["git", "clone", "-q", "-b", "main", str(folder / "spans.bundle"), str(cloned)], check=True)
    assert {path: (cloned / path).read_text() for path in SPANS.files} == SPANS.files
    written = scripted.written()
    assert len(written) - len(set(written)) <= 3
    assert sum(call.agent == "build_plan" for call in scripted.calls) == 1
