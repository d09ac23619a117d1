"""Loaded by every Python process that has this folder on its path: kills the process, with SIGKILL, where it comes to a named point.

What belongs here: where the points are, in the product's own methods. `SOLOIST_TEST_KILLS` is a folder with a folder for each point, which
holds a file for each kill that is still to come; a process takes one before it dies. It dies at every third visit of a point only, so
that work gets on and no event is taken for the one that kills its runs.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = os.environ.get("SOLOIST_TEST_KILLS")
METHODS = {
    "resources.inbox.store": [
        ("Inbox", "add", "event stored"),
        ("Inbox", "lease", "batch formed"),
        ("Inbox", "batch", "run started"),
        ("Inbox", "finish", "events settled"),
    ],
    "resources.warehouse.store": [("Warehouse", "write", "rows written")],
    "dagster._core.instance.instance": [("DagsterInstance", "submit_run", "run requested")],
}


def come_to(point: str) -> None:
    assert FOLDER is not None
    folder = Path(FOLDER) / point
    visits = folder.with_suffix(".visits")
    try:
        with visits.open("ab") as counted:
            counted.write(b".")
        if visits.stat().st_size % 3:
            return
        token = next(iter(sorted(folder.iterdir())), None)
        if token is not None:
            token.unlink()
    except FileNotFoundError:  # another process took it
        return
    if token is not None:
        os.kill(os.getpid(), signal.SIGKILL)


def _told(method: Callable[..., Any], point: str) -> Callable[..., Any]:
    @wraps(method)
    def told(*arguments: Any, **more: Any) -> Any:
        result = method(*arguments, **more)
        if result is not None or point in ("event stored", "events settled", "run requested"):
            come_to(point)
        return result

    return told


def _told_at_its_end(method: Callable[..., Any], point: str) -> Callable[..., Any]:
    from contextlib import contextmanager

    @contextmanager
    def told(*arguments: Any, **more: Any) -> Any:
        with method(*arguments, **more) as entered:
            yield entered
        come_to(point)

    return told


class _Watcher(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands before the loaders of the modules that hold the points."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if name not in METHODS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            self._loader = spec.loader
            spec.loader = self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        for kind, name, point in METHODS[module.__name__]:
            owner = getattr(module, kind)
            wrap = _told_at_its_end if name == "write" else _told
            setattr(owner, name, wrap(getattr(owner, name), point))


if FOLDER:
    sys.meta_path.insert(0, _Watcher())
