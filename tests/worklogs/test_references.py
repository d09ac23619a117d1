"""What messages point at, what they say they close, merge and revert."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.worklogs.conventional import parse
from orchestration_assets.worklogs.references import pull_request, references, reverts


def _found(text: str) -> list[tuple[str, str, bool]]:
    return [(each.kind, each.target, each.closing) for each in references("e", text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See #12", [("issue", "#12", False)]),
        ("GH-12 again", [("issue", "#12", False)]),
        ("as in psf/requests#12", [("issue", "psf/requests#12", False)]),
        ("https://github.com/a/b/issues/914", [("issue", "a/b#914", False)]),
        ("https://github.com/a/b/pull/3#issuecomment-1.", [("pull_request", "a/b#3", False)]),
        ("https://gitlab.com/g/s/p/-/merge_requests/7", [("pull_request", "g/s/p!7", False)]),
        ("https://github.com/a/b/commit/0123abcd", [("commit", "0123abcd", False)]),
        ("see https://example.com/x.", [("url", "https://example.com/x", False)]),
        ("fixes #68", [("issue", "#68", True)]),
        ("Closes: #1, #2 and #3", [("issue", "#1", True), ("issue", "#2", True), ("issue", "#3", True)]),
        ("resolves https://github.com/a/b/issues/9", [("issue", "a/b#9", True)]),
        ("does not fix #4", [("issue", "#4", False)]),
        ("this doesn't fix #4", [("issue", "#4", False)]),
        ("Refs: #5", [("issue", "#5", False)]),
        ("ABC-123: add x", [("issue", "ABC-123", False)]),
        ("Fixes PROJ-7", [("issue", "PROJ-7", True)]),
        ("use UTF-8 and SHA-256", []),
        ("step #1 of the plan, colour #123456", []),
        ("add x (#7)", [("pull_request", "#7", False)]),
        ("as PR #8 did", [("pull_request", "#8", False)]),
        ("A&#39;s; a C# file; #hashtag", []),
        ("See merge request g/x!12", [("pull_request", "g/x!12", False)]),
        ("wow !12", []),
    ],
)
def test_references_of_a_message(text: str, expected: list[tuple[str, str, bool]]) -> None:
    assert _found(text) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Merge pull request #1808 from x/y\n\nTitle", 1808),
        ("add x (#7)", 7),
        ("add x (#3) (#7)\n\nbody (#9)", 7),
        ("Merge branch 'x' into 'main'\n\nTitle\n\nSee merge request group/x!12", 12),
        ("Merged in feature (pull request #5)", 5),
        ("Merged PR 31: Title", 31),
        ("fix crash (fixes #7)", None),
        ("fix #7", None),
        ("Merge branch 'x'", None),
    ],
)
def test_the_pull_request_that_a_commit_merges_or_squashes(text: str, number: int | None) -> None:
    assert pull_request(text) == number


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (
            'Revert "add x"\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567.',
            "0123456789abcdef0123456789abcdef01234567",
        ),
        ('Revert "add x"', "add x"),
        ('Revert "Revert "add x""', 'Revert "add x"'),
        ('Reapply "add x"\n\nThis reverts commit 0123abc.', "0123abc"),
        ("chore: re-enable x\n\nThe bug is gone.\n\nThis reverts commit 0123abc.", "0123abc"),
        ("reverted a4e57e17b5", "a4e57e17b5"),
        ("revert: let it be\n\nRefs: 676104e, a215868", "676104e"),
        ("revert: use the old colours", None),
        ("revert lock change", None),
        ('feat: a (#5)\n\n* feat: a\n\n* Revert "b"\n\nThis reverts commit 0123abc.', None),
        ("Reverting is hard", None),
    ],
)
def test_only_a_cited_hash_or_a_quoted_subject_makes_a_revert(text: str, target: str | None) -> None:
    assert reverts(text, parse(text)) == target


@given(
    st.text(max_size=200), st.sampled_from(["", "#12", "fixes #3", "https://a.b/c/d/issues/4", "o/r#5", "!6", "GH-7"])
)
def test_every_reference_is_quoted_verbatim(text: str, inserted: str) -> None:
    text = f"{text} {inserted} {text}"
    for each in references("e", text):
        evidence = each.evidence
        assert evidence.quote and text[evidence.start : evidence.end] == evidence.quote
