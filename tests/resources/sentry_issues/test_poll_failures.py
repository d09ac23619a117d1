"""Whatever Sentry does instead of answering, polling is complete in the end, and it is never stuck."""

from __future__ import annotations

import json
import random
import time
from datetime import timedelta

import pytest
from sentry_looks import CARDS, SDK, SHELF, effects, errors, look, stands, truth
from sentry_server import DROP, HALF, SERVER_ERROR, WEB_PAGE, Fault, SentryServer

from resources.inbox import Inbox

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("fault", [SERVER_ERROR, DROP, HALF, WEB_PAGE, Fault(429, "{}", {"Retry-After": "1"})])
def test_it_is_complete_although_requests_fail_half_of_the_time(
    sentry: SentryServer, inbox: Inbox, fault: Fault
) -> None:
    dice = random.Random(7)
    odds = 0.05 if fault.status == 429 else 0.5
    for _ in range(10):
        sentry.put(SHELF, error=SDK)
    sentry.fault = lambda _request: fault if dice.random() < odds else None
    for _ in range(40):
        if len(errors(inbox)) == 10 and stands(inbox) == truth(sentry):
            break
        look(sentry, inbox)
    assert stands(inbox) == truth(sentry)
    assert len(errors(inbox)) == 10
    assert len(effects(inbox)) == 20


def test_time_that_runs_out_is_gone_on_with_by_the_next_tick(sentry: SentryServer, inbox: Inbox) -> None:
    for _ in range(20):
        sentry.put(SHELF, error=SDK)
        sentry.put(CARDS, error=SDK)
    sentry.fault = lambda _request: Fault(delay_s=0.01)
    ticks = 0
    while stands(inbox) != truth(sentry) | truth(sentry, CARDS) or len(errors(inbox)) < 40:
        began = time.monotonic()
        report = look(sentry, inbox, SHELF, CARDS, seconds=0.12)
        assert time.monotonic() - began < 2
        assert report.problems == []
        ticks += 1
        assert ticks < 100
    assert ticks > 3


def test_a_slow_project_keeps_no_other_waiting_for_ever(sentry: SentryServer, inbox: Inbox) -> None:
    sentry.put(SHELF, error=SDK)
    sentry.put(CARDS, error=SDK)
    sentry.fault = lambda request: Fault(delay_s=1) if request.project == SHELF else None
    look(sentry, inbox, SHELF, CARDS, seconds=0.2, try_s=0.3)
    look(sentry, inbox, SHELF, CARDS, seconds=0.2, try_s=0.3)
    assert truth(sentry, CARDS).items() <= stands(inbox).items()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(403, '{"detail": "no"}'), "does not let"),
        (Fault(404, '{"detail": "no"}'), "has no issues of fern/shelf"),
        (SERVER_ERROR, "fails to give issues of fern/shelf"),
        (DROP, "does not answer"),
        (WEB_PAGE, "web page"),
    ],
)
def test_a_project_that_fails_is_a_sentence_and_stops_no_other(
    sentry: SentryServer, inbox: Inbox, fault: Fault, says: str
) -> None:
    sentry.put(SHELF, error=SDK)
    sentry.put(CARDS, error=SDK)
    sentry.fault = lambda request: fault if request.project == SHELF else None
    for _ in range(5):
        report = look(sentry, inbox, SHELF, CARDS)
        assert len(report.problems) == 1
        assert says in report.sentence
        assert stands(inbox) == truth(sentry, CARDS)
    sentry.fault = lambda _request: None
    assert look(sentry, inbox, SHELF, CARDS).problems == []
    assert stands(inbox) == truth(sentry) | truth(sentry, CARDS)


def test_where_nobody_answers_not_every_project_is_tried(sentry: SentryServer, inbox: Inbox) -> None:
    sentry.fault = lambda _request: DROP
    report = look(sentry, inbox, "fern/one", "fern/two", "fern/three")
    assert "does not answer" in report.sentence
    assert {request.project for request in sentry.requests} == {"fern/one", "fern/two"}


def test_a_token_that_is_refused_is_asked_with_once(sentry: SentryServer, inbox: Inbox) -> None:
    report = look(sentry, inbox, SHELF, CARDS, token="anothertoken")
    assert len(sentry.requests) == 1
    assert "SOLOIST_SENTRY_TOKEN (401: Invalid token)" in report.sentence


def test_a_limit_is_waited_for_without_asking_over_ticks_and_restarts(sentry: SentryServer, inbox: Inbox) -> None:
    for _ in range(9):
        sentry.put(SHELF, error=SDK)
    sentry.remaining = 2
    report = look(sentry, inbox)
    assert report.waits_until == sentry.clock + timedelta(seconds=600)
    asked = len(sentry.requests)
    for _ in range(9):
        report = look(sentry, inbox)
        assert "rate limit is used up until" in report.sentence
    assert len(sentry.requests) == asked
    sentry.remaining = 10**6
    look(sentry, inbox, minutes=2)
    assert stands(inbox) == truth(sentry)
    assert len(errors(inbox)) == 9


def test_a_limit_of_which_nothing_is_told_doubles_from_tick_to_tick(sentry: SentryServer, inbox: Inbox) -> None:
    sentry.put(SHELF)
    sentry.fault = lambda _request: Fault(429, "{}")
    minutes = []
    for _ in range(3):
        report = look(sentry, inbox, minutes=200)
        assert report.waits_until is not None
        minutes.append((report.waits_until - sentry.clock).total_seconds() / 60)
    assert minutes == [1, 2, 4]
    sentry.fault = lambda _request: None
    assert look(sentry, inbox, minutes=200).problems == []


def test_a_page_that_always_fails_does_not_keep_back_what_is_new(sentry: SentryServer, inbox: Inbox) -> None:
    for _ in range(7):
        sentry.put(SHELF, error=SDK)
    sentry.fault = lambda request: SERVER_ERROR if request.is_list and request.offset == 3 else None
    for _ in range(8):
        issue = sentry.put(SHELF, error=SDK)
        for _ in range(4):
            look(sentry, inbox)
        assert issue in stands(inbox)
        assert issue in errors(inbox)
    sentry.fault = lambda _request: None
    for _ in range(4):
        look(sentry, inbox)
    assert stands(inbox) == truth(sentry)


def test_an_error_that_is_not_given_is_left_out_in_the_end(sentry: SentryServer, inbox: Inbox) -> None:
    bad, good = sentry.put(SHELF, error=SDK), sentry.put(SHELF, error=SDK)
    sentry.fault = lambda request: SERVER_ERROR if f"/{bad}/" in request.path else None
    reports = [look(sentry, inbox) for _ in range(4)]
    assert [len(each.problems) for each in reports] == [1, 1, 1, 0]
    assert errors(inbox) == {good}
    assert stands(inbox) == truth(sentry)


def test_an_issue_whose_errors_are_gone_is_no_problem(sentry: SentryServer, inbox: Inbox) -> None:
    sentry.put(SHELF)
    assert look(sentry, inbox).problems == []
    asked = len(sentry.requests)
    look(sentry, inbox)
    assert len(sentry.requests) == asked + 1


def test_what_cannot_be_read_is_a_sentence_and_hides_no_other(sentry: SentryServer, inbox: Inbox) -> None:
    good = sentry.put(SHELF, error=SDK)
    for wrong_one in ({"status": None}, {"id": None}):
        sentry.put(SHELF, **wrong_one)
    report = look(sentry, inbox)
    assert "Some issues of fern/shelf cannot be read" in report.sentence
    assert set(stands(inbox)) == {good}
    sentry.errors[good] = SDK | {"timestamp": "2026-11-20T09:00:00Z"}
    sentry.fault = lambda request: Fault(200, "{}") if not request.is_list else None
    sentry.change(SHELF, good, substatus="regressed")
    assert "Some errors of fern/shelf cannot be read" in look(sentry, inbox).sentence


def test_pages_that_go_round_in_a_circle_end(sentry: SentryServer, inbox: Inbox) -> None:
    for _ in range(7):
        sentry.put(SHELF, substatus="ongoing")
    link = '</api/0/projects/fern/shelf/issues/?cursor=0:3:0>; rel="next"; results="true"'
    page = json.dumps(list(sentry.projects[SHELF].values())[:3])
    sentry.fault = lambda _request: Fault(200, page, {"Link": link})
    report = look(sentry, inbox)
    assert "go round in a circle" in report.sentence
    assert len(sentry.requests) < 10
