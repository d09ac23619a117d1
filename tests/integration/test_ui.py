"""The web UI as a person meets it, in a real browser: the graph, the runs, a button that makes a report, and the documents."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from served_ui import ServedUi, command, serving, small_history, wait_for

pytestmark = pytest.mark.integration

ASSETS = (
    *("worklog_entries", "code_excerpts", "worklog_analyses", "skill_evidence", "skills"),
    *("standup", "status_report", "summary", "resume"),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedUi]:
    """The web UI on a home that `soloist run` filled."""
    folder = tmp_path_factory.mktemp("ui")
    repository = small_history(folder / "shelf")
    command("soloist", "run", "--repo", repository.path, home=folder / "home", cwd=folder)
    with serving(folder / "home", folder) as found:
        yield found


def test_the_graph_shows_every_asset_made_and_no_error(served: ServedUi, page: Page, tmp_path: Path) -> None:
    page.goto(f"{served.url}/asset-groups")
    for group in ("worklogs", "skills", "reports"):
        page.locator("svg foreignObject").get_by_text(group, exact=True).first.click()
        page.wait_for_url(f"**{group}**")
    page.goto(page.url)  # opened anew, the expanded graph fits the window
    for asset in ASSETS:
        page.locator("svg foreignObject").get_by_text(asset, exact=True).first.wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=tmp_path / "graph.png")
    shown = page.locator("body").inner_text()
    assert "failed" not in shown.lower()
    assert "error" not in shown.lower()


def test_the_code_location_is_loaded_and_every_asset_made(served: ServedUi) -> None:
    found = served.graphql("""{
        workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } }
        assetNodes { assetKey { path } assetMaterializations(limit: 1) { runId } }
    }""")
    entries = found["workspaceOrError"]["locationEntries"]
    assert entries == [{"name": "soloist", "locationOrLoadError": {"__typename": "RepositoryLocation"}}]
    made = {node["assetKey"]["path"][0] for node in found["assetNodes"] if node["assetMaterializations"]}
    assert made == set(ASSETS)


def test_runs_of_the_command_line_are_listed(served: ServedUi, page: Page) -> None:
    page.goto(f"{served.url}/runs")
    for job in ("refresh_worklogs_job", "make_standup_job", "make_status_report_job", "make_summary_job"):
        page.get_by_text(job).first.wait_for()
    assert page.get_by_text("Success").count() >= 4
    assert page.get_by_text("Failure").count() == 0


def test_a_report_made_from_the_web_ui_succeeds_and_links_its_document(
    served: ServedUi, page: Page, tmp_path: Path
) -> None:
    before = {run["runId"] for run in served.runs()}
    partition = f"{served.url}/assets/status_report?view=partitions&partition=2024-03-04"
    page.goto(partition)
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_role("button", name="Launch 1 run").click()
    new = wait_for("a run", lambda: [run for run in served.runs() if run["runId"] not in before])
    run = served.finished(new[0]["runId"])
    assert run["status"] == "SUCCESS"
    assert run["made"] == {"status_report": {"2024-03-04"}}

    # The report was up to date; its document is linked all the same.
    page.goto(partition)
    page.get_by_text(run["runId"][:8]).first.wait_for()
    link = page.get_by_role("link", name=f"{served.documents_url}/documents/status_report/2024-W10.html").first
    link.wait_for()
    page.screenshot(path=tmp_path / "partition.png")
    page.goto(str(link.get_attribute("href")))
    assert page.title() == "Status report, week 10 of 2024"
    assert page.get_by_role("heading", level=1).inner_text() == "Status report, week 10 of 2024"
    assert "parcels are read" in page.locator("body").inner_text()


def test_the_index_lists_documents_that_open(served: ServedUi, page: Page) -> None:
    page.goto(served.documents_url)
    assert page.get_by_role("heading", level=1).inner_text() == "Documents"
    page.get_by_role("link", name="Standup, Thursday 7 March 2024").first.click()
    assert page.title() == "Standup, Thursday 7 March 2024"


def test_the_web_ui_asks_nobody_but_this_machine(served: ServedUi, browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served.url}/assets/resume")
    page.get_by_text("Latest materialization").first.wait_for()
    page.close()
    here = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")
    assert [url for url in asked if not url.startswith(here)] == []


def test_a_signal_to_end_leaves_no_process_behind(tmp_path: Path) -> None:
    with serving(tmp_path, tmp_path) as served:
        assert len(served.processes()) >= 4
        with urllib.request.urlopen(served.documents_url, timeout=10) as reply:
            assert reply.status == 200
        os.kill(served.process.pid, signal.SIGTERM)
        assert served.process.wait(120) == 0
        wait_for("the end of all processes", lambda: not served.processes())
        assert "Traceback" not in served.log.read_text(errors="replace")
