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

from orchestration_assets.build_command import build_command
from orchestration_assets.code import making
from orchestration_assets.code.planning_agent import NeedsModel
from orchestration_assets.session import Connections
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
