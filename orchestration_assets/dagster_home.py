"""Dagster's home folder: its configuration, its databases, and the instance that is opened on them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from resources.errors import SoloistError
from resources.settings import ROOT, Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

EVENT_BATCH = 500
"""Events of one asset's months that Dagster writes at a time."""


def prepare_home(settings: Settings) -> Path:
    """Makes Dagster's home folder with its configuration where there is none, and tells Dagster of it."""
    home = settings.dagster_home.absolute()
    configuration = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not configuration.exists():
            shutil.copyfile(ROOT / "deploy" / "local" / "dagster.yaml", configuration)
    except OSError as error:
        raise SoloistError(
            f"Dagster's home folder {home} cannot be made ({error.strerror}); set DAGSTER_HOME to another folder, or unset it."
        ) from error
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(EVENT_BATCH))
    return home


@contextlib.contextmanager
def opened_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """Dagster's instance in its home. Raises SoloistError where its databases cannot be used: a full disk, a damaged file."""
    import dagster as dg
    from sqlalchemy.exc import DBAPIError

    home = prepare_home(settings)
    make_databases(home)
    try:
        with dg.DagsterInstance.get() as instance:
            limit_gpu_pool(instance, settings)
            yield instance
    except DBAPIError as error:
        raise _unusable(home, error.orig) from error


def limit_gpu_pool(instance: DagsterInstance, settings: Settings) -> None:
    """Where a model is loaded into the process of a run, one run at a time may do so, unless somebody set another limit."""
    from orchestration_assets.asset_support import GPU_POOL

    storage = instance.event_log_storage
    if settings.model_backend == "vllm" and GPU_POOL not in storage.get_concurrency_keys():
        storage.set_concurrency_slots(GPU_POOL, 1)


def make_databases(home: Path) -> None:
    """Gives a new home Dagster's SQLite files whole. Dagster makes their tables one by one, and takes what a process leaves that dies
    meanwhile for the files of an older version. Where the configuration names another storage, there is nothing to make."""
    from sqlalchemy.exc import DBAPIError

    if (home / "history").exists() or _is_stored_elsewhere(home):
        return
    try:
        with (home / "new.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (home / "history").exists():
                _make_databases(home)
    except DBAPIError as error:
        raise _unusable(home, error.orig) from error
    except OSError as error:
        raise _unusable(home, error.strerror) from error


def _is_stored_elsewhere(home: Path) -> bool:
    """Whether Dagster keeps its runs in a database that `dagster.yaml` names."""
    import yaml

    configuration = home / "dagster.yaml"
    known = yaml.safe_load(configuration.read_text(encoding="utf-8")) if configuration.exists() else None
    return isinstance(known, dict) and "storage" in known


def _make_databases(home: Path) -> None:
    import dagster as dg

    folder = home / "new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    with dg.DagsterInstance.local_temp(str(folder)):
        pass  # opening it makes them, closing it brings all that was written into the files
    for name in ("schedules", "history"):  # the one that is looked for comes last
        if not (home / name).exists():
            (folder / name).rename(home / name)
    shutil.rmtree(folder, ignore_errors=True)


def _unusable(home: Path, reason: object) -> SoloistError:
    return SoloistError(
        f"Dagster's database in {home} cannot be used ({reason}); free some space, or move that folder away: it holds the history of "
        "runs, and nothing of what was made."
    )
