"""The database that the containers keep the inbox in, made as they make it, on a real server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from resources.inbox import Inbox
from tests.postgres_server import PostgresServer, missing, postgres_server
from tests.resources.inbox.test_inbox import drained, event

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if reason := missing():
        pytest.skip(reason)
    with postgres_server() as started:
        started.query("CREATE DATABASE soloist")
        started.run_file(DEPLOY / "compose" / "inbox.sql", "soloist", INBOX_PASSWORD="it's:@ long")
        yield started


def address(server: PostgresServer, service: str) -> str:
    """Where a service of the containers finds the inbox, on this server."""
    environment = SERVICES[service]["environment"]
    named = environment if isinstance(environment, dict) else dict(each.partition("=")[::2] for each in environment)
    return str(named["SOLOIST_INBOX_URL"]).replace("postgres:5432", f"127.0.0.1:{server.port}")


def test_whoever_takes_deliveries_and_whoever_works_them_off_share_the_inbox(server: PostgresServer) -> None:
    for first, second in (("code", "webhooks"), ("webhooks", "code")):
        giver, taker = Inbox(address(server, first)), Inbox(address(server, second))
        assert giver.add([event(first)]) == [True]
        assert drained(taker) == [f"{first} at 0"]
        giver.close()
        taker.close()
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert server.query(owners, address(server, "code")) == [("inbox",)]
    kept = server.query("SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'inbox'")
    assert kept == [(True,)]


@pytest.mark.parametrize("database", ["soloist", "postgres", "template1"])
def test_whoever_takes_deliveries_opens_no_other_database(server: PostgresServer, database: str) -> None:
    own = address(server, "webhooks")
    elsewhere = own.removesuffix("/inbox") + f"/{database}"
    assert server.query("SELECT 1", own) == [(1,)]
    with pytest.raises(Exception, match="permission denied for database"):
        server.query("SELECT 1", elsewhere)


@pytest.mark.parametrize(
    "statement", ["SET ROLE soloist", "CREATE ROLE other SUPERUSER", "COPY (SELECT 1) TO PROGRAM 'true'"]
)
def test_whoever_takes_deliveries_is_nobody_in_particular(server: PostgresServer, statement: str) -> None:
    errors = pytest.importorskip("psycopg").errors
    with pytest.raises(errors.InsufficientPrivilege):
        server.query(statement, address(server, "webhooks"))


def test_a_role_without_a_password_is_not_made(server: PostgresServer) -> None:
    server.query("DROP DATABASE inbox")
    server.query("REVOKE ALL ON DATABASE soloist FROM inbox")
    server.query("DROP ROLE inbox")
    with pytest.raises(subprocess.CalledProcessError):
        server.run_file(DEPLOY / "compose" / "inbox.sql", "soloist")
    assert server.query("SELECT 1 FROM pg_roles WHERE rolname = 'inbox'") == []
