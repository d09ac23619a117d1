"""Soloist in real containers, for tests: the images, the compose project, and looks into it.

What belongs here: finding an engine and images, building what is missing, starting and removing a project of its own. `BASE_IMAGE` names
an image of Debian with Python 3.11 that the engine has, where it reaches no registry; the images of Postgres and SeaweedFS then have
stand-ins (`stand_ins/`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from resources.processes import PROCESS_TAG
from tests.github_deliveries import SECRET
from tests.served_ui import free_port, wait_for

ROOT = Path(__file__).parents[2]
STAND_INS = Path(__file__).parent / "stand_ins"
IMAGE = "soloist:0.1.0"
SERVICES = ("postgres", "objects", "code", "daemon", "webserver", "documents", "webhooks")
_CONTEXT = ("pyproject.toml", "README.md", "workspace.yaml", "orchestration_assets", "resources", "sensors", "deploy")


class NoEngine(Exception):
    """Why no containers can be started here."""


def docker(*arguments: str | Path, seconds: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
    # The classic builder, which every engine has.
    return subprocess.run(
        ["docker", *arguments],
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=check,
    )


def images(compose: str) -> dict[str, str]:
    """The images of the project by the variable that names them, made or fetched where the engine has none. Raises NoEngine."""
    if shutil.which("docker") is None or docker("version", check=False).returncode:
        raise NoEngine("no container engine answers (DOCKER_HOST names one that listens elsewhere)")
    if not _compose_command():
        raise NoEngine("neither `docker compose` nor docker-compose is installed")
    named = dict(re.findall(r"\$\{(\w+_IMAGE):-([^}]+)\}", compose))
    chosen = {variable: os.environ.get(variable, image) for variable, image in named.items()}
    base = chosen["BASE_IMAGE"]
    if not _has(base):
        raise NoEngine(f"the engine neither has the image {base} nor can fetch it; BASE_IMAGE may name another")
    for variable, folder in (("POSTGRES_IMAGE", "postgres"), ("SEAWEEDFS_IMAGE", "seaweedfs")):
        if not _has(chosen[variable]):
            chosen[variable] = f"stand-in-{folder}:1"
            _build(chosen[variable], STAND_INS / folder, STAND_INS / folder / "Dockerfile", base)
    return chosen


class Run(NamedTuple):
    """`named`: whether it has said which process it is."""

    job: str
    status: str
    named: bool


@dataclass
class Project:
    """A compose project at work, with its published addresses."""

    name: str
    folder: Path
    ui: str
    documents: str
    webhooks: str

    def compose(self, *arguments: str, seconds: float = 300) -> None:
        done = subprocess.run(
            [*_compose_command(), "--project-name", self.name, "--file", "compose.yaml", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"compose {arguments}: {done.stderr[-3000:]}\n{self.logs()}"

    def container(self, service: str) -> str:
        """Its id, also where it has ended."""
        labels = (f"label=com.docker.compose.{key}" for key in (f"project={self.name}", f"service={service}"))
        filters = [part for label in labels for part in ("--filter", label)]
        return docker("ps", "--all", "--quiet", *filters).stdout.split()[0]

    def health(self, service: str) -> str:
        return docker("inspect", "--format", "{{.State.Health.Status}}", self.container(service)).stdout.strip()

    def healths(self) -> dict[str, str]:
        return {each: self.health(each) for each in SERVICES}

    def python(self, service: str, program: str) -> str:
        """What a program prints inside a service's container."""
        done = docker("exec", self.container(service), "python", "-c", program, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def runs(self) -> list[Run]:
        """The latest first."""
        query = "{ runsOrError { ... on Runs { results { jobName status tags { key } } } } }"
        request = urllib.request.Request(
            f"{self.ui}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer: dict[str, Any] = json.load(reply)
        assert not answer.get("errors"), answer["errors"]
        found = answer["data"]["runsOrError"]["results"]
        return [Run(run["jobName"], run["status"], PROCESS_TAG in [tag["key"] for tag in run["tags"]]) for run in found]

    def has_ended(self, job: str, status: str) -> bool:
        return (job, status) in [(run.job, run.status) for run in self.runs()]

    def logs(self) -> str:
        found = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.name}").stdout
        said = (docker("logs", "--tail", "15", each, check=False) for each in found.split())
        return "\n".join((each.stdout + each.stderr)[-1500:] for each in said)


@contextmanager
def running_project(folder: Path, repository: Path, images: dict[str, str]) -> Iterator[Project]:
    """All services, healthy; removed with their volumes at the end."""
    for name in _CONTEXT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    _build(IMAGE, folder, folder / "deploy" / "Dockerfile", images["BASE_IMAGE"])
    deploy = folder / "deploy"
    if "docker-compose" in _compose_command():
        # The first Compose hands this option to the engine instead of doing it.
        compose = deploy / "compose.yaml"
        compose.write_text(compose.read_text(encoding="utf-8").replace(', "systempaths=unconfined"', ""), "utf-8")
    ports = {name: free_port() for name in ("WEB_PORT", "SOLOIST_DOCUMENT_PORT", "SOLOIST_WEBHOOK_PORT")}
    settings = {
        **images,
        **ports,
        "POSTGRES_PASSWORD": f"{secrets.token_hex(8)}@:/?#%",
        "INBOX_PASSWORD": f"{secrets.token_hex(8)}'@:/?#%",
        "SOLOIST_S3_ACCESS_KEY": secrets.token_hex(8),
        "SOLOIST_S3_SECRET_KEY": secrets.token_hex(16),
        "SOLOIST_GITHUB_WEBHOOK_SECRET": SECRET,
        "REPOSITORIES_FOLDER": repository.parent,
        "SOLOIST_REPOSITORIES": f"/repositories/{repository.name}",
        "SOLOIST_AUTHORS": "all",
        "SOLOIST_TIMEZONE": "UTC",
    }
    (deploy / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    ui, documents, webhooks = (f"http://127.0.0.1:{port}" for port in ports.values())
    project = Project(f"soloist-{secrets.token_hex(4)}", deploy, ui, documents, webhooks)
    try:
        project.compose("up", "--detach")
        try:
            wait_for("healthy containers", lambda: set(project.healths().values()) == {"healthy"} or None)
        except AssertionError as error:
            raise AssertionError(f"{project.healths()}\n{project.logs()}") from error
        yield project
    finally:
        project.compose("down", "--volumes", "--timeout", "20")


@cache
def _compose_command() -> list[str]:
    if docker("compose", "version", check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else []


def _has(image: str) -> bool:
    if docker("image", "inspect", image, check=False).returncode == 0:
        return True
    try:
        return docker("pull", "--quiet", image, seconds=300, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _build(tag: str, context: Path, dockerfile: Path, base: str) -> None:
    done = docker(
        *("build", "--quiet", "--tag", tag, "--build-arg", f"BASE={base}", "--file", dockerfile, context),
        seconds=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
