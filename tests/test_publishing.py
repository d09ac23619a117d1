"""`soloist outbox` and `soloist publish`: what they print, what they send, and that looking changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestration_assets import outbox_commands as commands
from orchestration_assets.contracts import ShownEffectDetail, ShownOutbox, ShownPublication
from orchestration_assets.effects import keep_comments
from orchestration_assets.publishing import AnotherPublishes, _only_publisher, publish_waiting
from orchestration_assets.reviews.model import ReviewComment
from orchestration_assets.session import Connections
from resources.errors import BadInput
from resources.outbox import Effect, KeepComment, OpenIssue, Outbox
from resources.outbox.policy import Policy
from resources.settings import load_settings
from tests.github_server import GitHubServer
from tests.publications import NAME, TOKEN

SECRET = "Correct-Horse-Battery-9"


@pytest.fixture
def github(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    """Which publishing is on for."""
    with GitHubServer(TOKEN) as server:
        server.repository(NAME).put("pull")
        values = {"GITHUB_API_URL": server.url, "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORIES": NAME}
        for name, value in (values | {"PUBLISH": "on", "S3_SECRET_KEY": SECRET}).items():
            monkeypatch.setenv(f"SOLOIST_{name}", value)
        yield server


@pytest.fixture
def connect(github: GitHubServer) -> Callable[[], Connections]:
    """As a command does, with the settings of the environment."""
    return lambda: Connections(load_settings())


def put(home: Path, key: str, effect: Effect) -> None:
    with closing(Outbox(f"sqlite:///{home}/inbox.db")) as outbox:
        outbox.put({key: effect})


def comment(body: str = "One finding.", number: int = 1) -> KeepComment:
    return KeepComment(repository=NAME, number=number, body=body)


def test_what_waits_is_sent_and_listed_with_its_address(
    home: Path, github: GitHubServer, connect: Callable[[], Connections], capsys: pytest.CaptureFixture[str]
) -> None:
    put(home, "review:1", comment())
    assert commands.publish(connect(), dry_run=False, as_json=False) == 0
    assert capsys.readouterr().err == "Sent 1; 0 died, 0 wait.\n"
    commands.list_effects(connect(), None, 10, as_json=False)
    said = capsys.readouterr()
    assert said.err == "1 sent.\n"
    assert "keep_comment       ada/engine#1  https://github.example/ada/engine/issues/1#issuecomment-" in said.out
    commands.list_effects(connect(), "sent", 10, as_json=True)
    shown = ShownOutbox.model_validate_json(capsys.readouterr().out)
    assert (shown.counts, [each.key for each in shown.effects]) == ({"sent": 1}, ["review:1"])


def test_a_dry_run_says_what_would_be_sent_and_sends_and_changes_nothing(
    home: Path, github: GitHubServer, connect: Callable[[], Connections], capsys: pytest.CaptureFixture[str]
) -> None:
    put(home, "review:1", comment())
    put(home, "review:2", comment(f"See {SECRET}.", 2))
    assert commands.publish(connect(), dry_run=True, as_json=False) == 1
    said = capsys.readouterr()
    assert "would be sent" in said.out
    assert '"body": "One finding."' in said.out
    assert "ada/engine#2: Its body holds a secret" in said.err
    assert SECRET not in said.out + said.err
    assert commands.publish(connect(), dry_run=True, as_json=True) == 1
    shown = ShownPublication.model_validate_json(capsys.readouterr().out)
    assert (shown.mode, shown.sent, shown.waiting) == ("dry-run", 0, 2)
    assert [(each.key, each.refused is None, each.effect is None) for each in shown.planned] == [
        ("review:1", True, False),
        ("review:2", False, True),
    ]
    assert github.requests == []
    with closing(Outbox(f"sqlite:///{home}/inbox.db")) as outbox:
        assert {(each.state, each.attempts, each.reason) for each in outbox.latest()} == {("waiting", 0, None)}


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("off", "Publishing is off, and 1 effect waits;"),
        ("dry-run", "Nothing was sent; due: 1 of 1 effect that waits."),
    ],
)
def test_nothing_is_sent_unless_publishing_is_on(
    home: Path,
    github: GitHubServer,
    connect: Callable[[], Connections],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mode: str,
    words: str,
) -> None:
    monkeypatch.setenv("SOLOIST_PUBLISH", mode)
    put(home, "review:1", comment())
    assert commands.publish(connect(), dry_run=False, as_json=False) == 0
    assert words in capsys.readouterr().err
    commands.publish(connect(), dry_run=False, as_json=True)
    assert ShownPublication.model_validate_json(capsys.readouterr().out).mode == mode
    assert github.requests == []


def test_looking_at_an_outbox_that_is_not_there_makes_none(
    home: Path, github: GitHubServer, connect: Callable[[], Connections], capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.publish(connect(), dry_run=True, as_json=False) == 0
    assert not (home / "inbox.db").exists()


def test_what_died_is_told_shown_replayed_and_dropped(
    home: Path, github: GitHubServer, connect: Callable[[], Connections], capsys: pytest.CaptureFixture[str]
) -> None:
    put(home, "review:9", comment(number=9))
    assert commands.publish(connect(), dry_run=False, as_json=False) == 1
    said = capsys.readouterr().err
    assert "ada/engine#9: GitHub has no comments on ada/engine#9" in said
    assert "1 died" in said
    commands.show_effect(connect(), 1, as_json=True)
    shown = ShownEffectDetail.model_validate_json(capsys.readouterr().out)
    assert (shown.state, shown.payload["number"], shown.attempts) == ("dead", 9, 1)
    commands.show_effect(connect(), 1, as_json=False)
    assert "state         dead" in capsys.readouterr().out
    commands.replay(connect(), [], dead=True)
    assert capsys.readouterr().err.startswith("1 effect waits again; the daemon or `soloist publish` sends it.")
    commands.drop(connect(), [1], dead=False)
    assert capsys.readouterr().err.startswith("Took 1 effect out;")
    with pytest.raises(BadInput, match="has no effect 1"):
        commands.show_effect(connect(), 1, as_json=False)


def test_a_payload_is_shown_without_secrets_and_also_where_nobody_can_read_it(
    home: Path, github: GitHubServer, connect: Callable[[], Connections], capsys: pytest.CaptureFixture[str]
) -> None:
    put(home, "review:1", comment("token=ghp_0123456789abcdefghij"))
    put(home, "review:2", comment())
    with closing(Outbox(f"sqlite:///{home}/inbox.db")) as outbox, outbox.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE effects SET payload = 'half of {' WHERE id = 2")
    commands.show_effect(connect(), 1, as_json=True)
    assert ShownEffectDetail.model_validate_json(capsys.readouterr().out).payload["body"] == "token=[hidden]"
    commands.show_effect(connect(), 2, as_json=True)
    assert ShownEffectDetail.model_validate_json(capsys.readouterr().out).payload == {"unreadable": "half of {"}


def test_texts_of_several_lines_are_shown_as_blocks_before_they_are_sent(
    home: Path, github: GitHubServer, connect: Callable[[], Connections], capsys: pytest.CaptureFixture[str]
) -> None:
    put(home, "review:1", comment("One finding.\n\n- `a.py` is opened twice\n"))
    shown = '  "body": "(3 lines, below)"\n}\n\nbody:\n  One finding.\n\n  - `a.py` is opened twice\n'
    commands.show_effect(connect(), 1, as_json=False)
    assert capsys.readouterr().out.endswith(shown)
    assert commands.publish(connect(), dry_run=True, as_json=False) == 0
    assert capsys.readouterr().out.endswith(shown)
    commands.show_effect(connect(), 1, as_json=True)
    told = ShownEffectDetail.model_validate_json(capsys.readouterr().out)
    assert told.payload["body"] == "One finding.\n\n- `a.py` is opened twice\n"


def test_several_effects_are_told_of_as_several(
    home: Path, github: GitHubServer, connect: Callable[[], Connections], capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (8, 9):
        put(home, f"review:{number}", comment(number=number))
    commands.publish(connect(), dry_run=False, as_json=False)
    assert "Sent 0; 2 died, 0 wait." in capsys.readouterr().err
    commands.replay(connect(), [], dead=True)
    assert capsys.readouterr().err.startswith("2 effects wait again; the daemon or `soloist publish` sends them.")
    commands.drop(connect(), [1, 2], dead=False)
    assert capsys.readouterr().err.startswith("Took 2 effects out;")


def test_what_cannot_be_meant_is_a_sentence(connect: Callable[[], Connections]) -> None:
    with pytest.raises(BadInput, match="no state of an effect; give one of: waiting, leased, sent, dead, expired"):
        commands.list_effects(connect(), "done", 10, as_json=False)
    with pytest.raises(BadInput, match="or give --dead"):
        commands.replay(connect(), [], dead=False)
    with pytest.raises(BadInput, match="has no effect 5"):
        commands.drop(connect(), [5], dead=False)


def test_an_alert_may_go_to_its_own_repository(
    home: Path, github: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.repository("ada/alerts")
    monkeypatch.setenv("SOLOIST_ALERT_REPOSITORY", "Ada/Alerts")
    put(home, "alert:1", OpenIssue(repository="ada/alerts", title="T", body="B"))
    assert publish_waiting(load_settings()).sent == 1
    monkeypatch.delenv("SOLOIST_ALERT_REPOSITORY")
    put(home, "alert:1", OpenIssue(repository="ada/alerts", title="Another", body="B"))
    assert publish_waiting(load_settings()).dead == 1


def test_one_publishes_at_a_time_in_a_home(github: GitHubServer) -> None:
    with _only_publisher(load_settings()), pytest.raises(AnotherPublishes, match="Another process publishes"):
        publish_waiting(load_settings())
    assert publish_waiting(load_settings()).sent == 0


def test_a_review_of_a_repository_that_nobody_named_is_told_and_not_put(home: Path, github: GitHubServer) -> None:
    comments = [ReviewComment(repository=name, number=1, body="One finding.") for name in (NAME, "eve/shop")]
    problems: list[str] = []
    with closing(Outbox(f"sqlite:///{home}/inbox.db")) as outbox:
        keep_comments(outbox, Policy.of(load_settings()), comments, problems)
        assert [each.key for each in outbox.latest()] == [f"review:{NAME}#1"]
    assert problems == [
        "The review of eve/shop#1 is not published: eve/shop#1 is not named in SOLOIST_GITHUB_REPOSITORIES, so nothing is sent there."
    ]
    assert publish_waiting(load_settings()).sent == 1
