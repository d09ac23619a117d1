"""Which skills entries show, what shows none, and that every quote is verbatim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skill_entries import a_dependency, an_analysis, an_entry, an_import, an_item

from orchestration_assets.skills.detection import detect, is_authored_path, is_test_path
from orchestration_assets.skills.model import SkillItem
from orchestration_assets.skills.taxonomy import load_taxonomy
from orchestration_assets.worklogs.excerpts import excerpts
from orchestration_assets.worklogs.grounding import is_verbatim
from orchestration_assets.worklogs.model import Excerpt, ExcerptKind
from resources.git.diffs import DiffLine

TAXONOMY = load_taxonomy()


def skill(name: str) -> str:
    found = TAXONOMY.canonical(name)
    assert found is not None, name
    return found


def shown(item: SkillItem) -> set[tuple[str, str]]:
    return {(mention.skill, mention.signal) for mention in detect(item, TAXONOMY)}


def read(path: str, text: str) -> tuple[Excerpt, ...]:
    lines = [DiffLine("c", path, None, "+", number, line) for number, line in enumerate(text.splitlines(), 1)]
    return tuple(excerpts("e1", lines, frozenset()))


def test_an_import_shows_its_skill_and_quotes_the_line_without_indentation() -> None:
    item = an_item(excerpts=(an_import("pandas"),))
    (mention,) = detect(item, TAXONOMY)
    assert (mention.skill, mention.signal, mention.evidence.quote) == (skill("pandas"), "import", "import pandas")
    assert is_verbatim(mention.evidence, item.entry, item.excerpts)


def test_a_dependency_shows_its_skill_and_a_dropped_one_says_so() -> None:
    item = an_item(excerpts=(a_dependency("pandas"), a_dependency("Django", dropped=True, number=1)))
    assert [(m.skill, m.signal, m.dropped) for m in detect(item, TAXONOMY)] == [
        (skill("pandas"), "manifest", False),
        (skill("django"), "manifest", True),
    ]


def test_a_file_type_shows_its_language_once_by_its_first_file() -> None:
    item = an_item(paths=("src/a.rs", "src/b.rs"))
    (mention,) = [m for m in detect(item, TAXONOMY) if m.skill == skill("rust")]
    assert (mention.signal, mention.evidence.quote) == ("file_type", "src/a.rs")


def test_words_of_the_message_and_tags_of_a_note_show_skills() -> None:
    assert (skill("postgresql"), "message") in shown(an_item("Tune the PostgreSQL indexes"))
    assert (skill("docker"), "note_tag") in shown(an_item("Talked about images", tags=["docker"], source="note"))


@pytest.mark.parametrize(
    "text",
    [
        "from these import hello",
        '"""\nfrom these import hello\nimport pandas\n"""',
        "from pandas we learn that import matters",
        "# import pandas",
    ],
)
def test_prose_that_looks_like_an_import_shows_nothing(text: str) -> None:
    assert shown(an_item(excerpts=read("src/core.py", text))) == set()


def test_an_import_over_several_lines_shows_its_skill() -> None:
    assert (skill("sqlalchemy"), "import") in shown(
        an_item(excerpts=read("src/core.py", "from sqlalchemy.orm import (\n    Session,\n)"))
    )


@pytest.mark.parametrize(
    "text",
    [
        'version = "1"',
        "line-length = 120",
        'exclude = ["a"]',
        'python = "^3.11"',
        'name = "docker"',
        'keywords = ["docker"]',
    ],
)
def test_settings_of_a_manifest_show_nothing(text: str) -> None:
    assert shown(an_item(excerpts=read("pyproject.toml", text))) == set()


@pytest.mark.parametrize(
    "path",
    [
        "tests/fixtures/languages/a.rs",
        "test/__snapshots__/a.rs",
        "testdata/a.rs",
        "tests/data/a.rs",
        "tests/basic/cases/a.rs",
        "vendor/x/a.rs",
        "node_modules/x/a.rs",
    ],
)
def test_fixtures_and_other_peoples_files_credit_no_language(path: str) -> None:
    assert shown(an_item(paths=(path,), excerpts=(an_import("serde", path, "rust"),))) == set()


def test_a_file_that_was_only_deleted_or_renamed_credits_no_language() -> None:
    gone = [
        {"path": "src/a.rs", "added": 0, "deleted": 9},
        {"path": "src/b.rs", "old_path": "b.rs", "added": 0, "deleted": 0},
    ]
    assert shown(an_item(files=gone)) == set()


@pytest.mark.parametrize("path", ["examples/a.py", "docs/conf.py", "benchmarks/run.py", "demo/app.py"])
def test_imports_of_examples_and_documentation_do_not_count(path: str) -> None:
    assert shown(an_item(excerpts=(an_import("pandas", path),))) == set()


def test_documentation_and_examples_show_formats_only() -> None:
    (mention,) = detect(
        an_item(paths=("docs/make.bat", "docs/_static/x.js", "examples/a.rs", "docs/index.md")), TAXONOMY
    )
    assert (mention.skill, mention.evidence.quote) == (skill("markdown"), "docs/index.md")


def test_imports_of_tests_count_only_for_what_is_for_testing() -> None:
    item = an_item(excerpts=(an_import("pandas", "tests/test_a.py"), an_import("pytest", "tests/test_a.py", number=1)))
    assert shown(item) == {(skill("pytest"), "import")}


def test_a_todo_shows_nothing() -> None:
    todo = Excerpt(
        entry_id="e1",
        number=0,
        kind=ExcerptKind.TODO_ADDED,
        path="src/core.py",
        language="python",
        line="# TODO: pandas",
        name="pandas",
    )
    assert shown(an_item(excerpts=(todo,))) == set()


@pytest.mark.parametrize(
    "trailer",
    ["Co-authored-by: Docker Example <docker@example.com>", "Signed-off-by: Pandas <pandas@example.com>", "Cc: docker"],
)
def test_trailers_show_nothing(trailer: str) -> None:
    assert shown(an_item(f"Change things\n\n{trailer}")) == set()


@pytest.mark.parametrize("fields", [{"is_merge": True}, {"is_bot": True}, {"vanished": True}])
def test_merges_bots_and_vanished_commits_show_nothing(fields: dict[str, object]) -> None:
    assert shown(an_item("Use PostgreSQL", ("src/a.rs",), (an_import("pandas"),), **fields)) == set()


@pytest.mark.parametrize("fields", [{"is_mass": True}, {"is_release": True}])
def test_mass_commits_and_releases_show_nothing(fields: dict[str, object]) -> None:
    item = SkillItem(
        entry=an_entry("Use PostgreSQL", ("src/a.rs",)), analysis=an_analysis(**fields), excerpts=[an_import("pandas")]
    )
    assert shown(item) == set()


@pytest.mark.parametrize(
    ("path", "authored", "test"),
    [
        ("src/core.py", True, False),
        ("src/testing.py", True, False),
        ("tests/test_core.py", True, True),
        ("web/app.test.ts", True, True),
        ("pkg/core_test.go", True, True),
        ("src/queries/users.py", True, False),
        ("grammars/queries/highlights.scm", False, False),
        ("Cargo.lock", False, False),
        ("dist/app.min.js", False, False),
    ],
)
def test_paths_are_told_apart(path: str, authored: bool, test: bool) -> None:
    assert is_authored_path(path) is authored
    assert is_test_path(path) is test


WORDS = st.sampled_from(
    ["Docker", "postgres", "React", "C++", "Go", "pandas", "import", "\n", "Signed-off-by: Rust", "C#", "."]
)
TEXTS = st.lists(WORDS | st.text(max_size=12), max_size=12).map(" ".join)
PATHS = st.lists(
    st.sampled_from(["src/a.rs", "Dockerfile", "x.tf", ".github/workflows/ci.yml", "pyproject.toml"])
    | st.text(min_size=1, max_size=20),
    max_size=5,
)
CODE = st.lists(
    st.sampled_from(["import pandas", "  from django import x", "pandas>=2", '"react": "^18",', "use serde::x;"])
    | st.text(max_size=30),
    max_size=6,
)


@given(
    text=TEXTS,
    paths=PATHS,
    code=CODE,
    tags=st.lists(st.sampled_from(["docker", "rust"]) | st.text(max_size=5), max_size=3),
)
def test_every_quote_is_verbatim_and_every_skill_is_known(
    text: str, paths: list[str], code: list[str], tags: list[str]
) -> None:
    found = [
        excerpt.model_copy(update={"number": number})
        for number, excerpt in enumerate(
            each
            for path in ("src/a.py", "requirements.txt", "package.json", "a.rs")
            for each in read(path, "\n".join(code))
        )
    ]
    item = an_item(text, tuple(paths), tuple(found), tags=tags)
    for mention in detect(item, TAXONOMY):
        assert mention.skill in TAXONOMY.skills
        assert mention.evidence.entry_id == "e1"
        assert is_verbatim(mention.evidence, item.entry, item.excerpts)
