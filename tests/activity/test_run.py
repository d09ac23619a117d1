"""`soloist run` takes up what waits in the inbox, also in a home that was up to date."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from git_repositories import GitRepository
from terminal import soloist

from orchestration_assets.connections import open_inbox
from resources.inbox import Inbox
from resources.settings import Settings
from tests.activity.github_facts import day, event, issue, pull_request, review

NOW = "2026-11-29T09:00:00+00:00"

COMMIT = "Add CSV export for ledgers (#12)"


def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """A home that is up to date with a repository of two commits, and its inbox."""
    repository = GitRepository(tmp_path / "ledger")
    repository.git("remote", "add", "origin", "https://github.com/fern/ledger.git")
    repository.commit("Start the ledger", files={"ledger.py": "rows = []\n"}, authored="2026-11-16T09:00:00+00:00")
    repository.commit(COMMIT, files={"export.py": "import csv\n"}, authored="2026-11-17T09:00:00+00:00")
    for name, value in {"HOME": str(tmp_path / "home"), "NOW": NOW, "TIMEZONE": "UTC", "AUTHORS": "all"}.items():
        monkeypatch.setenv(f"SOLOIST_{name}", value)
    assert soloist("run", "--repo", repository.path).status == 0
    return open_inbox(Settings())


def completed() -> dict[str, list[str]]:
    """The claims of the week's report that are done, with the sources of each."""
    report = json.loads(soloist("show", "status", "--week", "2026-W47", "--json").out)
    claims = next(section["claims"] for section in report["sections"] if section["title"] == "Completed")
    return {claim["text"]: [evidence["source"] for evidence in claim["evidence"]] for claim in claims}


@pytest.mark.integration
def test_what_happened_on_github_is_told_once_beside_the_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = home(tmp_path, monkeypatch)
    before = completed()
    assert list(before) == [COMMIT.replace("Add", "Added"), "Started the ledger"]
    facts = [
        pull_request(12, "Add CSV export for ledgers"),
        pull_request(14, "fix: crash on an empty ledger"),
        pull_request(13, "Speed up the importer", author="moss", state="open", closed_at=None),
        review(13),
        issue(9, "Export to CSV"),
    ]
    inbox.add(map(event, facts))
    made = json.loads(soloist("run", "--json").out)["assets"]
    assert made["pull_requests"]["made"] == 3
    assert made["worklog_entries"]["made"] == 4
    after = completed()
    github = "https://github.com/fern/ledger"
    assert after.keys() == {
        *before,
        "Fix: crash on an empty ledger (#14)",
        "Reviewed #13: speed up the importer",
        "Closed #9: export to CSV",
    }
    assert after[COMMIT.replace("Add", "Added")] == [*before[COMMIT.replace("Add", "Added")], f"{github}/pull/12"]
    assert after["Reviewed #13: speed up the importer"] == [f"{github}/pull/13#pullrequestreview-213"]
    assert after["Closed #9: export to CSV"] == [f"{github}/issues/9"]
    markdown = soloist("show", "status", "--week", "2026-W47").out
    assert f"[[#14]({github}/pull/14)]" in markdown


@pytest.mark.integration
def test_the_same_again_makes_nothing_and_an_issue_that_is_opened_again_is_told_of_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = home(tmp_path, monkeypatch)
    inbox.add([event(issue(9, "Export to CSV"))])
    assert soloist("run").status == 0
    assert "Closed #9: export to CSV" in completed()
    inbox.add([event(issue(9, "Export to CSV"), "the same by poll")])
    again = json.loads(soloist("run", "--json").out)["assets"]
    assert sum(counts["made"] for counts in again.values()) == 0
    reopened = issue(9, "Export to CSV", state="open", reason=None, closed_at=None, happened_at=day(19))
    inbox.add([event(reopened)])
    assert soloist("run").status == 0
    assert "Closed #9: export to CSV" not in completed()


@pytest.mark.integration
def test_what_is_told_of_another_repository_and_of_a_day_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = home(tmp_path, monkeypatch)
    own = "Everybody's work in fern/ledger"
    assert f"UTC. {own}.\n" in soloist("show", "status").out
    ahead = datetime(2099, 3, 4, tzinfo=UTC)
    elsewhere = {"repository": "moss/barn", "url": "https://github.com/moss/barn/pull/3"}
    inbox.add(
        [
            event(pull_request(3, "Add a loft", **elsewhere)),
            event(pull_request(15, "Add a clock", happened_at=ahead, closed_at=ahead)),
        ]
    )
    run = soloist("run")
    assert run.status == 0
    shown = soloist("show", "status").out
    assert shown.startswith("# Status report, week 47 of 2026\n")
    assert run.out.startswith(shown)
    assert f"UTC. {own}, moss/barn.\n" in shown
    assert "Added a loft" in shown
    assert "clock" not in shown
    assert f"UTC. {own}.\n" in soloist("show", "standup", "--date", "2026-11-17").out


@pytest.mark.integration
def test_the_inbox_can_be_looked_at_and_its_dead_letters_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = home(tmp_path, monkeypatch)
    inbox.add([event(issue(9, "Export to CSV")), replace(event(issue(8, "Broken")), payload=b"{}")])
    run = soloist("run")
    assert run.status == 1
    assert "Event 2 (issue of github): Its payload does not fit: id: Field required." in run.err
    listed = json.loads(soloist("inbox", "list", "--json").out)
    assert listed["counts"] == {"done": 1, "waiting": 1}
    assert [event["id"] for event in listed["events"]] == [2, 1]
    shown = json.loads(soloist("inbox", "show", "1", "--json").out)
    assert shown["payload"]["title"] == "Export to CSV"
    assert "waiting" in soloist("inbox", "list", "--state", "waiting").out
    assert "1 event waits again; the daemon or `soloist run` takes it up." in soloist("inbox", "replay", "1").err
    assert "Took 1 event out." in soloist("inbox", "drop", "2").err
    assert soloist("inbox", "show", "2").status == 2
    assert soloist("inbox", "list", "--state", "lost").sentence.startswith("'lost' is no state of an event; ")
    assert soloist("inbox", "replay").sentence.startswith("Name the numbers of events")


@pytest.mark.parametrize("state", ["duplicate", "ignored"])
def test_what_has_no_payload_any_more_is_not_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setenv("SOLOIST_HOME", str(tmp_path))
    inbox = open_inbox(Settings())
    told = event(issue(9, "Export to CSV"))
    inbox.add([told, replace(told, delivery_id="poll"), replace(told, delivery_id="x", payload=b"{}", ignored="No.")])
    (empty,) = [each.id for each in inbox.latest() if each.state == state]
    sentence = soloist("inbox", "replay", "1", str(empty)).sentence
    assert sentence.startswith(f"Event {empty} is {state} and its payload was not kept, so nothing can be made of it; ")
    assert inbox.counts() == {"waiting": 1, "duplicate": 1, "ignored": 1}
    inbox.add([event(issue(9, "Export to CSV", state="open", reason=None, closed_at=None, happened_at=day(19)))])
    assert inbox.get(1).state == "superseded"
    assert "1 event waits again; the daemon or `soloist run` takes it up." in soloist("inbox", "replay", "1").err


def test_webhooks_without_a_secret_are_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_HOME", str(tmp_path))
    done = soloist("webhooks")
    assert done.status == 2
    assert "SOLOIST_GITHUB_WEBHOOK_SECRET" in done.sentence


def test_a_port_on_which_nobody_can_listen_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_HOME", str(tmp_path))
    monkeypatch.setenv("SOLOIST_GITHUB_WEBHOOK_SECRET", "secret")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = str(taken.getsockname()[1])
        for arguments, why in (
            (("--port", busy), "Address already in use"),
            (("--port", "99999"), "no such port"),
            (("--port=-5",), "no such port"),
            (("--host", "999.1.1.1"), "of 999.1.1.1 (Name or service not known)"),
        ):
            done = soloist("webhooks", *arguments)
            assert done.status == 2
            assert why in done.sentence
