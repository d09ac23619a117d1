"""What goes back: an open pull request gets one comment, an error in production gets a pull request with a test that fails as it did."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration_assets.connections import open_inbox, open_outbox, open_warehouse
from orchestration_assets.incidents.model import INCIDENTS
from resources.sentry_issues.events import event_of as sentry_event
from resources.sentry_issues.reading import delivered
from resources.settings import Settings
from tests.activity.github_facts import event, pull_request
from tests.git_repositories import GitRepository
from tests.github_server import GitHubServer
from tests.incidents.corpus import Program, event_of, programs
from tests.sentry_objects import webhook_event
from tests.served_ui import command

pytestmark = pytest.mark.integration


def _publishing(github: GitHubServer, repository: str, **more: str) -> dict[str, str]:
    return {
        "SOLOIST_GITHUB_REPOSITORIES": repository,
        "SOLOIST_GITHUB_API_URL": github.url,
        "SOLOIST_GITHUB_TOKEN": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "SOLOIST_PUBLISH": "on",
        **more,
    }


def test_a_pull_request_has_one_comment_which_follows_its_code(tmp_path: Path) -> None:
    made, home = GitRepository(tmp_path / "ledger"), tmp_path / "home"
    made.git("remote", "add", "origin", "https://github.com/fern/ledger.git")
    base = made.commit("start", {"ledger.py": "def add(a, b):\n    return a + b\n"})
    made.git("update-ref", "refs/remotes/origin/main", base)
    made.branch("topic")
    risky = "import subprocess\n\n\ndef run(name):\n    subprocess.run(f'ls {name}', shell=True)\n"
    head = made.commit("run things", {"run.py": risky})
    made.checkout("main")
    opened = pull_request(1, "Run things", state="open", closed_at=None, head_commit=head)
    with GitHubServer() as github:
        there = github.repository("fern/ledger")
        there.put("pull", 1, at=datetime(2026, 11, 14, tzinfo=UTC), title="Run things")
        settings = _publishing(github, "fern/ledger")
        run = ("run", "--repo", made.path, "--author", "all")
        open_inbox(Settings(home=home)).add([event(opened)])
        command("soloist", *run, home=home, cwd=tmp_path, **settings)
        for _ in range(2):
            command("soloist", "publish", home=home, cwd=tmp_path, **settings)
        (comment,) = github.written["fern/ledger"].comments[1]
        assert "run.py" in comment["body"]
        assert "shell" in comment["body"]
        made.checkout("topic")
        mended = made.commit("no shell", {"run.py": risky.replace("f'ls {name}', shell=True", "['ls', name]")})
        made.checkout("main")
        changed = opened.model_copy(update={"head_commit": mended, "happened_at": datetime(2026, 11, 18, tzinfo=UTC)})
        open_inbox(Settings(home=home)).add([event(changed)])
        command("soloist", *run, home=home, cwd=tmp_path, **settings)
        command("soloist", "publish", home=home, cwd=tmp_path, **settings)
        (after,) = github.written["fern/ledger"].comments[1]
        assert after["id"] == comment["id"]
        assert "shell" not in after["body"]


def _crashing() -> Program:
    return next(program for program in programs() if program.identity == "plain_values/loyalty_points")


def test_an_error_gets_a_pull_request_with_a_test_that_fails_as_it_did(tmp_path: Path) -> None:
    program, made, home = _crashing(), GitRepository(tmp_path / "code"), tmp_path / "home"
    made.git("remote", "add", "origin", "https://github.com/fern/code.git")
    commit = made.commit("first", program.sources())
    made.git("update-ref", "refs/remotes/origin/main", commit)
    crash = webhook_event(event_of(program) | {"release": commit}, "1000", "acme/shop")
    alert = delivered("event_alert", {"data": {"event": crash, "triggered_rule": "needs-test"}})
    assert alert is not None
    with GitHubServer() as github:
        github.repository("fern/code")
        sentry = {
            "SOLOIST_SENTRY_PROJECTS": "acme/shop",
            "SOLOIST_SENTRY_REPOSITORIES": "acme/shop=fern/code",
            "SOLOIST_SENTRY_TOKEN": "sntryu_0123456789abcdef0123456789abcdef",
        }
        settings = _publishing(github, "fern/code", **sentry)
        open_inbox(Settings(home=home)).add([sentry_event(alert, "one")])
        command("soloist", "run", "--repo", made.path, "--author", "all", home=home, cwd=tmp_path, **settings)
        with open_warehouse(Settings(home=home)).read() as session:
            (incident,) = session.rows(INCIDENTS)
        assert incident.status == "reproduced", incident.reason
        waiting = open_outbox(Settings(home=home)).latest("waiting", 10)
        assert {effect.verb for effect in waiting} == {"open_pull_request", "link_sentry_issue"}
        shown = command("soloist", "publish", "--dry-run", home=home, cwd=tmp_path, **settings)
        assert "open_pull_request" in shown and "would be sent" in shown
        assert incident.test_path in shown
        assert not github.written["fern/code"].commits
