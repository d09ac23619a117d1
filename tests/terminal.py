"""The command `soloist`, as a person at a terminal meets it: in this process, which is quick, or installed, in a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from git_repositories import GitRepository

from orchestration_assets import cli

INSTALLED = Path(sys.executable).parent / "soloist"


@dataclass(frozen=True)
class Done:
    """What a command left at the terminal."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on standard error that says what is wrong. Raises AssertionError for none, several, or a traceback."""
        assert "Traceback" not in self.err + self.out, self.err
        lines = [line for line in self.err.splitlines() if line.startswith("soloist: ")]
        assert len(lines) == 1, self.err
        line = lines[0].removeprefix("soloist: ")
        assert line.endswith("."), line
        return line


def soloist(*arguments: object) -> Done:
    """Runs the command in this process, with the settings of the environment."""
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with mock.patch.object(sys, "argv", ["soloist", *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as leaving:
            status = leaving.code
    return Done(status if isinstance(status, int) else int(status is not None), out.getvalue(), err.getvalue())


def installed_soloist(*arguments: object, variables: Mapping[str, str] | None = None, cwd: Path | None = None) -> Done:
    """Runs the installed command in a process of its own; no longer than a minute."""
    done = subprocess.run(
        [INSTALLED, *map(str, arguments)],
        capture_output=True,
        env={**os.environ, **(variables or {})},
        cwd=cwd,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def small_repository(path: Path) -> GitRepository:
    """Two commits of one week, on two days, in Python and a manifest."""
    made = GitRepository(path)
    made.commit(
        "feat(store): add a reader for parcels",
        files={"shelf/store.py": "import duckdb\n\n\ndef read():\n    return duckdb.sql('select 1')\n"},
        authored="2026-11-16T09:00:00+00:00",
    )
    made.commit(
        "build: depend on duckdb (#7)",
        files={"pyproject.toml": '[project]\nname = "shelf"\ndependencies = [\n  "duckdb>=1.5",\n]\n'},
        authored="2026-11-18T09:00:00+00:00",
    )
    return made


def live_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes this the home folder, on a Friday evening."""
    for name, value in surroundings(home).items():
        monkeypatch.setenv(name, value)
    return home


def surroundings(home: Path) -> dict[str, str]:
    return {
        "SOLOIST_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "SOLOIST_NOW": "2026-11-20T18:00:00+00:00",
        "SOLOIST_TIMEZONE": "UTC",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }


def made_home(folder: Path) -> tuple[Path, Done]:
    """A home folder in which everything was made of a small repository and a profile, and what that run left at the terminal."""
    repository, home = small_repository(folder / "shelf"), folder / "home"
    home.mkdir()
    (home / "profile.toml").write_text('[basics]\nname = "Ada Example"\n\n[variants]\nbackend = ["duckdb"]\n')
    with mock.patch.dict(os.environ, surroundings(home)):
        return home, soloist("run", "--repo", repository.path, "--json")
