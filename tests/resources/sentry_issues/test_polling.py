"""Polling is complete and makes each effect once, whatever changes meanwhile and however it is told."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from sentry_looks import SDK, SHELF, effects, errors, look, newest, stands, truth, wrong
from sentry_objects import caught, webhook_event, webhook_issue
from sentry_server import Received, SentryServer

from resources.inbox import Inbox
from resources.sentry_issues.events import event_of
from resources.sentry_issues.reading import delivered

pytestmark = pytest.mark.integration


def test_all_pages_are_read_and_an_error_of_what_is_fresh(sentry: SentryServer, inbox: Inbox) -> None:
    for substatus in ("new", "regressed", "ongoing", "escalating", "new", None, "new"):
        sentry.put(SHELF, error=SDK, substatus=substatus)
    sentry.put(SHELF, error=SDK, status="resolved", substatus=None)
    sentry.put(SHELF, error=SDK, substatus="ongoing", tags=[{"key": "needs-test"}])
    report = look(sentry, inbox)
    assert report.problems == []
    assert stands(inbox) == truth(sentry)
    assert errors(inbox) == {"1001", "1002", "1004", "1005", "1006", "1007", "1009"}
    assert report.new == 16
    assert "16 new facts" in report.sentence
    kept = json.loads(newest(inbox)["sentry:error:1001"].payload)
    assert kept["exceptions"][0]["type"] == "KeyError"
    assert (kept["organization"], kept["project"]) == ("fern", "shelf")


def test_an_error_of_every_open_issue_is_read_once_where_that_is_wanted(sentry: SentryServer, inbox: Inbox) -> None:
    """An issue that nobody resolves is `ongoing` after a week."""
    old = sentry.put(SHELF, error=SDK, substatus="ongoing", at=sentry.tick(3600))
    fresh = sentry.put(SHELF, error=SDK, at=sentry.tick(3600))
    bare = sentry.put(SHELF, substatus="ongoing", at=sentry.tick(3600))
    sentry.put(SHELF, error=SDK, status="resolved", substatus=None, at=sentry.tick(3600))
    for _ in range(4):
        sentry.put(SHELF, error=SDK, substatus="archived_forever", status="ignored", at=sentry.tick(3600))
    look(sentry, inbox)
    assert errors(inbox) == {fresh}
    for _ in range(3):
        report = look(sentry, inbox, minutes=61, every_open=True)
        assert report.problems == []
        assert errors(inbox) == {old, fresh}, "what was known before it was wanted too"
    sentry.requests.clear()
    look(sentry, inbox, minutes=61, every_open=True)
    assert not [each for each in sentry.requests if not each.is_list], f"nor is {bare} asked for again, which has none"


def test_what_is_known_is_asked_for_with_one_request(sentry: SentryServer, inbox: Inbox) -> None:
    for _ in range(9):
        sentry.put(SHELF, error=SDK, at=sentry.tick(3600))
    look(sentry, inbox)
    assert len(effects(inbox)) == 18
    sentry.requests.clear()
    for _ in range(5):
        assert look(sentry, inbox).new == 0
    assert len(sentry.requests) == 5
    assert effects(inbox) == []


def test_a_further_error_of_a_known_issue_is_no_event(sentry: SentryServer, inbox: Inbox) -> None:
    issue = sentry.put(SHELF, error=SDK)
    look(sentry, inbox)
    assert effects(inbox) == [f"sentry:error:{issue}", f"sentry:issue:{issue}"]
    for _ in range(5):
        sentry.put(SHELF, issue, title="KeyError: 'right'", metadata={"type": "ValueError", "value": "right"})
        assert look(sentry, inbox).new == 0


def test_an_issue_that_comes_back_is_an_event_with_its_latest_error(sentry: SentryServer, inbox: Inbox) -> None:
    issue = sentry.put(SHELF, error=SDK, status="resolved", substatus=None)
    look(sentry, inbox)
    assert effects(inbox) == [f"sentry:issue:{issue}"]
    sentry.put(SHELF, issue, caught(wrong, "shelf@2"), status="unresolved", substatus="regressed")
    look(sentry, inbox)
    assert effects(inbox) == [f"sentry:error:{issue}", f"sentry:issue:{issue}"]
    assert json.loads(newest(inbox)[f"sentry:error:{issue}"].payload)["release"] == "shelf@2"


def test_what_changes_without_an_error_is_found_within_the_hour(sentry: SentryServer, inbox: Inbox) -> None:
    issues = [sentry.put(SHELF, error=SDK, at=sentry.tick(3600)) for _ in range(8)]
    look(sentry, inbox)
    for status, substatus in (("resolved", None), ("unresolved", "ongoing"), ("resolved", None)):
        sentry.change(SHELF, issues[0], status=status, substatus=substatus)
        look(sentry, inbox, minutes=61)
        assert stands(inbox) == truth(sentry)


def test_webhook_and_poll_make_one_effect(sentry: SentryServer, inbox: Inbox) -> None:
    issue = sentry.put(SHELF, error=SDK)
    found = sentry.projects[SHELF][issue]
    payloads = {
        "issue": webhook_issue(found, SHELF),
        "error": {"data": {"error": webhook_event(SDK, issue, SHELF)}},
        "event_alert": {"data": {"event": webhook_event(SDK, issue, SHELF)}},
    }
    for first in (True, False):
        for kind, payload in payloads.items():
            fact = delivered(kind, payload, sentry.clock)
            assert fact is not None
            inbox.add([event_of(fact, f"{kind}:{first}")])
        if first:
            assert effects(inbox) == [f"sentry:error:{issue}", f"sentry:issue:{issue}"]
        assert look(sentry, inbox).problems == []
        assert effects(inbox) == []


def test_a_webhook_of_the_issue_does_not_cover_its_error(sentry: SentryServer, inbox: Inbox) -> None:
    issue = sentry.put(SHELF, error=SDK)
    look(sentry, inbox)
    fact = delivered(
        "issue", webhook_issue(sentry.projects[SHELF][issue] | {"status": "resolved"}, SHELF), sentry.tick()
    )
    assert fact is not None
    inbox.add([event_of(fact, "resolved")])
    assert stands(inbox)[issue][0] == "resolved"
    assert effects(inbox) == [f"sentry:error:{issue}", f"sentry:issue:{issue}"]


def test_a_webhook_that_was_missed_is_made_up_for(sentry: SentryServer, inbox: Inbox) -> None:
    issue = sentry.put(SHELF)
    look(sentry, inbox)
    assert errors(inbox) == set()
    sentry.put(SHELF, issue, SDK, substatus="regressed")
    look(sentry, inbox)
    assert errors(inbox) == {issue}


@pytest.mark.parametrize("seed", range(8))
def test_it_is_complete_although_the_list_changes_between_pages(sentry: SentryServer, inbox: Inbox, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(12):
        sentry.put(SHELF, error=SDK)

    def change(request: Received) -> None:
        known = list(sentry.projects[SHELF])
        match dice.randrange(5):
            case 0:
                sentry.put(SHELF, error=SDK)
            case 1:
                sentry.put(SHELF, dice.choice(known), SDK, status="unresolved", substatus="regressed")
            case 2 if len(known) > 6:
                del sentry.projects[SHELF][dice.choice(known)]
            case 3:
                sentry.change(SHELF, dice.choice(known), status="resolved", substatus=None)

    sentry.before = change
    for _ in range(6):
        look(sentry, inbox)
    sentry.before = lambda _request: None
    look(sentry, inbox)
    look(sentry, inbox, minutes=61)
    known = stands(inbox)
    assert {number: known.get(number) for number in truth(sentry)} == truth(sentry)
    effects(inbox)
    look(sentry, inbox)
    assert effects(inbox) == []


def test_one_that_vanishes_between_two_pages_hides_no_other(sentry: SentryServer, inbox: Inbox) -> None:
    issues = [sentry.put(SHELF, error=SDK, at=sentry.tick(3600)) for _ in range(7)]

    def vanish(request: Received) -> None:
        if request.is_list and request.offset == 3 and issues[-1] in sentry.projects[SHELF]:
            del sentry.projects[SHELF][issues[-1]]

    sentry.before = vanish
    look(sentry, inbox)
    assert set(truth(sentry)) <= set(stands(inbox))


def test_a_killed_poller_loses_nothing_and_repeats_nothing(sentry: SentryServer, inbox: Inbox) -> None:
    """Killed between what goes into the inbox and the cursor: both are as they were before, but for the events."""
    for _ in range(7):
        sentry.put(SHELF, error=SDK)
    before = inbox.cursor(f"sentry:{SHELF}")
    look(sentry, inbox)
    assert len(effects(inbox)) == 14
    inbox.set_cursor(f"sentry:{SHELF}", before or "")
    look(sentry, inbox)
    assert effects(inbox) == []
    assert stands(inbox) == truth(sentry)


@pytest.mark.parametrize("cursor", ["", "{", "[]", '{"newest": 5, "said": []}', '{"unknown": 1}'])
def test_a_spoilt_cursor_is_begun_anew(sentry: SentryServer, inbox: Inbox, cursor: str) -> None:
    sentry.put(SHELF, error=SDK)
    for name in (f"sentry:{SHELF}", "sentry:turn", "sentry:wait"):
        inbox.set_cursor(name, cursor)
    assert look(sentry, inbox).problems == []
    assert stands(inbox) == truth(sentry)


def test_only_what_had_an_error_within_the_horizon_is_taken(sentry: SentryServer, inbox: Inbox) -> None:
    for days in (40, 20, 15):
        sentry.put(SHELF, error=SDK, at=sentry.clock - timedelta(days=days))
    inside = sentry.put(SHELF, error=SDK, at=sentry.clock - timedelta(days=13))
    look(sentry, inbox)
    assert set(stands(inbox)) == {inside}


def test_what_is_remembered_does_not_grow_for_ever(sentry: SentryServer, inbox: Inbox) -> None:
    sizes, sentry.page_size = [], 100
    for _ in range(30):
        for _ in range(20):
            sentry.put(SHELF, substatus="ongoing")
        look(sentry, inbox, minutes=24 * 60)
        sizes.append(len(inbox.cursor(f"sentry:{SHELF}") or ""))
    assert sizes[-1] <= sizes[16] * 1.1


def test_projects_that_are_named_twice_are_asked_for_once(sentry: SentryServer, inbox: Inbox) -> None:
    look(sentry, inbox, SHELF, SHELF.upper(), SHELF)
    assert len(sentry.requests) == 1
    assert inbox.cursor("sentry:turn") is not None
