"""What a caller of the sandbox sees: its configuration, the limits, what comes back, and the errors.

What belongs here: plain values. Nothing here starts a process or touches a file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

from resources.errors import BadInput, SoloistError

MIB = 1 << 20

JOB = "/job"
"""Where the work folder is inside the sandbox."""

NOBODY = 65534
"""The user and group that the code believes to be."""

Files = Mapping[str, bytes] | Mapping[PurePosixPath, bytes]


class SandboxUnavailable(SoloistError):
    """No sandbox works on this machine, or it let something through. Nothing was run."""


class SandboxFailed(SoloistError):
    """The sandbox broke while a program ran in it, through no fault of the program."""


class SandboxRefused(BadInput):
    """What was to be taken into the sandbox cannot be: a file name, a link, too much data, a folder too wide."""


@dataclass(frozen=True)
class Limits:
    """What one run may use. `memory` counts all processes together where a cgroup is available, else each process
    alone; what lies in the work folder and in /tmp counts as `disk`."""

    seconds: float = 60.0
    """By the clock on the wall; then everything is killed."""
    cpu_seconds: int = 60
    """Of the processor, for each process."""
    memory: int = 1024 * MIB
    disk: int = 256 * MIB
    """Bytes in the work folder, in /tmp and in /dev/shm together. No file may be longer."""
    files: int = 20_000
    """Files and folders in the same places."""
    processes: int = 64
    """Processes and threads alive at the same time."""
    open_files: int = 256
    """For each process."""
    output: int = MIB
    """Bytes of standard output, and as many of standard error; whoever writes more is killed."""
    collected: int = 64 * MIB
    """Bytes of all files that are read back."""

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) <= 0:
                raise SandboxRefused(f"The limit `{each.name}` of the sandbox must be more than 0; raise it.")


@dataclass(frozen=True)
class Finished:
    """How a run ended. `exit_code` is as a shell reports it: 128 and the signal's number where a signal ended the
    program, 126 or 127 where the program cannot be run. (A program that itself exits with 137 looks killed.)"""

    exit_code: int
    signal: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool
    """It was killed for writing more output than allowed; what it wrote up to there is kept."""
    timed_out: bool
    out_of_memory: bool
    """The kernel killed a process of it for the memory limit. Without a cgroup this is never known."""
    seconds: float
    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: Sequence[str] = ()
    """What was asked for and not read back (links, devices, too large), a sentence each."""


@dataclass(frozen=True)
class Configuration:
    """Which sandbox, and where its programs are."""

    backend: Literal["bubblewrap", "container"] = "bubblewrap"
    bubblewrap: str = "bwrap"
    python: Path = Path(sys.executable)
    """The interpreter that programs in the sandbox use. Its installation, and the virtual environment around it if
    there is one, are readable there."""
    cgroups: bool = True
    """Use cgroups where this process may make them."""
    engine: tuple[str, ...] = ("podman",)
    """The command of the container engine; a rootless one is the better choice."""
    engine_options: tuple[str, ...] = ()
    """Further options of its `run`, for example `--runtime=runsc` or `--userns=keep-id`."""
    image: str = ""
    """The image that the container engine runs; it needs `sh`, `timeout` and `python3`."""


@dataclass(frozen=True)
class Job:
    """One thing to run, as the backends take it."""

    command: Sequence[str]
    files: Files | Path
    limits: Limits
    read_only: Sequence[Path] = ()
    collect: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """One way to keep code in. It never runs anything outside."""

    python: str
    """The interpreter's path inside."""

    def run(self, job: Job) -> Finished: ...

    def describe(self) -> str:
        """One line: which backend it is and what enforces the limits. Raises SandboxUnavailable."""
        ...
