"""Which lines of a diff are kept, and that they are verbatim, few, and neither moved nor somebody else's."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.worklogs.excerpts import LANGUAGES, LONGEST, MOST, excerpts
from orchestration_assets.worklogs.model import Excerpt, ExcerptKind

IMPORT, ADDED, DROPPED, TODO = (
    ExcerptKind.IMPORT,
    ExcerptKind.DEPENDENCY_ADDED,
    ExcerptKind.DEPENDENCY_DROPPED,
    ExcerptKind.TODO_ADDED,
)


class Line(NamedTuple):
    path: str
    sign: str
    line_number: int
    text: str


def diff(path: str, added: str = "", removed: str = "", start: int = 1) -> list[Line]:
    old = [Line(path, "-", start + number, text) for number, text in enumerate(removed.splitlines())]
    return old + [Line(path, "+", start + number, text) for number, text in enumerate(added.splitlines())]


def kept(lines: list[Line], own: frozenset[str] = frozenset()) -> list[tuple[ExcerptKind, str]]:
    return [(excerpt.kind, excerpt.name) for excerpt in excerpts("e", lines, own)]


def imported(path: str, text: str) -> list[str]:
    return [name for kind, name in kept(diff(path, text)) if kind is IMPORT]


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("a.py", "import pandas as pd", ["pandas"]),
        ("a.py", "    from google.cloud import storage", ["google.cloud"]),
        ("a.py", "import os, requests", ["os", "requests"]),
        ("a.py", "from sqlalchemy.orm import (\n    Session,\n    declarative_base,\n)", ["sqlalchemy.orm"]),
        ("a.py", "from sqlalchemy import (  # the core\n    text,\n)", ["sqlalchemy"]),
        ("a.py", "from httpx import \\\n    Client", ["httpx"]),
        ("a.py", "from . import sibling\nfrom .other import x", []),
        ("a.ts", "import {\n  useState,\n  useMemo,\n} from 'react';", ["react"]),
        ("a.ts", "import type { Config } from '@docusaurus/types';", ["@docusaurus/types"]),
        ("a.js", "const express = require('express');", ["express"]),
        ("a.mjs", 'import "dotenv/config";', ["dotenv/config"]),
        ("a.jsx", "import x from './x';", []),
        ("a.go", 'import (\n\t"fmt"\n\t"github.com/spf13/cobra"\n)', ["github.com/spf13/cobra"]),
        ("a.rs", "use serde::{\n    Deserialize,\n};\nuse std::fs;\nuse crate::x;", ["serde"]),
        (
            "A.java",
            "import org.springframework.boot.SpringApplication;",
            ["org.springframework.boot.SpringApplication"],
        ),
        ("a.kt", "import io.ktor.server.engine.embeddedServer", ["io.ktor.server.engine.embeddedServer"]),
        ("a.rb", "require 'sidekiq'\nrequire_relative 'x'", ["sidekiq"]),
        ("a.php", "use Illuminate\\Support\\Str;", ["Illuminate\\Support\\Str"]),
        ("A.cs", "using Microsoft.EntityFrameworkCore;", ["Microsoft.EntityFrameworkCore"]),
        ("a.swift", "import SwiftUI", ["SwiftUI"]),
        ("a.ex", "  use Phoenix.Router", ["Phoenix"]),
        ("a.md", "import requests", []),
    ],
)
def test_imports_of_each_language_are_named(path: str, text: str, names: list[str]) -> None:
    assert imported(path, text) == names


@pytest.mark.parametrize(
    "prose",
    [
        "from these import hello and goodbye",
        "import the data first",
        "from requests, we learn that",
        "# import requests",
        ">>> import requests",
        '"""from these import hello"""',
    ],
)
def test_prose_is_no_import(prose: str) -> None:
    assert imported("a.py", prose) == []


def test_an_example_inside_a_docstring_is_no_import() -> None:
    text = '"""Usage.\n\n    from these import hello\n    import requests\n"""\nimport duckdb\n'
    assert imported("a.py", text) == ["duckdb"]


def test_the_other_quotes_do_not_close_a_docstring() -> None:
    text = 'x = """\n\'\'\'\nimport requests\n"""\nimport duckdb'
    assert imported("a.py", text) == ["duckdb"]


def test_a_docstring_that_opens_in_one_hunk_hides_nothing_in_the_next() -> None:
    assert kept([*diff("a.py", '"""Opens here'), *diff("a.py", "import duckdb", start=40)]) == [(IMPORT, "duckdb")]


def test_a_moved_import_is_no_new_one() -> None:
    assert kept([*diff("a.py", removed="import duckdb"), *diff("b.py", "import duckdb")]) == []
    assert kept(diff("a.py", "from duckdb import a, b", "from duckdb import a")) == []


def test_an_import_that_is_only_removed_leaves_nothing() -> None:
    assert kept(diff("a.py", removed="import duckdb")) == []


def test_imports_of_the_repositorys_own_modules_are_left_out() -> None:
    assert kept(diff("a.py", "import example.core\nimport duckdb"), frozenset({"Example"})) == [(IMPORT, "duckdb")]
    assert kept(diff("a.rs", "use git_example_core::x;"), frozenset({"git-example-core"})) == []


def test_a_version_bump_neither_adds_nor_drops() -> None:
    assert kept(diff("requirements.txt", "requests==2.32.0", "requests==2.31.0")) == []
    assert kept(diff("requirements.txt", "Readme-Renderer==2", "readme_renderer==1")) == []
    assert kept(diff("package.json", '    "React": "19"', '    "react": "18",')) == []
    assert kept(diff("pyproject.toml", '  "httpx>=0.28",', '  "httpx>=0.27",')) == []


def test_added_and_dropped_dependencies_are_told_apart() -> None:
    lines = diff("requirements.txt", "httpx==0.28", "requests==2.31.0")
    assert kept(lines) == [(ADDED, "httpx"), (DROPPED, "requests")]


def test_a_dependency_dropped_from_one_manifest_and_added_to_another_is_both() -> None:
    lines = [*diff("a/requirements.txt", removed="httpx"), *diff("b/requirements.txt", "httpx")]
    assert kept(lines) == [(ADDED, "httpx"), (DROPPED, "httpx")]


def test_a_compiled_requirements_file_names_nothing() -> None:
    pins = "certifi==2024.2.2\n    # via requests\nrequests==2.32.0\n    # via -r requirements.in"
    lines = [*diff("requirements.txt", pins), *diff("requirements.txt", "idna==3.7", start=90)]
    assert kept([*lines, *diff("requirements.in", "requests")]) == [(ADDED, "requests")]
    assert kept(diff("requirements.txt", removed=pins)) == []


@pytest.mark.parametrize(
    ("path", "line", "todo"),
    [
        ("a.py", "    x = 1  # TODO: handle the rest", "handle the rest"),
        ("a.rs", "// FIXME(ada): leaks", "leaks"),
        ("a.js", " * TODO - name it */", "name it"),
    ],
)
def test_a_todo_in_a_comment_is_kept(path: str, line: str, todo: str) -> None:
    assert kept(diff(path, line)) == [(TODO, todo)]


@pytest.mark.parametrize("line", ["TODO = 1", 'print("TODO later")', "# TODO", "# TODOS are many"])
def test_the_word_todo_elsewhere_is_nothing(line: str) -> None:
    assert kept(diff("a.py", line)) == []


def test_a_moved_todo_is_no_new_one() -> None:
    assert kept([*diff("a.py", removed="# TODO: x y"), *diff("b.py", "    # TODO: x y")]) == []


def test_long_lines_are_left_out() -> None:
    assert kept(diff("a.js", "require('express');" + " " * LONGEST)) == []


def test_at_most_forty_are_kept_numbered_in_the_order_of_the_diff() -> None:
    found = excerpts("e", diff("a.py", "\n".join(f"import m{number}" for number in range(100))), frozenset())
    assert [excerpt.number for excerpt in found] == list(range(MOST))
    assert [excerpt.name for excerpt in found[:2]] == ["m0", "m1"]


PIECES = st.sampled_from(
    ["import a", "from b import (", "# TODO: c", '"""', "requests==1", '  "react": "1",', "use serde::x;", "# via d"]
)
LINES = st.builds(
    Line,
    path=st.sampled_from(
        [f"x{suffix}" for suffix in LANGUAGES] + ["requirements.txt", "package.json", "pyproject.toml"]
    ),
    sign=st.sampled_from("+-"),
    line_number=st.integers(1, 9),
    text=PIECES | st.text(max_size=50) | st.builds(lambda a, b: a + b, PIECES, st.text(max_size=20)),
)


@given(lines=st.lists(LINES, max_size=80))
def test_any_diff_gives_at_most_forty_verbatim_lines(lines: list[Line]) -> None:
    found = excerpts("e", lines, frozenset({"a"}))
    assert len(found) <= MOST
    texts = {(line.path, line.sign, line.text) for line in lines}
    for excerpt in found:
        sign = "-" if excerpt.kind is DROPPED else "+"
        assert (excerpt.path, sign, excerpt.line) in texts
        assert excerpt.name in excerpt.line
        Excerpt.model_validate(excerpt.model_dump())
