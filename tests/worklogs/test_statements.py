"""Activities, blockers and follow-ups: what counts as one, what only looks like one, and that each quotes the message verbatim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.worklogs.model import Excerpt, ExcerptKind, Statement
from orchestration_assets.worklogs.statements import is_blocker, is_follow_up, segments, statements

BODY = """feat: add a reader (#12)

Add a reader for arrays. It was
slow before. Remove the old one
because nobody used it.

* fix(git): match directories
  on Windows
- Note that this stays
1. Added tests

```
Remove this from the code
```

    Remove that from the log

> Remove the quotation

Fixes #68
Co-authored-by: Ada Example <ada@example.com>
"""


def _texts(found: list[Statement]) -> list[str]:
    return [each.text for each in found]


def test_activities_are_bullets_and_sentences_that_a_known_verb_leads() -> None:
    found = statements("e", BODY)
    assert _texts(found.activities) == [
        "Add a reader for arrays",
        "Remove the old one because nobody used it",
        "match directories on Windows",
        "Added tests",
    ]
    assert found.blockers == [] and found.follow_ups == []
    for each in found.activities:
        assert BODY[each.evidence.start : each.evidence.end] == each.evidence.quote


def test_a_subject_alone_and_a_body_that_repeats_it_are_no_activities() -> None:
    assert statements("e", "Add x").activities == []
    assert statements("e", "Add x (#1)\n\n* Add x (#1)").activities == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Until https://github.com/crate-ci/typos/issues/914 is fixed",
        "Blocked by #12",
        "blocked on psf/requests#33",
        "Waiting for https://github.com/a/b/pull/65",
        "Pin it until kennethreitz/pipenv#90 is resolved",
        "This cannot be enabled because of GH-12",
        "We can't upgrade because PROJ-7 is open",
        "It depends on a fix in issue 914",
        "Skip this until #4 has been released",
    ],
)
def test_a_blocker_is_a_phrase_and_what_it_waits_for(sentence: str) -> None:
    assert is_blocker(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "band-aid for the blocking call",
        "fixes #68",
        "Handle requests blocked by CORS, fixes #68",
        "waiting for the lock",
        "No more waiting for the lock: closes #68",
        "waiting for the review, this closes #68",
        "Blocked by the firewall",
        "no longer blocked by #12",
        "Stop waiting for #12",
        "Unblocked by #12",
        "See #12 for the blocking call",
        "Run the hook before #12",
        "This can't fail because the lock is held",
        "Fix the crash when blocked by #12",
    ],
)
def test_what_only_looks_like_a_blocker(sentence: str) -> None:
    assert not is_blocker(sentence)


def test_a_squash_tail_is_nothing_to_wait_for() -> None:
    assert statements("e", "fix: retry while waiting for closed sockets (#1234)").blockers == []


def test_in_a_note_the_phrase_or_a_tag_suffices() -> None:
    found = statements("n", "Wrote the report. Waiting for the review.", is_note=True)
    assert _texts(found.activities) == ["Wrote the report"] and _texts(found.blockers) == ["Waiting for the review"]
    assert _texts(statements("n", "The disk is full", is_note=True, tags=["#Blocker"]).blockers) == ["The disk is full"]
    assert statements("n", "Removed a blocking call", is_note=True).blockers == []
    assert statements("n", "No longer waiting for the review", is_note=True).blockers == []


@pytest.mark.parametrize(
    "sentence",
    [
        "TODO: write docs",
        "Follow-up: add a test",
        "next: measure it",
        "Will add caching in a follow-up",
        "Deletion will be handled in a later PR",
        "Tests are to be added later",
        "The docs still need to be written",
        "This needs a follow-up",
    ],
)
def test_follow_ups_are_said_outright(sentence: str) -> None:
    assert is_follow_up(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Remove a TODO about caching",
        "Go to the next page",
        "As a follow-up to #12, add a test",
        "Will retry later",
        "Add a todo list",
        "Continue in the next iteration of the loop",
    ],
)
def test_what_only_looks_like_a_follow_up(sentence: str) -> None:
    assert not is_follow_up(sentence)


def test_bullets_under_a_heading_are_follow_ups_until_the_next_paragraph() -> None:
    text = "feat: x\n\nTODO:\n- write docs\n\n- add tests\n\nAdd the rest.\n- Add more"
    found = statements("e", text)
    assert _texts(found.follow_ups) == ["write docs", "add tests"]
    assert _texts(found.activities) == ["Add the rest", "Add more"]


@pytest.mark.parametrize("tag", ["plan", "todo", "next", "#Todo"])
def test_notes_tagged_as_plans_are_follow_ups(tag: str) -> None:
    found = statements("n", "Send the report\n- to Ada", is_note=True, tags=[tag])
    assert _texts(found.follow_ups) == ["Send the report", "to Ada"] and found.activities == []


def test_a_tag_says_nothing_of_a_commit() -> None:
    assert statements("e", "Send the report", tags=["plan"]).follow_ups == []


def test_added_todo_comments_are_follow_ups_that_quote_the_diff() -> None:
    excerpts = [
        Excerpt(entry_id="e", number=3, kind=ExcerptKind.TODO_ADDED, path="a.py", language="Python", line="  # TODO: retry  ", name="retry"),
        Excerpt(entry_id="e", number=4, kind=ExcerptKind.IMPORT, path="a.py", language="Python", line="import re", name="re"),
    ]  # fmt: skip
    [found] = statements("e", "Add x", excerpts=excerpts).follow_ups
    evidence = found.evidence
    assert found.text == "retry" and (evidence.where, evidence.index) == ("excerpt", 3)
    assert excerpts[0].line[evidence.start : evidence.end] == evidence.quote == "retry"


_lines = st.lists(
    st.sampled_from(
        [
            "Add x",
            "- Fix y.",
            "",
            "TODO:",
            "  wrapped on. Then more",
            "blocked by #3",
            "```",
            "    code",
            "* a\tb",
            "Closes: #1",
            "1. one",
            "É. Ü",
            "# head",
            "TODO: z",
        ]
    ),
    max_size=14,
)


@given(_lines.map("\n".join) | st.text(max_size=120), st.booleans())
def test_every_statement_is_verbatim_and_segments_never_overlap(text: str, is_note: bool) -> None:
    end = 0
    for segment in segments(text):
        assert end <= segment.start < segment.end <= len(text)
        end = segment.end
    found = statements("e", text, is_note=is_note)
    for each in (*found.activities, *found.blockers, *found.follow_ups):
        evidence = each.evidence
        assert each.text and evidence.quote and text[evidence.start : evidence.end] == evidence.quote
