"""The platform in containers: what is delivered ends in a row and a document, also where a container dies over it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import yaml

from tests.deploy.containers import IMAGE, ROOT, NoEngine, Project, docker, images, running_project
from tests.github_deliveries import deliver, merged
from tests.served_ui import small_history, wait_for

pytestmark = pytest.mark.integration
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
TITLES = (
    "from orchestration_assets.connections import open_warehouse\nfrom resources.settings import Settings\n"
    "with open_warehouse(Settings()).read() as session:\n"
    "    print(session.query('SELECT title FROM pull_requests ORDER BY id')['title'].to_pylist())"
)
REACHED = (
    "import socket\nfor host, port in (('postgres', 5432), ('code', 4000), ('objects', 8333), ('objects', 8888)):\n"
    "    try:\n        socket.create_connection((host, port), 3).close()\n        print(f'{host}:{port}')\n"
    "    except OSError:\n        pass"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    try:
        found = images(COMPOSE)
    except NoEngine as error:
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        repository = small_history(tmp_path_factory.mktemp("repositories") / "shelf")
    repository.git("remote", "add", "origin", "https://github.com/fern/shelf.git")
    for path in (repository.path.parents[1], repository.path.parent, repository.path):
        path.chmod(0o755)
    with running_project(tmp_path_factory.mktemp("context"), repository.path, found) as started:
        yield started


def test_a_signed_delivery_becomes_a_row_and_a_document_by_a_run(project: Project) -> None:
    assert deliver(project.webhooks, "pull_request", "one", merged(7, "Count parcels", "2024-03-07T11:00:00Z")) == 202
    wait_for("the run", lambda: project.has_ended("apply_events_job", "SUCCESS") or None)
    assert project.python("code", TITLES) == "['Count parcels']\n"
    assert '"done":1' in project.python("code", _counts()).replace(" ", "")
    wait_for("the documents", lambda: project.has_ended("refresh_worklogs_job", "SUCCESS") or None, 400)
    with urllib.request.urlopen(f"{project.documents}/documents/resume/resume.html", timeout=30) as page:
        assert b"<html" in page.read()
    assert not [run for run in project.runs() if run.status == "FAILURE"]


def test_what_was_at_work_when_the_code_server_was_killed_is_done_again(project: Project) -> None:
    """Its successor has another container and the same name, so it knows that the process is gone."""
    assert deliver(project.webhooks, "pull_request", "two", merged(8, "Label shelves", "2024-03-07T12:00:00Z")) == 202
    at_work = ("apply_events_job", "STARTED", True)
    wait_for("a run at work", lambda: at_work in project.runs() or None)
    docker("rm", "--force", project.container("code"))
    project.compose("up", "--detach", "code")
    wait_for("the row", lambda: "Label shelves" in _titles_or_nothing(project) or None, 400)
    assert project.has_ended("apply_events_job", "FAILURE")
    assert project.health("webhooks") == "healthy"


def test_whoever_takes_deliveries_reaches_the_inbox_alone(project: Project) -> None:
    assert project.python("webhooks", REACHED).split() == ["postgres:5432"]
    assert project.python("code", REACHED).split() == ["postgres:5432", "code:4000", "objects:8333"]


def test_documents_are_served_to_this_machine_only(project: Project) -> None:
    request = urllib.request.Request(project.documents, headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 421


def test_the_sandbox_works_in_the_container_of_the_code_server(project: Project) -> None:
    service = yaml.safe_load(COMPOSE)["services"]["code"]
    options = [part.replace("seccomp:", f"seccomp={ROOT}/deploy/") for part in service["security_opt"]]
    limits = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none"]
    said = docker(
        *("run", "--rm", *limits, *(each for option in options for each in ("--security-opt", option)), IMAGE),
        *("python", "-c", "from resources.sandbox import Sandbox; print(Sandbox().examine())"),
        check=False,
    )
    assert said.stdout.startswith("bubblewrap"), said.stderr[-1500:]


def test_nothing_runs_as_root_or_writes_outside_its_volumes(project: Project) -> None:
    for service in ("code", "daemon", "webserver", "documents", "webhooks"):
        program = "import os\nprint(os.getuid())\ntry:\n    open('/opt/soloist/x', 'w')\nexcept OSError as error:\n    print(error.errno)"
        assert project.python(service, program).split() == ["10001", "30"], service


def _counts() -> str:
    return (
        "import json\nfrom orchestration_assets.connections import open_inbox\nfrom resources.settings import Settings\n"
        "print(json.dumps(open_inbox(Settings()).counts()))"
    )


def _titles_or_nothing(project: Project) -> str:
    try:
        return project.python("code", TITLES)
    except (AssertionError, IndexError):  # the container is not there yet, or the warehouse is at work
        return ""
