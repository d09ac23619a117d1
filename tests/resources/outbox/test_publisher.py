"""Every effect is there once, under whatever GitHub and Sentry do; what cannot be done is one sentence, and what may be done later waits."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from resources.github.authorship import Author
from resources.github.client import GitHub
from resources.outbox import KeepComment
from resources.outbox.publisher import plan, publish
from resources.outbox.store import LEASE
from resources.outbox.tables import EFFECTS
from tests import sentry_server
from tests.github_objects import user
from tests.github_server import (
    BAD_GATEWAY_AFTER,
    DROP,
    DROP_AFTER,
    HALF,
    SECONDARY_LIMIT,
    SERVER_ERROR,
    WEB_PAGE,
    Fault,
    Received,
)
from tests.github_writes import bot
from tests.publications import NAME, POLICY, SECRET, TOKEN, World, asking, only


def on_writes(faults: list[Fault | None]) -> Callable[[Received], Fault | None]:
    """The n-th write meets the n-th fault; those after them go well."""
    left = iter(faults)
    return lambda request: next(left, None) if request.method != "GET" else None


def failing(status: int, message: str, path: str) -> Callable[[Received], Fault | None]:
    body = json.dumps({"message": message})
    return lambda request: Fault(status, body) if request.method != "GET" and request.path.endswith(path) else None


def test_every_verb_is_done_once_and_told_once(world: World) -> None:
    assert world.outbox.put(world.every_verb()) == [True] * 5
    told = world.publish()
    assert (told.sent, told.dead, told.waiting, told.sentences) == (5, 0, 0, [])
    world.assert_each_is_there_once()
    writes = len(world.github.writes())
    assert world.outbox.put(world.every_verb()) == [False] * 5
    world.outbox.replay([each.id for each in world.outbox.latest()])
    assert world.publish().sent == 5
    world.assert_each_is_there_once()
    made_again = world.github.writes()[writes:]
    assert {each.path.partition(NAME)[2] for each in made_again} == {"/git/trees", "/git/commits"}  # the same ones


def test_a_script_can_be_called(world: World) -> None:
    files = {"bin/count": "#!/usr/bin/env python3\n", "tests/test_count.py": "x = 1\n"}
    world.outbox.put({"project": world.pull_request(files=files)})
    assert world.publish().sent == 1
    [made] = [json.loads(each.body) for each in world.github.writes() if each.path.endswith("/git/trees")]
    modes = {each["path"]: each["mode"] for each in made["tree"]}
    assert modes == {"bin/count": "100755", "tests/test_count.py": "100644"}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(DROP_AFTER, id="drop after"),
        pytest.param(SECONDARY_LIMIT, id="secondary limit"),
        pytest.param(BAD_GATEWAY_AFTER, id="502 after", marks=pytest.mark.integration),
        pytest.param(DROP, id="drop", marks=pytest.mark.integration),
        pytest.param(SERVER_ERROR, id="500", marks=pytest.mark.integration),
        pytest.param(HALF, id="half", marks=pytest.mark.integration),
        pytest.param(WEB_PAGE, id="web page", marks=pytest.mark.integration),
        pytest.param(Fault(delay_s=0.7), id="too late", marks=pytest.mark.integration),
    ],
)
def test_each_effect_is_there_once_when_every_write_goes_wrong_once(world: World, fault: Fault) -> None:
    world.outbox.put(world.every_verb())
    world.try_s = 0.5 if fault.delay_s else world.try_s
    paths: set[str] = set()

    def first_of_each(request: Received) -> Fault | None:
        seen = request.method == "GET" or request.path in paths
        paths.add(request.path)
        return None if seen else fault

    world.github.fault = first_of_each
    world.sentry.fault = lambda request: (
        sentry_server.DROP_AFTER if request.method == "POST" and not world.notes else None
    )
    world.publish_until_quiet()
    world.assert_each_is_there_once()


def test_what_was_done_unheard_is_found_again_before_it_is_done_again(world: World) -> None:
    world.put(world.comment())
    world.github.fault = on_writes([DROP_AFTER])
    told = world.publish()
    assert (told.sent, told.failed, told.waiting) == (0, 1, 1)
    assert "does not answer" in only(told.sentences)
    assert len(world.github.writes()) == 1
    world.clock.tick(hours=1)
    assert world.publish().sent == 1
    assert len(world.github.writes()) == 1
    only(world.comments)


def test_a_comment_is_kept_up_to_date_in_place(world: World) -> None:
    world.put(world.comment("One finding."))
    world.publish()
    world.put(world.comment("Two findings."))
    world.publish()
    assert only(world.comments)["body"].startswith("Two findings.\n\n<!-- soloist:review:ada/engine#1 -->")
    assert [each.method for each in world.github.writes()] == ["POST", "PATCH"]


def test_ours_is_found_on_whichever_page_it_is(world: World) -> None:
    world.github.page_size = 3
    world.github.account = user("eve")
    for number in range(7):
        world.put(world.comment(f"By eve {number}"), f"by-eve:{number}")
    world.publish()
    world.github.account = user("soloist")
    world.put(world.comment("Ours."))
    world.publish()
    world.put(world.comment("Ours, better."))
    world.publish()
    assert [each["body"].partition("\n")[0] for each in world.comments[7:]] == ["Ours, better."]


def test_somebody_elses_comment_with_our_mark_is_not_touched(world: World) -> None:
    world.github.account = user("eve")
    world.put(world.comment("I am the review."))
    world.publish()
    world.github.account = user("soloist")
    world.put(world.comment("The review."))
    world.publish()
    by = [(each["user"]["login"], each["body"].partition("\n")[0]) for each in world.comments]
    assert by == [("eve", "I am the review."), ("soloist", "The review.")]


def test_a_comment_of_ours_that_quotes_another_mark_is_not_that_one(world: World) -> None:
    world.put(world.comment("It says <!-- soloist:b --> there."), "a")
    world.publish()
    world.put(world.comment("The other."), "b")
    world.publish()
    assert len(world.comments) == 2


def test_a_comment_that_a_web_form_saved_is_unchanged(world: World) -> None:
    world.put(world.comment("One.\nTwo."))
    world.publish()
    only(world.comments)["body"] = only(world.comments)["body"].replace("\n", "\r\n") + "\r\n"
    world.outbox.replay([1])
    world.publish()
    assert [each.method for each in world.github.writes()] == ["POST"]


def test_labels_are_added_to_those_that_are_there_and_no_request_is_made_where_none_lacks(world: World) -> None:
    world.put(world.labels("Feature", "reviewed"), "labels")
    world.publish()
    (write,) = world.github.writes()
    assert json.loads(write.body) == {"labels": ["reviewed"]}
    world.put(world.labels("reviewed"), "labels")
    world.publish()
    assert len(world.github.writes()) == 1


def test_an_issue_is_brought_up_to_date_and_opened_again(world: World) -> None:
    world.put(world.alert("First."), "alert")
    world.publish()
    issue = only(world.issues)
    world.github.repositories[NAME].put("issue", issue["number"], state="closed")
    world.clock.tick(days=40)
    world.github.tick(40 * 86400)
    world.put(world.alert("Again.", labels=("failing",)), "alert")
    world.publish()
    issue = only(world.issues)
    assert (issue["state"], issue["body"].partition("\n")[0]) == ("open", "Again.")
    assert [each["name"] for each in issue["labels"]] == ["failing"]


def test_an_issue_of_somebody_else_or_a_pull_request_with_our_mark_is_not_ours(world: World) -> None:
    mark = "<!-- soloist:alert -->"
    repository = world.github.repositories[NAME]
    repository.put("issue", user=user("eve"), title="Mine", body=mark)
    repository.put("pull", user=user("soloist"), body=mark)
    world.put(world.alert(), "alert")
    world.publish()
    assert [each["title"] for each in world.issues] == ["Mine", "Runs fail"]


class Installation:
    """Credentials of an app, whose token was minted before."""

    who, app = "the app", "77"

    async def token(self, wire: object) -> str:
        return TOKEN

    def forget(self) -> None: ...


def test_an_app_knows_what_it_wrote_itself(world: World) -> None:
    """Its account is not to be had from the API; what counts is the app by which a comment was made."""

    def publish_as_app() -> None:
        with GitHub(Installation(), world.github.url, now=world.clock, write_pause_s=0) as github:
            publish(world.outbox, github, None, POLICY)

    world.github.as_app = 78
    world.put(world.comment("By another app."))
    publish_as_app()
    world.github.as_app = 77
    for body in ("Ours.", "Ours, better."):
        world.outbox.put({"review:ada/engine#1": world.comment(body), "pull": world.pull_request(body=body)})
        publish_as_app()
    assert [each["body"].partition("\n")[0] for each in world.comments] == ["By another app.", "Ours, better."]
    assert only(world.pulls)["body"].startswith("Ours, better.")


def test_whose_an_object_is_is_told_by_its_account_or_app() -> None:
    ours, others, person = Author("77"), Author("78"), Author(None, user("soloist")["id"], "soloist")
    told = {"user": bot("soloist"), "performed_via_github_app": {"id": 77, "client_id": "Iv1.soloist"}}
    assert (ours.wrote(told), others.wrote(told), Author("Iv1.soloist").wrote(told)) == (True, False, True)
    assert not ours.wrote(told | {"user": user("eve")})
    assert not ours.wrote({"user": user("eve"), "performed_via_github_app": None})
    assert ours.wrote({"user": told["user"]})  # as in lists of pull requests
    assert (person.wrote({"user": user("soloist")}), person.wrote({"user": user("eve")})) == (True, False)
    assert not any(author.wrote({"user": None}) for author in (ours, person))


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (403, "Resource not accessible", "does not let the token in SOLOIST_GITHUB_TOKEN write comments"),
        (404, "Not Found", "has no comments on ada/engine#1"),
        (410, "Issues are disabled", "has no comments"),
        (422, "Validation Failed", "does not take comments on ada/engine#1 (422: Validation Failed)"),
    ],
)
def test_what_github_refuses_is_dead_with_one_sentence(world: World, status: int, message: str, words: str) -> None:
    world.github.fault = failing(status, message, "/comments")
    world.put(world.comment())
    told = world.publish()
    assert (told.dead, told.waiting) == (1, 0)
    assert words in only(told.sentences)
    assert only(world.outbox.latest("dead")).reason in only(told.sentences)
    assert len(world.github.writes()) == 1


def test_what_github_says_of_single_fields_is_told(world: World) -> None:
    body = '{"message": "Validation Failed", "errors": [{"code": "custom", "message": "body is too long"}, "x", null]}'
    world.github.fault = lambda request: Fault(422, body) if request.method == "POST" else None
    world.put(world.comment())
    assert "(422: Validation Failed; body is too long)" in only(world.publish().sentences)


def test_a_secondary_limit_stops_the_round_and_is_waited_for(world: World) -> None:
    for number in range(4):
        world.put(world.comment(f"Number {number}"), f"k:{number}")
    world.github.fault = on_writes([None, SECONDARY_LIMIT])
    told = world.publish()
    assert (told.sent, told.waiting, len(world.github.writes())) == (1, 3, 2)
    assert "rate limit" in only(told.sentences)
    assert (only(e for e in world.outbox.latest() if e.reason)).next_at == world.clock.now + timedelta(seconds=60)
    assert {each.attempts for each in world.outbox.latest()} == {0}
    world.clock.tick(seconds=61)
    assert world.publish().sent == 3


def test_a_token_that_is_let_in_nowhere_costs_no_attempt_and_stops_the_round(world: World) -> None:
    world.outbox.put(world.every_verb())
    world.github.token = "another"
    told = world.publish()
    assert (told.sent, told.dead, told.waiting) == (0, 0, 5)
    assert "put a new one in" in told.sentences[0]
    assert len(world.github.requests) == 1
    assert {each.attempts for each in world.outbox.latest()} == {0}
    world.github.token = TOKEN
    world.publish_until_quiet()
    world.assert_each_is_there_once()


def test_without_a_token_for_sentry_its_effects_wait(world: World) -> None:
    world.outbox.put({"link": world.link(), "comment": world.comment()})
    with asking(world.github, world.clock) as github:
        told = publish(world.outbox, github, None, POLICY)
    assert (told.sent, told.waiting) == (1, 1)
    assert "SOLOIST_SENTRY_TOKEN is not set" in only(told.sentences)


def test_a_link_waits_for_what_it_links_to_and_is_dead_where_that_is(world: World) -> None:
    world.github.fault = failing(500, "Server Error", "/pulls")
    world.outbox.put({"link": world.link(result_of="pull"), "pull": world.pull_request()})
    world.publish()
    assert world.outbox.counts() == {"waiting": 2}
    assert not world.notes
    world.github.fault = failing(422, "No commits between main and it", "/pulls")
    world.publish_until_quiet()
    assert world.outbox.counts() == {"dead": 2}
    world.outbox.put({"another": world.link(result_of="nobody")})
    assert "there is nothing to link to" in only(world.publish().sentences)


def test_a_note_is_found_by_its_address_whoever_wrote_it(world: World) -> None:
    url = "https://github.example/ada/engine/pull/2"
    note = {"id": "1", "type": "note", "data": {"text": f"({url}) looks good"}}
    longer = {"id": "2", "type": "note", "data": {"text": f"{url}0 and {url}/files"}}
    world.sentry.notes[world.issue] = [longer, {"id": "3", "data": None}]
    world.put(world.link(url=url), "link:1")
    world.publish()
    assert len(world.notes) == 3
    world.sentry.notes[world.issue] = [note]
    world.put(world.link(url=url, text="Otherwise:"), "link:1")
    world.publish()
    assert world.notes == [note]
    assert world.outbox.counts() == {"sent": 1}


def test_a_note_that_sentry_knows_already_is_there(world: World) -> None:
    world.sentry.knows_repeats = True
    world.put(world.link())
    world.publish()
    world.sentry.fault = lambda request: (
        sentry_server.Fault(200, "[]") if request.path.endswith("notes/") and request.method == "GET" else None
    )
    world.outbox.replay([1])
    assert world.publish().sent == 1
    assert len(world.notes) == 1


def test_an_issue_of_a_project_that_is_not_named_gets_no_note(world: World) -> None:
    other = world.sentry.put("fern/other")
    world.put(world.link(issue=other))
    told = world.publish()
    assert "fern/other, which SOLOIST_SENTRY_PROJECTS does not name" in only(told.sentences)
    assert not world.sentry.notes


def test_a_row_that_somebody_tampered_with_is_never_done(world: World) -> None:
    world.outbox.put({f"k:{number}": world.comment() for number in range(4)})
    merge = '{"verb": "merge_pull_request", "repository": "ada/engine", "number": 1}'
    foreign = world.comment().model_dump_json().replace("ada/engine", "eve/evil")
    path = world.pull_request().model_dump_json().replace("tests/test_crash.py", ".github/workflows/x.yml")
    for number, payload in enumerate([merge, "not json", foreign, path], 1):
        with world.outbox.engine.begin() as connection:
            connection.execute(EFFECTS.update().where(EFFECTS.c.id == number).values(payload=payload))
    told = world.publish()
    assert (told.dead, told.waiting, world.github.requests) == (4, 0, [])
    reasons = [str(each.reason) for each in sorted(world.outbox.latest("dead"), key=lambda each: each.id)]
    for reason, words in zip(reasons, ["none of those", "Invalid JSON", "not named", "workflow"], strict=True):
        assert words in reason


def test_a_secret_is_refused_before_anybody_is_asked(world: World) -> None:
    world.put(world.comment(f"See {SECRET}."))
    told = world.publish()
    assert (told.dead, world.github.requests) == (1, [])
    assert SECRET not in only(told.sentences)
    assert SECRET not in str(only(world.outbox.latest()).reason)


SHAPES = ["null", "[]", "{}", '"x"', "7", '[{"id": "x"}]', "[[[]]]", '{"object": {"sha": 3}}']


@pytest.mark.parametrize(
    "body", ['[{"user": 3, "body": {}}]', *(pytest.param(each, marks=pytest.mark.integration) for each in SHAPES)]
)
def test_answers_of_any_shape_are_survived(world: World, body: str) -> None:
    world.outbox.put(world.every_verb())
    world.github.fault = lambda _request: Fault(200, body)
    world.sentry.fault = lambda _request: sentry_server.Fault(200, body)
    told = world.publish()
    assert told.sent + told.dead + told.waiting == 5
    world.github.fault = lambda request: Fault(200, body) if request.method == "GET" else None
    world.clock.tick(hours=8)
    world.publish()


def test_a_round_ends_when_its_time_is_over(world: World) -> None:
    world.outbox.put({f"k:{number}": world.comment(f"Number {number}") for number in range(5)})
    world.github.fault = lambda _request: Fault(delay_s=0.3)
    told = world.publish(budget_s=6)
    assert 1 <= told.sent < 5
    assert told.waiting == 5 - told.sent


def test_a_plan_asks_nobody_and_changes_nothing(world: World) -> None:
    world.outbox.put({"good": world.comment(), "bad": world.comment(f"See {SECRET}.", number=2)})
    with world.outbox.engine.begin() as connection:
        before = connection.execute(sa.select(EFFECTS).order_by(EFFECTS.c.id)).all()
    planned = plan(world.outbox, POLICY)
    assert [(each.kept.key, each.refused is None) for each in planned] == [("good", True), ("bad", False)]
    assert isinstance(planned[0].effect, KeepComment)
    assert planned[1].effect is None
    assert SECRET not in str(planned[1].refused)
    with world.outbox.engine.begin() as connection:
        assert connection.execute(sa.select(EFFECTS).order_by(EFFECTS.c.id)).all() == before
    assert world.github.requests == []


def test_two_publishers_at_once_do_each_effect_once(world: World) -> None:
    """One of them is stopped in the middle for so long that the other takes over, and then goes on."""
    world.put(world.comment())
    stopped = world.outbox.lease()
    assert stopped is not None
    world.clock.tick(seconds=LEASE.total_seconds())
    assert world.publish().sent == 1
    assert not world.outbox.sent(stopped, "late")
    only(world.comments)


def test_the_order_is_that_of_the_puts(world: World) -> None:
    for number in itertools.islice(itertools.count(), 5):
        world.put(world.comment(f"Number {number}"), f"k:{number}")
        world.clock.tick(seconds=1)
    world.publish()
    assert [each["body"][:8] for each in world.comments] == [f"Number {number}" for number in range(5)]


def test_what_was_opened_before_the_outbox_was_pruned_is_found_again(world: World) -> None:
    world.outbox.put({"alert:1": world.alert("first"), "pull:1": world.pull_request()})
    world.publish()
    world.clock.tick(hours=24 * 40)
    world.outbox.prune(world.clock.now - timedelta(days=30))
    world.outbox.put({"alert:1": world.alert("second"), "pull:1": world.pull_request(body="It fails still.")})
    assert world.publish().sent == 2
    assert only(world.issues)["body"].startswith("second")
    assert only(world.pulls)["body"].startswith("It fails still.")
