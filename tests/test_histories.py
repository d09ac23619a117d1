"""However a history came to be, and however often it was looked at on the way, what is made of it is the same; and an edit makes stale
exactly what tells of it. Without Dagster: the functions that the assets call, on real repositories."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from git_repositories import GitRepository
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration_assets.connections import open_language_model, open_object_store, open_warehouse
from orchestration_assets.planning import stale_months, stale_periods
from orchestration_assets.reports.kinds import ReportKind
from orchestration_assets.reports.making import make_reports
from orchestration_assets.reports.queries import calendar_of, partition_period, report_entries
from orchestration_assets.reports.selection import selects
from orchestration_assets.skills.making import make_skill_evidence, make_skills
from orchestration_assets.worklogs.making import changed_months, make_analyses, make_entries, make_excerpts
from orchestration_assets.worklogs.model import NOTES, Note
from orchestration_assets.worklogs.scope import resolve_scope
from resources.settings import Settings
from resources.sources import Sources
from resources.warehouse import Warehouse

MONDAY = datetime(2026, 10, 26, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 9, 18, tzinfo=UTC)

OF_ENTRIES = ("code_excerpts", "worklog_analyses", "skill_evidence")
AGENTS_OF_ENTRIES = ("code_excerpts", "worklog_analysis", "skill_extraction")

Step = tuple[str, int, int]
"""What is done, and two numbers that choose among what it can be done to."""

_DOING = (
    "commit",
    "commit",
    "commit",
    "amend",
    "reset",
    "branch",
    "switch",
    "merge",
    "drop",
    "note",
    "edit",
    "erase",
    "run",
)
STEPS = st.lists(st.tuples(st.sampled_from(_DOING), st.integers(0, 12), st.integers(0, 5)), min_size=3, max_size=12)


@pytest.fixture(autouse=True)
def _monday_evening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_NOW", NOW.isoformat())


@dataclass
class Desk:
    """A home folder, and the notes in it, which are kept under ids that are given."""

    home: Path
    repository: GitRepository
    notes: dict[str, Note] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, repositories=[self.repository.path], authors=["all"], timezone="UTC")

    @property
    def warehouse(self) -> Warehouse:
        return open_warehouse(self.settings)

    def keep(self, note: Note) -> None:
        self.notes[note.note_id] = note

    def run(self) -> None:
        """Everything that `soloist run` makes but for the resume."""
        settings, warehouse = self.settings, self.warehouse
        model = open_language_model(settings)
        with warehouse.write() as session:
            session.merge(NOTES, list(self.notes.values()))
        changed, _ = changed_months(warehouse, settings, NOW)
        months = {date.fromisoformat(key) for key in stale_months(warehouse, settings, model.maker, changed)}
        make_entries(settings, warehouse, months)
        make_excerpts(settings, warehouse)
        make_analyses(settings, warehouse, model, months)
        make_skill_evidence(settings, warehouse, model)
        make_skills(settings, warehouse)
        store, calendar = open_object_store(settings), calendar_of(settings)
        for kind, keys in self.stale().items():
            if keys:
                periods = [partition_period(kind, key, calendar) for key in keys]
                make_reports(kind, periods, settings, warehouse, store, model)

    def stale(self) -> dict[ReportKind, list[str]]:
        with self.warehouse.read() as session:
            stale = stale_periods(session, self.settings, "extractive", list(ReportKind), NOW)
            return {periods.kind: periods.keys for periods in stale}

    def telling_of(self, entry_id: str) -> dict[ReportKind, list[str]]:
        """The first days of the periods up to today that select an entry, asked of every period of the last ninety days. There are
        standups of working days only."""
        calendar = calendar_of(self.settings)
        with self.warehouse.read() as session:
            entries = report_entries(session, resolve_scope(session, Sources(authors=["all"])), calendar)
        (entry,) = [row for row in entries if row.entry.entry_id == entry_id]
        days = [(NOW.date() - timedelta(days=back)).isoformat() for back in range(90)]
        periods = {kind: {partition_period(kind, day, calendar) for day in days} for kind in ReportKind}
        periods[ReportKind.STANDUP] = {period for period in periods[ReportKind.STANDUP] if period.start.weekday() < 5}
        return {
            kind: sorted(period.start.isoformat() for period in found if selects(kind, period, calendar, entry))
            for kind, found in periods.items()
        }

    def made(self) -> dict[str, list[tuple[str, ...]]]:
        """All that is known of the entries that did not vanish, and all that adds them up."""
        present = "SELECT entry_id FROM worklog_entries WHERE NOT vanished"
        agents = ", ".join(f"'{name}'" for name in AGENTS_OF_ENTRIES)
        tables = {
            "worklog_entries": "NOT vanished",
            **dict.fromkeys(OF_ENTRIES, f"entry_id IN ({present})"),
            # What the excerpts rest on is not compared: it says which modules vanished.
            "derivations": f"agent NOT IN ({agents}) OR agent <> 'code_excerpts' AND key IN ({present})",
            "skills": "true",
            "documents": "true",
            "repositories": "true",
        }
        with self.warehouse.read() as session:
            return {
                name: [
                    tuple(str(value) for value in row.values())
                    for row in session.query(f"SELECT * FROM {name} WHERE {condition} ORDER BY ALL").to_pylist()
                ]
                for name, condition in tables.items()
            }


def perform(desk: Desk, step: Step, number: int) -> None:
    """One step; one that cannot be done now does nothing. `number` makes texts different."""
    doing, where, which = step
    repository = desk.repository
    when = (MONDAY + timedelta(days=where, minutes=number)).isoformat()
    if doing == "run":
        desk.run()
    elif doing == "commit":
        module, library = ("shelf", "label", "parcel")[which % 3], ("duckdb", "label", "requests")[where % 3]
        repository.commit(
            f"feat: keep {module} {number}" if which else f"Keep {module}",
            {f"{module}/part_{number}.py": f"import {library}\n\n{module} = {number}\n"},
            authored=when,
            # Clocks differ: the committer's may be ahead of the author's, or behind it.
            committed=(datetime.fromisoformat(when) + timedelta(days=(0, 0, 2, 0, -4, 1)[which])).isoformat(),
        )
    elif doing == "amend" and _commits(repository) > 1:
        subject = repository.git("log", "-1", "--format=%s")
        repository.git("commit", "--quiet", "--amend", "-m", f"{subject}\n\nBody {number}.\nTODO: weigh it.")
    elif doing == "reset" and _commits(repository) > 1:
        repository.git("reset", "--quiet", "--hard", "HEAD~1")
    elif doing == "branch" and f"work-{which}" not in _branches(repository):
        repository.branch(f"work-{which}")
    elif doing in {"switch", "merge", "drop"}:
        _with_a_branch(repository, doing, which, when)
    elif doing == "note":
        tags = [[], ["plan"], ["blocker"]][which % 3]
        day = MONDAY + timedelta(days=where)
        desk.keep(Note(note_id=f"note-{number}", text=f"Packed parcel {number}.", authored_at=day, tags=tags))
    elif doing in {"edit", "erase"} and desk.notes:
        note = list(desk.notes.values())[which % len(desk.notes)]
        desk.keep(
            note.model_copy(update={"text": f"Packed {number}."} if doing == "edit" else {"deleted": True, "text": ""})
        )


def _with_a_branch(repository: GitRepository, doing: str, which: int, when: str) -> None:
    here = repository.git("branch", "--show-current")
    others = [name for name in _branches(repository) if name != here]
    if not others:
        return
    other = others[which % len(others)]
    if doing == "switch":
        repository.checkout(other)
    elif doing == "merge":
        repository.merge(other, authored=when)
    elif other != "main":
        repository.git("branch", "--quiet", "-D", other)


def _branches(repository: GitRepository) -> list[str]:
    return repository.git("branch", "--format=%(refname:short)").splitlines()


def _commits(repository: GitRepository) -> int:
    return int(repository.git("rev-list", "--count", "HEAD"))


@contextmanager
def desks() -> Iterator[tuple[Desk, Desk]]:
    """Two homes that watch one repository, of one commit."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # nothing here need survive
    try:
        repository = GitRepository(folder / "shop")
        repository.commit("Begin", {"README.md": "# Shop\n"}, authored=MONDAY.isoformat())
        yield Desk(folder / "home", repository), Desk(folder / "afresh", repository)
    finally:
        shutil.rmtree(folder)


def assert_made_as_if_afresh(steps: list[Step]) -> None:
    with desks() as (desk, afresh):
        for number, step in enumerate(steps):
            perform(desk, step, number)
        desk.run()
        assert not any(desk.stale().values())
        afresh.notes.update(desk.notes)
        afresh.run()
        often, once = desk.made(), afresh.made()
        for name, rows in once.items():
            assert often[name] == rows, name


def assert_exactly_stale(steps: list[Step], chosen: int) -> None:
    with desks() as (desk, _):
        desk.keep(Note(note_id="first", text="Packed a parcel.", authored_at=MONDAY))
        for number, step in enumerate(steps):
            if step[0] != "run":
                perform(desk, step, number)
        desk.run()
        assert not any(desk.stale().values())
        present = "SELECT entry_id FROM worklog_entries WHERE NOT vanished ORDER BY entry_id"
        with desk.warehouse.write() as session:
            entries = session.query(present).to_pylist()
            entry_id = entries[chosen % len(entries)]["entry_id"]
            session.execute("UPDATE worklog_entries SET input_hash = 'edited' WHERE entry_id = ?", [entry_id])
        assert desk.stale() == desk.telling_of(entry_id)


FEW = settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.integration
@FEW
@given(STEPS)
@example([("commit", 3, 0), ("run", 0, 0), ("commit", 4, 1), ("run", 0, 0), ("amend", 0, 0), ("run", 0, 0)])
@example(
    [
        ("branch", 0, 0),
        ("commit", 5, 2),
        ("run", 0, 0),
        ("switch", 0, 0),
        ("merge", 9, 0),
        ("run", 0, 0),
        ("drop", 0, 0),
    ]
)
@example([("note", 4, 0), ("note", 4, 1), ("run", 0, 0), ("edit", 0, 0), ("erase", 0, 1)])
def test_many_runs_on_the_way_make_what_one_run_makes_at_the_end(steps: list[Step]) -> None:
    assert_made_as_if_afresh(steps)


@pytest.mark.integration
@pytest.mark.parametrize("later", [[], [("run", 0, 0), ("reset", 0, 0)]])
def test_an_import_is_no_skill_from_when_its_module_is_the_repositorys_own_until_that_is_gone(
    later: list[Step],
) -> None:
    imports_label, makes_label = ("commit", 1, 0), ("commit", 2, 1)
    assert_made_as_if_afresh([imports_label, ("run", 0, 0), makes_label, *later])


@pytest.mark.integration
@FEW
@given(STEPS, st.integers(0, 100))
@example([("branch", 0, 0), ("commit", 2, 1), ("switch", 0, 0), ("merge", 11, 0)], 1)
def test_an_edited_entry_makes_exactly_the_periods_stale_that_tell_of_it(steps: list[Step], chosen: int) -> None:
    assert_exactly_stale(steps, chosen)


@pytest.mark.soak
@MANY
@given(STEPS)
def test_any_history_is_made_as_if_afresh(steps: list[Step]) -> None:
    assert_made_as_if_afresh(steps)


@pytest.mark.soak
@MANY
@given(STEPS, st.integers(0, 100))
def test_in_any_history_exactly_the_telling_periods_are_stale(steps: list[Step], chosen: int) -> None:
    assert_exactly_stale(steps, chosen)


@pytest.mark.parametrize("days_ahead", [4, 400])
def test_a_clock_that_runs_ahead_neither_silences_reports_nor_has_them_made_over_and_over(days_ahead: int) -> None:
    with desks() as (desk, _):
        desk.repository.commit("Keep a shelf", {"shelf.py": "shelf = 1\n"}, authored="2026-10-30T09:00:00+00:00")
        ahead = (datetime(2026, 10, 30, 10, tzinfo=UTC) + timedelta(days=days_ahead)).isoformat()
        desk.repository.commit(
            "Keep a label", {"label.py": "label = 1\n"}, authored=ahead, committed="2026-10-30T10:00:00+00:00"
        )
        desk.run()
        documents = desk.made()["documents"]
        assert any("2026-W44" in row for row in documents)
        assert not any(desk.stale().values())
