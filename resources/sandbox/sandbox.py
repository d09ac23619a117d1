"""The sandbox itself: picks the backend, tests it once a process, and runs jobs in it.

What belongs here: the one class that the rest of the product uses. There is no way through it to run anything outside.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from resources.sandbox import self_test
from resources.sandbox.bubblewrap import Bubblewrap
from resources.sandbox.container import Container
from resources.sandbox.interface import (
    Backend,
    Configuration,
    Files,
    Finished,
    Job,
    Limits,
    SandboxRefused,
)

_tested: dict[Configuration, Backend] = {}
_testing = threading.Lock()


class Sandbox:
    """Runs code that nobody trusts. Safe to use from many threads at once."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = configuration or Configuration()

    def examine(self) -> str:
        """One line: which backend works here, and what enforces the limits. Raises SandboxUnavailable."""
        return self._backend().describe()

    def run(
        self,
        command: Sequence[str],
        files: Files | Path,
        *,
        limits: Limits | None = None,
        read_only: Sequence[Path] = (),
        collect: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """Runs `command` in a private copy of `files` (name -> bytes, or a folder), which is its current folder.

        `read_only` are folders and files of the host that it may read, at their own place. `collect` names what is read
        back: files, folders, or patterns of fnmatch, whose `*` crosses `/` too. `environment` is all that it gets beside
        PATH, HOME, TMPDIR, LANG and TZ. Raises SandboxUnavailable, SandboxRefused, SandboxFailed."""
        variables = dict(environment or {})
        texts = [*command, *variables, *variables.values()]
        if not command or any("\0" in text for text in texts) or any("=" in name or not name for name in variables):
            raise SandboxRefused(
                "The command for the sandbox is empty, or it or its environment holds a NUL or a name that none can "
                "have; give it a program and plain text."
            )
        job = Job(command, files, limits or Limits(), read_only, collect, variables)
        return self._backend().run(job)

    def _backend(self) -> Backend:
        """The backend of the configuration, after it has been tested once. One that failed is tested again."""
        with _testing:
            backend = _tested.get(self._configuration)
            if backend is None:
                backend = (Container if self._configuration.backend == "container" else Bubblewrap)(self._configuration)
                self_test.check(backend)
                _tested[self._configuration] = backend
            return backend
