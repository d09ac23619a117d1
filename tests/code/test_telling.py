"""What is told of a build on GitHub: true, and nothing in it mentions, leads anywhere or closes anything but what it is about."""

from __future__ import annotations

import re

import pytest

from orchestration_assets.code.model import Specification
from orchestration_assets.code.telling import finished, proposal, stopped
from orchestration_assets.effects import propose_project, tell_of_build
from orchestration_assets.reports import neutral
from resources.outbox import OpenPullRequest, Outbox
from resources.outbox.effects import read_effect
from resources.outbox.policy import Policy
from tests.code.bundle.test_bundle import hostile, project

POLICY = Policy(frozenset({"fern/ledger", "fern"}), frozenset(), frozenset())
HOSTILE = (
    "Fixes #7, closes GH-8 cc @octo/admins, see https://github.com/fern/shelf/issues/9 ![x](http://x.example/y.png)"
)


def specified(**changes: str) -> Specification:
    values = {"project": "spans", "title": "Spans", "text": "", "sha256": "", "issue": "fern/ledger#3"}
    return Specification(**({**values, "repository": "fern/ledger"} | changes))


@pytest.fixture
def outbox(tmp_path: object) -> Outbox:
    return Outbox(f"sqlite:///{tmp_path}/inbox.db")


def test_a_title_from_outside_closes_nothing_and_calls_nobody() -> None:
    told = proposal(specified(title=HOSTILE), project("spans"), "main", "a" * 40)
    for text in (told.title, told.commit_message):
        assert not re.search(r"[#@/:<>`!\[\]]|GH-\d", text.replace("Add spans:", "").replace(neutral.NO_CHECKS, "")), (
            text
        )
    assert told.commit_message.splitlines()[0] == "Add spans"
    assert neutral.NO_CHECKS in told.commit_message, "the checks of the repository do not run what nobody has read"


def test_what_a_plan_says_is_text_in_what_goes_to_github() -> None:
    built = hostile()
    built = built.model_copy(update={"sources": {"a.py": b"x = 1\n"}})
    told = proposal(specified(project="x"), built, "main", "a" * 40)
    comments = [stopped("fern/ledger#3", HOSTILE).body, finished(specified(), built, [HOSTILE]).body]
    for body in (told.body, *comments):
        bare = re.sub(r"`+[^`]*`+", "", body).replace("Built from #3", "").replace("<br>", "")
        assert not re.search(r"(?<!\\)<|(?<!\\)!\[|@\w|(?<!\\)#\d|https?://", bare), bare


def test_a_reference_leads_only_into_the_repository_of_the_issue() -> None:
    here = proposal(specified(), project("spans"), "main", "a" * 40)
    assert "Built from #3." in here.body
    there = proposal(specified(repository="fern/other"), project("spans"), "main", "a" * 40)
    assert "Built from `fern/ledger#3`." in there.body
    assert "`fern/other`" in finished(specified(repository="fern/other"), project("spans"), []).body


def test_a_pull_request_that_is_not_there_is_not_spoken_of() -> None:
    assert "A pull request brings" in finished(specified(), project("spans"), []).body
    body = finished(specified(), project("spans"), ["No pull request is opened: the code is not to be had."]).body
    assert "A pull request brings" not in body and "not to be had" in body


def test_a_branch_that_was_proposed_stays_on_its_commit(outbox: Outbox) -> None:
    """The default branch goes on; the files are the same, so the pull request is."""
    problems: list[str] = []
    for tip in ("a" * 40, "b" * 40):
        propose_project(outbox, POLICY, proposal(specified(), project("spans"), "main", tip), problems)
    (known,) = outbox.latest("waiting", 10)
    effect = read_effect(known.payload)
    assert isinstance(effect, OpenPullRequest) and effect.base_commit == "a" * 40
    changed = project("spans").model_copy(update={"sources": {**project("spans").sources, "more.py": b"x = 1\n"}})
    propose_project(outbox, POLICY, proposal(specified(), changed, "main", "b" * 40), problems)
    effects = [read_effect(each.payload) for each in outbox.latest("waiting", 10)]
    assert {each.base_commit for each in effects if isinstance(each, OpenPullRequest)} == {"a" * 40, "b" * 40}
    assert len({each.branch for each in effects if isinstance(each, OpenPullRequest)}) == 2
    assert problems == []


def test_what_cannot_be_sent_is_a_problem(outbox: Outbox) -> None:
    problems: list[str] = []
    told = proposal(specified(repository="fern"), project("spans"), "main", "a" * 40)
    propose_project(outbox, POLICY, told, problems)
    tell_of_build(outbox, POLICY, stopped("fern/ledger#3", "It says too little."), problems)
    assert len(problems) == 1 and problems[0].startswith("The project spans cannot be published")
    assert [each.verb for each in outbox.latest("waiting", 10)] == ["keep_comment"]


def test_nothing_is_put_for_a_repository_that_the_settings_do_not_name(outbox: Outbox) -> None:
    problems: list[str] = []
    propose_project(outbox, POLICY, proposal(specified(repository="a/b"), project("spans"), "main", "a" * 40), problems)
    tell_of_build(outbox, POLICY, stopped("a/b#3", "It says too little."), problems)
    assert len(problems) == 2 and all("SOLOIST_GITHUB_REPOSITORIES" in problem for problem in problems)
    assert outbox.counts() == {}


def test_titles_keep_what_a_title_needs() -> None:
    assert neutral.title("Join spans (v2.0), 100% & more + 'quotes'", 200) == "Join spans (v2.0), 100% more + 'quotes'"
    assert neutral.title("x" * 300, 50).endswith("…") and len(neutral.title("x" * 300, 50)) <= 50
