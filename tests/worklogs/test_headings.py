"""Headings: how a name from a scope, a path or a table is written, and which names are one."""

from __future__ import annotations

import pytest

from orchestration_assets.worklogs.headings import fold, heading
from orchestration_assets.worklogs.tables import mapping


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("dark-mode", "Dark mode"),
        ("data_collection", "Data collection"),
        ("cli", "CLI"),
        ("rest-api", "REST API"),
        ("git", "Git"),
        ("duckdb", "DuckDB"),
        ("Bigquery", "BigQuery"),
        ("grpc", "gRPC"),
        ("grpc_client", "gRPC client"),
        ("github-actions", "GitHub Actions"),
        ("ci_cd", "CI/CD"),
        ("PostgreSQL", "PostgreSQL"),
        ("acme.core", "acme.core"),
        ("src/acme", "src/acme"),
        ("", ""),
    ],
)
def test_names_are_written_as_headings(name: str, written: str) -> None:
    assert heading(name) == written


def test_a_heading_is_written_as_it_is() -> None:
    assert all(heading(spelling) == spelling for spelling in mapping("subjects", "spellings").values())


@pytest.mark.parametrize(("one", "other"), [("Parsers", "parser"), ("generators", "Generator"), ("CLI", "cli")])
def test_case_and_number_make_no_other_name(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("class", "clas"), ("status", "statu"), ("analysis", "analysi"), ("aws", "aw")]
)
def test_words_that_end_in_s_by_nature_keep_it(one: str, other: str) -> None:
    assert fold(one) != fold(other)
