"""The container backend: the same promises kept by a container engine, where bubblewrap cannot work or is not wanted.

What belongs here: the command line of `podman run` or `docker run`, and a work folder for it. The engine's own limits
are used; the disk alone has none, so the work folder's size is looked at while the program runs.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from resources.sandbox.collecting import collect, size
from resources.sandbox.filling import FOLDER, fill
from resources.sandbox.interface import JOB, MIB, NOBODY, Configuration, Finished, Job, SandboxUnavailable
from resources.sandbox.mounts import check_read_only
from resources.sandbox.watching import finish, kill_inside, watch

_MISSING = 125
"""What an engine exits with where it could not start the container."""


class Container:
    """See the module. Raises SandboxUnavailable where no engine or no image is configured."""

    python = "python3"

    def __init__(self, configuration: Configuration) -> None:
        name = configuration.engine[0] if configuration.engine else ""
        program = shutil.which(name)
        if program is None:
            raise SandboxUnavailable(
                f"The container engine `{name}` of the sandbox is not on this machine; install it (Debian, Ubuntu: "
                "apt-get install podman), or configure another one."
            )
        if not configuration.image:
            raise SandboxUnavailable("The sandbox has no image for its containers; name one that has sh and python3.")
        self._engine = (program, *configuration.engine[1:])
        self._options = configuration.engine_options
        self._image = configuration.image

    def describe(self) -> str:
        return (
            f"containers of {self._image} by {self._engine[0]}; limits: memory and processes of a whole run by the "
            "engine, processor and open files by rlimits, output and time by the watcher, disk only by looking"
        )

    def run(self, job: Job) -> Finished:
        read_only = check_read_only(job.read_only)
        name = f"soloist-sandbox-{secrets.token_hex(8)}"
        root = os.geteuid() == 0
        owner = (NOBODY, NOBODY) if root else (os.getuid(), os.getgid())
        with tempfile.TemporaryDirectory(prefix="soloist-sandbox-", ignore_cleanup_errors=True) as outer:
            # The outer folder keeps other users out, the inner one belongs to the user of the container.
            folder = Path(outer) / "job"
            folder.mkdir(0o700)
            descriptor = os.open(folder, FOLDER)
            try:
                os.fchown(descriptor, *owner)
                fill(descriptor, job.files, owner, job.limits)
                return self._run(job, read_only, name, folder, descriptor, owner)
            finally:
                os.close(descriptor)

    def _run(
        self, job: Job, read_only: Sequence[Path], name: str, folder: Path, descriptor: int, owner: tuple[int, int]
    ) -> Finished:
        limits = job.limits

        def check() -> str:
            taken, count = size(descriptor, limits.files + 1)
            if taken > limits.disk or count > limits.files:
                return f"The program was stopped: it left more than {limits.disk} bytes or {limits.files} files."
            return ""

        def end() -> None:
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [*self._engine, "rm", "--force", name],
                    capture_output=True,
                    check=False,
                    timeout=limits.seconds + 30,
                )
            kill_inside(process, None)

        process = subprocess.Popen(
            self.command(job, read_only, name, folder, owner),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        try:
            ending = watch(process, limits, end, check)
        except BaseException:
            end()
            raise
        finally:
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        if ending.status == _MISSING:
            lines = ending.stderr.decode(errors="replace").strip().splitlines()
            raise SandboxUnavailable(
                f"The container engine {self._engine[0]} cannot start {self._image} "
                f"({lines[-1] if lines else 'no reason given'}); see that the engine runs and has the image."
            )
        files, notes = collect(descriptor, job.collect, limits)
        return finish(ending, files, notes, out_of_memory=False)

    def command(
        self, job: Job, read_only: Sequence[Path], name: str, folder: Path, owner: tuple[int, int]
    ) -> list[str]:
        """The command line of one run. `timeout` inside ends it even where this process, and so the watcher, is gone."""
        limits = job.limits
        tmp = f"rw,nosuid,nodev,size={min(limits.disk, 64 * MIB)},mode=1777"
        made = [*self._engine, "run", "--rm", "--name", name, *self._options]
        made += ["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        made += ["--pids-limit", str(limits.processes + 3), "--memory", str(limits.memory)]
        made += ["--memory-swap", str(limits.memory), "--ipc", "private", "--pull", "never", "--init"]
        made += ["--user", f"{owner[0]}:{owner[1]}", "--hostname", "sandbox", "--workdir", JOB, "--log-driver", "none"]
        made += ["--ulimit", f"fsize={limits.disk}:{limits.disk}", "--ulimit", "core=0:0"]
        made += ["--ulimit", f"nofile={limits.open_files}:{limits.open_files}"]
        made += ["--ulimit", f"cpu={limits.cpu_seconds}:{limits.cpu_seconds + 1}"]
        made += ["--tmpfs", f"/tmp:{tmp}", "--volume", f"{folder}:{JOB}:rw"]  # noqa: S108
        for path in read_only:
            made += ["--volume", f"{path}:{path}:ro"]
        for variable, value in {"HOME": "/tmp", "TMPDIR": "/tmp", **job.environment}.items():  # noqa: S108
            made += ["--env", f"{variable}={value}"]
        made += ["--entrypoint", "timeout", self._image, "-s", "KILL", str(math.ceil(limits.seconds) + 5)]
        return [*made, "sh", "-c", 'exec "$@"', "sh", *job.command]
