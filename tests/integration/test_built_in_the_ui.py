"""A project that is started in the web UI: its graph, what was done when, its tests and its report, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page
from served_ui import command, serving, wait_for

from orchestration_assets.code.making import register
from orchestration_assets.code.specification import read_specification
from orchestration_assets.connections import open_warehouse
from resources.sandbox import Sandbox, SandboxUnavailable
from resources.settings import Settings
from tests.code.projects import prepared
from tests.code.scripted_model import ScriptedModel, swapped
from tests.scripted_endpoint import ScriptedEndpoint

pytestmark = pytest.mark.integration

SPANS = prepared("spans")
LAUNCH = """mutation ($parameters: ExecutionParams!) {
    launchPipelineExecution(executionParams: $parameters) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
    }
}"""


def test_a_build_is_started_and_looked_at_in_the_web_ui(tmp_path: Path, page: Page) -> None:
    try:
        Sandbox().examine()
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox works here: {error}")
    home, specified = tmp_path / "home", tmp_path / "spans.md"
    specified.write_text(SPANS.specification)
    model = ScriptedModel(SPANS, {"parsing": [swapped("spans/parsing.py", 'split(",")', 'split(";")')]})
    with ScriptedEndpoint(model) as endpoint:
        command("soloist", "doctor", home=home, cwd=tmp_path)
        register(
            Settings(home=home), open_warehouse(Settings(home=home)), read_specification(specified, "spans", 32_768)
        )
        with serving(home, tmp_path, SOLOIST_MODEL_URL=endpoint.url) as served:
            assert "no daemon runs" not in command("soloist", "doctor", home=home, cwd=tmp_path)
            added = """mutation ($repository: RepositorySelector!) {
                addDynamicPartition(repositorySelector: $repository, partitionsDefName: "projects", partitionKey: "spans") { __typename }
            }"""
            repository = {"repositoryName": "__repository__", "repositoryLocationName": "soloist"}
            served.graphql(added, repository=repository)
            page.goto(f"{served.url}/assets/specification?view=partitions&partition=spans")
            page.get_by_text("spans", exact=True).first.wait_for()
            parameters = {
                "selector": {**repository, "pipelineName": "build_project_job"},
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "spans"}]},
            }
            launched = served.graphql(LAUNCH, parameters=parameters)["launchPipelineExecution"]
            assert launched["__typename"] == "LaunchRunSuccess", launched
            run = served.finished(launched["run"]["runId"])
            assert run["status"] == "SUCCESS"
            page.goto(f"{served.url}/assets/source_files?view=partitions&partition=spans")
            page.locator("tr", has_text="gantt").get_by_text("[Show Markdown]").first.click()
            picture = page.get_by_role("img", name="what was done when")
            picture.wait_for()
            wait_for("the picture", lambda: picture.evaluate("image => image.naturalWidth") > 400)
            page.screenshot(path=tmp_path / "gantt.png")
            page.goto(f"{served.url}/assets/import_graph?view=partitions&partition=spans")
            page.locator("tr", has_text="picture").get_by_text("[Show Markdown]").first.click()
            page.get_by_role("img", name="the tasks and what they wait for").wait_for()
            page.goto(f"{served.url}/assets/release_bundle?view=partitions&partition=spans")
            link = page.get_by_role("link", name=f"{served.documents_url}/documents/build_report/spans.html").first
            page.goto(str(link.get_attribute("href")))
            assert page.get_by_role("heading", level=1).inner_text().startswith("spans")
            assert page.locator("figure svg").count() == 2
            assert "tests passed" in page.locator("body").inner_text()
