"""Fixtures of the outbox: databases of each kind that it may lie in, and a world to publish to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resources import scrubbing
from tests.github_server import GitHubServer
from tests.postgres_server import PostgresServer, missing, postgres_server
from tests.publications import SENTRY_TOKEN, TOKEN, Clock, World
from tests.publications import world as made_world
from tests.sentry_server import SentryServer


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process remembers as secret is refused by the publisher, and other tests have it remember plain words."""
    monkeypatch.setattr(scrubbing, "_known", frozenset())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server; skips where none can be started."""
    if reason := missing():
        pytest.skip(reason)
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def outbox_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of its own for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/home/inbox.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GitHubServer(TOKEN) as github, SentryServer(SENTRY_TOKEN) as sentry:
        made = made_world(github, sentry, f"sqlite:///{tmp_path}/inbox.db")
        yield made
        made.outbox.close()
