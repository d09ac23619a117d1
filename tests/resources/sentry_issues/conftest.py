"""A Sentry with two projects and three issues a page, and an empty inbox whose clock is Sentry's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sentry_looks import CARDS, SHELF, TOKEN
from sentry_server import SentryServer

from resources.inbox import Inbox


@pytest.fixture
def sentry() -> Iterator[SentryServer]:
    with SentryServer(TOKEN, page_size=3) as server:
        server.limit = server.remaining = 10**9
        server.projects = {SHELF: {}, CARDS: {}}
        yield server


@pytest.fixture
def inbox(tmp_path: Path, sentry: SentryServer) -> Iterator[Inbox]:
    opened = Inbox(f"sqlite:///{tmp_path}/inbox.db", lambda: sentry.clock)
    yield opened
    opened.close()
