"""Nothing that is not one of the verbs, or breaks a bound, becomes an effect; and reading one back says what is wrong without repeating it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from resources.errors import BadInput
from resources.outbox import AddLabels, KeepComment, LinkSentryIssue, OpenIssue, OpenPullRequest
from resources.outbox.effects import LONGEST_BODY, LONGEST_TITLE, MOST_FILES, read_effect, require_key
from resources.outbox.marks import bears, marked
from resources.outbox.names import branch_fault, path_fault

PULL_REQUEST: dict[str, Any] = {
    "repository": "ada/engine",
    "branch": "soloist/fix",
    "base": "main",
    "base_commit": "a" * 40,
    "title": "A test",
    "body": "",
    "files": {"tests/test_it.py": "x = 1\n"},
    "commit_message": "test: it",
}
LINK: dict[str, Any] = {"organization": "fern", "issue": "7", "text": "See"}


def refused(kind: type, **members: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        kind(**members)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": " "}, "blank"),
        ({"title": "a\nb"}, "one line"),
        ({"title": "a" * (LONGEST_TITLE + 1)}, "at most 256"),
        ({"body": "a" * (LONGEST_BODY + 1)}, "at most"),
        ({"body": "a\0b"}, "control characters"),
        ({"branch": "main"}, "the same"),
        ({"branch": "a..b"}, "no name that git takes"),
        ({"base_commit": "HEAD"}, "match pattern"),
        ({"repository": "ada"}, "match pattern"),
        ({"repository": "ada/.."}, "owner/name"),
        ({"repository": "../engine"}, "owner/name"),
        ({"repository": "ada/engine/../../user"}, "match pattern"),
        ({"repository": "ada/engine\n"}, "match pattern"),
        ({"files": {}}, "at least 1"),
        ({"files": {f"f{n}": "" for n in range(MOST_FILES + 1)}}, f"at most {MOST_FILES}"),
        ({"files": {"../up": ""}}, "relative"),
        ({"files": {"/etc/passwd": ""}}, "relative"),
        ({"files": {"a/./b": ""}}, "relative"),
        ({"files": {".git/hooks/pre-commit": ""}}, "git's own folder"),
        ({"files": {"sub/.GIT /config": ""}}, "git's own folder"),
        ({"files": {"GIT~1/config": ""}}, "git's own folder"),
        ({"files": {".git::$INDEX_ALLOCATION/config": ""}}, "git's own folder"),
        ({"files": {".github/workflows/ci.yml": ""}}, "workflow"),
        ({"files": {".GitHub/Workflows/ci.yml": ""}}, "workflow"),
        ({"files": {"a\\..\\b": ""}}, "backslash"),
        ({"files": {".g\u200cit/config": ""}}, "not seen"),
        ({"files": {"a": "", "a/b": ""}}, "beneath another"),
        ({"files": {"a": "\0"}}, "no text"),
        ({"labels": ["a"] * 21}, "at most 20"),
        ({"labels": ["a" * 51]}, "at most 50"),
        ({"commit_message": "  \n"}, "blank"),
        ({"assignees": ["eve"]}, "Extra inputs"),
    ],
)
def test_a_pull_request_that_breaks_a_bound_is_none(change: dict[str, Any], words: str) -> None:
    assert OpenPullRequest(**PULL_REQUEST).draft
    assert words in refused(OpenPullRequest, **PULL_REQUEST | change)


def test_other_verbs_have_bounds_too() -> None:
    assert "blank" in refused(KeepComment, repository="ada/engine", number=1, body=" \n")
    assert "greater than" in refused(KeepComment, repository="ada/engine", number=0, body="a")
    assert "valid integer" in refused(KeepComment, repository="ada/engine", number="1", body="a")
    assert "at least 1" in refused(AddLabels, repository="ada/engine", number=1, labels=[])
    assert "blank" in refused(OpenIssue, repository="ada/engine", title="", body="a")
    assert "exactly one" in refused(LinkSentryIssue, **LINK)
    assert "exactly one" in refused(LinkSentryIssue, **LINK, url="https://a.b/", result_of="k")
    assert "address" in refused(LinkSentryIssue, **LINK, url="javascript:alert(1)")
    assert "match pattern" in refused(LinkSentryIssue, **LINK | {"issue": "7/../8"}, url="https://a.b/")
    assert "match pattern" in refused(LinkSentryIssue, **LINK | {"organization": "fern/x"}, url="https://a.b/")


def test_an_effect_cannot_be_changed_and_is_read_back_as_it_was() -> None:
    effect = OpenPullRequest(**PULL_REQUEST, labels=["one", "two"])
    with pytest.raises(ValidationError):
        effect.title = "Another"  # type: ignore[misc]
    assert read_effect(effect.model_dump_json()) == effect


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("{", "it: Invalid JSON"),
        ("[]", "it: Input should be"),
        ('{"verb": "merge_pull_request", "repository": "ada/engine", "number": 1}', "verb: it is none of those"),
        ('{"repository": "ada/engine"}', "verb: it is none of those"),
        ('{"verb": "keep_comment", "repository": "ada/engine", "number": 1}', "body: Field required"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(payload: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_effect(payload)
    assert words in str(caught.value)


def test_a_sentence_does_not_repeat_what_was_wrong() -> None:
    payload = {"verb": "keep_comment", "repository": "canary-canary", "number": "canary", "body": ["canary"]}
    with pytest.raises(BadInput) as caught:
        read_effect(json.dumps(payload))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("key", ["", " a", "a b", "a>b", "-->", "a\n", "é", "a" * 201])
def test_a_key_that_could_not_stand_in_a_mark_is_none(key: str) -> None:
    with pytest.raises(BadInput, match="no key of an effect"):
        require_key(key)


@settings(max_examples=40, deadline=None)
@given(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.:/#@+-]{0,199}\Z"), st.text(max_size=200))
@example("review:ada/my--repo#1", "")
@example("a-->b".replace(">", "-"), "<!-- soloist:another -->")
def test_the_mark_of_a_key_is_found_whatever_stands_before_it(key: str, body: str) -> None:
    written = marked(body, require_key(key))
    assert bears(written, key)
    assert bears(written.replace("\n", "\r\n") + "\n", key)
    assert not bears(written, key + "x")
    assert "--" not in written.rpartition("<!--")[2].removesuffix("-->")


def test_a_mark_that_the_text_itself_quotes_is_not_its_own() -> None:
    quoting = marked("Somebody wrote <!-- soloist:run-failure:1 --> here.", "review:1")
    assert not bears(quoting, "run-failure:1")
    assert bears(quoting, "review:1")


_BRANCHES = st.text(st.sampled_from("ab/.@{~^:?*[\\ -\x7fé\tHEADlock"), min_size=1, max_size=12) | st.text(
    st.characters(exclude_categories=("Cs", "Cf", "Cc", "Zl", "Zp")), min_size=1, max_size=8
)


@settings(max_examples=30, deadline=None)
@given(names=st.lists(_BRANCHES, min_size=1, max_size=8))
@example(
    names=[
        "a.lock",
        "a.lock/b",
        "a/.b",
        "-a",
        "@",
        "HEAD",
        "a//b",
        "a/",
        ".",
        "a.",
        "a@{b",
        "refs/heads/x",
        "a@b",
        "@/b",
    ]
)
def test_a_branch_that_passes_is_one_that_git_takes(names: list[str]) -> None:
    """And one that git takes passes, but for those that mean something else to its commands."""
    for name in names:
        taken = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False, cwd=Path(os.sep))
        means_another = name in ("@", "HEAD") or name.startswith("-")
        assert (branch_fault(name) is None) == (taken.returncode == 0 and not means_another), name


@given(
    st.lists(
        st.sampled_from(["a", "..", ".", "", ".git", ".GIT", "git~1", ".github", "Workflows", "b.py", "é"]), min_size=1
    )
)
def test_a_path_that_passes_stays_in_the_repository_and_out_of_git(parts: list[str]) -> None:
    path = "/".join(parts)
    if path_fault(path) is None:
        root = Path("/repository")
        assert (root / path).resolve().is_relative_to(root / parts[0])
        assert not {part.lower() for part in parts} & {".git", "git~1", "..", ".", ""}
        assert [part.lower() for part in parts[:2]] != [".github", "workflows"]
