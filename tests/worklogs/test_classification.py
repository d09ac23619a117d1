"""Judgements of entries: category, bots, assistance, releases, vague subjects."""

from __future__ import annotations

import pytest

from orchestration_assets.worklogs.classification import (
    category_of_type,
    category_of_words,
    is_assisted,
    is_bot,
    is_branch_name,
    is_release,
    is_vague,
)
from orchestration_assets.worklogs.conventional import parse
from orchestration_assets.worklogs.model import Category, FileChange
from orchestration_assets.worklogs.wording import clean_headline


def _files(*paths: str) -> list[FileChange]:
    return [FileChange(path=path) for path in paths]


@pytest.mark.parametrize(
    ("name", "email", "bot"),
    [
        ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com", True),
        ("renovate-bot", "bot@renovateapp.com", True),
        ("GitHub Actions", "actions@github.com", True),
        ("GitHub Action", "action@github.com", True),
        ("Release Bot", "release@example.com", True),
        ("Ada Abbot", "ada.abbot@example.com", False),
        ("Ada Talbot", "talbot@example.com", False),
        ("Ada Example", "1+ada@users.noreply.github.com", False),
        ("", "", False),
    ],
)
def test_bots_are_told_by_their_identity(name: str, email: str, bot: bool) -> None:
    assert is_bot(name, email) is bot


@pytest.mark.parametrize(
    ("text", "author", "assisted"),
    [
        ("x\n\nCo-authored-by: aider (gpt-4o) <noreply@aider.chat>", "Ada", True),
        ("x\n\nCo-Authored-By: Claude <noreply@anthropic.com>", "Ada", True),
        ("x\n\nCo-authored-by: Copilot <198982749+Copilot@users.noreply.github.com>", "Ada", True),
        ("x\n\n🤖 Generated with [Claude Code](https://claude.ai/code)", "Ada", True),
        ("x", "Ada Example (aider)", True),
        ("aider: Add x", "Ada", True),
        ("x\n\nAssisted-by: GitHub Copilot", "Ada", True),
        ("x\n\nCo-authored-by: Claude Example <claude@example.com>", "Ada", False),
        ("x\n\nCo-authored-by: Ada Example <ada@example.com>", "Ada", False),
        ("Describe code generated with templates", "Ada", False),
        ("Support the Copilot and Claude back ends", "Ada", False),
    ],
)
def test_assistance_is_told_by_markers_alone(text: str, author: str, assisted: bool) -> None:
    assert is_assisted(text, author) is assisted


@pytest.mark.parametrize(
    "subject",
    [
        "v1.2.3",
        "2.0.0rc1",
        "Release 1.2.3",
        "Bump version to 1.2.3",
        "Bump version: 0.8.0 → 0.8.1",
        "bump: version 4.5.0 → 4.5.1",
        "version bump to 0.47.0",
        "set version to 0.11.0-dev",
        "chore(release): prepare for v0.1.0-rc.3",
        "chore(main): release 1.4.0 (#12)",
        "chore: release v2.0.0",
        "Prepping for v0.3.0 release.",
        "Increment version numbers.",
    ],
)
def test_releases(subject: str) -> None:
    assert is_release(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "Bump requests from 2.1.0 to 2.2.0",
        "chore(deps): bump clap from 4.3.4 to 4.3.5",
        "Release the lock before writing",
        "Support Python 3.12",
        "Update urllib3 to 1.16",
        "docs(website): add highlights for 2.2.0",
        "fix release script",
        "12 monkeys",
    ],
)
def test_what_only_looks_like_a_release(subject: str) -> None:
    assert not is_release(subject)


def test_release_words_count_where_only_version_files_were_touched() -> None:
    assert is_release("Release notes", _files("CHANGELOG.md", "setup.py"))
    assert not is_release("Release notes page", _files("web/notes.tsx"))


@pytest.mark.parametrize(
    "subject",
    [
        "wip",
        "WIP: wip",
        "fix",
        "Fixed.",
        "fix fix fix",
        "copy",
        "update",
        "misc",
        "typo",
        "Fix typos",
        "more",
        ".",
        "...",
        "asdf",
        "sdfgh",
        "ABC-123",
        "#12",
        "Fixes #3954",
        "address review comments",
        "Address PR feedback",
        "minor changes",
        "[pre-commit.ci] auto fixes from pre-commit.com hooks",
        "Initial plan",
        "chore: cleanup",
        "refactor",
        "✨",
        "LIVE DEPLOYMENT VERIFIED, fully operational",
        "style: format code",
    ],
)
def test_vague_subjects_say_nothing(subject: str) -> None:
    headline = clean_headline(subject)
    assert not headline or is_vague(headline)


@pytest.mark.parametrize(
    "subject",
    [
        "Fix typo in the README",
        "Fix CSS error",
        "Update README.md",
        "Add tests for the parser",
        "HTTP/1.1",
        "New CaseInsensitiveDict",
        "修复登录问题",
        "Fix crash",
    ],
)
def test_what_says_something_is_not_vague(subject: str) -> None:
    assert not is_vague(clean_headline(subject))


def test_a_title_that_repeats_its_branch_is_told() -> None:
    assert is_branch_name("Patch-1") and is_branch_name("Fix tls floppy", "fix-tls-floppy")
    assert is_branch_name("Feature/new parser", "feature/new-parser")
    assert not is_branch_name("Add a parser", "new-parser")


@pytest.mark.parametrize(
    ("message", "category"),
    [
        ("feat: x", Category.FEATURE),
        ("Fix(core): x", Category.FIX),
        ("docs: x", Category.DOCUMENTATION),
        ("ci: x", Category.BUILD),
        ("chore(deps): bump x", Category.BUILD),
        ("chore: x", Category.CHORE),
        ("bump: version 1.0 → 1.1", Category.RELEASE),
        ("revert: use the old colours", None),
        ("certifi: bump", None),
    ],
)
def test_category_of_conventional_types(message: str, category: Category | None) -> None:
    convention = parse(message)
    assert convention is not None
    assert category_of_type(convention) is category


@pytest.mark.parametrize(
    ("subject", "paths", "category"),
    [
        ("Update expectations", ["tests/test_a.py"], Category.TEST),
        ("Mention proxies", ["docs/user.rst", "README.md"], Category.DOCUMENTATION),
        ("Use the new runner", [".github/workflows/ci.yml"], Category.BUILD),
        ("Try again", ["uv.lock"], Category.BUILD),
        ("Bump actions/checkout from 4.1.0 to 4.2.0", [], Category.BUILD),
        ("Update dependency pytest to 8", [], Category.BUILD),
        ("Add retries to the uploader", ["up.py"], Category.FEATURE),
        ("Fix crash on empty input", ["up.py"], Category.FIX),
        ("Handle a missing header", ["up.py"], Category.FIX),
        ("Do not follow redirects when none are allowed", ["up.py"], Category.FIX),
        ("Fix!(belt): weigh less often", ["belt.py"], Category.FIX),
        ("refactor!!: sort labels", ["belt.py"], Category.REFACTORING),
        ("perf:weigh once", ["belt.py"], Category.PERFORMANCE),
        ("Speed up the reader", ["up.py"], Category.PERFORMANCE),
        ("Rename Reader to Source", ["up.py"], Category.REFACTORING),
        ("Remove dead code", ["up.py"], Category.REFACTORING),
        ("Format with black", ["up.py"], Category.STYLE),
        ("Clarify the docstring of get", ["up.py"], Category.DOCUMENTATION),
        ("Add unit tests for the reader", ["up.py", "tests/test_up.py"], Category.TEST),
        ("[docs] Mention proxies", ["up.py"], Category.DOCUMENTATION),
        ("Support generating a changelog from a directory", ["up.py"], Category.FEATURE),
        ("Merge branch 'x'", [], Category.MERGE),
        ("Numpad", ["up.py"], Category.OTHER),
    ],
)
def test_category_of_subjects_without_a_convention(subject: str, paths: list[str], category: Category) -> None:
    assert category_of_words(subject, _files(*paths)) is category
