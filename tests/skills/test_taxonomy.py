"""The taxonomy's data hold together, and names, imports, packages and paths lead to the skill they mean."""

from __future__ import annotations

import csv
import json
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestration_assets.skills.taxonomy import DATA, IMPORTS_OF_REGISTRY, TaxonomySkill, load_taxonomy
from orchestration_assets.skills.text_matching import normalised

TAXONOMY = load_taxonomy()
SKILLS = list(TAXONOMY.skills.values())
SCHEMA = json.loads((DATA / "taxonomy.schema.json").read_text(encoding="utf-8"))
ALIASES = Path(__file__).resolve().parents[2].parent / "shared/eval/aliases/aliases_dev.csv"


def repeated(names: Iterator[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [name for name, count in Counter(names).items() if count > 1]


def names_of(skill: TaxonomySkill) -> tuple[str, ...]:
    return (skill.name, *skill.aliases, *skill.ambiguous_aliases)


def test_there_are_skills_enough() -> None:
    assert len(SKILLS) >= 400
    assert len({skill.category for skill in SKILLS}) >= 20


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted(DATA.glob("*.toml")), ids=lambda path: path.stem)
def test_each_file_obeys_the_schema_and_bears_its_category(path: Path) -> None:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    assert [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(data)] == []
    assert data["category"] == path.stem


@pytest.mark.parametrize(
    "row",
    [
        {"id": "Upper", "name": "x"},
        {"id": "a", "name": "x", "aliases": ["Upper"]},
        {"id": "a", "name": "x", "aliases": []},
        {"id": "a", "name": "x", "ambiguous": False},
        {"id": "a", "name": "x", "imports": {"klingon": ["x"]}},
        {"id": "a", "name": "x", "files": ["src/**/x"]},
        {"id": "a", "name": "x", "file": ["x"]},
        {"id": "a"},
    ],
)
def test_the_schema_refuses_what_is_wrong(row: dict[str, object]) -> None:
    assert not Draft202012Validator(SCHEMA).is_valid({"category": "x", "skill": [row]})


def test_ids_are_unique_over_all_files() -> None:
    rows = (row["id"] for path in DATA.glob("*.toml") for row in tomllib.loads(path.read_text("utf-8"))["skill"])
    assert repeated((identifier,) for identifier in rows) == []


def test_names_and_aliases_are_unique_however_they_are_spelt() -> None:
    assert repeated((normalised(name),) for skill in SKILLS for name in names_of(skill)) == []


def test_an_id_is_no_other_skills_name() -> None:
    ids = {normalised(skill.id): skill.id for skill in SKILLS}
    clashes = {
        name: skill.id
        for skill in SKILLS
        for name in names_of(skill)
        if ids.get(normalised(name), skill.id) != skill.id
    }
    assert clashes == {}


def test_parents_exist_and_never_run_in_a_circle() -> None:
    assert {parent for skill in SKILLS for parent in skill.parents} <= TAXONOMY.skills.keys()
    list(TopologicalSorter({skill.id: skill.parents for skill in SKILLS}).static_order())


def test_each_import_package_and_file_shows_one_skill() -> None:
    assert repeated((lang, name) for skill in SKILLS for lang, names in skill.imports.items() for name in names) == []
    assert (
        repeated((r, name.lower()) for skill in SKILLS for r, names in skill.packages.items() for name in names) == []
    )
    assert repeated((name,) for skill in SKILLS for name in {pattern.lower() for pattern in skill.files}) == []


def test_every_import_package_and_file_of_the_data_is_found() -> None:
    for skill in SKILLS:
        for language, modules in skill.imports.items():
            assert {TAXONOMY.by_import(language, module) for module in modules} == {skill.id}
        for registry, packages in skill.packages.items():
            assert {TAXONOMY.by_package(registry, package) for package in packages} == {skill.id}
        for pattern in skill.files:
            assert skill.id in TAXONOMY.by_path(f"some/folder/{pattern.replace('*', 'x')}"), pattern


def test_every_name_leads_to_its_skill() -> None:
    for skill in SKILLS:
        assert {TAXONOMY.canonical(name) for name in (skill.id, *names_of(skill))} == {skill.id}
        assert TAXONOMY.canonical(skill.name.upper()) == TAXONOMY.canonical(f"  {skill.name.lower()} ") == skill.id


@given(st.one_of(st.text(max_size=40), st.sampled_from([name for skill in SKILLS for name in names_of(skill)])))
def test_canonical_is_idempotent(name: str) -> None:
    found = TAXONOMY.canonical(name)
    assert found is None or (found in TAXONOMY.skills and TAXONOMY.canonical(found) == found)


@pytest.mark.parametrize(
    ("name", "skill"),
    [
        *((spelling, "javascript") for spelling in ("js", "JavaScript", "ECMAScript", "java script", "Java-Script")),
        *(
            (spelling, "python")
            for spelling in ("Python 3.11", "python3", "Python 3", "python3.12", "Python v3.x", "PYTHON")
        ),
        *((spelling, "go") for spelling in ("golang", "Go", "go 1.22", "Go language")),
        *((spelling, "nodejs") for spelling in ("Node.js", "nodejs", "node js", "Node JS", "node-js 20")),
        *((spelling, "nextjs") for spelling in ("Next.js", "NextJS", "next js 14")),
        *((spelling, "cpp") for spelling in ("C++", "c++17", "C++ 20")),
        *((spelling, "dotnet") for spelling in (".NET", "dotnet", ".NET 8", "dot-net")),
        *((spelling, "continuous-integration") for spelling in ("CI/CD", "ci", "Continuous Integration")),
        ("Vue 3", "vue"),
        ("svelte.js", "svelte"),
        ("Rust programming language", "rust"),
        ("Flask framework", "flask"),
        ("ed25519", "cryptography"),
    ],
)
def test_spellings_of_one_name_are_one(name: str, skill: str) -> None:
    assert TAXONOMY.canonical(name) == skill


@pytest.mark.parametrize(
    "name", ["", " ", "...", "the", "net", "r2", "c4", "next", "version", "3.11", "x" * 1_000_000, "-" * 1_000_000]
)
def test_what_means_no_skill_is_none(name: str) -> None:
    assert TAXONOMY.canonical(name) is None


@pytest.mark.parametrize(
    ("language", "module", "skill"),
    [
        ("python", "google.cloud.bigquery", "bigquery"),
        ("python", "google.cloud.storage.blob", "google-cloud-storage"),
        ("python", "google.nothing", None),
        ("python", "sqlalchemy.orm", "sqlalchemy"),
        ("python", "pandasx", None),
        ("javascript", "@aws-sdk/client-s3", "amazon-s3"),
        ("typescript", "react-dom/client", "react"),
        ("go", "github.com/gin-gonic/gin/binding", "gin"),
        ("go", "github.com/gin-gonic/ginkgo", None),
        ("rust", "tokio::sync::mpsc", "tokio"),
        ("kotlin", "org.springframework.boot.autoconfigure", "spring-boot"),
        ("php", "Illuminate\\Support\\Str", "laravel"),
        ("klingon", "pandas", None),
        ("python", "", None),
        ("python", "." * 10_000, None),
    ],
)
def test_the_longest_known_part_of_an_import_decides(language: str, module: str, skill: str | None) -> None:
    assert TAXONOMY.by_import(language, module) == skill


@pytest.mark.parametrize(
    ("registry", "package", "skill"),
    [
        ("pypi", "PSYCOPG2_Binary", "postgresql"),
        ("pypi", "psycopg2.binary", "postgresql"),
        ("pypi", "Typing-Extensions", "static-typing"),
        ("pypi", "Django", "django"),
        ("npm", "@types/react", "react"),
        ("npm", "React", "react"),
        ("crates", "tokio-postgres", "postgresql"),
        ("go", "github.com/jackc/pgx/v5", "postgresql"),
        ("maven", "org.postgresql:postgresql", "postgresql"),
        ("pypi", "no-such-thing", None),
        ("attic", "django", None),
    ],
)
def test_packages_are_known_as_their_registry_spells_them(registry: str, package: str, skill: str | None) -> None:
    assert TAXONOMY.by_package(registry, package) == skill


def test_an_import_counts_as_a_package_of_its_languages_registry() -> None:
    for registry, language in IMPORTS_OF_REGISTRY.items():
        for skill in SKILLS:
            for name in skill.imports.get(language, ()):
                assert TAXONOMY.by_package(registry, name) is not None, (registry, name)


@pytest.mark.parametrize(
    ("path", "skills"),
    [
        ("Dockerfile", ["docker"]),
        ("services/api/Dockerfile", ["docker"]),
        ("infra/main.tf", ["terraform"]),
        (".github/workflows/x.yml", ["yaml", "github-actions"]),
        ("sub/.github/workflows/x.yml", ["yaml", "github-actions"]),
        ("github/workflows/x.yml", ["yaml"]),
        ("alembic.ini", ["alembic", "ini"]),
        ("src/CMakeLists.txt", ["cmake"]),
        ("src/foo.PY", ["python"]),
        ("../../etc/x.py", ["python"]),
        ("../.github/workflows/x.yml", ["yaml"]),
        ("a/b.py/", ["python"]),
        ("py", []),
        (".py", []),
        ("", []),
        ("/", []),
        ("x" * 10_000, []),
    ],
)
def test_a_files_name_shows_its_skills(path: str, skills: list[str]) -> None:
    assert TAXONOMY.by_path(path) == skills


def test_loading_takes_little_more_than_parsing_the_files() -> None:
    def seconds(work: Callable[[], object]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    def load() -> None:
        taxonomy = load_taxonomy.__wrapped__()
        taxonomy.canonical("python")
        taxonomy.find_in_text("python")

    def parse() -> None:
        for path in DATA.glob("*.toml"):
            tomllib.loads(path.read_text(encoding="utf-8"))

    pairs = [(seconds(load), seconds(parse)) for _ in range(5)]
    assert min(loading / parsing for loading, parsing in pairs) < 3


@pytest.mark.skipif(
    not ALIASES.exists(), reason="the pairs of names to try the aliases on are not beside this checkout"
)
def test_most_aliases_that_people_use_lead_to_their_skill() -> None:
    with ALIASES.open(encoding="utf-8", newline="") as file:
        pairs = [(row["alias"], TAXONOMY.canonical(row["display_name"])) for row in csv.DictReader(file)]
    known = [(alias, skill) for alias, skill in pairs if skill]
    right = sum(TAXONOMY.canonical(alias) == skill for alias, skill in known)
    print(f"{right} of {len(known)} aliases, {right / len(known):.1%}")
    assert right / len(known) >= 0.75
