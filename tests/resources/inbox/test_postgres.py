"""What only a database that others reach as well can do to the inbox: cut connections, restart, let two writers meet."""

from __future__ import annotations

import multiprocessing
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from resources.errors import SoloistError
from resources.inbox import Inbox, tables, transactions
from tests.draining import assert_every_newest_state_is_there_once
from tests.github_deliveries import SECRET, deliver, merged
from tests.postgres_server import PostgresServer, postgres_server
from tests.resources.inbox.test_inbox import drained, event
from tests.served_ui import wait_for


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def inbox(url: str) -> Iterator[Inbox]:
    opened = Inbox(url)
    yield opened
    opened.close()


@pytest.fixture
def own_server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """One that a test may stop."""
    with postgres_server() as server:
        yield server


def together(*works: Callable[[], object]) -> list[BaseException]:
    """Runs them in a thread each; what they raised."""
    raised: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return raised


def test_many_open_a_new_database_at_once(url: str) -> None:
    barrier = threading.Barrier(8)

    def open_it() -> None:
        barrier.wait()
        Inbox(url).close()

    assert together(*[open_it] * 8) == []


def test_those_who_bring_newer_events_and_those_who_take_events_never_wait_for_each_other(url: str) -> None:
    """A newer event supersedes a row that a leaser is about to take: whoever took the locks in another order would wait for ever."""
    Inbox(url).close()
    subjects = [f"s{number}" for number in range(8)]

    def bring(seed: int) -> None:
        inbox, chance = Inbox(url), random.Random(seed)
        for minute in range(30):
            inbox.add([event(subject, minute, delivery=f"{seed}/{subject}/{minute}") for subject in subjects])
            time.sleep(chance.random() / 200)

    def take(settled: bool) -> None:
        inbox = Inbox(url)
        while not over.is_set():
            if (batch := inbox.lease(5)) is None:
                continue
            if settled:
                inbox.finish(batch.id, [each.id for each in batch.events], {})
            else:
                inbox.release(batch.id, "gone")

    over = threading.Event()
    taken: list[BaseException] = []
    takers = threading.Thread(target=lambda: taken.extend(together(*(lambda: take(True), lambda: take(False)) * 2)))
    takers.start()
    brought = together(*(lambda seed=seed: bring(seed) for seed in range(3)))  # type: ignore[misc]
    over.set()
    takers.join(60)
    assert brought + taken == []
    inbox = Inbox(url)
    for batch in inbox.open_batches():
        inbox.release(batch, "gone")
    kept = [each for each in inbox.latest(limit=10_000) if each.state in ("waiting", "done", "dead")]
    newest = {subject: max(each.happened_at for each in kept if each.subject == subject) for subject in subjects}
    assert set(newest.values()) == {event("s", 29).happened_at}


def test_cut_connections_are_opened_anew_by_every_method(postgres: PostgresServer, url: str, inbox: Inbox) -> None:
    inbox.add([event("a"), event("b")])

    def after_a_cut(work: Callable[[], object]) -> object:
        assert postgres.disconnect_everybody(url) >= 1
        return work()

    assert after_a_cut(lambda: inbox.add([event("a"), event("c")])) == [False, True]
    assert after_a_cut(inbox.has_due) is True
    batch = after_a_cut(inbox.lease)
    assert batch is not None
    ids = [each.id for each in inbox.latest()]
    after_a_cut(lambda: inbox.finish(inbox.open_batches()[0], iter(ids[:2]), {ids[2]: "broken"}))
    assert after_a_cut(inbox.counts) == {"done": 2, "waiting": 1}
    after_a_cut(lambda: inbox.set_cursor("github:a/b", "7"))
    assert after_a_cut(lambda: inbox.cursor("github:a/b")) == "7"
    assert after_a_cut(lambda: inbox.replay(iter(ids[:1]))) == 1
    assert after_a_cut(lambda: inbox.drop(iter(ids))) == 3


def test_a_transaction_that_is_cut_in_the_middle_is_done_again_as_a_whole(
    postgres: PostgresServer, url: str, inbox: Inbox
) -> None:
    """The third statement never reaches the database; what the first two did is gone with their connection."""
    cut: list[int] = []

    @sa.event.listens_for(inbox._engine, "before_cursor_execute")
    def cut_once(_1: object, _2: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO events"):
            cut.append(postgres.disconnect_everybody(url) if len(cut) == 2 else 0)

    assert inbox.add(iter([event(name) for name in "abcde"])) == [True] * 5
    assert any(cut)
    assert drained(inbox) == [f"{name} at 0" for name in "abcde"]


@contextmanager
def losing_an_answer_to_commit(url: str) -> Iterator[tuple[str, threading.Event]]:
    """The address of a proxy before the database, and what has it pass the next COMMIT on and hang up before the answer."""
    address, armed = sa.make_url(url), threading.Event()

    def serve(client: socket.socket) -> None:
        with client, socket.create_connection((address.host, address.port)) as server:
            both = {client: server, server: client}
            while True:
                for side in select.select(list(both), [], [])[0]:
                    data = side.recv(1 << 16)
                    if not data:
                        return
                    both[side].sendall(data)
                    if side is client and b"COMMIT" in data and armed.is_set():
                        armed.clear()
                        server.recv(1 << 16)
                        return

    def listen() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        port = listener.getsockname()[1]
        yield address.set(port=port).render_as_string(hide_password=False), armed
        listener.shutdown(socket.SHUT_RDWR)


def test_a_lease_that_was_committed_and_never_confirmed_is_the_same_lease(url: str) -> None:
    with losing_an_answer_to_commit(url) as (address, armed):
        inbox = Inbox(address)
        inbox.add([event("a"), event("b")])
        armed.set()
        batch = inbox.lease()
        assert not armed.is_set(), "no answer was lost"
        assert batch is not None and [each.subject for each in batch.events] == ["a", "b"]
        assert inbox.open_batches() == [batch.id]
        inbox.finish(batch.id, [each.id for each in batch.events], {})
        assert inbox.counts() == {"done": 2}
        inbox.close()


@pytest.mark.integration
def test_deliveries_are_accepted_while_the_database_restarts(own_server: PostgresServer, tmp_path: Path) -> None:
    """Nobody delivers a second time: what comes in those seconds waits instead of being refused."""
    from pydantic import SecretStr

    from resources.settings import Settings
    from tests.served_webhooks import serving_webhooks

    inbox = Inbox(own_server.new_database())
    settings = Settings(home=tmp_path, github_webhook_secret=SecretStr(SECRET))
    with serving_webhooks(settings, inbox) as address:
        assert deliver(address, "pull_request", "before", merged(1, "Before", "2024-03-07T11:00:00Z")) == 202
        own_server.stop()
        restarting = threading.Timer(0.7, own_server.start)
        restarting.start()
        assert deliver(address, "pull_request", "meanwhile", merged(2, "Meanwhile", "2024-03-07T12:00:00Z")) == 202
        restarting.join()
    assert inbox.counts() == {"waiting": 2}
    inbox.close()


@pytest.mark.integration
def test_a_database_that_is_gone_is_one_sentence_without_its_password(
    monkeypatch: pytest.MonkeyPatch, own_server: PostgresServer
) -> None:
    monkeypatch.setattr(transactions, "PATIENCE", 0.5)
    address = own_server.new_database().replace("soloist@", "soloist:hunter2@")
    inbox = Inbox(address)
    own_server.stop()
    for work in (inbox.counts, inbox.lease, lambda: Inbox(address)):
        with pytest.raises(SoloistError, match=r"^The inbox postgresql\S+ [^\n]*; check [^\n]*\.$") as raised:
            work()
        assert "hunter2" not in str(raised.value)
    own_server.start()
    assert inbox.counts() == {}


def test_whoever_keeps_a_transaction_open_without_working_is_shut_out(
    monkeypatch: pytest.MonkeyPatch, url: str, inbox: Inbox
) -> None:
    """A machine that vanished in the middle of a transaction closes no connection; nobody else could write until it did."""
    monkeypatch.setattr(tables, "LONGEST_SILENCE", "300ms")
    asleep = threading.Event()

    def vanish() -> None:
        with pytest.raises(sa.exc.DBAPIError), inbox._engine.begin() as connection:
            asleep.set()
            time.sleep(1.5)
            connection.execute(sa.text("SELECT 1"))

    vanished = threading.Thread(target=vanish)
    vanished.start()
    asleep.wait(10)
    began = time.monotonic()
    assert inbox.add([event("a")]) == [True]
    assert time.monotonic() - began < 1.4
    vanished.join(10)


def test_a_text_that_this_database_cannot_hold_spoils_nothing(inbox: Inbox) -> None:
    """One hostile delivery shares its transaction with hundreds of others."""
    hostile = event("a\0b", says="c\0d", delivery="e\0f")
    assert inbox.add([event("good"), hostile, hostile]) == [True, True, False]
    assert inbox.add([event("a\0b", 1, says="c\0d", delivery="another")]) == [True]
    assert inbox.counts() == {"waiting": 2, "duplicate": 1}
    batch = inbox.lease()
    assert batch
    inbox.finish(batch.id, [], {batch.events[0].id: "why\0?", batch.events[1].id: "\ud800"})
    assert {each.reason for each in inbox.latest("waiting")} == {"why\N{REPLACEMENT CHARACTER}?", "?"}


def test_a_database_without_an_encoding_serves_too(postgres: PostgresServer) -> None:
    """What `initdb` makes where no locale is set."""
    postgres.query("CREATE DATABASE plain TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    inbox = Inbox(postgres.address("plain"))
    assert inbox.add([event("größe")]) == [True]
    assert [each.subject for each in inbox.latest()] == ["größe"]
    inbox.close()


def test_a_killed_writer_frees_the_others_and_leaves_nothing_half_done(url: str, inbox: Inbox) -> None:
    script = (
        "import sys, time\nimport sqlalchemy as sa\nfrom resources.inbox import Inbox\n"
        "from tests.resources.inbox.test_inbox import event\n"
        "inbox = Inbox(sys.argv[1])\n"
        "@sa.event.listens_for(inbox._engine, 'commit')\ndef wait(_):\n    print('holds', flush=True)\n    time.sleep(60)\n"
        "inbox.add([event('a'), event('b')])\n"
    )
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", script, url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])},
    )
    assert process.stdout
    assert process.stdout.readline() == b"holds\n"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert inbox.counts() == {}
    assert inbox.add([event("a")]) == [True]


def drain_in(url: str, home: Path, point: str, occurrence: int) -> None:
    """The work of a process that delivers and drains, and dies at the n-th time that it comes to the point."""
    from tests import draining

    os.environ["SOLOIST_INBOX_URL"] = url
    draining._work(home, 3, point, occurrence)


@pytest.mark.integration
@pytest.mark.parametrize("point", ["batch formed", "events settled"])
def test_killed_at_every_point_nothing_is_lost_and_nothing_done_twice(
    point: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drain(*arguments: object) -> int | None:
        process = multiprocessing.get_context("spawn").Process(target=drain_in, args=(url, tmp_path, *arguments))
        process.start()
        process.join(120)
        return process.exitcode

    assert drain(point, 2) == -signal.SIGKILL
    assert drain("", 0) == 0
    monkeypatch.setenv("SOLOIST_INBOX_URL", url)
    assert_every_newest_state_is_there_once(tmp_path)
    assert not (tmp_path / "inbox.db").exists()


@pytest.mark.integration
def test_each_event_is_taken_once_however_often_connections_are_cut(postgres: PostgresServer, url: str) -> None:
    Inbox(url).close()
    added: list[bool] = []
    done: list[int] = []
    over = threading.Event()

    def bring(half: int) -> None:
        inbox = Inbox(url)
        for number in range(400):
            added.extend(inbox.add([event(f"{half}/{number}")]))

    def take() -> None:
        inbox = Inbox(url)
        while not over.is_set() or inbox.has_due() or inbox.open_batches():
            for name in inbox.open_batches() if over.is_set() else []:
                inbox.finish(name, [each.id for each in inbox.batch(name).events], {})
            if (batch := inbox.lease(20)) is not None:
                inbox.finish(batch.id, [each.id for each in batch.events], {})
                done.extend(each.id for each in batch.events)

    def cut() -> None:
        """By what was done since the last time, not by the clock: on a slow machine no transaction would fit between two."""
        for number in range(100):
            wait_for("events brought", lambda brought=number * 8: len(added) >= brought)
            time.sleep(random.uniform(0, 0.05))
            postgres.disconnect_everybody(url)

    taking = threading.Thread(target=lambda: failures.extend(together(take)))
    failures: list[BaseException] = []
    taking.start()
    failures.extend(together(lambda: bring(0), lambda: bring(1), cut))
    over.set()
    taking.join(60)
    assert failures == []
    inbox = Inbox(url)
    wait_for("the end", lambda: inbox.counts() == {"done": 800} or None)
    assert len(done) == len(set(done))
    assert len(added) == 800
