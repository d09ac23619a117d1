"""A real Postgres on a free loopback port, for tests: a cluster of its own, run as nobody in particular, gone at the end.

It needs Debian's package `postgresql` and the Python package `psycopg` (the extra `postgres`); `missing` says which of them is not there.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.served_ui import free_port

UNPRIVILEGED = 65534
"""The user and group `nobody`: Postgres refuses to run as root."""


def missing() -> str | None:
    """Why no Postgres can be started here; None where one can."""
    if _programs() is None:
        return "no Postgres server is installed (Debian's package postgresql)"
    if importlib.util.find_spec("psycopg") is None:
        return "the package psycopg is not installed (the extra postgres)"
    return None


_CLUSTER = ("-U", "soloist", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")


@dataclass
class PostgresServer:
    """A cluster in `folder`. Its databases are made from one another in some 50 ms each."""

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=itertools.count)

    def new_database(self) -> str:
        """The address of an empty database, for SQLAlchemy."""
        name = f"test_{next(self._names)}"
        self.query(f"CREATE DATABASE {name}")
        return self.address(name)

    def address(self, database: str) -> str:
        return f"postgresql+psycopg://soloist@127.0.0.1:{self.port}/{database}"

    def query(self, statement: str, address: str = "") -> list[tuple[object, ...]]:
        """One statement, as an administrator beside whoever works in the database."""
        import psycopg

        target = (address or self.address("postgres")).replace("+psycopg", "")
        with psycopg.connect(target, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def run_file(self, path: Path, database: str, **variables: str) -> None:
        """As a new container of Postgres does with its files. Raises CalledProcessError where a statement fails."""
        programs = _programs()
        assert programs is not None
        where = ("--host", "127.0.0.1", "--port", str(self.port), "--username", "soloist", "--dbname", database)
        command = [programs / "psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", *where, "--file", path]
        subprocess.run(command, check=True, env={**os.environ, **variables}, capture_output=True)

    def disconnect_everybody(self, address: str) -> int:
        """Breaks every connection to a database, as an administrator or a restarted proxy does; how many there were."""
        name = address.rpartition("/")[2]
        return len(self.query(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))

    def start(self) -> None:
        """Returns once it answers."""
        programs = _programs()
        assert programs is not None
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "fsync": "off", "max_connections": 100}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [programs / "postgres", "-D", self.folder / "data", "-k", self.folder, *arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                **_as_nobody(),
            )
        until = time.monotonic() + 30
        ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "soloist", "-d", "postgres"]
        while subprocess.run([programs / ready[0], *ready[1:]], check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > until:
                raise AssertionError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """Without waiting for those who are connected."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Runs while the context lasts. Its folder is not one of pytest's, into which only their owner may look."""
    programs = _programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="soloist-postgres-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", *_CLUSTER],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **_as_nobody(),
        )
        server = PostgresServer(folder, free_port())
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The folder of the server's programs, which Debian keeps beside the PATH by their version."""
    found = shutil.which("postgres")
    servers = [Path(found).resolve()] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return next((each.parent for each in reversed(servers) if (each.parent / "initdb").exists()), None)


def _as_nobody() -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}
