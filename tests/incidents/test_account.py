"""What a person is told of a test: text from outside stands in code, where it mentions, embeds and links nobody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration_assets.incidents.account import account, code, fenced, proposal, restated, trace
from orchestration_assets.incidents.model import Incident
from orchestration_assets.incidents.presentation import incidents_table
from orchestration_assets.reports import neutral
from resources.scrubbing import scrub
from tests.incidents.crashing import NOON, event, files, frame, prepared

TREE = files(work="def run(by):\n    return 1 / by\n")
SHOWN = frame("/app/work.py", "run", "    return 1 / by", 2, "work", by="0")
HOSTILE = "@everyone ![x](http://evil.example/a.png) <img src=x> [a](javascript:1) ```\n# Head `tick` &amp; fixes #1"


def incident(**members: object) -> Incident:
    told: dict[str, object] = {
        "issue": "7", "short_id": "SHELF-7", "organization": "fern", "project": "shelf", "repository": "fern/shelf",
        "title": "ZeroDivisionError: no", "link": "https://sentry.io/organizations/fern/issues/7/", "release": "1.2", "commit": "a" * 40,
        "found": "tag", "status": "reproduced", "reason": "", "event_id": "0123", "happened_at": NOON, "maker": "extractive", "how": "run",
        "tries": 2, "test_path": "tests/regression/test_x.py", "test_hash": "h", "fixed_commit": "", "input_hash": "i", "head": "b" * 40,
    }  # fmt: skip
    return Incident.model_validate(told | members)


def text(message: str, **members: object) -> str:
    found = prepared(TREE, event(SHOWN, value=message, kind="ZeroDivisionError"))
    return account(incident(**members), found.raised, found.places, 1.0)


def outside_code(markdown: str) -> str:
    """What is rendered, without blocks and spans of code."""
    without_blocks = re.sub(r"(?ms)^(`{3,})\w*\n.*?\n\1$", "", markdown)
    return re.sub(r"(`+)[^\n]+?\1", "", without_blocks)


def test_text_from_outside_stands_in_code_alone() -> None:
    shown = text(HOSTILE, release=HOSTILE, how=HOSTILE, maker=HOSTILE, short_id=HOSTILE, link=f"javascript:{HOSTILE}")
    for sign in ("@everyone", "<img", "![", "javascript", "fixes #1", "evil.example"):
        assert sign in shown or sign == "javascript"
        assert sign not in outside_code(shown), sign


@given(st.text(max_size=300) | st.text(alphabet="`~ a|\n", max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_text_leaves_its_code(message: str) -> None:
    inner = fenced(message)
    fence = inner.split("text\n")[0]
    assert not re.search(rf"(?m)^{fence}", inner.removeprefix(fence).removesuffix(fence))
    assert re.fullmatch(r"`[^`\n]+`", code(message))
    assert "|" not in re.sub(
        r"\\\|", "", incidents_table([incident(title=message)]).splitlines()[2].removeprefix("| ").removesuffix(" |")
    ).replace(" | ", "")


def test_it_says_what_was_seen() -> None:
    shown = text("division by zero")
    for said in (
        "SHELF-7",
        "twice",
        "100%",
        "python -m pytest tests/regression/test_x.py",
        "still fails at",
        "work.py:2 in run",
        "return 1 / by",
    ):
        assert said in shown, said
    assert "it passes since" in text("no", fixed_commit="c" * 40)
    assert "password=hunter2hunter2" not in text("password=hunter2hunter2")


def test_a_title_is_plain_and_a_branch_is_a_name() -> None:
    made = proposal(incident(title=HOSTILE, short_id="A b/c~^:?*[\\..@{x"), "main", "text", "body")
    assert not set("@<>`#&!") & set(made.title)
    assert re.fullmatch(r"regression/[A-Za-z0-9-]+", made.branch)
    assert len(made.title) < 200


def test_a_title_closes_nothing_and_a_commit_holds_no_text_from_outside() -> None:
    planted = "fixes https://github.com/acme/shop/issues/5 and closes GH-7, acme/shop#3 with password=hunter2Xyz9"
    made = proposal(incident(title=planted, short_id="GH-7"), "main", "text", "body")
    assert not re.search(r"[#@/:<>`!\[\]]|GH-\d", made.title), made.title
    assert "hunter2Xyz9" not in made.title and scrub(made.title) == made.title
    other = proposal(incident(title="other", short_id="SHELF-8", test_path="tests/other.py"), "main", "text", "body")
    assert made.commit_message == other.commit_message
    assert neutral.NO_CHECKS in made.commit_message and neutral.NO_CHECKS in text("no")


@pytest.mark.parametrize("head", ["b" * 40, ""])
def test_what_was_mended_is_said_anew_and_all_else_stays(head: str) -> None:
    planted = "- **Not mended:** it\n- **Mended:** no"
    before, after = text(planted, head=head), text(planted, head="d" * 40, fixed_commit="c" * 40, status="fixed")
    assert ("still fails at" in before) == bool(head)
    assert restated(before, incident(head="d" * 40, fixed_commit="c" * 40)) == after
    assert restated(after, incident(head="d" * 40, fixed_commit="c" * 40)) == after


def test_of_a_long_stack_the_ends_are_shown() -> None:
    found = event(*[SHOWN] * 100).exceptions[-1]
    assert "60 more calls" in trace(found)
    assert len(trace(found).splitlines()) < 100
