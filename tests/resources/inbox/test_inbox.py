"""An event is kept once, the newest of its subject wins, and none is lost, whatever becomes of those who work on it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import BadInput, SoloistError
from resources.inbox import Event, Inbox
from resources.inbox.store import MAX_ATTEMPTS

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def event(subject: str, minute: int = 0, says: str | None = None, delivery: str | None = None, **more: str) -> Event:
    said = says if says is not None else f"{subject} at {minute}"
    return Event(
        source="github",
        delivery_id=delivery or f"{subject}/{minute}/{said}",
        kind="pull_request",
        subject=subject,
        happened_at=START + timedelta(minutes=minute),
        says=said,
        payload=said.encode(),
        **more,
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(inbox_url: str, clock: Clock) -> Iterator[Inbox]:
    opened = Inbox(inbox_url, clock)
    yield opened
    opened.close()


def drained(inbox: Inbox) -> list[str]:
    """What the events that wait say, as they are worked on, batch after batch."""
    said = []
    while (batch := inbox.lease()) is not None:
        said += [each.payload.decode() for each in batch.events]
        inbox.finish(batch.id, [each.id for each in batch.events], {})
    return said


def test_a_delivery_is_kept_once(inbox: Inbox) -> None:
    assert inbox.add([event("a"), event("b")]) == [True, True]
    assert inbox.add([event("a"), event("c")]) == [False, True]
    assert inbox.add([event("d"), event("d")]) == [True, False]
    assert inbox.add([]) == []
    assert drained(inbox) == ["a at 0", "b at 0", "c at 0", "d at 0"]
    assert inbox.lease() is None


def test_the_newest_of_a_subject_wins_in_whatever_order_they_come(inbox: Inbox) -> None:
    inbox.add([event("a", 2)])
    inbox.add([event("a", 1), event("a", 3), event("a", 0)])
    assert drained(inbox) == ["a at 3"]
    inbox.add([event("a", 2, delivery="late")])
    assert drained(inbox) == []
    assert inbox.counts() == {"superseded": 4, "done": 1}


def test_what_says_the_same_another_way_is_a_duplicate_even_after_it_was_done(inbox: Inbox) -> None:
    inbox.add([event("a", 1, "open", "webhook")])
    assert drained(inbox) == ["open"]
    inbox.add([event("a", 1, "open", "poll"), event("a", 5, "open", "another poll")])
    assert drained(inbox) == []
    assert inbox.counts() == {"done": 1, "duplicate": 2}


def test_what_comes_late_from_before_a_duplicate_does_not_win(inbox: Inbox) -> None:
    """Open, closed and opened again, of which the closing comes last: the pull request is open."""
    inbox.add([event("a", 1, "open", "first"), event("a", 3, "open", "third")])
    inbox.add([event("a", 2, "closed", "second")])
    assert drained(inbox) == ["open"]


def test_of_two_at_the_same_second_the_last_to_come_wins(inbox: Inbox) -> None:
    inbox.add([event("a", 1, "labelled"), event("a", 1, "unlabelled")])
    assert drained(inbox) == ["unlabelled"]


def test_a_newer_one_waits_while_an_older_one_is_worked_on(inbox: Inbox) -> None:
    inbox.add([event("a", 1)])
    first = inbox.lease()
    inbox.add([event("a", 2)])
    second = inbox.lease()
    assert first
    assert second
    assert [each.payload for each in second.events] == [b"a at 2"]
    inbox.release(first.id, "gone")
    assert inbox.lease() is None
    assert Counter(each.state for each in inbox.latest()) == {"superseded": 1, "leased": 1}


def test_what_failed_is_tried_again_later_and_dead_in_the_end_and_replayed(inbox: Inbox, clock: Clock) -> None:
    inbox.add([event("poison"), event("good")])
    for attempt in range(MAX_ATTEMPTS):
        batch = inbox.lease()
        assert batch
        poison = next(each.id for each in batch.events if each.subject == "poison")
        inbox.finish(batch.id, [each.id for each in batch.events if each.id != poison], {poison: f"broken {attempt}"})
        assert inbox.lease() is None
        clock.now += timedelta(hours=1)
    (dead,) = inbox.latest("dead")
    assert (dead.reason, dead.attempts) == (f"broken {MAX_ATTEMPTS - 1}", MAX_ATTEMPTS)
    assert inbox.counts() == {"dead": 1, "done": 1}
    assert inbox.replay([dead.id]) == 1
    assert drained(inbox) == ["poison at 0"]


def kill(inbox: Inbox, clock: Clock) -> None:
    """Fails what waits until it is dead, and goes an hour on."""
    for _ in range(MAX_ATTEMPTS):
        batch = inbox.lease()
        assert batch
        inbox.finish(batch.id, [], {batch.events[0].id: "broken"})
        clock.now += timedelta(hours=1)


def test_a_batch_whose_run_failed_pauses_as_what_failed_does_and_outlives_a_short_outage(
    inbox: Inbox, clock: Clock
) -> None:
    inbox.add([event("a"), event("b")])
    for pause_s in (30, 120, 480, 1920):
        while (batch := inbox.lease()) is not None:
            inbox.release(batch.id, "The run failed.", pauses=True)
        clock.now += timedelta(seconds=pause_s - 1)
        assert inbox.lease() is None
        clock.now += timedelta(seconds=1)
    assert drained(inbox) == ["a at 0", "b at 0"]


def test_a_dead_letter_is_revived_by_a_delivery_that_says_the_same(inbox: Inbox, clock: Clock) -> None:
    inbox.add([event("a", 1, "open")])
    kill(inbox, clock)
    inbox.add([event("a", 1, "open", "poll")])
    (revived,) = inbox.latest("waiting")
    assert (revived.attempts, revived.reason, revived.delivery_id) == (0, None, "a/1/open")
    inbox.add([event("a", 2, "closed")])
    assert drained(inbox) == ["closed"]


def test_a_dead_letter_is_revived_at_most_once_an_hour(inbox: Inbox, clock: Clock) -> None:
    inbox.add([event("a", 1, "open")])
    kill(inbox, clock)
    clock.now -= timedelta(minutes=40)  # 20 minutes after it died
    inbox.add([event("a", 3, "open", "poll"), event("a", 4, "open", "another")])
    assert inbox.lease() is None
    inbox.add([event("a", 2, "closed", "late")])
    clock.now += timedelta(minutes=39)
    assert inbox.lease() is None
    clock.now += timedelta(minutes=1)
    assert drained(inbox) == ["open"]
    assert inbox.counts() == {"done": 1, "duplicate": 2, "superseded": 1}


def test_a_newer_event_still_takes_the_place_of_a_dead_letter(inbox: Inbox, clock: Clock) -> None:
    inbox.add([event("a", 1, "open")])
    kill(inbox, clock)
    inbox.add([event("a", 2, "closed")])
    assert drained(inbox) == ["closed"]
    assert inbox.counts() == {"dead": 1, "done": 1}


def test_a_batch_whose_worker_is_killed_isolates_the_event_that_kills_it(inbox: Inbox) -> None:
    """Every run that has the poison dies; the others are done all the same, in few runs."""
    inbox.add([event(f"s{number:04}") for number in range(1000)])
    runs = 0
    while (batch := inbox.lease()) is not None:
        runs += 1
        if any(each.subject == "s0666" for each in batch.events):
            inbox.release(batch.id, "The run died.")
        else:
            inbox.finish(batch.id, [each.id for each in batch.events], {})
    assert inbox.counts() == {"done": 999, "dead": 1}
    assert inbox.latest("dead")[0].subject == "s0666"
    assert runs < 40


def test_what_is_ignored_is_kept_and_never_worked_on(inbox: Inbox) -> None:
    inbox.add([event("a", ignored="Nothing is made of it.")])
    assert inbox.lease() is None
    assert inbox.latest("ignored")[0].reason == "Nothing is made of it."


def test_a_batch_is_found_again_under_its_name(inbox: Inbox, inbox_url: str) -> None:
    inbox.add([event("a"), event("b")])
    batch = inbox.lease()
    assert batch
    other = Inbox(inbox_url)
    assert other.open_batches() == [batch.id]
    assert other.batch(batch.id) == batch
    other.finish(batch.id, [each.id for each in batch.events], {})
    assert inbox.open_batches() == []
    inbox.finish(batch.id, [], {batch.events[0].id: "too late"})
    assert inbox.counts() == {"done": 2}


def test_cursors_are_kept(inbox: Inbox) -> None:
    assert inbox.cursor("github:a/b") is None
    inbox.set_cursor("github:a/b", "1")
    inbox.set_cursor("github:a/b", "2")
    assert inbox.cursor("github:a/b") == "2"


def test_settled_events_are_pruned_and_dead_letters_stay(inbox: Inbox, clock: Clock) -> None:
    inbox.add([event("a"), event("b", ignored="Nothing is made of it.")])
    drained(inbox)
    inbox.add([event("c")])
    clock.now += timedelta(days=40)
    assert inbox.prune(clock.now - timedelta(days=30)) == 2
    assert inbox.counts() == {"waiting": 1}


def test_dropping_and_an_unknown_event(inbox: Inbox) -> None:
    inbox.add([event("a")])
    (kept,) = inbox.latest()
    assert inbox.get(kept.id) == kept
    assert inbox.drop([kept.id, 77]) == 1
    with pytest.raises(BadInput, match="The inbox has no event"):
        inbox.get(kept.id)


@pytest.mark.parametrize("url", ["nonsense", "oracle9://x", "sqlite+nothing:///a"])
def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    with pytest.raises(BadInput, match=r"^SOLOIST_INBOX_URL cannot be used; .*\.$"):
        Inbox(url)


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "inbox.db").write_bytes(b"this is no database, however long it is" * 100)
    with pytest.raises(SoloistError, match=r"^The inbox .*inbox\.db cannot be opened .*\.$"):
        Inbox(f"sqlite:///{tmp_path}/inbox.db")


def test_a_newer_inbox_is_refused(inbox_url: str) -> None:
    Inbox(inbox_url).close()
    with sa.create_engine(inbox_url).begin() as connection:
        connection.exec_driver_sql("UPDATE cursors SET value = '99' WHERE name = 'schema'")
    with pytest.raises(SoloistError, match="made by a newer version"):
        Inbox(inbox_url)


def test_readers_do_not_wait_for_a_writer(inbox_url: str) -> None:
    inbox, other = Inbox(inbox_url), Inbox(inbox_url)
    inbox.add([event("a")])
    with inbox._engine.begin() as connection:
        connection.execute(sa.text("UPDATE events SET state = 'done'"))
        began = time.monotonic()
        assert other.counts() == {"waiting": 1}
        assert other.has_due()
        assert time.monotonic() - began < 1
    assert other.counts() == {"done": 1}


def test_many_threads_add_and_drain_and_nothing_is_lost_or_doubled(inbox_url: str) -> None:
    Inbox(inbox_url).close()
    done: list[str] = []

    def deliver(seed: int) -> None:
        inbox = Inbox(inbox_url)
        numbers = list(range(100))
        random.Random(seed).shuffle(numbers)
        for number in numbers:
            inbox.add([event(f"s{number}")])

    def drain() -> None:
        inbox = Inbox(inbox_url)
        while not finished.is_set() or inbox.counts().get("waiting"):
            if (batch := inbox.lease(20)) is not None:
                inbox.finish(batch.id, [each.id for each in batch.events], {})
                done.extend(each.subject for each in batch.events)

    finished = threading.Event()
    drainers = [threading.Thread(target=drain) for _ in range(2)]
    deliverers = [threading.Thread(target=deliver, args=(seed,)) for seed in range(3)]
    for thread in (*drainers, *deliverers):
        thread.start()
    for thread in deliverers:
        thread.join()
    finished.set()
    for thread in drainers:
        thread.join()
    assert sorted(done) == sorted(f"s{number}" for number in range(100))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_however_it_comes_the_newest_state_is_worked_on_once(data: st.DataObject) -> None:
    """States of a few subjects at instants, delivered in any order, some twice and some by poll, drained now and then."""
    history = {
        subject: data.draw(st.lists(st.sampled_from("xyz"), min_size=1, max_size=4), label=subject) for subject in "ab"
    }
    for states in history.values():
        states[1:] = [after for before, after in pairwise(states) if before != after]
    facts = [(s, minute, state) for s, states in history.items() for minute, state in enumerate(states)]
    ways = data.draw(st.lists(st.sampled_from([(f, way) for f in facts for way in ("webhook", "poll")]), max_size=12))
    order = data.draw(st.permutations([*((fact, "webhook") for fact in facts), *ways]))
    inbox = Inbox("sqlite://")
    last: dict[str, str] = {}
    for (subject, minute, state), way in order:
        inbox.add([event(subject, minute, state, f"{subject}{minute}{way}")])
        if data.draw(st.booleans()):
            last |= {each.subject: each.payload.decode() for each in _work(inbox)}
    last |= {each.subject: each.payload.decode() for each in _work(inbox)}
    assert last == {subject: states[-1] for subject, states in history.items()}
    counts = inbox.counts()
    assert set(counts) <= {"done", "superseded", "duplicate"}


def _work(inbox: Inbox) -> list[object]:
    batch = inbox.lease()
    if batch is None:
        return []
    inbox.finish(batch.id, [each.id for each in batch.events], {})
    return list(batch.events)
