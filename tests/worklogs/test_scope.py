"""Whose work the documents speak of, and how they say so."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestration_assets.session import Connections
from orchestration_assets.worklogs.model import ENTRIES, REPOSITORIES, Repository
from orchestration_assets.worklogs.scope import resolve_scope
from resources.settings import load_settings
from resources.sources import Sources
from resources.warehouse import Warehouse
from tests.reports.report_material import History


@pytest.fixture
def warehouse() -> Warehouse:
    """Commits of two people in a repository whose configuration names the one."""
    history = History("depot")
    signed = [
        ("Fern Example", "fern@example.com"),
        ("Moss Example", "moss@example.com"),
        ("moss@example.com", "moss@example.com"),
    ]
    entries = [
        history.commit("Weigh parcels", email=email).entry.model_copy(update={"author_name": name})
        for name, email in signed
    ]
    depot = Repository(
        path="/depot",
        repository_id="id-of-depot",
        name="depot",
        watched=True,
        refs_fingerprint=None,
        default_branch="main",
        self_names=["fern example", "fern@example.com"],
    )
    found = Connections(load_settings()).warehouse
    with found.write() as session:
        session.insert(ENTRIES, entries)
        session.insert(REPOSITORIES, [depot])
    return found


@pytest.mark.parametrize(
    ("authors", "line"),
    [
        ([], "Your work in depot"),
        (["all"], "Everybody's work in depot"),
        (["Moss Example"], "Work by Moss Example in depot"),
        (["MOSS@example.com"], "Work by Moss Example in depot"),
        (["moss@example.com", "Moss Example"], "Work by Moss Example in depot"),
        (["Fern Example", "Moss Example"], "Work by Fern Example and Moss Example in depot"),
        (["fern@example.com"], "Your work in depot"),
        (["nobody@example.com"], "Work by the chosen author in depot"),
    ],
)
def test_a_document_names_whom_it_speaks_of_and_no_address(
    warehouse: Warehouse, authors: Sequence[str], line: str
) -> None:
    with warehouse.read() as session:
        assert resolve_scope(session, Sources(authors=list(authors))).line == line


def test_a_document_names_the_repositories_of_what_it_tells_of_github(warehouse: Warehouse) -> None:
    history = History("depot")
    commit = history.commit("Weigh parcels").entry
    told = [
        commit.model_copy(update={"source": "pull_request", "repository_id": where, "repository": name})
        for where, name in [("ID-of-Depot", "fern/depot"), ("github.com/moss/barn", "moss/barn")]
    ]
    note = history.note("Paired on the scales").entry
    with warehouse.read() as session:
        scope = resolve_scope(session, Sources(authors=["all"]))
    assert scope.line_with([commit, note, told[0]]) == scope.line == "Everybody's work in depot"
    assert scope.line_with([commit, *told]) == "Everybody's work in depot, moss/barn"
