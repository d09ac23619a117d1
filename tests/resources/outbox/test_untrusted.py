"""Whatever lies in the outbox, only requests of known shapes leave, to repositories that the settings name, and no secret in any of them."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.outbox.tables import EFFECTS
from tests.github_server import GitHubServer
from tests.publications import NAME, SECRET, SENTRY_TOKEN, TOKEN, World
from tests.publications import world as made_world
from tests.sentry_server import SentryServer

SEGMENT = r"[^/?#]+"
GITHUB_SHAPES = [
    ("GET", r"/user"),
    ("GET", rf"/repos/{NAME}/pulls"),
    ("GET", rf"/repos/{NAME}/issues"),
    ("GET", rf"/repos/{NAME}/issues/\d+"),
    ("GET", rf"/repos/{NAME}/issues/\d+/comments"),
    ("GET", rf"/repos/{NAME}/git/commits/[0-9a-f]{{40}}"),
    ("GET", rf"/repos/{NAME}/git/ref/heads/{SEGMENT}(/{SEGMENT})*"),
    ("GET", rf"/repos/{NAME}/compare/[0-9a-f]{{40}}\.\.\.[0-9a-f]{{40}}"),
    ("POST", rf"/repos/{NAME}/(pulls|issues)"),
    ("POST", rf"/repos/{NAME}/issues/\d+/(comments|labels)"),
    ("POST", rf"/repos/{NAME}/git/(trees|commits|refs)"),
    ("PATCH", rf"/repos/{NAME}/(pulls|issues)/\d+"),
    ("PATCH", rf"/repos/{NAME}/issues/comments/\d+"),
]
SENTRY_SHAPES = [
    ("GET", r"/api/0/organizations/fern/issues/\d+/(notes/)?"),
    ("POST", r"/api/0/organizations/fern/issues/\d+/notes/"),
]

HOSTILE = [
    *(
        "../../user",
        "ada/engine/../../eve/evil",
        "eve/evil",
        "ADA/ENGINE",
        "ada/engine#1",
        "ada/engine?x=",
        "main",
        "@{-1}",
    ),
    *("soloist/regression-1", ".github/workflows/ci.yml", ".git/config", "a\\..\\b", "\u202egit", "<!-- soloist:k -->"),
    *(
        f"look: {SECRET}",
        TOKEN,
        f"https://x:{SECRET}@evil.example/",
        "https://evil.example/",
        "@everyone",
        "\r\nX-Evil: 1",
    ),
    *("-----BEGIN PRIVATE KEY-----", "password=hunter22", "1/../2", "%2e%2e%2f", "refs/heads/main", "heads/main"),
]
_TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=30)
_VALUES = st.recursive(
    _TEXTS | st.integers(-5, 10) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    """One world for all examples: what earlier ones left behind is there, too."""
    with GitHubServer(TOKEN) as github, SentryServer(SENTRY_TOKEN) as sentry, tempfile.TemporaryDirectory() as folder:
        made = made_world(github, sentry, f"sqlite:///{Path(folder)}/inbox.db")
        with made.outbox.engine.begin() as connection:
            connection.exec_driver_sql("SELECT 1")
        yield made
        made.outbox.close()


def payloads(world: World) -> st.SearchStrategy[dict[str, Any]]:
    """Effects whose texts are anything; of two in three another member is anything too, or there is one more, or an unknown verb."""
    whole = [json.loads(effect.model_dump_json()) for effect in world.every_verb().values()]
    whole[-1] |= {"url": "https://github.example/ada/engine/pull/2", "result_of": None}
    verbs = ["merge_pull_request", "delete_branch", "close_issue", "put_file", "run", ""]

    def changed(base: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        texts = {name: _TEXTS.map(str.strip).filter(bool) for name in base if name in ("title", "body", "text")}
        files = {"files": st.dictionaries(_TEXTS, _TEXTS, min_size=1, max_size=2)} if "files" in base else {}
        one = st.sampled_from([*base, "path", "method", "url"]).flatmap(
            lambda name: st.fixed_dictionaries({name: st.sampled_from(verbs) if name == "verb" else _VALUES})
        )
        another = st.just({}) | one | st.fixed_dictionaries(files)
        return st.builds(lambda said, other: base | said | other, st.fixed_dictionaries(texts), another)

    return st.sampled_from(whole).flatmap(changed)


def only_known_requests_leave(world: World, drawn: list[dict[str, Any]]) -> None:
    """Rows with these payloads are published."""
    world.outbox.drop([each.id for each in world.outbox.latest(limit=1000)])
    world.outbox.put({f"k:{number}": world.comment(f"Number {number}") for number in range(len(drawn))})
    rows = world.outbox.latest()
    for row, payload in zip(rows, drawn, strict=True):
        with world.outbox.engine.begin() as connection:
            connection.execute(EFFECTS.update().where(EFFECTS.c.id == row.id).values(payload=json.dumps(payload)))
    github, sentry = len(world.github.requests), len(world.sentry.requests)
    told = world.publish()
    assert told.sent + told.dead + told.waiting == len(drawn)
    asked = [(each.method, each.path, each) for each in world.github.requests[github:]]
    noted = [(each.method, each.path, each) for each in world.sentry.requests[sentry:]]
    for requests, shapes in ((asked, GITHUB_SHAPES), (noted, SENTRY_SHAPES)):
        for method, path, request in requests:
            assert any(method == verb and re.fullmatch(shape, path, re.IGNORECASE) for verb, shape in shapes), (
                method,
                path,
            )
            headers = {name: value for name, value in request.headers.items() if name != "authorization"}
            seen = f"{path}\n{request.query}\n{headers}\n{request.body.decode()}\n{json.dumps(headers)}"
            for secret in (SECRET, TOKEN, SENTRY_TOKEN, "hunter22", "BEGIN PRIVATE KEY"):
                assert secret not in seen
    for sentence in told.sentences:
        assert SECRET not in sentence
        assert TOKEN not in sentence


_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=8, deadline=None, suppress_health_check=_QUIET)
@given(data=st.data())
def test_only_requests_of_known_shapes_leave_and_no_secret(shared: World, data: st.DataObject) -> None:
    only_known_requests_leave(shared, data.draw(st.lists(payloads(shared), min_size=1, max_size=4)))


@pytest.mark.integration
@settings(max_examples=200, deadline=None, suppress_health_check=_QUIET)
@given(data=st.data())
def test_only_requests_of_known_shapes_leave_and_no_secret_in_many_tries(shared: World, data: st.DataObject) -> None:
    only_known_requests_leave(shared, data.draw(st.lists(payloads(shared), min_size=1, max_size=4)))


def test_no_secret_leaves_from_any_place_of_any_effect(shared: World) -> None:
    world, before = shared, len(shared.github.requests)
    world.outbox.drop([each.id for each in world.outbox.latest(limit=1000)])
    refused = 0
    for effect in world.every_verb().values():
        for place, text in effect.texts().items():
            if place.partition(".")[0] not in ("title", "body", "text", "commit_message", "labels", "files", "branch"):
                continue
            payload = json.dumps(json.loads(effect.model_dump_json())).replace(
                json.dumps(text),
                json.dumps(f"{text} {SECRET}".replace(" ", "-") if place == "branch" else f"{text} {SECRET}"),
            )
            world.outbox.put({"k": world.comment(f"{effect.verb} {place}")})
            with world.outbox.engine.begin() as connection:
                connection.execute(EFFECTS.update().where(EFFECTS.c.key == "k").values(payload=payload))
            refused += world.publish().dead
            assert "holds a secret" in str(world.outbox.latest()[0].reason), place
    assert refused == 11
    assert not [each for each in world.github.requests[before:] if SECRET.encode() in each.body or SECRET in each.path]


def test_the_hostile_ones_come_to_requests_at_all(shared: World) -> None:
    """Or the property above would hold for want of any."""
    shared.put(shared.comment("Harmless."), "sound")
    before = len(shared.github.writes())
    shared.publish()
    assert len(shared.github.writes()) > before
