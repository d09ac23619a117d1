"""The whole command with documents on an S3-compatible server, which is also stopped in the middle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server, s3_server
from terminal import Done, live_in, small_repository, soloist

from orchestration_assets.maintenance import GRACE, collect_garbage
from orchestration_assets.session import Connections
from resources.settings import load_settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        running.seed("worklogs", [])
        yield running


@pytest.fixture(autouse=True)
def own_home(home: Path, server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    settings = {"ENDPOINT": f"http://{server.endpoint}", "BUCKET": "worklogs", "REGION": REGION}
    for name, value in {**settings, "ACCESS_KEY": ACCESS_KEY, "SECRET_KEY": SECRET_KEY}.items():
        monkeypatch.setenv(f"SOLOIST_S3_{name}", value)
    return live_in(tmp_path / "home", monkeypatch)


def connections() -> Connections:
    return Connections(load_settings())


def stored() -> set[str]:
    return {info.key for info in connections().store.list("objects/")}


def leaks_nothing(done: Done) -> Done:
    assert SECRET_KEY not in done.out + done.err
    return done


def test_documents_are_kept_on_the_server_alone_and_can_be_shown_exported_saved_and_collected(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = small_repository(tmp_path / "shelf")
    (tmp_path / "picture.png").write_bytes(b"picture")
    assert soloist("log", "Drew a picture", "--attach", tmp_path / "picture.png", "--date", "2026-11-19").status == 0
    assert leaks_nothing(soloist("run", "--repo", repository.path, "--json")).status == 0
    assert not (own_home / "objects").exists()
    assert "Drew a picture" in soloist("show", "status").out
    assert soloist("export", "resume", "-o", "resume.pdf").status == 0
    assert Path("resume.pdf").read_bytes().startswith(b"%PDF-")
    doctor = {each["component"]: each["state"] for each in json.loads(leaks_nothing(soloist("doctor", "--json")).out)}
    assert doctor["object store"] == "ok"

    kept, opened = stored(), connections()
    opened.store.put_immutable(b"nobody points at this", "text/plain")
    assert collect_garbage(opened.warehouse, opened.store, datetime.now(UTC) + 2 * GRACE).objects == 1
    assert stored() == kept
    assert soloist("gc").status == 0
    assert stored() == kept

    assert soloist("backup", "saved").status == 0
    shown = soloist("show", "status", "--json").out
    live_in(tmp_path / "new", monkeypatch)
    monkeypatch.delenv("SOLOIST_S3_ENDPOINT")
    assert soloist("restore", "saved").status == 0
    assert soloist("show", "status", "--json").out == shown


def test_a_server_that_stops_costs_one_sentence_and_the_next_run_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = small_repository(tmp_path / "shelf")
    with s3_server() as short_lived:
        short_lived.seed("worklogs", [])
        monkeypatch.setenv("SOLOIST_S3_ENDPOINT", f"http://{short_lived.endpoint}")
        assert soloist("run", "--repo", repository.path).status == 0
        shown = soloist("show", "status", "--json").out
    repository.commit("fix: close the file", files={"a.py": "a = 1\n"}, authored="2026-11-19T09:00:00+00:00")
    stopped = leaks_nothing(soloist("run", "--json"))
    assert stopped.status == 1
    assert stopped.sentence.startswith("resume, standup, status_report, summary: The S3 server at ")
    assert json.loads(stopped.out)["assets"]["worklog_analyses"]["made"] == 1
    assert "does not answer" in soloist("show", "status").sentence
    with s3_server() as back:
        back.seed("worklogs", [])
        monkeypatch.setenv("SOLOIST_S3_ENDPOINT", f"http://{back.endpoint}")
        completed = json.loads(soloist("run", "--json").out)
        assert completed["problems"] == []
        assert {name: completed["assets"][name]["made"] for name in ("resume", "status_report", "summary")} == {
            "resume": 1,
            "status_report": 1,
            "summary": 1,
        }
        after = json.loads(soloist("show", "status", "--json").out)
    before = json.loads(shown)
    completed_before, completed_after = before["sections"][0]["claims"], after["sections"][0]["claims"]
    assert len(completed_after) == len(completed_before) + 1


def test_a_missing_bucket_and_refused_keys_are_said(
    server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.demand_valid_keys():
        done = leaks_nothing(soloist("log", "x", "--attach", __file__))
        assert done.status == 1 and done.sentence
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    assert soloist("notes", "--json").out == "[]\n"
