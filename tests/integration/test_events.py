"""Pull requests that are merged on GitHub end in a document that opens: one by a webhook, one by a poll, with a real webhook app, a real
daemon and its sensors."""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from github_deliveries import SECRET, deliver, merged
from github_objects import stamp
from github_server import GitHubServer
from playwright.sync_api import Page
from served_ui import COMMANDS, ServedUi, command, environment, free_port, serving, small_history, wait_for

from orchestration_assets.connections import open_inbox, open_warehouse
from resources.settings import Settings

pytestmark = pytest.mark.integration


NOW = {"SOLOIST_NOW": "2024-03-08T18:00:00+00:00"}


def polling(github: GitHubServer) -> dict[str, str]:
    """The settings to poll a repository that has one merged pull request, of which no webhook tells."""
    merged_at = datetime(2024, 3, 7, 15, tzinfo=UTC)
    github.repository("fern/shelf").put(
        "pull", 8, at=merged_at, title="Label every shelf", state="closed", merged_at=stamp(merged_at)
    )
    return {"SOLOIST_GITHUB_REPOSITORIES": "fern/shelf", "SOLOIST_GITHUB_API_URL": github.url}


@contextmanager
def webhooks(home: Path, cwd: Path) -> Iterator[str]:
    """`soloist webhooks` on a free port, taking deliveries."""
    port = free_port()
    process = subprocess.Popen(
        [COMMANDS / "soloist", "webhooks", "--port", str(port)],
        cwd=cwd,
        env=environment(home, SOLOIST_GITHUB_WEBHOOK_SECRET=SECRET, **NOW),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for("the webhook app", lambda: _answers(f"{url}/healthz"))
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


def text_of(served: ServedUi, name: str) -> str:
    with urllib.request.urlopen(f"{served.documents_url}/documents/{name}", timeout=10) as answer:
        return str(answer.read().decode())


def test_a_merged_pull_request_is_told_of_in_the_report_of_its_week(tmp_path: Path, page: Page) -> None:
    repository = small_history(tmp_path / "shelf")
    repository.git("remote", "add", "origin", "https://github.com/fern/shelf.git")
    home = tmp_path / "home"
    command("soloist", "run", "--repo", repository.path, "--author", "all", home=home, cwd=tmp_path, **NOW)
    with (
        GitHubServer() as github,
        serving(home, tmp_path, **NOW, **polling(github)) as served,
        webhooks(home, tmp_path) as url,
    ):
        before = {run["runId"] for run in served.runs()}
        payload = merged(7, "Count the parcels of a shelf", "2024-03-07T11:00:00Z")
        assert deliver(url, "pull_request", "one", payload) == 202
        assert deliver(url, "pull_request", "one", payload) == 202
        assert deliver(url, "ping", "two", {"zen": "Keep it logically awesome."}) == 202

        def made() -> set[str] | None:
            new = [run for run in served.runs() if run["runId"] not in before]
            assert not [run for run in new if run["status"] in ("FAILURE", "CANCELED")]
            jobs = [run["jobName"] for run in new]
            report = text_of(served, "status_report/2024-W10.html") if "make_status_report_job" in jobs else ""
            return set(jobs) if "(#7)" in report and "(#8)" in report else None

        jobs = wait_for("the report of the week", made)
        assert {"apply_events_job", "refresh_worklogs_job", "make_status_report_job"} <= jobs
        assert [run["jobName"] for run in served.runs()].count("apply_events_job") <= 2
        report = text_of(served, "status_report/2024-W10.html")
        assert "Labelled every shelf (#8)" in report
        assert "Counted the parcels of a shelf (#7)" in report
        assert '<a href="https://github.com/fern/shelf/pull/7">#7</a>' in report
        assert "open for 6 days; parcels" in report
        page.goto(f"{served.url}/assets/status_report?view=partitions&partition=2024-03-04")
        link = page.get_by_role("link", name=f"{served.documents_url}/documents/status_report/2024-W10.html").first
        page.goto(str(link.get_attribute("href")))
        assert page.get_by_role("heading", level=1).inner_text() == "Status report, week 10 of 2024"
        page.get_by_text("Counted the parcels of a shelf").first.wait_for()
        page.locator('a[href="https://github.com/fern/shelf/pull/7"]').first.wait_for()
        page.goto(f"{served.url}/runs")
        page.get_by_text("apply_events_job").first.wait_for()
        assert page.get_by_text("Failure").count() == 0
    settings = Settings(home=home)
    counts = open_inbox(settings).counts()
    assert counts["ignored"] == 1
    assert counts.keys() <= {"done", "ignored"}
    with open_warehouse(settings).read() as session:
        assert session.count("SELECT count(*) FROM worklog_entries WHERE source = 'pull_request'") == 2
