"""An effect lies under its key once, the last put wins, and none is lost or sent twice, whatever becomes of those who send."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from resources.errors import BadInput, SoloistError
from resources.inbox import Event, Inbox
from resources.outbox import KeepComment, OpenIssue, Outbox
from resources.outbox.store import LEASE, LIFE, MAX_ATTEMPTS, Kept
from tests.publications import Clock


@pytest.fixture
def outbox(outbox_url: str, clock: Clock) -> Iterator[Outbox]:
    opened = Outbox(outbox_url, clock)
    yield opened
    opened.close()


def comment(body: str = "One finding.") -> KeepComment:
    return KeepComment(repository="ada/engine", number=12, body=body)


def put(outbox: Outbox, body: str = "One finding.", key: str = "review:1") -> bool:
    return outbox.put({key: comment(body)})[0]


def leased(outbox: Outbox) -> Kept:
    effect = outbox.lease()
    assert effect is not None
    return effect


def of(outbox: Outbox, key: str = "review:1") -> Kept:
    effect = outbox.under(key)
    assert effect is not None
    return effect


def test_an_effect_is_kept_under_its_key_and_sent_once(outbox: Outbox, clock: Clock) -> None:
    assert outbox.put({"review:1": comment(), "review:2": comment()}) == [True, True]
    assert outbox.put({}) == []
    assert outbox.has_due()
    first, second = leased(outbox), leased(outbox)
    assert [first.key, second.key] == ["review:1", "review:2"]
    assert outbox.lease() is None
    clock.tick(seconds=3)
    assert outbox.sent(first, "https://github.example/1")
    assert outbox.sent(second, "https://github.example/2", "It was closed.")
    assert not outbox.has_due()
    assert outbox.counts() == {"sent": 2}
    assert (of(outbox).result, of(outbox).settled_at, of(outbox, "review:2").reason) == (
        "https://github.example/1",
        clock.now,
        "It was closed.",
    )


def test_the_same_again_changes_nothing_in_any_state(outbox: Outbox, clock: Clock) -> None:
    put(outbox)
    assert not put(outbox)
    effect = leased(outbox)
    assert not put(outbox)
    outbox.sent(effect, "there")
    clock.tick(days=1)
    assert not put(outbox)
    assert (of(outbox).state, of(outbox).put_at) == ("sent", effect.put_at)


def test_a_newer_payload_takes_the_place_of_one_that_waits(outbox: Outbox) -> None:
    put(outbox, "old")
    assert put(outbox, "new")
    assert '"new"' in leased(outbox).payload
    assert outbox.lease() is None


def test_a_newer_payload_opens_one_that_was_sent_again_and_its_first_instant_stays(
    outbox: Outbox, clock: Clock
) -> None:
    put(outbox, "old")
    outbox.sent(leased(outbox), "there")
    begun = clock.now
    clock.tick(days=3)
    assert put(outbox, "new")
    effect = leased(outbox)
    assert (effect.created_at, effect.put_at, effect.attempts) == (begun, clock.now, 0)
    outbox.failed(effect, "refused", transient=False)
    assert of(outbox).state == "dead"
    assert put(outbox, "newest")
    assert (of(outbox).state, of(outbox).reason) == ("waiting", None)


@pytest.mark.parametrize("settle", ["sent", "failed", "put off"])
def test_what_is_put_while_the_old_one_is_sent_is_not_taken_for_sent(outbox: Outbox, clock: Clock, settle: str) -> None:
    put(outbox, "old")
    effect = leased(outbox)
    assert put(outbox, "new")
    assert outbox.lease() is None
    if settle == "sent":
        outbox.sent(effect, "there")
        assert of(outbox).result == "there"
    elif settle == "failed":
        outbox.failed(effect, "refused", transient=False)
    else:
        outbox.put_off(effect, "limited", clock.now + timedelta(days=1))
    assert '"new"' in leased(outbox).payload
    assert of(outbox).attempts == 0


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_settles_nothing(outbox: Outbox, clock: Clock) -> None:
    put(outbox)
    gone = leased(outbox)
    clock.tick(seconds=LEASE.total_seconds() - 1)
    assert outbox.lease() is None
    clock.tick(seconds=1)
    assert outbox.has_due()
    taken = leased(outbox)
    assert (taken.id, taken.attempts) == (gone.id, 1)
    assert not outbox.sent(gone, "twice")
    assert not outbox.failed(gone, "late", transient=False)
    assert not outbox.put_off(gone, "late", clock.now)
    assert of(outbox).state == "leased"
    assert outbox.sent(taken, "once")


def test_an_effect_that_kills_whoever_sends_it_is_dead_in_the_end(outbox: Outbox, clock: Clock) -> None:
    put(outbox)
    for _ in range(MAX_ATTEMPTS):
        leased(outbox)
        clock.tick(seconds=LEASE.total_seconds())
    assert outbox.lease() is None
    assert (of(outbox).state, of(outbox).reason) == ("dead", "Whoever sent it ended before it was settled.")


def test_what_failed_for_now_is_tried_again_ever_later_and_dead_in_the_end(outbox: Outbox, clock: Clock) -> None:
    put(outbox)
    pauses = []
    for _ in range(MAX_ATTEMPTS - 1):
        outbox.failed(leased(outbox), "502", transient=True)
        assert outbox.lease() is None
        pauses.append(of(outbox).next_at - clock.now)
        clock.now = of(outbox).next_at
    assert timedelta(seconds=45) <= pauses[0] <= timedelta(seconds=75)
    assert all(timedelta(hours=4.5) <= pause <= timedelta(hours=7.5) for pause in pauses[5:])
    outbox.failed(leased(outbox), "502 again", transient=True)
    assert (of(outbox).state, of(outbox).attempts, of(outbox).reason) == ("dead", MAX_ATTEMPTS, "502 again")
    assert sum(pauses, timedelta()) < LIFE


def test_two_that_fail_together_do_not_come_back_together(outbox: Outbox) -> None:
    outbox.put({f"review:{number}": comment() for number in range(5)})
    for _ in range(5):
        outbox.failed(leased(outbox), "502", transient=True)
    assert len({each.next_at for each in outbox.latest()}) == 5


def test_what_is_put_off_costs_no_attempt(outbox: Outbox, clock: Clock) -> None:
    put(outbox)
    outbox.put_off(leased(outbox), "limited", clock.now + timedelta(minutes=30))
    assert outbox.lease() is None
    clock.tick(minutes=30)
    assert leased(outbox).attempts == 0


def test_what_waited_too_long_expires_instead_of_flooding(outbox: Outbox, clock: Clock) -> None:
    put(outbox, key="old")
    clock.tick(days=13)
    put(outbox, key="newer")
    clock.tick(days=1)
    assert [each.key for each in outbox.due()] == ["newer"]
    assert leased(outbox).key == "newer"
    assert (of(outbox, "old").state, outbox.counts()) == ("expired", {"expired": 1, "leased": 1})
    assert "longer than 14 days" in str(of(outbox, "old").reason)
    assert not put(outbox, key="old")
    assert outbox.replay([of(outbox, "old").id]) == 1
    assert leased(outbox).key == "old"


def test_some_verbs_can_be_left_out(outbox: Outbox) -> None:
    put(outbox)
    assert outbox.lease(without=["keep_comment"]) is None
    assert outbox.lease(without=["open_issue"]) is not None


def test_replaying_and_dropping_leave_alone_what_is_leased(outbox: Outbox) -> None:
    outbox.put({"review:1": comment(), "review:2": comment()})
    effect = leased(outbox)
    outbox.failed(effect, "refused", transient=False)
    held = leased(outbox)
    assert outbox.replay([effect.id, held.id]) == 1
    assert (of(outbox).state, of(outbox).attempts, of(outbox).reason) == ("waiting", 0, None)
    assert outbox.drop([effect.id, held.id, 99]) == 1
    assert [each.key for each in outbox.latest()] == ["review:2"]
    with pytest.raises(BadInput, match="has no effect 99"):
        outbox.get(99)


def test_pruning_takes_what_is_done_and_leaves_dead_letters(outbox: Outbox, clock: Clock) -> None:
    outbox.put({f"review:{number}": comment() for number in range(3)})
    outbox.sent(leased(outbox), "there")
    outbox.failed(leased(outbox), "refused", transient=False)
    clock.tick(days=31)
    assert outbox.prune(clock.now - timedelta(days=30)) == 1
    assert outbox.counts() == {"dead": 1, "waiting": 1}


def test_pruning_leaves_what_was_opened_with_the_instant_of_its_key(outbox: Outbox, clock: Clock) -> None:
    alert = OpenIssue(repository="ada/alerts", title="Runs fail", body="It failed.")
    outbox.put({"alert:1": alert})
    outbox.sent(leased(outbox), "there")
    put(outbox, key="review:1")
    outbox.sent(leased(outbox), "there")
    earlier = of(outbox, "alert:1")
    clock.tick(days=400)
    assert outbox.prune(clock.now - timedelta(days=30)) == 1
    assert of(outbox, "alert:1") == earlier
    assert outbox.put({"alert:1": alert}) == [False]


def test_a_reason_holds_no_secret_and_nothing_that_no_database_keeps(outbox: Outbox) -> None:
    put(outbox)
    outbox.failed(leased(outbox), "half \ud800 nul \0 token=ghp_0123456789abcdefghij " + "a" * 900, transient=True)
    reason = str(of(outbox).reason)
    assert reason.startswith("half ? nul \N{REPLACEMENT CHARACTER} token=[hidden]")
    assert len(reason) <= 500


def test_an_unusable_key_keeps_all_of_a_put_out(outbox: Outbox) -> None:
    with pytest.raises(BadInput, match="no key"):
        outbox.put({"fine": comment(), "not fine": comment()})
    assert outbox.counts() == {}


def test_many_publishers_at_once_never_hold_the_same_effect(outbox: Outbox) -> None:
    outbox.put({f"review:{number}": comment() for number in range(40)})
    taken: list[int] = []

    def work() -> None:
        while (effect := outbox.lease()) is not None:
            taken.append(effect.id)
            outbox.sent(effect, "there")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(set(taken))
    assert outbox.counts() == {"sent": 40}


def test_it_lies_in_the_database_of_the_inbox_and_a_newer_one_is_not_opened(outbox: Outbox, outbox_url: str) -> None:
    inbox = Inbox(outbox_url)
    at = outbox.now()
    assert inbox.add([Event("github", "1", "push", "s", at, "says", b"{}")]) == [True]
    inbox.close()
    with outbox.engine.begin() as connection:
        connection.execute(sa.text("UPDATE cursors SET value = '99' WHERE name = 'outbox schema'"))
    with pytest.raises(SoloistError, match="newer version of Soloist"):
        Outbox(outbox_url)
