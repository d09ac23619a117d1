"""A running `soloist ui` in processes of its own, as a person starts it: for tests of the web UI and the daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from git_repositories import GitRepository

COMMANDS = Path(sys.executable).parent
"""Where `soloist` and `dagster` are installed."""

Found = TypeVar("Found")
LONG_ENOUGH = 300.0
"""Seconds for what comes at last on the slowest machine; where it has to come sooner, a test says so."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a command needs to work in `home`, and nothing of the person's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOLOIST_", "DAGSTER_", "GIT_"))}
    ours = {"SOLOIST_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "SOLOIST_TIMEZONE": "UTC"}
    return kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull} | ours | more


def command(name: str, *arguments: str | Path, home: Path, cwd: Path, timeout: float = 180, **more: str) -> str:
    """What the installed command prints. Raises AssertionError with everything it said where it fails."""
    done = subprocess.run(
        [COMMANDS / name, *arguments],
        cwd=cwd,
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{name} {arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(what: str, look: Callable[[], Found | None], seconds: float = LONG_ENOUGH) -> Found:
    """The first thing that `look` finds. Raises AssertionError where it finds none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.25)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class ServedUi:
    """`soloist ui` at work: `url` is Dagster's, `documents_url` that of the documents. `process` leads a session of its own."""

    process: subprocess.Popen[bytes]
    url: str
    documents_url: str
    log: Path

    def graphql(self, query: str, **variables: object) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer = json.load(reply)
        assert not answer.get("errors"), answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the latest first: id, job, status and tags, and the partitions that each made by asset."""
        data = self.graphql("""{ runsOrError { ... on Runs { results {
            runId jobName status tags { key value } assetMaterializations { assetKey { path } partition }
        } } } }""")
        return [_run(found) for found in data["runsOrError"]["results"]]

    def run(self, run_id: str) -> dict[str, Any]:
        return next(run for run in self.runs() if run["runId"] == run_id)

    def launch(self, job: str, tags: Mapping[str, str]) -> str:
        """Asks for a run of the job, as the launchpad does; its id."""
        data = self.graphql(
            """mutation($parameters: ExecutionParams!) { launchPipelineExecution(executionParams: $parameters) {
                __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
            } }""",
            parameters={
                "selector": {"repositoryLocationName": "soloist", "repositoryName": "__repository__", "jobName": job},
                "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
            },
        )["launchPipelineExecution"]
        assert data["__typename"] == "LaunchRunSuccess", data
        return str(data["run"]["runId"])

    def finished(self, run_id: str) -> dict[str, Any]:
        """The run once it ended."""
        ended = ("SUCCESS", "FAILURE", "CANCELED")
        return wait_for(
            f"the end of run {run_id}",
            lambda: found if (found := self.run(run_id))["status"] in ended else None,
        )

    def processes(self) -> list[int]:
        """Every living process that `soloist ui` started, itself included."""
        return living_in_session(self.process.pid)

    def stop(self) -> None:
        """SIGTERM, and what is left after a while is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        end = time.monotonic() + 20
        while self.processes() and time.monotonic() < end:
            time.sleep(0.2)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to all of its processes at once, as a crash of the machine would."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


def living_in_session(leader: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, _, _, session, *_ = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(session) == leader and state not in "ZX":
            found.append(int(folder.name))
    return found


@contextmanager
def serving(home: Path, cwd: Path, **more: str) -> Iterator[ServedUi]:
    """`soloist ui` on free ports, answering and with its definitions loaded; stopped at the end."""
    port, document_port = free_port(), free_port()
    log = home / "ui.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [COMMANDS / "soloist", "ui", "--port", str(port)],
            cwd=cwd,
            env=environment(home, SOLOIST_DOCUMENT_PORT=str(document_port), **more),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            restore_signals=True,
            preexec_fn=_default_signals,
        )
    served = ServedUi(process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{document_port}", log)
    try:
        wait_for("an answer of the web UI", lambda: _loaded(served))
        yield served
    finally:
        served.stop()


def small_history(path: Path) -> GitRepository:
    """Three commits in two weeks of February and March 2024, in Python and a manifest."""
    made = GitRepository(path)
    made.commit(
        "feat(store): add a reader for parcels",
        files={"shelf/store.py": "import duckdb\n\n\ndef read():\n    return duckdb.sql('select 1')\n"},
        authored="2024-02-27T09:00:00+00:00",
    )
    made.commit(
        "build: depend on duckdb",
        files={"pyproject.toml": '[project]\nname = "shelf"\ndependencies = [\n  "duckdb>=1.5",\n]\n'},
        authored="2024-03-05T10:00:00+00:00",
    )
    made.commit(
        "docs: explain how parcels are read",
        files={"README.md": "# Shelf\n\nParcels are read one by one.\n"},
        authored="2024-03-06T11:00:00+00:00",
    )
    return made


def tags_of(run: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The first and last partition that the run was asked for."""
    tags: dict[str, str] = run["tags"]
    return tags.get("dagster/asset_partition_range_start"), tags.get("dagster/asset_partition_range_end")


def _run(found: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, set[str]] = {}
    events: Sequence[Mapping[str, Any]] = found["assetMaterializations"]
    for event in events:
        made.setdefault(".".join(event["assetKey"]["path"]), set()).add(event["partition"] or "")
    return {**found, "tags": {tag["key"]: tag["value"] for tag in found["tags"]}, "made": made}


def _loaded(served: ServedUi) -> bool:
    assert served.process.poll() is None, f"`soloist ui` ended:\n{served.log.read_text(errors='replace')[-3000:]}"
    try:
        data = served.graphql("{ repositoriesOrError { __typename ... on RepositoryConnection { nodes { name } } } }")
    except OSError:
        return False
    return bool(data["repositoriesOrError"].get("nodes"))


def _default_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
