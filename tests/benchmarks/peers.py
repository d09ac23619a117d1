"""The model engine against what people use for the same work: the openai client by hand, curator and datatrove.

    python peers.py [--environments FOLDER] [--count N]

All sides have the same prompts and 256 in flight, and one loopback server answers after 20 ms. A side's time ends when all replies are on
disk in its own way. Starting up is taken off: ours as an empty run and the import of its HTTP client, a peer's imports
and the making of its client. Then one note of a
hundred is edited, and each side brings its replies up to date. Curator and datatrove have an environment each, made in the folder and used
again when it is there; without a folder it is a temporary one. A peer that cannot be installed or run is told as skipped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from measuring import at_least, at_most
from model_engine import asked, endpoint, ours

PEERS = Path(__file__).parent / "peers"
LATENCY_MS = 20
TIMEOUT_S = 900


ENVIRONMENTS = {
    "curator": ("bespokelabs-curator==0.1.31",),
    # Its extra for inference brings vllm and sglang along, which an endpoint has no need of; these are the rest of it.
    "datatrove": ("datatrove[io]==0.10.1", "aiofiles==25.1.0", "aiosqlite==0.22.1", "httpx==0.28.1", "xxhash==4.1.0"),
}


@dataclass(frozen=True)
class Peer:
    """A script, and the environment that it runs in; none means that of the project."""

    name: str
    script: str
    environment: str | None = None
    options: tuple[str, ...] = ()


ALL = (
    Peer("openai and a JSONL file by index", "openai_client.py"),
    Peer("openai and a JSONL file by prompt", "openai_client.py", options=("--by-prompt",)),
    Peer("curator", "curator_client.py", "curator"),
    Peer("datatrove", "datatrove_client.py", "datatrove"),
    Peer("datatrove without checkpoints", "datatrove_client.py", "datatrove", options=("--no-checkpoints",)),
)


class CannotRun(Exception):
    """Why a peer was not measured."""


@dataclass(frozen=True)
class Measured:
    cold_s: float
    edited_s: float
    calls: int
    """Completions asked for after the edit."""


def interpreter(name: str | None, environments: Path) -> Path:
    """The Python of an environment, which is made unless it is there with the same packages."""
    if name is None:
        return Path(sys.executable)
    folder, packages = environments / name, ENVIRONMENTS[name]
    python, made = folder / "bin" / "python", folder / "packages.json"
    if made.exists() and json.loads(made.read_text()) == list(packages):
        return python
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    _said(python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", *packages)
    made.write_text(json.dumps(packages))
    print(f"made the environment of {name}: {', '.join(packages)}", file=sys.stderr)
    return python


def _said(*command: str | Path) -> str:
    """What the command wrote. The reason of a failure is its last line."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRun(str(error)) from None
    if done.returncode:
        raise CannotRun((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    return done.stdout


def _seconds(python: Path, peer: Peer, url: str, folder: str, count: int, edited: int) -> float:
    said = _said(python, PEERS / peer.script, url, folder, str(count), str(edited), *peer.options)
    return float(json.loads(said.splitlines()[-1])["seconds"])


def _measured(url: str, count: int, run: Callable[[int], float]) -> Measured:
    """The run gets how many of the notes are edited."""
    before = asked(url)
    cold = run(0)
    if asked(url) - before < count:
        raise CannotRun(f"asked for {asked(url) - before} of {count}")
    before = asked(url)
    edited = run(count // 100)
    return Measured(cold, edited, asked(url) - before)


def measure_ours(url: str, count: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:

        def run(edited: int) -> float:
            ours(url, folder, fill=edited or count, edition=1 if edited else 0)
            return ours(url, folder, imported=True)["seconds"]

        return _measured(url, count, run)


def measure(peer: Peer, python: Path, url: str, count: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        return _measured(url, count, lambda edited: _seconds(python, peer, url, folder, count, edited))


def results(environments: Path, count: int) -> Iterator[dict[str, object]]:
    """Ours is measured anew beside each peer, so that a slow minute of the machine meets both."""
    with endpoint(LATENCY_MS, PEERS / "closing_endpoint.py") as url:
        for peer in ALL:
            try:
                them = measure(peer, interpreter(peer.environment, environments), url, count)
            except CannotRun as reason:
                yield {"name": peer.name, "skipped": str(reason)}
                continue
            us = measure_ours(url, count)
            yield at_least(f"cold, items a second, against {peer.name}", count / us.cold_s, count / them.cold_s, 1.0)
            yield at_most(f"after an edit of 1%, seconds, against {peer.name}", us.edited_s, them.edited_s, 1.0)
            yield at_most(f"after an edit of 1%, calls, against {peer.name}", us.calls, them.calls, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--environments", type=Path, help="where the environments of the peers are kept")
    parser.add_argument("--count", type=int, default=2000, help="how many notes, at least 100")
    options = parser.parse_args()
    if options.count < 100:
        parser.error("an edit of 1% needs 100 notes at least")
    with tempfile.TemporaryDirectory() as temporary:
        for result in results((options.environments or Path(temporary)).resolve(), options.count):
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
