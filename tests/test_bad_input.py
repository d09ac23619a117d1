"""Bad input and a broken world: one sentence on standard error, a status that is not 0, no traceback, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from git_repositories import GitRepository
from terminal import INSTALLED, Done, live_in, made_home, soloist

from orchestration_assets.session import only_run
from resources.settings import load_settings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_home(tmp_path_factory.mktemp("made"))[0]


@pytest.fixture(autouse=True)
def own_home(home: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a home in which everything was made."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path / "home")
    return live_in(tmp_path / "home", monkeypatch)


def nothing_is_lost() -> None:
    """What was made before can still be shown."""
    for command in (("show", "status"), ("show", "skills"), ("show", "resume")):
        assert soloist(*command).status == 0


def _file(path: Path) -> None:
    path.write_text("no repository")


def _without_head(path: Path) -> None:
    (GitRepository(path).path / ".git" / "HEAD").write_text("gone\0")


def _broken_config(path: Path) -> None:
    (GitRepository(path).path / ".git" / "config").write_text("[core\n")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (Path.mkdir, "is not in a git repository"),
        (lambda path: None, "does not exist"),
        (_file, "is a file, not a folder"),
        (_without_head, "is not in a git repository"),
        (_broken_config, "Git cannot read the repository"),
    ],
    ids=["folder", "nothing", "file", "no HEAD", "broken config"],
)
def test_a_path_that_is_no_repository_is_refused_and_not_remembered(
    own_home: Path, tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    remembered = (own_home / "sources.json").read_text()
    make(tmp_path / "wrong")
    done = soloist("run", "--repo", tmp_path / "wrong")
    assert done.status == 2
    assert says in done.sentence and "wrong" in done.sentence
    assert (own_home / "sources.json").read_text() == remembered


@pytest.mark.integration
def test_of_several_repositories_the_readable_ones_are_done_and_the_others_named(
    own_home: Path, tmp_path: Path
) -> None:
    other = GitRepository(tmp_path / "other")
    other.commit("Add a letter", files={"a.txt": "a"}, authored="2026-11-17T09:00:00+00:00")
    empty = GitRepository(tmp_path / "empty")
    done = soloist("run", "--repo", tmp_path / "nowhere", "--repo", empty.path, "--repo", other.path, "--json")
    assert done.status == 1
    assert "nowhere does not exist" in done.sentence
    result = json.loads(done.out)
    assert result["problems"] == [done.sentence]
    assert result["assets"]["worklog_entries"]["made"] >= 1
    assert json.loads((own_home / "sources.json").read_text())["repositories"] == [
        str(empty.path),
        str(other.path),
    ]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("show standup --date 2026-02-30", "'2026-02-30' is no day"),
        ("show standup --date", "--date"),
        ("show status --week 2026-W60", "'2026-W60' is no week"),
        ("show summary --month 2026-13", "'2026-13' is no month"),
        ("log something --date someday", "'someday' is no day"),
        ("log something --minutes -3", "-3 minutes is no duration"),
        ("log something --attach nothing.png", "nothing.png cannot be read"),
        ("run --since yesteryear", "--since 'yesteryear' is no day"),
        ("run --since 2026-02-01 --until 2026-01-01", "--until 2026-01-01 lies before --since 2026-02-01"),
        ("export resume --format docx", "choose json, md, html or pdf"),
        ("export resume -o no/such/folder.pdf", "cannot be written"),
        ("show resume --variant frontend", "there are: backend"),
        ("restore nowhere", "nowhere is no backup of Soloist"),
        ("backup home", "exists and is not empty"),
        ("shwo", "No such command 'shwo'"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_bad_input(command: str, says: str) -> None:
    done = soloist(*command.split())
    assert (done.status, done.out) == (2, "")
    assert says in done.err and "Traceback" not in done.err
    assert soloist("notes", "--json").out == "[]\n"


def test_what_was_not_made_is_said_and_no_half_document_printed() -> None:
    done = soloist("show", "status", "--week", "2020-W10", "--json")
    assert (done.status, done.out) == (1, "")
    assert "no status report of 2020-W10" in done.sentence


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SOLOIST_TIMEZONE", "Mars/Olympus", "'Mars/Olympus' is no timezone"),
        ("SOLOIST_NOW", "soon", "SOLOIST_NOW is 'soon'"),
        ("SOLOIST_NOW", "0001-01-01T00:00:00+05:00", "which is no time"),
        ("SOLOIST_WORKING_DAYS", "funday", "SOLOIST_WORKING_DAYS cannot be used"),
        ("SOLOIST_HORIZON_DAYS", "0", "SOLOIST_HORIZON_DAYS cannot be used"),
        ("SOLOIST_S3_ENDPOINT", "ftp://example.com", "No object store speaks ftp://"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    done = soloist("run") if name == "SOLOIST_NOW" else soloist("show", "status")
    assert done.status == 2
    assert says in done.sentence


@pytest.mark.parametrize("command", ["run", "show status", "log hello", "doctor", "backup copy"])
def test_a_home_folder_that_is_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    _file(tmp_path / "file")
    for home in ("file", "file/inside"):
        monkeypatch.setenv("SOLOIST_HOME", str(tmp_path / home))
        done = soloist(*command.split())
        assert done.status == 2
        assert "set SOLOIST_HOME to a folder" in done.sentence
    assert (tmp_path / "file").read_text() == "no repository"


def test_a_dagster_home_that_is_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _file(tmp_path / "file")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file"))
    assert "Dagster's home folder" in soloist("run").sentence


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ("[basics\n", "profile.toml is not valid TOML (line 1"),
        ("basics = 3\n", "line 1: `basics` must be a table"),
        ("[basics]\nnam = 'x'\n", "line 2: `basics.nam` is not known (did you mean `name`?)"),
    ],
    ids=["syntax", "type", "unknown key"],
)
def test_the_doctor_says_what_is_wrong_with_a_profile(own_home: Path, profile: str, says: str) -> None:
    (own_home / "profile.toml").write_text(profile)
    done = soloist("doctor")
    assert done.status == 1
    assert says in done.out


@pytest.mark.integration
def test_a_broken_profile_leaves_out_the_resume_and_nothing_else(own_home: Path) -> None:
    (own_home / "profile.toml").write_text("[basics\n")
    soloist("log", "Paired on the release", "--date", "2026-11-19")
    done = soloist("run", "--json")
    assert done.status == 1
    assert done.sentence.startswith("resume: The profile ") and "is not valid TOML (line 1" in done.sentence
    assets = json.loads(done.out)["assets"]
    assert "resume" not in assets
    assert assets["status_report"]["made"] == 1
    assert "release" in soloist("show", "status").out
    assert "# Ada Example" in soloist("show", "resume").out


def test_a_broken_list_of_sources_is_named(own_home: Path) -> None:
    (own_home / "sources.json").write_text("{")
    assert "sources.json cannot be read" in soloist("run").sentence
    assert soloist("doctor").status == 1
    (own_home / "sources.json").unlink()
    nothing_is_lost()


def test_authors_that_nobody_is_are_said(own_home: Path) -> None:
    done = soloist("run", "--author", "nobody@example.com")
    assert done.status == 1
    assert done.sentence.startswith("No commit is by nobody@example.com; name an address")


@pytest.mark.parametrize("command", ["run", "show skills", "log hello", "notes --json"])
def test_a_damaged_warehouse_is_left_as_it_is(own_home: Path, command: str) -> None:
    (own_home / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    done = soloist(*command.split())
    assert (done.status, done.out) == (1, "")
    assert "is damaged or is no DuckDB file" in done.sentence
    assert (own_home / "warehouse.duckdb").read_bytes() == b"no database" * 1000


@contextmanager
def held_by_another_program(path: Path) -> Iterator[None]:
    code = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        try:
            yield
        finally:
            holder.stdin.close()


def test_a_warehouse_that_another_program_holds_is_waited_for_and_then_named(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_LOCK_TIMEOUT_SECONDS", "0.3")
    with held_by_another_program(own_home / "warehouse.duckdb"):
        for command in ("run", "show status", "log hello"):
            done = soloist(*command.split())
            assert done.status == 1
            assert "is held open by" in done.sentence and "(process " in done.sentence
        assert soloist("doctor").status == 1
    nothing_is_lost()


@pytest.mark.integration
def test_an_object_store_that_does_not_answer_leaves_the_tables_made(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("SOLOIST_S3_ENDPOINT", "http://127.0.0.1:1")
        assert "does not answer" in soloist("show", "status").sentence
        soloist("log", "Paired on the release", "--date", "2026-11-19")
        done = soloist("run", "--json")
        assert done.status == 1
        assert done.sentence.startswith("resume, standup, status_report, summary: The S3 server at 127.0.0.1:1 ")
        assert json.loads(done.out)["assets"]["worklog_entries"]["made"] == 1
    assert soloist("run").status == 0
    assert "release" in soloist("show", "status").out


def test_a_second_run_at_the_same_time_gets_a_sentence_and_changes_nothing(own_home: Path, tmp_path: Path) -> None:
    remembered = (own_home / "sources.json").read_text()
    with only_run(load_settings()):
        for command in (("run", "--repo", GitRepository(tmp_path / "other").path), ("restore", tmp_path), ("gc",)):
            done = soloist(*command)
            assert done.status == 1
            assert f"Another `soloist run` (process {os.getpid()}) is at work" in done.sentence
    assert (own_home / "sources.json").read_text() == remembered
    nothing_is_lost()


def test_a_pool_whose_slots_are_all_taken_is_named_instead_of_waited_for() -> None:
    with dg.DagsterInstance.get() as instance:
        instance.event_log_storage.set_concurrency_slots("language_model", 1)
        assert instance.event_log_storage.claim_concurrency_slot("language_model", "another run", "step").is_claimed
    done = soloist("run")
    assert done.status == 1
    assert "'language_model'" in done.sentence and "dagster instance concurrency set language_model N" in done.sentence


def test_without_git_what_was_made_can_be_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = soloist("run")
    assert done.status != 0
    assert "`git` is not installed" in done.sentence
    assert soloist("doctor").status == 1
    nothing_is_lost()


@contextmanager
def small_disk(at: Path) -> Iterator[Path]:
    """A disk of a few megabytes. Skips where none can be mounted."""
    at.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", at], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


@pytest.mark.parametrize("command", ["run", "log hello", "backup full/copy"])
def test_a_full_disk_loses_nothing(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    with small_disk(tmp_path / "full") as disk:
        shutil.copytree(own_home, disk / "home")
        live_in(disk / "home", monkeypatch)
        with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError):
            while True:
                filler.write(b"x" * 4096)
        done = soloist(*command.split())
        assert done.status == 1
        assert "free some space" in done.sentence
        nothing_is_lost()
        (disk / "filler").unlink()
        assert soloist("log", "hello").status == 0


def test_a_reader_that_leaves_early_gets_no_traceback(own_home: Path) -> None:
    pipe = subprocess.run(["bash", "-c", f"{INSTALLED} show status | head -n 0"], capture_output=True, check=False)
    assert (pipe.returncode, pipe.stdout, pipe.stderr) == (0, b"", b"")


def test_done_is_strict_about_sentences() -> None:
    for wrong in ("", "soloist: one.\nsoloist: two.\n", "soloist: no stop\n", "soloist: x.\nTraceback\n"):
        with pytest.raises(AssertionError):
            _ = Done(1, "", wrong).sentence
