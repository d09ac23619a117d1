"""What a run makes, and what it makes again: exactly what changed."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from git_repositories import GitRepository
from workbench import Workbench, counts

from orchestration_assets import running, showing
from orchestration_assets.reports.kinds import ReportKind
from orchestration_assets.running import RunFailed
from orchestration_assets.worklogs.model import ENTRIES, NOTES
from orchestration_assets.worklogs.notes import new_note
from resources import git

ADA = ("Ada Example", "ada@example.com")
NOW = "2026-11-20T18:00:00+00:00"


@pytest.fixture(autouse=True)
def _friday_evening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_NOW", NOW)


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """Four commits of one week, on two days, in Python and a manifest."""
    made = GitRepository(tmp_path / "shelf")
    made.commit(
        "feat(store): add a reader for parcels\n\nIt reads them one by one.",
        files={"shelf/store.py": "import duckdb\n\n\ndef read():\n    return duckdb.sql('select 1')\n"},
        authored="2026-11-16T09:00:00+00:00",
    )
    made.commit(
        "build: depend on duckdb",
        files={"pyproject.toml": '[project]\nname = "shelf"\ndependencies = [\n  "duckdb>=1.5",\n]\n'},
        authored="2026-11-16T10:00:00+00:00",
    )
    made.commit(
        "fix(store): close the file when reading fails (#7)",
        files={
            "shelf/store.py": "import duckdb\n\n\ndef read():\n    with open('x'):\n        return duckdb.sql('select 2')\n"
        },
        authored="2026-11-18T09:00:00+00:00",
    )
    made.commit(
        "docs: explain how parcels are read",
        files={"README.md": "# Shelf\n\nParcels are read one by one.\n"},
        authored="2026-11-18T11:00:00+00:00",
    )
    return made


@pytest.fixture
def bench(repository: GitRepository) -> Workbench:
    found = Workbench()
    found.watch(repository.path)
    return found


def test_a_first_run_makes_everything_and_a_second_one_writes_nothing(bench: Workbench) -> None:
    first = bench.run()
    assert counts(first, "worklog_entries").made == 4
    assert counts(first, "worklog_analyses").made == 4
    assert counts(first, "status_report").made >= 1
    assert counts(first, "resume").made == 1
    before = bench.fingerprints()
    second = bench.run()
    assert {name: each.made for name, each in second.assets.items() if each.made or each.failed} == {}
    assert bench.fingerprints() == before


def test_one_commit_more_is_one_entry_one_analysis_and_what_rests_on_them(
    bench: Workbench, repository: GitRepository
) -> None:
    bench.run()
    repository.commit(
        "feat: count parcels",
        files={"shelf/count.py": "def count():\n    return 0\n"},
        authored="2026-11-19T09:00:00+00:00",
    )
    made = bench.made()
    assert made["worklog_entries"] == made["code_excerpts"] == made["worklog_analyses"] == made["skill_evidence"] == 1
    assert made["standup"] == made["status_report"] == made["summary"] == 1


@pytest.mark.integration
def test_unchanged_refs_are_not_read_again(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    calls = tmp_path / "calls"
    real = next(path for folder in os.environ["PATH"].split(":") if (path := Path(folder) / "git").exists())
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {real} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    bench.run()
    assert " log " not in calls.read_text()
    assert "diff-tree" not in calls.read_text()


@pytest.mark.integration
def test_an_amended_body_keeps_the_entry_and_changes_its_text(bench: Workbench, repository: GitRepository) -> None:
    bench.run()
    before = {row["entry_id"] for row in bench.query("SELECT entry_id FROM worklog_entries")}
    repository.git("commit", "--amend", "-q", "-m", "docs: explain how parcels are read\n\nWith an example.")
    made = bench.made()
    assert made["worklog_entries"] == 1
    rows = bench.query("SELECT entry_id, text, vanished FROM worklog_entries")
    assert {row["entry_id"] for row in rows} == before
    assert any("With an example." in str(row["text"]) for row in rows)
    assert not any(row["vanished"] for row in rows)


@pytest.mark.integration
def test_an_entry_that_left_history_is_marked_and_reports_no_longer_speak_of_it(
    bench: Workbench, repository: GitRepository
) -> None:
    bench.run()
    repository.git("reset", "-q", "--hard", "HEAD~1")
    bench.run()
    gone = bench.query("SELECT subject FROM worklog_entries WHERE vanished")
    assert [row["subject"] for row in gone] == ["docs: explain how parcels are read"]
    report = bench.connections.store.get_verified(
        str(bench.query("SELECT sha256 FROM documents WHERE kind = 'status_report' AND format = 'md'")[0]["sha256"])
    )
    assert b"xplain" not in report


@pytest.mark.integration
def test_equal_commits_in_one_second_are_two_entries(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "twice")
    for name in ("a.txt", "b.txt"):
        repository.commit(
            "Add a file",
            files={name: name},
            authored="2026-11-16T09:00:00+00:00",
            committed="2026-11-16T09:00:00+00:00",
        )
    bench = Workbench()
    bench.watch(repository.path)
    bench.run()
    assert len(bench.query("SELECT DISTINCT entry_id FROM worklog_entries")) == 2


@pytest.mark.integration
def test_ids_survive_a_clone_elsewhere_and_a_rebase(tmp_path: Path, repository: GitRepository) -> None:
    bench = Workbench()
    bench.watch(repository.path)
    bench.run()
    ids = {row["entry_id"] for row in bench.query("SELECT entry_id FROM worklog_entries")}
    clone = repository.clone(tmp_path / "elsewhere")
    clone.git("rebase", "-q", "--force-rebase", "HEAD~2", GIT_COMMITTER_DATE="2026-11-19T08:00:00+00:00")
    clone.git("update-ref", "-d", "refs/remotes/origin/main")
    clone.git("update-ref", "-d", "refs/remotes/origin/HEAD")
    assert clone.head() != repository.head()
    bench.watch(clone.path)
    bench.run()
    assert {row["entry_id"] for row in bench.query("SELECT entry_id FROM worklog_entries WHERE NOT vanished")} == ids


@pytest.mark.integration
def test_a_cherry_pick_is_an_entry_of_its_own(bench: Workbench, repository: GitRepository) -> None:
    repository.git("branch", "side", "HEAD~2")
    repository.git("checkout", "-q", "side")
    repository.git("cherry-pick", "main" if "main" in repository.git("branch") else "master")
    repository.git("checkout", "-q", "-")
    bench.run()
    rows = bench.query("SELECT entry_id, commit_hash FROM worklog_entries WHERE subject LIKE 'docs:%'")
    assert len({row["entry_id"] for row in rows}) == len(rows) == 2


@pytest.mark.integration
def test_a_note_edited_fourteen_months_later_remakes_exactly_its_day_week_and_month(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = new_note("Paired on the release checklist.", datetime(2026, 11, 17, 10, tzinfo=UTC))
    with bench.connections.warehouse.write() as session:
        session.insert(NOTES, [note])
    bench.run()
    monkeypatch.setenv("SOLOIST_NOW", "2028-01-20T18:00:00+00:00")
    bench.run()
    with bench.connections.warehouse.write() as session:
        session.merge(NOTES, [note.model_copy(update={"text": "Paired on the release plan."})])
    made = bench.made()
    assert {name: made.get(name) for name in ("worklog_entries", "standup", "status_report", "summary")} == {
        "worklog_entries": 1,
        "standup": 1,
        "status_report": 1,
        "summary": 1,
    }
    days = {row["key"] for row in bench.query("SELECT key FROM documents WHERE kind = 'standup'")}
    assert "2026-11-18" in days


@pytest.mark.integration
def test_rows_that_a_blocking_check_found_broken_stop_a_later_run_too(bench: Workbench) -> None:
    bench.run()
    with bench.connections.warehouse.write() as session:
        twin = session.rows(ENTRIES)[0]
        session.insert(ENTRIES, [twin])
    with pytest.raises(RunFailed, match="entry_ids_are_unique"):
        bench.run()
    with pytest.raises(RunFailed, match="entry_ids_are_unique"):
        bench.run()


def test_a_repository_that_cannot_be_read_is_a_problem_and_the_others_are_done(
    bench: Workbench, repository: GitRepository, tmp_path: Path
) -> None:
    bench.watch(repository.path, tmp_path / "nowhere")
    result = bench.run()
    assert counts(result, "worklog_entries").made == 4
    assert any("nowhere" in problem for problem in result.problems)


def test_where_no_repository_can_be_read_the_first_sentence_is_the_error(bench: Workbench, tmp_path: Path) -> None:
    bench.watch(tmp_path / "nowhere")
    with pytest.raises(git.NotARepository, match="nowhere"):
        bench.run()


@pytest.mark.integration
def test_months_are_asked_for_only_where_entries_changed(bench: Workbench, repository: GitRepository) -> None:
    repository.commit("Add an old file", files={"old.txt": "old"}, authored="2019-03-05T09:00:00+00:00")
    bench.run()
    repository.commit("Change the old file", files={"old.txt": "older"}, authored="2019-03-06T09:00:00+00:00")
    bench.run()
    records = bench.instance.fetch_materializations(dg.AssetKey("worklog_entries"), limit=10).records
    newest = records[0].run_id
    assert {record.partition_key for record in records if record.run_id == newest} == {"2019-03-01"}


def test_a_row_that_several_runs_of_a_command_look_at_is_counted_once() -> None:
    totals = running.Totals()
    for asset in ("code_excerpts", "worklog_entries"):
        totals.add(asset, {"read": 3, "made": 2, "unchanged": 1, "failed": 0})
        totals.add(asset, {"read": 3, "made": 1, "unchanged": 2, "failed": 0})
    assert totals.assets["code_excerpts"].model_dump() == {"read": 3, "made": 3, "unchanged": 0, "failed": 0}
    assert totals.assets["worklog_entries"].model_dump() == {"read": 6, "made": 3, "unchanged": 3, "failed": 0}


@pytest.mark.integration
def test_a_squashed_branch_is_told_once_and_its_own_commits_are_cited(tmp_path: Path) -> None:
    """The branch was kept after its squash landed: git calls its commits unmerged, and the report must neither tell them again as in
    progress nor count them beside the squash."""
    repository = GitRepository(tmp_path / "squashed")
    repository.commit("Begin", files={"a.py": "1\n"}, authored="2026-11-09T09:00:00+00:00")
    repository.branch("topic")
    repository.commit("feat: read parcels", files={"parcels.py": "import json\n"}, authored="2026-11-16T09:00:00+00:00")
    repository.commit("wip", files={"parcels.py": "import json\nx = 1\n"}, authored="2026-11-16T10:00:00+00:00")
    repository.checkout("main")
    repository.git("merge", "--squash", "-q", "topic")
    squash = "feat: read parcels (#5)"
    repository.commit(squash, authored="2026-11-17T09:00:00+00:00", committed="2026-11-17T09:00:00+00:00")
    bench = Workbench()
    bench.watch(repository.path)
    bench.run()
    text = showing.report_bytes(bench.connections, ReportKind.STATUS_REPORT, "2026-W47", "md").decode()
    report = json.loads(showing.report_bytes(bench.connections, ReportKind.STATUS_REPORT, "2026-W47", "json"))
    sections = {section["title"]: section["claims"] for section in report["sections"]}
    assert len(sections["Completed"]) == 1, text
    assert len(sections["Completed"][0]["evidence"]) == 3
    assert sections["In progress"] == []


@pytest.mark.integration
def test_entries_that_a_killed_run_left_without_their_repository_are_analysed(
    bench: Workbench, repository: GitRepository
) -> None:
    """The entries are written in groups, and that a repository is watched after the last of them."""
    repository.commit("feat: an old parcel", files={"old.py": "x = 1\n"}, authored="2026-03-02T09:00:00+00:00")
    bench.run()
    whole = bench.comparable()
    with bench.connections.warehouse.write() as session:
        for table in ("repositories", "code_excerpts", "worklog_analyses", "skill_evidence", "skills", "derivations"):
            session.execute(f"DELETE FROM {table}")
    bench.run()
    assert bench.comparable() == whole


@pytest.mark.integration
def test_a_repository_that_is_watched_again_is_analysed_by_whoever_is_asked_for_now(
    bench: Workbench, repository: GitRepository, tmp_path: Path
) -> None:
    ben = ("Ben Example", "ben@example.com")
    repository.commit("feat: label parcels", {"l.py": "x = 1\n"}, author=ben, authored="2026-05-02T09:00:00+00:00")
    bench.watch(repository.path, authors=[ADA[1]])
    bench.run()
    other = GitRepository(tmp_path / "other")
    other.commit("feat: begin", {"o.py": "x = 1\n"}, authored="2026-11-17T09:00:00+00:00")
    bench.watch(other.path, authors=[ADA[1]])
    bench.run()
    bench.watch(repository.path, authors=["all"])
    bench.run()
    analysed = bench.query("SELECT count(*) AS n FROM worklog_analyses WHERE month = DATE '2026-05-01'")
    assert analysed == [{"n": 1}]
