"""A pull request that is merged on GitHub ends in a document that opens, by a real webhook app, a real daemon and its sensors."""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from github_deliveries import SECRET, deliver, merged
from served_ui import COMMANDS, ServedUi, command, environment, free_port, serving, small_history, wait_for

from orchestration_assets.connections import open_inbox, open_warehouse
from resources.settings import Settings

pytestmark = pytest.mark.integration


@contextmanager
def webhooks(home: Path, cwd: Path) -> Iterator[str]:
    """`soloist webhooks` on a free port, taking deliveries."""
    port = free_port()
    process = subprocess.Popen(
        [COMMANDS / "soloist", "webhooks", "--port", str(port)],
        cwd=cwd,
        env=environment(home, SOLOIST_GITHUB_WEBHOOK_SECRET=SECRET),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for("the webhook app", lambda: _answers(f"{url}/healthz"), 60)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def page(served: ServedUi, name: str) -> str:
    with urllib.request.urlopen(f"{served.documents_url}/documents/{name}", timeout=10) as answer:
        return str(answer.read().decode())


def test_a_merged_pull_request_is_told_of_in_the_report_of_its_week(tmp_path: Path) -> None:
    repository = small_history(tmp_path / "shelf")
    repository.git("remote", "add", "origin", "https://github.com/fern/shelf.git")
    home = tmp_path / "home"
    command("soloist", "run", "--repo", repository.path, "--author", "all", home=home, cwd=tmp_path)
    with serving(home, tmp_path) as served, webhooks(home, tmp_path) as url:
        before = {run["runId"] for run in served.runs()}
        payload = merged(7, "Count the parcels of a shelf", "2024-03-07T11:00:00Z")
        assert deliver(url, "pull_request", "one", payload) == 202
        assert deliver(url, "pull_request", "one", payload) == 202
        assert deliver(url, "ping", "two", {"zen": "Keep it logically awesome."}) == 202

        def made() -> set[str] | None:
            new = [run for run in served.runs() if run["runId"] not in before]
            assert not [run for run in new if run["status"] in ("FAILURE", "CANCELED")]
            jobs = [run["jobName"] for run in new if run["status"] == "SUCCESS"]
            return set(jobs) if "make_status_report_job" in jobs and "make_summary_job" in jobs else None

        jobs = wait_for("the report of the week", made, 240)
        assert {"apply_events_job", "refresh_worklogs_job", "make_status_report_job"} <= jobs
        assert [run["jobName"] for run in served.runs()].count("apply_events_job") == 1
        report = page(served, "status_report/2024-W10.html")
        assert "Counted the parcels of a shelf (#7)" in report
        assert '<a href="https://github.com/fern/shelf/pull/7">#7</a>' in report
        assert "open for 6 days; parcels" in report
    settings = Settings(home=home)
    assert open_inbox(settings).counts() == {"done": 1, "ignored": 1}
    with open_warehouse(settings).read() as session:
        assert session.count("SELECT count(*) FROM worklog_entries WHERE source = 'pull_request'") == 1
