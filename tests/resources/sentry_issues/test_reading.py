"""Webhooks, the SDK and the REST API say the same of an error and of an issue, in facts that say what is to be made of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sentry_sdk
from sentry_objects import Json, caught, rest_event, rest_issue, webhook_event, webhook_issue

from resources.inbox import Inbox
from resources.sentry_issues.events import event_of, polled_event
from resources.sentry_issues.facts import FACTS, ErrorEvent, SentryIssue
from resources.sentry_issues.reading import delivered, error, issue, sent_at
from resources.sentry_issues.traces import LONGEST_VARIABLE, MOST_CHARACTERS, MOST_FRAMES, MOST_VARIABLES

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
PROJECT = "fern/shelf"
SEEN = datetime(2026, 11, 20, 9, tzinfo=UTC)


class Missing(Exception):
    """An exception of a module of ours."""


def put(shelf: dict[str, list[int]], name: str, weight: int) -> None:
    room = 12 - sum(shelf[name])
    if weight > room:
        raise ValueError(f"{weight} does not fit in {room}")


def overfull() -> None:
    put({"left": [3, 4]}, "left", 9)


def with_a_cause() -> None:
    try:
        put({}, "left", 1)
    except KeyError as wrong:
        raise Missing("no shelf «left» – \N{BOOKS}") from wrong


def endless(depth: int = 0) -> int:
    return endless(depth + 1) + 1


def without_source() -> None:
    exec(compile("def cut(cord):\n    return cord / 0\ncut(3)", "made up", "exec"), {})


def of_long_values() -> None:
    names = {f"book {number}": "x" * 50 for number in range(200)}
    text = "a\r\nb\x00" + "y" * 100_000
    raise ValueError(text + str(len(names)))


def logged() -> None:
    sentry_sdk.capture_event(
        {"level": "warning", "logentry": {"message": "%s books on %s", "params": ["12", "left"]}, "logger": "shelf"}
    )


ERRORS: list[Callable[[], Any]] = [overfull, with_a_cause, endless, without_source, of_long_values, logged]


def both(sdk: Json, number: str = "77") -> tuple[ErrorEvent, ErrorEvent]:
    """The error by webhook and when it is asked for."""
    url = f"https://sentry.io/organizations/fern/issues/{number}/"
    payload = {"action": "triggered", "data": {"event": webhook_event(sdk, number, PROJECT)}}
    by_webhook = delivered("event_alert", payload, AT)
    assert isinstance(by_webhook, ErrorEvent)
    return by_webhook, error(rest_event(sdk, number), number, "fern", "shelf", url)


@pytest.mark.parametrize("work", ERRORS)
@pytest.mark.parametrize("release", ["shelf@1.4.0", None])
def test_an_error_by_webhook_equals_the_one_that_is_asked_for(work: Callable[[], Any], release: str | None) -> None:
    by_webhook, asked = both(caught(work, release))
    assert by_webhook == asked
    assert by_webhook.says == asked.says
    assert event_of(by_webhook, "a") == event_of(asked, "a")
    assert by_webhook.release == release
    assert (by_webhook.environment, by_webhook.platform, by_webhook.tags["shelf"]) == ("production", "python", "left")
    assert (by_webhook.organization, by_webhook.project, by_webhook.id) == ("fern", "shelf", "77")


@pytest.mark.parametrize("kind", ["error", "event_alert"])
def test_both_webhooks_of_an_error_say_the_same(kind: str) -> None:
    sdk = caught(overfull)
    member = {"error": "error", "event_alert": "event"}[kind]
    assert delivered(kind, {"data": {member: webhook_event(sdk, "77", PROJECT)}}) == both(sdk)[0]


def test_a_frame_holds_what_the_program_saw() -> None:
    found, _ = both(caught(overfull))
    (raised,) = found.exceptions
    assert (raised.type, raised.value, raised.module, raised.handled) == ("ValueError", "9 does not fit in 5", "", True)
    assert [frame.function for frame in raised.frames] == ["caught", "overfull", "put"]
    innermost = raised.frames[-1]
    assert innermost.in_app
    assert innermost.filename.endswith("test_reading.py")
    assert innermost.abs_path == __file__
    assert innermost.context_line.strip() == 'raise ValueError(f"{weight} does not fit in {room}")'
    assert innermost.pre_context[-1].strip() == "if weight > room:"
    assert innermost.lineno == put.__code__.co_firstlineno + 3
    assert innermost.vars == {"name": "'left'", "room": "5", "shelf": '{"left":["3","4"]}', "weight": "9"}


def test_a_cause_stands_before_what_it_caused() -> None:
    found, _ = both(caught(with_a_cause))
    assert [(each.type, each.module) for each in found.exceptions] == [("KeyError", ""), ("Missing", __name__)]
    assert found.title == "Missing: no shelf «left» – \N{BOOKS}"


def test_an_exception_may_be_listed_without_values() -> None:
    sdk = webhook_event(caught(overfull), "77", PROJECT)
    assert error(sdk | {"exception": sdk["exception"]["values"]}) == error(sdk)


def test_what_was_logged_is_the_message() -> None:
    found, _ = both(caught(logged))
    assert (found.message, found.title, found.exceptions) == ("12 books on left", "12 books on left", [])


def test_an_error_of_the_sdk_itself_is_read_as_it_is() -> None:
    sdk = caught(overfull)
    found = error(sdk, "77")
    assert found.title == "ValueError: 9 does not fit in 5"
    assert found.exceptions == both(sdk)[0].exceptions


def test_an_endless_recursion_keeps_both_its_ends() -> None:
    sdk = caught(endless)
    frames = sdk["exception"]["values"][0]["stacktrace"]["frames"]
    # The SDK sends no more than a hundred; other SDKs send what they like.
    sdk["exception"]["values"][0]["stacktrace"]["frames"] = [frames[0], *(frames[-1:] * 900), frames[-1]]
    found, asked = both(sdk)
    assert found == asked
    assert len(found.exceptions[0].frames) == MOST_FRAMES
    assert found.exceptions[0].frames[0].function == "caught"
    assert found.exceptions[0].frames[-1].function == frames[-1]["function"]


def test_what_is_kept_of_a_huge_error_is_bounded_and_begins_with_the_own_innermost_frames() -> None:
    sdk = caught(overfull)
    frames = sdk["exception"]["values"][0]["stacktrace"]["frames"]
    heavy = {f"v{number:03}": "z" * 5000 for number in range(400)}
    foreign = frames[0] | {"in_app": False, "vars": heavy, "function": "foreign"}
    own = frames[-1] | {"in_app": True, "vars": heavy | {"a": "1"}, "function": "own"}
    sdk["exception"]["values"] = [
        {"type": "E", "value": "v" * 10**6, "stacktrace": {"frames": [own, *[foreign] * 80]}}
    ] * 30
    found, asked = both(sdk)
    assert found == asked
    assert len(found.model_dump_json()) < 2 * MOST_CHARACTERS
    last = found.exceptions[-1].frames[0]
    assert last.vars["a"] == "1"
    assert len(last.vars) == MOST_VARIABLES
    assert {len(value) for name, value in last.vars.items() if name != "a"} == {LONGEST_VARIABLE}
    assert not any(frame.vars for frame in found.exceptions[-1].frames if frame.function == "foreign")


def test_the_issue_by_webhook_equals_the_listed_one() -> None:
    found = rest_issue(PROJECT, "1001", SEEN)
    listed = issue(found, AT, "fern", "shelf")
    by_webhook = delivered("issue", webhook_issue(found, PROJECT), AT)
    assert by_webhook == listed
    assert listed == SentryIssue(
        id="1001",
        organization="fern",
        project="shelf",
        title="ValueError: no shelf 1001",
        culprit="shelf.put",
        level="error",
        url="https://sentry.io/organizations/fern/issues/1001/",
        happened_at=AT,
        short_id="SHELF-1001",
        error_type="ValueError",
        status="unresolved",
        substatus="new",
        labels=[],
        first_seen=SEEN,
        last_seen=SEEN,
        count=0,
    )
    assert (listed.subject, listed.kind) == ("sentry:issue:1001", "issue")


def test_a_webhook_of_an_older_sentry_without_an_address_is_read() -> None:
    found = rest_issue(PROJECT, "1001", SEEN, permalink=None, substatus=None)
    fact = delivered("issue", {"action": "created", "data": {"issue": found}})
    assert isinstance(fact, SentryIssue)
    assert (fact.organization, fact.project, fact.url, fact.substatus) == ("", "shelf", "", None)
    assert fact.happened_at == SEEN


def test_an_issue_says_the_same_until_something_else_is_to_be_made_of_it() -> None:
    found = rest_issue(PROJECT, "1001", SEEN)
    says = issue(found, AT).says
    for same in (
        {"count": "900", "lastSeen": "2026-11-21T09:00:00Z", "userCount": 7},
        {"title": "ValueError: no shelf 7", "metadata": {"type": "ValueError", "value": "no shelf 7"}},
        {"culprit": "elsewhere", "assignedTo": {"name": "fern"}, "numComments": 3},
    ):
        assert issue(found | same, SEEN).says == says
    for other in (
        {"status": "resolved"},
        {"status": "ignored", "substatus": "archived_forever"},
        {"substatus": "regressed"},
        {"metadata": {"type": "KeyError"}},
        {"tags": [{"key": "needs-test", "name": "Needs Test", "totalValues": 3}]},
        {"id": "1002"},
    ):
        assert issue(found | other, AT).says != says


def test_a_further_error_says_the_same_unless_it_comes_from_another_release() -> None:
    first, again, other = (both(caught(overfull, release))[0] for release in ("a", "a", "b"))
    assert first.event_id != again.event_id
    assert first.says == again.says != other.says
    assert first.subject == "sentry:error:77"


def alert(sdk: Json, **members: Any) -> ErrorEvent:
    payload = {"action": "triggered", "data": {"event": webhook_event(sdk, "77", PROJECT)} | members}
    found = delivered("event_alert", payload, AT)
    assert isinstance(found, ErrorEvent)
    return found


def test_the_rule_of_an_alert_is_read() -> None:
    sdk = caught(overfull)
    assert alert(sdk, triggered_rule="Needs-Test").rules == ["Needs-Test"]
    assert alert(sdk, issue_alert={"title": "needs-test"}).rules == ["needs-test"]
    assert alert(sdk, triggered_rule=5).rules == alert(sdk).rules == []
    assert [alert(sdk, triggered_rule=name).is_marked for name in (" Needs-Test", "other", "")] == [True, False, False]


@pytest.mark.parametrize("by", ["rule", "tag"])
@pytest.mark.parametrize("marked_first", [True, False])
def test_an_error_that_is_marked_is_applied_in_whichever_order_it_is_told(
    inbox: Inbox, by: str, marked_first: bool
) -> None:
    """Sentry tells an error twice, as an error and as an alert; of one release, the label may come with a later error."""
    plain = alert(caught(overfull, "a"))
    bearing = alert(caught(overfull, "a"), triggered_rule="needs-test")
    if by == "tag":
        bearing = bearing.model_copy(update={"rules": [], "tags": {"needs-test": "yes"}})
    told = [bearing, plain] if marked_first else [plain, bearing]
    for number, fact in enumerate(told):
        assert inbox.add([event_of(fact, f"{number}")]) == [True]
    batch = inbox.lease()
    assert batch is not None
    rows = [ErrorEvent.model_validate_json(each.payload) for each in batch.events]
    assert [row.is_marked for row in rows] == [fact.is_marked for fact in told]
    inbox.finish(batch.id, [each.id for each in batch.events], {})
    for number, fact in enumerate([plain, bearing] * 2):
        inbox.add([event_of(fact, f"again {number}")])
    assert inbox.lease() is None
    assert plain.after(bearing).is_marked and bearing.after(plain) == bearing
    assert plain.after(plain) == plain
    assert plain.shows == bearing.shows


def test_an_issue_says_the_same_whether_its_labels_are_told_or_not() -> None:
    listed, told = (issue(rest_issue(PROJECT, "1001", SEEN, tags=tags), AT) for tags in ([], [{"key": "browser"}]))
    marked = issue(rest_issue(PROJECT, "1001", SEEN, tags=[{"key": "browser"}, {"key": "needs-test"}]), AT)
    assert listed.says == told.says != marked.says
    assert listed.after(marked).labels == marked.labels
    assert told.after(marked).labels == ["browser"], "one that tells its labels may have lost one"


def test_what_waits_since_before_rules_were_read_is_still_a_fact() -> None:
    fact = alert(caught(overfull))
    assert ErrorEvent.model_validate_json(fact.model_dump_json(exclude={"rules"})) == fact


def test_what_is_read_twice_has_one_delivery() -> None:
    one, other = (polled_event(fact) for fact in both(caught(overfull)))
    assert one == other
    assert one.source == "sentry"
    assert FACTS[one.kind].model_validate_json(one.payload).subject == one.subject == "sentry:error:77"


def test_tags_are_named_as_people_name_them() -> None:
    sdk = webhook_event(caught(overfull, None), "77", PROJECT)
    found = error(
        sdk
        | {"tags": [["sentry:release", "2"], ["level", "error"], ["a"], None, ["b", None], {"key": "c", "value": "d"}]}
    )
    assert found.tags == {"c": "d", "level": "error", "release": "2"}
    assert found.release == "2"


@pytest.mark.parametrize("kind", ["installation", "comment", "metric_alert", "seer", ""])
def test_nothing_is_made_of_other_kinds(kind: str) -> None:
    assert delivered(kind, {"data": {}}) is None


def test_when_a_webhook_was_sent_is_in_its_header() -> None:
    assert sent_at("1795339800") == datetime.fromtimestamp(1795339800, UTC)
    for none in (None, "", "soon", "-5", "9" * 19, "9" * 400, "1e5", "٣"):
        assert sent_at(none) is None
