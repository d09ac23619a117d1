"""Fixtures of the poller's tests: a loopback GitHub with one repository, and an inbox on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from github_objects import Repository
from github_polled import NAME, TOKEN, asking_at
from github_server import GitHubServer

from resources.github.client import GitHub
from resources.inbox import Inbox


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    with GitHubServer() as server:
        yield server


@pytest.fixture
def engine(server: GitHubServer) -> Repository:
    return server.repository(NAME)


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    inbox = Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")
    yield inbox
    inbox.close()


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    with GitHubServer(TOKEN) as server:
        repository = server.repository("ada/engine")
        for _ in range(5):
            repository.put("pull")
        yield server


@pytest.fixture
def client(github: GitHubServer) -> Iterator[GitHub]:
    with asking_at(github) as client:
        yield client
