"""Killing Soloist at work: runs in processes of their own that die at a chosen point, and what must be true after one more run.

What belongs here: a history to work on, homes to work in, processes that are killed, and the comparison with a home that
nothing disturbed. `test_crashes.py` and `soak/test_crashes.py` choose the points.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import dagster as dg
import pytest
from git_repositories import ADA, clean_environment
from terminal import soloist
from workbench import Workbench

from orchestration_assets.worklogs.model import NOTES, Note
from resources.object_store.interface import sha256_in
from resources.warehouse import Session, Warehouse

ROOT = Path(__file__).resolve().parent.parent
BEGIN = datetime(2026, 7, 20, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
STARTS_WITHIN = 10.0
"""Seconds after which the run that follows a killed one has begun to work."""

_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "dagster",
        "duckdb",
        "orchestration_assets.cli",
        "orchestration_assets.definitions",
        "pandas",
        "pyarrow",
        "sqlalchemy",
    ]
)
"""A process that has imported what a run needs and forks into each run: importing takes longer than the work of a small one."""


def _run_and_die(said: Path, variables: Mapping[str, str], fatal_step: int) -> None:
    """`soloist run --json`, which kills itself just before its n-th step (0: never), in a process of its own. A step is a transaction of the
    warehouse that begins, is to be committed or was, or a file moved into place: the points that a kill after so many seconds seldom hits."""
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update({**clean_environment(), **variables})
    os.chdir(ROOT)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == fatal_step:
            os.kill(os.getpid(), signal.SIGKILL)

    write = Warehouse.write

    @contextmanager
    def watched_write(warehouse: Warehouse) -> Iterator[Session]:
        step()
        with write(warehouse) as session:
            yield session
            step()
        step()

    from orchestration_assets.cli import main

    Warehouse.write = watched_write  # type: ignore[method-assign]
    sys.addaudithook(lambda event, _: step() if event == "os.rename" else None)
    sys.argv = ["soloist", "run", "--json"]
    try:
        main()
    finally:
        os.write(2, f"steps {steps}".encode())


@dataclass
class Running:
    """A run in a process of its own, and the file of what it writes to standard error."""

    process: BaseProcess
    said: Path

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    def status(self, seconds: float | None = 0.0) -> int | None:
        """The exit status, or the signal that ended it as a negative number; None where it still works after so many seconds."""
        self.process.join(seconds)
        return self.process.exitcode

    def finish(self) -> str:
        """What it wrote to standard error; it is killed where it does not end by itself."""
        if self.status(300) is None:
            self.process.kill()
            self.process.join()
        return self.said.read_text(errors="replace") if self.said.exists() else ""


@dataclass(frozen=True)
class Undisturbed:
    """What a run leaves that nothing disturbs: all tables but for the volatile columns, and the sha256 of every document's bytes.
    `seconds` is how long it worked from the moment that it held its lock, `steps` how many steps that was."""

    template: Path
    variables: Mapping[str, str]
    seconds: float
    steps: int
    tables: dict[str, list[tuple[object, ...]]]
    documents: dict[tuple[str, ...], str]

    def copied_home(self, folder: Path) -> Home:
        """A home where no run has been yet."""
        return Home.copied(self.template, folder, self.variables)

    def killed_home(self, folder: Path, share: float) -> Home:
        """A home whose run was killed before a step, after that share of all. What is written together is what a second brings, so a run that
        was faster takes fewer steps: where it was done before, another home's run is killed by the number that it took."""
        steps = self.steps
        for attempt in range(5):
            home = self.copied_home(folder.with_name(f"{folder.name}-{attempt}"))
            if not (taken := home.kill_at_step(1 + int(share * steps))):
                return home
            steps = taken
        raise AssertionError(f"no run reached its step {1 + int(share * steps)}")


@dataclass(frozen=True)
class Home:
    """A home folder, with its own warehouse, objects and Dagster instance; `variables` is the environment that names it."""

    folder: Path
    variables: Mapping[str, str]

    @classmethod
    def copied(cls, template: Path, folder: Path, variables: Mapping[str, str]) -> Home:
        shutil.copytree(template, folder)
        return cls.at(folder, variables)

    @classmethod
    def at(cls, folder: Path, variables: Mapping[str, str]) -> Home:
        return cls(folder, {**variables, "SOLOIST_HOME": str(folder), "DAGSTER_HOME": str(folder / "dagster")})

    @contextmanager
    def entered(self) -> Iterator[Workbench]:
        """Makes it this process's home."""
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self.variables.items():
                patched.setenv(name, value)
            yield Workbench()

    def begin_run(self, fatal_step: int = 0) -> Running:
        """Starts `soloist run --json` in a process of its own."""
        said = self.folder.with_name(f"{self.folder.name}.said")
        process = _FORKS.Process(target=_run_and_die, args=(said, dict(self.variables), fatal_step))
        process.start()
        return Running(process, said)

    def await_work(self, run: Running) -> None:
        """Waits until the process holds the lock of a run."""
        lock = self.folder / "run.lock"
        until = time.monotonic() + 120
        while time.monotonic() < until and run.status() is None:
            if lock.exists() and lock.read_text().strip() == str(run.pid):
                return
            time.sleep(0.005)
        raise AssertionError(f"the run did not begin: {run.finish()}")

    def kill_after(self, seconds: float) -> bool:
        """Kills a run after so many seconds of work; False where it was done before."""
        run = self.begin_run()
        self.await_work(run)
        if run.status(seconds) is None:
            run.process.kill()
        return run.status(None) == -signal.SIGKILL

    def kill_at_step(self, step: int) -> int:
        """0 where it was killed; the number of steps that it took where it was done before."""
        run = self.begin_run(step)
        said = run.finish()
        assert run.status() in (0, -signal.SIGKILL), said
        return int(said.rpartition("steps ")[2]) if run.status() == 0 else 0

    def run_once_more(self) -> float:
        """`soloist run`, in this process; the seconds until its first Dagster run had started, 0 where the killed one had left nothing to
        do."""
        begun = time.time()
        with self.entered():
            done = soloist("run", "--json")
            assert done.status == 0, done.err
            with dg.DagsterInstance.get() as instance:
                after = dg.RunsFilter(created_after=datetime.fromtimestamp(begun, UTC))
                started = [record.start_time or float("inf") for record in instance.get_run_records(after)]
                return min(started) - begun if started else 0.0

    def documents(self) -> dict[tuple[str, ...], str]:
        """The sha256 of the bytes that each pointer row leads to."""
        with self.entered() as bench:
            rows = bench.query("SELECT kind, key, variant, format, sha256 FROM documents")
            store = bench.connections.store
            return {
                tuple(str(row[name]) for name in ("kind", "key", "variant", "format")): hashlib.sha256(
                    store.get_verified(str(row["sha256"]))
                ).hexdigest()
                for row in rows
            }


def undisturbed(folder: Path, commits: int, horizon_days: int) -> Undisturbed:
    """Makes a history, a home with notes, and one run that nothing disturbs."""
    make_history(folder / "shop", commits)
    template = folder / "template"
    variables = {
        "SOLOIST_NOW": NOW.isoformat(),
        "SOLOIST_TIMEZONE": "Europe/Berlin",
        "SOLOIST_AUTHORS": "all",
        "SOLOIST_REPOSITORIES": str(folder / "shop"),
        "SOLOIST_HORIZON_DAYS": str(horizon_days),
    }
    with Home.at(template, variables).entered() as bench, bench.connections.warehouse.write() as session:
        session.insert(NOTES, _notes())
    home = Home.copied(template, folder / "undisturbed", variables)
    run = home.begin_run()
    home.await_work(run)
    began = time.monotonic()
    said = run.finish()
    seconds = time.monotonic() - began
    assert run.status() == 0, said
    with home.entered() as bench:
        tables = bench.comparable()
    return Undisturbed(template, variables, seconds, int(said.rpartition("steps ")[2]), tables, home.documents())


def assert_as_if_nothing_had_happened(home: Home, reference: Undisturbed) -> None:
    """One more run leaves what an undisturbed one leaves, and nothing of the killed one."""
    assert_no_half_objects(home)
    waited = home.run_once_more()
    assert waited < STARTS_WITHIN
    with home.entered() as bench:
        tables = bench.comparable()
        assert tables.keys() == reference.tables.keys()
        for name, rows in reference.tables.items():
            assert tables[name] == rows, name
        with dg.DagsterInstance.get() as instance:
            assert instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)) == []
            pools = instance.event_log_storage
            assert [pools.get_concurrency_info(pool).active_slot_count for pool in pools.get_concurrency_keys()] in (
                [],
                [0],
            )
    assert home.documents() == reference.documents
    assert_no_half_objects(home)


def assert_no_half_objects(home: Home) -> None:
    """Every object that the store lists has the bytes that its key promises."""
    with home.entered() as bench:
        store = bench.connections.store
        for info in store.list():
            sha256 = sha256_in(info.key)
            assert sha256 is not None, info.key
            assert hashlib.sha256((home.folder / "objects" / info.key).read_bytes()).hexdigest() == sha256


def spread(points: int, chance: random.Random) -> list[float]:
    """Random shares of a whole, one in each of `points` equal parts of it."""
    return [(part + chance.random()) / points for part in range(points)]


def make_history(path: Path, commits: int) -> Path:
    """A bare repository of so many commits over four months: small modules with imports, a manifest, merged branches, and two that
    are open. Equal arguments make equal hashes."""
    subprocess.run(
        ["git", "init", "--quiet", "--bare", "--initial-branch=main", path], check=True, env=clean_environment()
    )
    subprocess.run(
        ["git", "-C", path, "fast-import", "--quiet"],
        input=b"".join(_commands(commits, random.Random(commits))),
        check=True,
        env=clean_environment(),
    )
    return path


_AUTHORS = (ADA, ("Ben Example", "ben@example.com"))
_LIBRARIES = ("duckdb", "requests", "numpy", "pandas", "flask", "sqlalchemy", "pytest", "pydantic")
_SUBJECTS = (
    "feat({0}): read {1} in groups",
    "fix({0}): close the {1} when reading fails (#{2})",
    "Add tests of the {1}",
    "docs: explain how the {1} is kept",
    "refactor({0}): split the {1} from its {0}",
    "Speed up the {1} of the {0}",
)
_THINGS = ("parcel", "ledger", "shelf", "order", "invoice", "label", "queue")


def _commands(commits: int, chance: random.Random) -> Iterator[bytes]:
    """Commits for `git fast-import`. Of every twelve the last four are a branch of three and its merge; the last four of all stay on
    two open branches."""
    step = (NOW - BEGIN - timedelta(days=1)) / commits
    fork = main = 0
    for number in range(1, commits + 1):
        when = BEGIN + step * number + timedelta(minutes=chance.randrange(60))
        place, open_work = number % 12, commits - number
        if open_work < 4:
            branch, parents = f"open-{open_work // 2}", [number - 1 if open_work % 2 == 0 else main]
        elif place in {9, 10, 11}:
            branch, parents = f"side-{number // 12}", [main if place == 9 else number - 1]
            fork = number
        else:
            branch, parents = "main", [main, fork] if place == 0 and fork else [main]
            main, fork = number, 0
        yield from _commit(number, branch, [parent for parent in parents if parent], when, chance)


def _commit(number: int, branch: str, parents: list[int], when: datetime, chance: random.Random) -> Iterator[bytes]:
    name, email = _AUTHORS[chance.random() < 0.3]
    thing, other = chance.sample(_THINGS, 2)
    text = chance.choice(_SUBJECTS).format(thing, other, number)
    if len(parents) > 1:
        text = f"Merge pull request #{number} from ada/{other}\n\nBring the {other} in"
    elif chance.random() < 0.4:
        text += f"\n\nThe {other} was read twice.\nTODO: measure the {thing}."
    who = f"{name} <{email}> {int(when.timestamp())} +0200"
    message = f"{text}\n".encode()
    yield f"commit refs/heads/{branch}\nmark :{number}\nauthor {who}\ncommitter {who}\n".encode()
    yield b"data %d\n%s\n" % (len(message), message)
    yield "".join(f"{'merge' if at else 'from'} :{parent}\n" for at, parent in enumerate(parents)).encode()
    if len(parents) < 2:
        library = chance.choice(_LIBRARIES)
        yield _file(f"shop/{thing}.py", f"import {library}\n\n\ndef {other}_{number}():\n    return {library}\n")
        if number % 9 == 1:
            listed = ", ".join(f'"{each}"' for each in _LIBRARIES[: 1 + number % 7])
            yield _file("pyproject.toml", f'[project]\nname = "shop"\ndependencies = [{listed}]\n')
    yield b"\n"


def _file(name: str, content: str) -> bytes:
    return b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content.encode()), content.encode())


def _notes() -> list[Note]:
    """Notes with ids that are given, so that their entries are the same in every home."""
    texts: tuple[tuple[str, list[str]], ...] = (
        ("Paired on the release checklist.", []),
        ("Plan the next release.", ["plan"]),
        ("Waiting for keys.", ["blocker"]),
    )
    return [
        Note(note_id=f"{week}-{at}", text=text, authored_at=NOW - timedelta(days=7 * week + at), tags=tags)
        for week in range(4)
        for at, (text, tags) in enumerate(texts)
    ]
