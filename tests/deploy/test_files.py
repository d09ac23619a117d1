"""What is deployed is pinned, limited, watched, and holds no secret; what its settings name is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from resources.settings import Settings
from tests.served_ui import free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
NETWORKS: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["networks"]
EXAMPLE = (DEPLOY / "example.env").read_text(encoding="utf-8")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|DSN")


def variables() -> dict[str, str]:
    """The variables of the example, those that are commented out as well."""
    return dict(re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE, re.MULTILINE))


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_limited_and_restarted(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"].keys() >= {"test", "interval", "timeout", "retries", "start_period"}
    assert service.keys() >= {"mem_limit", "cpus", "pids_limit", "logging"}
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(each["condition"] == "service_healthy" for each in service.get("depends_on", {}).values())
    assert "privileged" not in service
    assert "docker.sock" not in str(service)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_this_machine_only(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_images_are_pinned_and_to_be_had() -> None:
    images = {re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", service["image"]) for service in SERVICES.values()}
    images |= set(re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert len(images) == 4
    for image in images:
        assert re.fullmatch(r"[\w./-]+:\d[\w.-]*(@sha256:[0-9a-f]{64})?", image), image
        assert "minio" not in image
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}"}


def test_the_webhooks_reach_the_inbox_and_nothing_else_of_the_platform() -> None:
    """They alone take what comes from the internet."""
    shared = {
        name
        for name, service in SERVICES.items()
        if name != "webhooks" and set(service["networks"]) & set(SERVICES["webhooks"]["networks"])
    }
    assert shared == {"postgres"}
    assert not SERVICES["webhooks"].get("volumes")
    for store in ("postgres", "objects"):
        assert all(NETWORKS[network]["internal"] for network in SERVICES[store]["networks"])
        assert not SERVICES[store].get("ports")


def test_no_secret_has_a_default() -> None:
    for name, default in re.findall(r"\$\{(\w+):?-([^}]*)\}", COMPOSE):
        assert not (SECRET.search(name) and default), name
    for name, value in variables().items():
        assert not (SECRET.search(name) and value), name
    assert not re.search(r"^(ENV|ARG)\s.*(PASSWORD|SECRET|TOKEN)", DOCKERFILE, re.MULTILINE)
    assert "**/.env" in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ".env" in (DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_what_is_set_is_a_setting_and_documented() -> None:
    fields = {f"SOLOIST_{name.upper()}" for name in Settings.model_fields}
    used = set(re.findall(r"SOLOIST_[A-Z0-9_]+", COMPOSE + EXAMPLE + DOCKERFILE))
    assert used <= fields
    assert set(re.findall(r"\$\{(\w+)", COMPOSE)) <= variables().keys()


def test_the_image_is_made_of_hashed_pins_by_nobody_in_particular() -> None:
    assert "--no-deps --require-hashes --requirement deploy/requirements.lock" in DOCKERFILE
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert re.search(r"^HEALTHCHECK ", DOCKERFILE, re.MULTILINE)
    text = (DEPLOY / "requirements.lock").read_text(encoding="utf-8")
    assert text.count("==") == len(re.findall(r"== ?\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text))


def test_the_image_has_what_the_tests_have() -> None:
    """The same version of everything, all that Soloist needs, and none of what only its developers need."""
    tested, deployed = pins(ROOT / "requirements.lock"), pins(DEPLOY / "requirements.lock")
    assert {name: deployed[name] for name in deployed if name in tested} == {
        name: tested[name] for name in deployed if name in tested
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {re.split(r"[\[>=<~]", each)[0].lower() for each in project["project"]["dependencies"]}
    assert needed | {"psycopg", "dagster-postgres"} <= {name.lower() for name in deployed}
    assert not {"mypy", "hypothesis", "moto", "playwright"} & deployed.keys()


def test_dagster_takes_the_configuration_and_keeps_the_promises_of_one_machine() -> None:
    from dagster._core.instance.config import dagster_instance_config

    containers, _ = dagster_instance_config(str(DEPLOY / "compose"))
    local, _ = dagster_instance_config(str(DEPLOY / "local"))
    for promise in ("telemetry", "nux", "concurrency", "run_monitoring", "run_retries", "retention"):
        assert containers[promise] == local[promise], promise
    assert containers["run_coordinator"]["config"]["max_user_code_failure_retries"] > 0
    assert containers["storage"]["postgres"]["postgres_url"].startswith("postgresql+psycopg2://soloist@postgres:")


def test_the_workspace_names_the_code_server() -> None:
    (location,) = yaml.safe_load((DEPLOY / "compose" / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    server = location["grpc_server"]
    assert server["host"] == SERVICES["code"]["hostname"] == "code"
    assert str(server["port"]) in SERVICES["code"]["command"]


def test_the_sandbox_may_make_namespaces_and_the_kernel_s_other_doors_stay_shut() -> None:
    (rule,) = json.loads((DEPLOY / "compose" / "seccomp.json").read_text(encoding="utf-8"))["syscalls"]
    assert rule["action"] == "SCMP_ACT_ERRNO"
    assert not {"clone", "clone3", "unshare", "mount", "umount2", "pivot_root", "seccomp"} & set(rule["names"])
    assert {"bpf", "keyctl", "init_module", "kexec_load", "perf_event_open", "userfaultfd"} <= set(rule["names"])


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_compose_takes_the_file_and_refuses_an_empty_example(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    filled = re.sub(r"^([A-Z0-9_]+)=$", r"\1=filled", EXAMPLE, flags=re.MULTILINE)
    found = [compose_config(tmp_path / "deploy", text) for text in (filled, EXAMPLE)]
    assert [code for code, _ in found] == [0, 1], found
    assert "set it in deploy/.env" in found[1][1]


def compose_config(folder: Path, example: str) -> tuple[int, str]:
    (folder / ".env").write_text(example, encoding="utf-8")
    done = subprocess.run(
        ["docker-compose", "--file", folder / "compose.yaml", "config", "--quiet"],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def answering() -> Iterator[int]:
    """The port of a server whose paths are the statuses that it answers with."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path[1:]))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_the_health_check_tells_an_answer_from_none(answering: int) -> None:
    def status(url: str) -> int:
        return subprocess.run([sys.executable, DEPLOY / "answers.py", url], check=False, capture_output=True).returncode

    assert status(f"http://127.0.0.1:{answering}/200") == 0
    assert status(f"http://127.0.0.1:{answering}/503") == 1
    assert status(f"http://127.0.0.1:{free_port()}/") == 1
