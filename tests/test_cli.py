"""The command `soloist`: what each of its commands prints, writes and returns. What it does with bad input is `test_bad_input.py`."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from git_repositories import GitRepository
from terminal import Done, installed_soloist, live_in, made_home, soloist

from orchestration_assets.contracts import CONTRACTS, ShownNotes, ShownReport, ShownSkills, write_schemas
from orchestration_assets.reports.model import DOCUMENTS
from orchestration_assets.reports.profile import json_resume_schema, load_profile
from orchestration_assets.session import Connections
from orchestration_assets.skills.model import SKILL_EVIDENCE
from resources.settings import load_settings

SCHEMAS = Path(__file__).parent.parent / "docs" / "schemas"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A home in which one run was done, and what the run said. Tests only read it."""
    return made_home(tmp_path_factory.mktemp("made"))


@pytest.fixture(autouse=True)
def _at_home(home: Path, made: tuple[Path, Done], monkeypatch: pytest.MonkeyPatch) -> None:
    live_in(made[0], monkeypatch)


@pytest.fixture
def own_home(made: tuple[Path, Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that home, for tests that write."""
    shutil.copytree(made[0], tmp_path / "home")
    return live_in(tmp_path / "home", monkeypatch)


def fits(contract: str, text: str) -> None:
    """Exactly one document, which fits the model and the published schema. Raises what it does not fit."""
    CONTRACTS[contract].model_validate_json(text)
    schema = json.loads((SCHEMAS / f"{contract}.schema.json").read_text())
    jsonschema.validate(json.loads(text), schema, format_checker=jsonschema.FormatChecker())


def test_the_published_schemas_are_those_of_the_models(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in SCHEMAS.iterdir()
    }


def test_a_run_prints_one_document_that_says_what_became_of_each_asset(made: tuple[Path, Done]) -> None:
    run = made[1]
    assert (run.status, run.err) == (0, "")
    fits("run", run.out)
    assets = json.loads(run.out)["assets"]
    assert assets["worklog_entries"] == {"read": 2, "made": 2, "unchanged": 0, "failed": 0}
    assert assets["resume"]["made"] == 2
    assert {"code_excerpts", "worklog_analyses", "skills", "standup", "status_report", "summary"} <= set(assets)


@pytest.mark.parametrize(
    ("contract", "command"),
    [
        ("report", "show standup"),
        ("report", "show status"),
        ("report", "show summary"),
        ("skills", "show skills"),
        ("notes", "notes"),
        ("doctor", "doctor"),
    ],
)
def test_every_json_output_is_one_document_of_its_contract(contract: str, command: str) -> None:
    done = soloist(*command.split(), "--json")
    assert done.status == 0
    fits(contract, done.out)


def test_a_claim_cites_full_commit_hashes_and_verbatim_quotes(made: tuple[Path, Done]) -> None:
    shown = json.loads(soloist("show", "status", "--json").out)
    assert shown["period"] == {"kind": "week", "start": "2026-11-16", "end": "2026-11-22", "timezone": "UTC"}
    assert [section["title"] for section in shown["sections"]][:2] == ["Completed", "In progress"]
    repository = GitRepository(made[0].parent / "shelf")
    evidence = [
        piece
        for section in ShownReport.model_validate(shown).sections
        for claim in section.claims
        for piece in claim.evidence
    ]
    assert {piece.source for piece in evidence} == set(repository.git("rev-list", "--all").split())
    for piece in evidence:
        assert piece.quote in repository.git("show", "--format=%B", piece.source)


def test_skills_come_with_their_evidence() -> None:
    skills = ShownSkills.model_validate_json(soloist("show", "skills", "--json").out).root
    by_name = {skill.skill: skill for skill in skills}
    assert by_name["DuckDB"].count == 2
    assert "import duckdb" in [piece.quote for piece in by_name["DuckDB"].evidence]
    assert all(re.fullmatch("[0-9a-f]{40}", piece.source) for skill in skills for piece in skill.evidence)


@pytest.mark.parametrize(
    ("command", "title"),
    [
        ("show standup --date 2026-11-19", "# Standup, Thursday 19 November 2026"),
        ("show status --week 2026-W47", "# Status report, week 47 of 2026"),
        ("show status --week 2026-11-18", "# Status report, week 47 of 2026"),
        ("show status --week today", "# Status report, week 47 of 2026"),
        ("show summary --month 2026-11", "# Summary of November 2026"),
        ("show resume", "# Ada Example"),
        ("show resume --variant backend", "# Ada Example"),
    ],
)
def test_documents_are_named_by_period_and_printed_as_plain_markdown(command: str, title: str) -> None:
    done = soloist(*command.split())
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[0] == title
    assert "\x1b" not in done.out


def test_skills_are_told_with_short_quotes_for_people() -> None:
    out = soloist("show", "skills").out
    assert "- **DuckDB**: used, 2 entries, 2026-11 to 2026-11\n" in out
    assert re.search(r"  - `import duckdb` \[[0-9a-f]{7}\]\n", out)


def test_evidence_that_says_the_same_again_comes_after_what_says_something_else(own_home: Path) -> None:
    connections = Connections(load_settings())
    with connections.warehouse.write() as session:
        (shown, *_) = session.rows(SKILL_EVIDENCE, where="skill = 'duckdb' AND quote = 'import duckdb'")
        again = [shown.model_copy(update={"day": shown.day.replace(day=20), "index": number}) for number in (1, 2, 3)]
        session.insert(SKILL_EVIDENCE, again)
    quotes = re.findall(r"  - `(.*duckdb.*)` \[", soloist("show", "skills").out)
    assert quotes[0] == "import duckdb"
    assert quotes[1] != "import duckdb"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (
            "show standup --date 2026-11-21",
            "Saturday 21 November is no working day; what is done until then is told in the",
        ),
        ("show standup --date 2026-11-21", "standup of Monday 23 November."),
        ("show standup --date 2020-11-20", "There is no standup of 2020-11-20: nothing is recorded then"),
    ],
)
def test_a_day_without_a_standup_says_which_day_has_one(command: str, says: str) -> None:
    done = soloist(*command.split())
    assert (done.status, done.out) == (1, "")
    assert says in done.sentence


def test_before_the_first_standup_its_day_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_HOME", str(home))
    done = soloist("show", "standup")
    assert done.status == 1
    assert done.sentence.endswith("which tells of work, the next on Monday 23 November.")


def test_days_may_be_named_by_words(own_home: Path) -> None:
    assert soloist("run", "--since", "yesterday", "--until", "today").status == 0


def test_the_latest_report_is_of_a_period_in_which_something_was_done(own_home: Path) -> None:
    """Reports are made of later weeks too, while a branch rests."""
    connections = Connections(load_settings())
    with connections.warehouse.write() as session:
        made = session.rows(DOCUMENTS, where="kind = 'status_report'")
        session.insert(DOCUMENTS, [document.model_copy(update={"key": "2026-W52"}) for document in made])
    assert soloist("show", "status").out.startswith("# Status report, week 47 of 2026")
    run = soloist("run")
    assert run.out.startswith("# Status report, week 47 of 2026")
    assert "2026-W47.html" in run.err and "2026-W52.html" not in run.err


def test_the_resume_is_exported_in_four_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for form in ("json", "md", "html", "pdf"):
        done = soloist("export", "resume", "--format", form)
        assert (done.status, done.out) == (0, "")
        assert done.err.startswith(f"Wrote resume.{form} (")
    exported = json.loads(Path("resume.json").read_bytes())
    jsonschema.validate(exported, json_resume_schema())
    assert exported == json.loads(soloist("show", "resume", "--json").out)
    assert Path("resume.md").read_text().startswith("# Ada Example")
    assert "<html" in Path("resume.html").read_text()
    from pypdf import PdfReader

    assert "Ada Example" in PdfReader(io.BytesIO(Path("resume.pdf").read_bytes())).pages[0].extract_text()
    assert soloist("export", "resume", "--variant", "backend", "-o", "targeted.pdf").status == 0
    assert Path("targeted.pdf").read_bytes()[:5] == b"%PDF-"


def test_a_note_is_made_edited_and_deleted(own_home: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"picture")
    made = soloist(
        *"log --tag Plan --tag #todo --date 2026-11-19 --minutes 30 --attach".split(), picture, "Paired on it"
    )
    note = made.out.strip()
    assert made.status == 0 and re.fullmatch("[0-9a-f]{8}", note)
    assert soloist("log", "Another one").status == 0
    listed = ShownNotes.model_validate_json(soloist("notes", "--json").out).root
    assert [(str(each.date), each.text, each.tags, each.minutes) for each in listed] == [
        ("2026-11-20", "Another one", [], None),
        ("2026-11-19", "Paired on it", ["plan", "todo"], 30),
    ]
    edited = soloist("edit", note, "Paired on the plan")
    assert (edited.status, edited.out) == (0, "")
    assert edited.err.startswith("Changed the note of 2026-11-19, “Paired on it”.")
    assert soloist("notes").out.splitlines()[1] == f"{note}  2026-11-19  Paired on the plan #plan #todo"
    deleted = soloist("delete", note)
    assert (deleted.status, deleted.out) == (0, "")
    assert deleted.err.startswith("Deleted the note of 2026-11-19, “Paired on the plan”.")
    assert [each.text for each in ShownNotes.model_validate_json(soloist("notes", "--json").out).root] == [
        "Another one"
    ]


@pytest.mark.parametrize("prefix", ["%", "_", "", "zzzz"])
def test_what_begins_no_note_touches_none(own_home: Path, prefix: str) -> None:
    soloist("log", "Only one")
    for command in (("edit", prefix, "Other"), ("delete", prefix)):
        done = soloist(*command)
        assert done.status == 2
        assert done.sentence == f"No note has an id that begins with {prefix!r}; `soloist notes` lists them."
    assert "Only one" in soloist("notes").out


def test_the_example_profile_can_be_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text(soloist("profile").out)
    profile = load_profile(tmp_path / "profile.toml")
    assert profile.basics["name"] == "Ada Example"
    assert set(profile.variants) == {"backend", "tooling"}


def test_the_doctor_names_what_serves_instead_and_what_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = soloist("doctor")
    assert healthy.status == 0
    assert re.search(r"^language model +fallback +no model configured", healthy.out, re.MULTILINE)
    monkeypatch.setenv("SOLOIST_MODEL_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("SOLOIST_MODEL", "none")
    ill = soloist("doctor", "--json")
    assert ill.status == 1
    fits("doctor", ill.out)
    assert {each["component"]: each["state"] for each in json.loads(ill.out)}["language model"] == "broken"


@pytest.mark.integration
def test_the_installed_command_prints_nothing_else_beside_its_document(own_home: Path, made: tuple[Path, Done]) -> None:
    GitRepository(made[0].parent / "shelf").clone(own_home / "clone").commit(
        "fix: close the file", authored="2026-11-19T09:00:00+00:00"
    )
    done = installed_soloist("run", "--repo", own_home / "clone", "--json")
    assert (done.status, done.err) == (0, "")
    fits("run", done.out)
    assert json.loads(done.out)["assets"]["worklog_entries"]["made"] == 1
