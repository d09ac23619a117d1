"""What paths and line counts tell: languages, kinds of files, the distinctive area, and the lines that somebody wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.worklogs.model import FileChange
from orchestration_assets.worklogs.touched import (
    area_of,
    areas,
    distinctive_area,
    is_generated,
    is_lock,
    is_mass,
    is_vendored,
    language,
    languages,
    root_packages,
    substantive_lines,
)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.py", "Python"),
        ("x.tsx", "TypeScript"),
        ("Dockerfile", "Dockerfile"),
        ("docker/Dockerfile.dev", "Dockerfile"),
        ("Makefile", "Makefile"),
        ("main.rs", "Rust"),
        ("README.md", None),
        ("a.json", None),
        ("logo.svg", None),
        (".bashrc", None),
        ("py", None),
    ],
)
def test_language_by_file_name(path: str, name: str | None) -> None:
    assert language(path) == name


def test_languages_come_most_files_first_without_generated_and_vendored_files() -> None:
    paths = ["a.rs", "b.py", "c.py", "vendor/x.go", "dist/app.js", "api_pb2.py", "README.md"]
    assert languages(paths) == ["Python", "Rust"]


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("soloist/warehouse.py", "code"),
        ("tests/test_warehouse.py", "test"),
        ("src/parser.test.ts", "test"),
        ("pkg/parser_test.go", "test"),
        ("src/contest.py", "code"),
        ("docs/index.rst", "documentation"),
        ("README.md", "documentation"),
        ("docs/conf.py", "code"),
        (".github/workflows/ci.yml", "build"),
        ("pyproject.toml", "build"),
        ("requirements-dev.txt", "build"),
        ("data/cities.csv", "data"),
        ("logo.png", "data"),
        ("uv.lock", "generated"),
        ("dist/app.js", "generated"),
        ("vendor/x.go", "generated"),
    ],
)
def test_the_kind_of_a_file(path: str, area: str) -> None:
    assert area_of(path) == area


def test_areas_come_most_files_first() -> None:
    assert areas(["a.py", "tests/test_a.py", "tests/test_b.py"]) == ["test", "code"]


@pytest.mark.parametrize(
    ("paths", "roots", "area"),
    [
        (["soloist/warehouse.py", "soloist/warehouse/session.py"], ["soloist"], "warehouse"),
        (["src/app/index.ts"], [], None),
        (["aider/website/_data/blame.yml"], ["aider"], "website"),
        (["_data/index.html", "lib/utils.py", "core/main.py"], [], None),
        (["git-cliff-core/src/changelog_writer.rs"], ["git-cliff"], "changelog_writer"),
        (["tests/test_parser.py"], [], "parser"),
        (["src/parser/a.py", "tests/test_other.py"], [], "parser"),
        (["README.md"], [], None),
        (["a1/x.py", "b2/x.py", "c3/x.py", "d4/x.py"], [], None),
        (["uv.lock", "billing/api.py"], [], "billing"),
        ([], [], None),
    ],
)
def test_generic_and_root_names_are_never_the_area(paths: list[str], roots: list[str], area: str | None) -> None:
    assert distinctive_area(paths, roots) == area


def test_the_folder_that_holds_most_files_is_a_root_package() -> None:
    assert root_packages(["src/soloist/a.py", "src/soloist/b.py", "docs/x.md"]) == {"soloist"}


def test_generated_lock_vendored_binary_and_renamed_files_count_no_lines() -> None:
    files = [
        FileChange(path="a.py", added=10, deleted=5),
        FileChange(path="uv.lock", added=9000, deleted=9000),
        FileChange(path="static/app.min.js", added=9000, deleted=0),
        FileChange(path="vendor/lib.c", added=9000, deleted=0),
        FileChange(path="logo.png"),
        FileChange(path="drawing.svg", added=800, deleted=0),
        FileChange(path="new.py", old_path="old.py", added=0, deleted=0),
    ]
    assert substantive_lines(files) == 15


def test_what_is_generated_locked_or_vendored() -> None:
    assert is_lock("web/package-lock.json") and is_lock("requirements.lock") and not is_lock("locks.py")
    assert is_generated("api/x_pb2.py") and is_generated("ui/__snapshots__/a.snap") and not is_generated("generate.py")
    assert is_vendored("a/node_modules/b.js") and not is_vendored("vendoring/a.py")


def test_more_than_a_hundred_files_are_a_mass_commit() -> None:
    files = [FileChange(path=f"{number}.py") for number in range(101)]
    assert is_mass(files) and not is_mass(files[:100])


@given(st.lists(st.text("abc/._-XYZ0", min_size=1, max_size=20), max_size=12))
def test_no_path_breaks_the_rules_and_the_area_is_part_of_a_path(paths: list[str]) -> None:
    languages(paths)
    areas(paths)
    area = distinctive_area(paths)
    assert area is None or any(area in path for path in paths)
