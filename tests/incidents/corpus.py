"""Fifty small programs with a bug each, and the genuine Sentry event of its crash.

A program is a folder `programs/<kind>/<name>/`. What lies in it is its source tree, except

- `program.toml`: what is known of it (the fields of `Program`), with `stdin`, `now` (the clock of the machine, with its
  zone) and a table `environment` where the incident needs them;
- `incident/`: files that lay in the working folder when it crashed, and are in no repository;
- `fixed/`: the files in which the bug is mended, under the same paths.

It is run as in production: a copy of it is the working folder, and Sentry's SDK, which the program knows nothing of,
reports what comes out of it (`production/sitecustomize.py`).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from resources.sentry_issues.facts import ErrorEvent
from resources.sentry_issues.reading import delivered
from tests.sentry_objects import webhook_event

PROGRAMS = Path(__file__).parent / "programs"
PRODUCTION = Path(__file__).parent / "production"
OUTSIDE = frozenset({"objects", "files", "time", "environment"})
"""What a program may take besides plain values and its own state."""
TIMEOUT_S = 60
_NOT_SOURCE = ("fixed", "incident", "program.toml", "__pycache__")


@dataclass(frozen=True)
class Program:
    kind: str
    name: str
    folder: Path
    entry: tuple[str, ...]
    """Arguments to the interpreter, in the program's folder."""
    takes: str
    """What triggers the bug: `plain` values, `state` left by earlier calls, or one of `OUTSIDE`."""
    exception: str
    """The name of the type of what came out in the end."""
    function: str
    """Where it came from: the innermost frame of the program's own files, as Sentry names its function."""
    stdin: str = ""
    now: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def sources(self) -> dict[str, bytes]:
        """The faulty source tree: content by path."""
        return _files(self.folder, _NOT_SOURCE)

    def fixed(self) -> dict[str, bytes]:
        """The whole source tree with the bug mended."""
        return self.sources() | _files(self.folder / "fixed")

    def incident(self) -> dict[str, bytes]:
        """What else lay in the working folder."""
        return _files(self.folder / "incident")

    @property
    def identity(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def release(self) -> str:
        """As the hash of a commit looks; one for each state of the sources."""
        return hashlib.sha1(json.dumps(sorted((k, v.hex()) for k, v in self.sources().items())).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """`events`: as they left for Sentry."""

    returncode: int
    stdout: str
    stderr: str
    events: list[dict[str, Any]]


@cache
def programs() -> list[Program]:
    """All, in the order of their paths."""
    return [_program(path.parent) for path in sorted(PROGRAMS.glob("*/*/program.toml"))]


def run(program: Program, sources: Mapping[str, bytes] | None = None, python: str = sys.executable) -> Outcome:
    """What its entry does, with the faulty `sources` unless others are given, in a folder of its own, removed later."""
    with tempfile.TemporaryDirectory(prefix="incident-") as place:
        work, events = Path(place, "app"), Path(place, "events")
        for path, content in {**(program.sources() if sources is None else sources), **program.incident()}.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(content)
        done = subprocess.run(
            [python, *program.entry],
            cwd=work,
            env=_environment(program, events),
            input=program.stdin.encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        lines = events.read_bytes().splitlines() if events.exists() else []
    return Outcome(
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
        [json.loads(line) for line in lines],
    )


def event_of(program: Program, python: str = sys.executable) -> dict[str, Any]:
    """The event of its crash, as the SDK sent it. Raises AssertionError unless there is exactly one."""
    outcome = run(program, python=python)
    if len(outcome.events) != 1:
        raise AssertionError(f"{program.identity} sent {len(outcome.events)} events:\n{outcome.stderr}")
    return outcome.events[0]


def error_event(program: Program, event: dict[str, Any] | None = None) -> ErrorEvent:
    """The fact that the webhook `error` brings of its crash, or of an `event` of it that is there already."""
    number = str(1000 + programs().index(program))
    told = webhook_event(event or event_of(program), number, f"fern/{program.name.replace('_', '-')}")
    fact = delivered("error", {"action": "created", "data": {"error": told}})
    assert isinstance(fact, ErrorEvent)
    return fact


def _program(folder: Path) -> Program:
    told = tomllib.loads((folder / "program.toml").read_text(encoding="utf-8"))
    return Program(kind=folder.parent.name, name=folder.name, folder=folder, entry=tuple(told.pop("entry")), **told)


def _files(folder: Path, without: tuple[str, ...] = ("__pycache__",)) -> dict[str, bytes]:
    paths = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.as_posix(): (folder / path).read_bytes()
        for path in paths
        if path.parts[0] not in without and "__pycache__" not in path.parts
    }


def _environment(program: Program, events: Path) -> dict[str, str]:
    """Nothing of the person's. The program's own come last."""
    surrounding = {
        "INCIDENT_EVENTS": str(events),
        "INCIDENT_NOW": program.now,
        "INCIDENT_RELEASE": program.release,
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(PRODUCTION),
        "TZ": "UTC",
    }
    return surrounding | dict(program.environment)
