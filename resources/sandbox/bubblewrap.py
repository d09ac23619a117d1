"""The bubblewrap backend: namespaces with nothing of the host in them but what `mounts.py` names.

What belongs here: the command line of `bwrap`, and the order of one run: make a group and a small disk, fill it while
bubblewrap waits, let it go, watch it, kill what is left, read back. `starting.py` and `launcher.py` start it.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from resources.sandbox import cgroups, mounts, seccomp
from resources.sandbox.collecting import collect
from resources.sandbox.filling import fill
from resources.sandbox.interface import (
    JOB,
    MIB,
    NOBODY,
    Configuration,
    Finished,
    Job,
    Limits,
    SandboxUnavailable,
)
from resources.sandbox.starting import STAGE, Descriptors, Plan, start, unavailable
from resources.sandbox.watching import finish, watch

_ISOLATION = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--new-session", "--die-with-parent"),
    *("--cap-drop", "ALL", "--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", "sandbox", "--clearenv"),
)
_INSTALL = "install it (Debian, Ubuntu: apt-get install bubblewrap), or configure a container engine"


class Bubblewrap:
    """See the module. Raises SandboxUnavailable where bubblewrap cannot even be tried."""

    def __init__(self, configuration: Configuration) -> None:
        program = shutil.which(configuration.bubblewrap)
        if sys.platform != "linux" or platform.machine() not in seccomp.MACHINES:
            raise SandboxUnavailable(
                f"The sandbox knows no way to keep code in on {sys.platform} with {platform.machine()}; use Linux on "
                "x86_64 or aarch64, or configure a container engine."
            )
        if program is None:
            raise SandboxUnavailable(
                f"The sandbox needs the program `{configuration.bubblewrap}`, which is not on this machine; {_INSTALL}."
            )
        self._program = program
        self._prefixes = mounts.python_prefixes(configuration.python)
        self.python = str(configuration.python.absolute())
        self.place = cgroups.find_place() if configuration.cgroups else None
        self._filter = seccomp.build_filter(platform.machine(), memory_is_counted=self.place is not None)

    def describe(self) -> str:
        version = subprocess.run([self._program, "--version"], capture_output=True, check=False, env={}, timeout=10)
        counted = (
            f"memory and processes of a whole run by {self.place}"
            if self.place
            else ("memory of each process and number of processes by rlimits (no cgroup that this user may write)")
        )
        user = "a user without rights" if os.geteuid() == 0 else "this user"
        return (
            f"{version.stdout.decode(errors='replace').strip()}, run by {user}, "
            f"with a seccomp filter; limits: {counted}, disk by a tmpfs of fixed size, processor and open files by "
            "rlimits, output and time by the watcher"
        )

    def run(self, job: Job) -> Finished:
        read_only = mounts.check_read_only(job.read_only)
        with ExitStack() as stack:
            group = stack.enter_context(cgroups.group(self.place, job.limits)) if self.place else None
            descriptors = stack.enter_context(Descriptors(self._filter))
            views, arguments = self._arguments(job, read_only, descriptors)
            plan = Plan(
                command=[self._program, *arguments],
                views=views,
                texts={f"etc/{name}": text for name, text in mounts.MADE_UP.items()},
                disk=job.limits.disk,
                # The folders and views that we make ourselves are not the program's to count.
                files=job.limits.files + 2 * len(views) + 64,
                limits=_rlimits(job.limits, counted=group is not None),
            )
            started = stack.enter_context(start(plan, descriptors, group))
            fill(started.folder, job.files, started.owner, job.limits)
            started.release()
            ending = watch(started.process, job.limits, started.kill)
            if started.never_ran() and not ending.timed_out:
                raise unavailable(ending.stderr.decode(errors="replace"))
            files, notes = collect(started.folder, job.collect, job.limits)
            return finish(ending, files, notes, out_of_memory=group is not None and group.ran_out_of_memory())

    def _arguments(
        self, job: Job, read_only: Sequence[Path], descriptors: Descriptors
    ) -> tuple[list[tuple[str, str]], list[str]]:
        """The views that the launcher is to make, and the command line that mounts them."""
        views: list[tuple[str, str]] = [
            (f"/etc/{name}", f"etc/{name}") for name in mounts.ETC if Path("/etc", name).exists()
        ]
        arguments = list(_ISOLATION)

        def show(path: str) -> None:
            views.append((path, f"views/{len(views)}"))
            arguments.extend(("--ro-bind", f"{STAGE}/{views[-1][1]}", path))

        for folder, link in mounts.system_folders():
            if link is None:
                show(folder)
            else:
                arguments += ("--symlink", link, folder)
        arguments += ("--ro-bind", f"{STAGE}/etc", "/etc", "--proc", "/proc", "--dev", "/dev")
        # The tmpfs that bubblewrap makes for /dev has no size.
        arguments += ("--bind", f"{STAGE}/shm", "/dev/shm", "--remount-ro", "/dev")  # noqa: S108
        arguments += ("--bind", f"{STAGE}/tmp", "/tmp", "--bind", f"{STAGE}/job", JOB)  # noqa: S108
        # After /tmp, where they may lie.
        for path in (*self._prefixes, *read_only):
            show(str(path))
        programs = ":".join(dict.fromkeys((str(Path(self.python).parent), "/usr/local/bin", "/usr/bin", "/bin")))
        variables = {"PATH": programs, "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC"}  # noqa: S108
        for name, value in (variables | dict(job.environment)).items():
            arguments += ("--setenv", name, value)
        arguments += ("--remount-ro", "/", "--chdir", JOB, "--seccomp", str(descriptors.filter))
        arguments += ("--info-fd", str(descriptors.info[1]), "--block-fd", str(descriptors.block[0]))
        # The shell only tells a program that is missing (127) from one that fails; it reads none of the arguments.
        return views, [*arguments, "--", "/bin/sh", "-c", 'exec "$@"', "sh", *job.command]


def _rlimits(limits: Limits, *, counted: bool) -> dict[str, tuple[int, int]]:
    """Soft and hard limit of each kind. `counted` says that a cgroup counts memory: address space, of which some
    programs reserve far more than they use, is then only a second fence."""
    memory = limits.memory * (4 if counted else 1)
    return {
        "CORE": (0, 0),
        "CPU": (limits.cpu_seconds, limits.cpu_seconds + 1),
        "AS": (memory, memory),
        "DATA": (memory, memory),
        "FSIZE": (limits.disk, limits.disk),
        "NOFILE": (limits.open_files, limits.open_files),
        "STACK": (8 * MIB, 64 * MIB),
        "MEMLOCK": (1 << 16, 1 << 16),
        "MSGQUEUE": (0, 0),
        "SIGPENDING": (1024, 1024),
        "RTPRIO": (0, 0),
        # Last, and with room for the launcher and bubblewrap.
        "NPROC": (limits.processes + cgroups.OWN_PROCESSES, limits.processes + cgroups.OWN_PROCESSES),
    }
