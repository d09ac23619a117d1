"""Headlines: what is taken off a subject, what is kept to the letter, the past tense of every coordinated verb, and counted nouns."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration_assets.worklogs.tables import mapping, words
from orchestration_assets.worklogs.verb_forms import form_of, gerund_form, past_form
from orchestration_assets.worklogs.wording import (
    clean_headline,
    imperative,
    is_foreign,
    past_tense,
    plural,
    prefix_scope,
)


@pytest.mark.parametrize(
    ("subject", "headline"),
    [
        ("fix(remote): use the default timeout (#1597)", "use the default timeout"),
        ("feat!: add Y", "add Y"),
        ("fix:no space", "no space"),
        ("Fix!(belt): weigh less often", "weigh less often"),
        ("Refactor!!: sort labels", "sort labels"),
        ("Feat\\!: sort labels", "sort labels"),
        ("Sort labels [CLAUDE]", "Sort labels"),
        ("🎉 feat: add Y 🚀", "add Y"),
        (":sparkles: Add X", "Add X"),
        ("[docs] Mention proxies", "Mention proxies"),
        ("WIP: add thing", "add thing"),
        ("ABC-123: add thing", "add thing"),
        ("#12 Fix crash", "Fix crash"),
        ("README.md: fix the link", "fix the link"),
        ("pool: close idle connections", "close idle connections"),
        ("Python 3: what to do", "Python 3: what to do"),
        ("Fix crash. Fixes #3954", "Fix crash"),
        ("Fix crash (fixes #68)", "Fix crash"),
        ("Fix crash [skip ci]", "Fix crash"),
        ("Fix crash (GH-12) (#13).", "Fix crash"),
        ("Fix crash, see https://github.com/a/b/issues/4", "Fix crash"),
        ("Fix regression from #2844 in the pool", "Fix regression from #2844 in the pool"),
        ("Support c++ and C#", "Support c++ and C#"),
        ("Handle None!!!", "Handle None"),
        ("* add a bullet", "add a bullet"),
        ("", ""),
        ("✨", ""),
    ],
)
def test_prefixes_emoji_and_tails_are_taken_off(subject: str, headline: str) -> None:
    assert clean_headline(subject) == headline


@pytest.mark.parametrize(
    ("subject", "headline"),
    [
        ("Add login - LIVE DEPLOYMENT VERIFIED, fully operational", "Add login"),
        ("LIVE DEPLOYMENT VERIFIED, fully operational", ""),
        ("Add login FULLY TESTED", "Add login"),
        ("Add login ✅ VERIFIED WORKING", "Add login"),
        ("Add login (100% complete)", "Add login"),
        ("Add login, all tests passing", "Add login"),
        ("Add production-ready login", "Add login"),
        ("Successfully add login", "add login"),
        ("Phase 2 migration complete", "Phase 2 migration"),
        ("Complete rewrite of the parser", "rewrite of the parser"),
        ("Everything works perfectly!", ""),
        ("Improve throughput by 40%", "Improve throughput"),
        ("Make the reader 10x faster", "Make the reader"),
        ("ADD HTTP SUPPORT FOR CLIENTS", "Add HTTP support for clients"),
    ],
)
def test_self_praise_and_unproven_claims_are_stripped(subject: str, headline: str) -> None:
    assert clean_headline(subject) == headline


@pytest.mark.parametrize(
    "subject",
    [
        "Complete the migration",
        "Make the parser more robust",
        "Set width to 100%",
        "Add tab complete for flags",
        "Use fully qualified names",
        "Mark task as complete",
        "Fix working directory",
        "Call foo(bar) before baz",
    ],
)
def test_words_that_only_look_like_praise_stay(subject: str) -> None:
    assert clean_headline(subject) == subject


@pytest.mark.parametrize(
    ("subject", "headline"),
    [
        ("Use data_collection", "Use `data_collection`"),
        ("Call foo.bar() and baz()", "Call `foo.bar()` and `baz()`"),
        ("Rename urlOpen", "Rename `urlOpen`"),
        ("Add --dry-run and -u", "Add `--dry-run` and `-u`"),
        ("Move src/a/b.py to docs/", "Move `src/a/b.py` to `docs/`"),
        ("Update setup.py and .gitignore", "Update `setup.py` and `.gitignore`"),
        ("Call __init__ of RateLimitError", "Call `__init__` of RateLimitError"),
        ("Keep `foo_bar` and `a.b()`", "Keep `foo_bar` and `a.b()`"),
        ("Fix callable ``lid_open`` of ``a b``", "Fix callable `lid_open` of `a b`"),
        ('Set it to "foo_bar"', 'Set it to "foo_bar"'),
        ("Support Node.js, macOS and GitHub", "Support Node.js, macOS and GitHub"),
        ("Bump actions/checkout from 4.1.0 to 4.2.0", "Bump actions/checkout from 4.1.0 to 4.2.0"),
        ("Link https://example.com/a_b_c", "Link https://example.com/a_b_c"),
        ("Change client/server protocol", "Change client/server protocol"),
    ],
)
def test_identifiers_stand_in_backticks_and_names_do_not(subject: str, headline: str) -> None:
    assert clean_headline(subject) == headline


@pytest.mark.parametrize(
    "subject",
    [
        "修复登录问题",
        "Исправить ошибку входа",
        "añadir soporte para los usuarios",
        "Ajout du support des proxies",
        "Fehler beim Laden der Datei behoben",
    ],
)
def test_other_languages_are_left_to_the_letter(subject: str) -> None:
    assert is_foreign(subject)
    assert past_tense(clean_headline(f"fix: {subject} (#3)")) == subject


@pytest.mark.parametrize(
    "subject", ["Use die() on error", "Fix naïve parsing of dates", "Update café example", "Add x"]
)
def test_english_is_not_taken_for_another_language(subject: str) -> None:
    assert not is_foreign(subject)


@pytest.mark.parametrize(
    ("headline", "past"),
    [
        ("add X and remove Y", "Added X and removed Y"),
        ("Fix crash and improve docs", "Fixed crash and improved docs"),
        (
            "Drop Python 3.7, refer users to docs and edit the changelog",
            "Dropped Python 3.7, referred users to docs and edited the changelog",
        ),
        ("Add parser; fix lint", "Added parser; fixed lint"),
        ("Add and document a flag", "Added and documented a flag"),
        (
            "Sort the shelf, keep the lid open, and start no belt",
            "Sorted the shelf, kept the lid open, and started no belt",
        ),
        ("Weigh parcels, and warn where one is empty", "Weighed parcels, and warned where one is empty"),
        ("Merge the shelves, and then also drop the lid", "Merged the shelves, and then also dropped the lid"),
        ("Fixed X and add Y", "Fixed X and added Y"),
        ("Update deps (drop Python 3.8)", "Updated deps (dropped Python 3.8)"),
        ("Also handle None", "Also handled None"),
        ("re-enable the lock", "Re-enabled the lock"),
        ("Stop using `foo`", "Stopped using `foo`"),
        ("Split X into Y", "Split X into Y"),
        ("rewrite, test the parser", "Rewrote, tested the parser"),
        ("Move things to build", "Moved things to build"),
        ("cleanup `certs.py`", "Cleaned up `certs.py`"),
        ("Log a warning", "Logged a warning"),
        ("Add `and remove` to the docs", "Added `and remove` to the docs"),
    ],
)
def test_every_coordinated_verb_is_conjugated(headline: str, past: str) -> None:
    assert past_tense(headline) == past


@pytest.mark.parametrize(
    ("headline", "past"),
    [
        ("Refactor parser to use lexer and remove dead code", "Refactored parser to use lexer and remove dead code"),
        ("Allow users to view and edit entries", "Allowed users to view and edit entries"),
        ("Let users add and remove entries", "Let users add and remove entries"),
        ("Fix bug that crashes server and add test", "Fixed bug that crashes server and added test"),
        ("Fix tests that start servers and stop clients", "Fixed tests that start servers and stop clients"),
        ("Ensure pods can restart and rejoin", "Ensured pods can restart and rejoin"),
        ("Add foo, bar and baz", "Added foo, bar and baz"),
        ("Match PR and release metadata", "Matched PR and release metadata"),
        ("Fix code and return types", "Fixed code and return types"),
    ],
)
def test_infinitives_and_clauses_keep_their_verbs(headline: str, past: str) -> None:
    assert past_tense(headline) == past


@pytest.mark.parametrize(
    "headline",
    ["Add X and cache results", "Fix login and reset flows"],
)
def test_where_a_coordination_cannot_be_read_no_verb_is_conjugated(headline: str) -> None:
    assert past_tense(headline) == headline


@pytest.mark.parametrize(
    "headline",
    [
        "Fixes for Windows",
        "Updates to docs",
        "Tests for the parser",
        "Changes in the API",
        "Fix for #3",
        "Test coverage for X",
        "Support for proxies",
        "Log output is cut",
        "Release notes for 1.2",
        "Never log a password",
        "New parser",
        "Build fixes",
        "Issue #12 fixed",
    ],
)
def test_nouns_that_look_like_verbs_stay(headline: str) -> None:
    assert past_tense(headline) == headline


@pytest.mark.parametrize(
    ("headline", "past"),
    [
        ("Don't close the pool", "Stopped closing the pool"),
        ("do not trigger a warning when no lid is open", "Stopped triggering a warning when no lid is open"),
        ("don’t set the date twice", "Stopped setting the date twice"),
        ("Do not weigh empty parcels (#4)", "Stopped weighing empty parcels (#4)"),
        ("Do not read lids and write labels", "Do not read lids and write labels"),
        ("Do not clean up", "Stopped cleaning up"),
        ("don't", "Don't"),
        ("Don't panic", "Don't panic"),
    ],
)
def test_what_shall_not_be_done_any_more_was_stopped(headline: str, past: str) -> None:
    """`Did not close the pool` would say that nothing was done."""
    assert past_tense(headline) == past


@pytest.mark.parametrize(
    ("headline", "plan"),
    [
        ("Forwards all parameters and keeps the lid", "Forward all parameters and keep the lid"),
        ("Added the scales and fixed a belt", "Add the scales and fix a belt"),
        ("Adding tests", "Add tests"),
        ("Re-enabled the lock", "Re-enable the lock"),
        ("add X", "Add X"),
        ("don't weigh twice", "Don't weigh twice"),
        ("Fixes for the scales", "Fixes for the scales"),
        ("Fixed labels of weighed and moved parcels", "Fixed labels of weighed and moved parcels"),
        ("Corrigido o erro não tratado", "Corrigido o erro não tratado"),
    ],
)
def test_what_is_still_being_done_stands_in_the_imperative(headline: str, plan: str) -> None:
    assert imperative(headline) == plan


@pytest.mark.parametrize(
    ("headline", "past"),
    [
        ("adds X", "Added X"),
        ("Adds lids and removes labels", "Added lids and removed labels"),
        ("Adding lids and removing labels", "Added lids and removed labels"),
        ("Fixes typo in docs", "Fixed typo in docs"),
        ("Updates the docs", "Updated the docs"),
        ("Adding tests", "Added tests"),
        ("Fixed typo", "Fixed typo"),
        ("parsing errors", "Parsing errors"),
        ("`foo_bar` raises", "`foo_bar` raises"),
        ("urllib3 bugfix", "urllib3 bugfix"),
    ],
)
def test_other_forms_are_understood(headline: str, past: str) -> None:
    assert past_tense(headline) == past


@pytest.mark.parametrize(
    ("base", "gerund"),
    [("drop", "dropping"), ("use", "using"), ("let", "letting"), ("tie", "tying"), ("mimic", "mimicking"), ("cancel", "cancelling"),
     ("edit", "editing"), ("free", "freeing"), ("re-run", "re-running")],
)  # fmt: skip
def test_gerunds(base: str, gerund: str) -> None:
    assert gerund_form(base) == gerund


@pytest.mark.parametrize(
    ("base", "past"),
    [
        ("drop", "dropped"), ("refer", "referred"), ("edit", "edited"), ("use", "used"), ("apply", "applied"), ("deploy", "deployed"),
        ("make", "made"), ("write", "wrote"), ("run", "ran"), ("set", "set"), ("build", "built"), ("split", "split"), ("rebuild", "rebuilt"),
        ("override", "overrode"), ("embed", "embedded"), ("visit", "visited"), ("commit", "committed"), ("sync", "synced"), ("fix", "fixed"),
        ("debug", "debugged"), ("format", "formatted"), ("limit", "limited"), ("transfer", "transferred"), ("offer", "offered"),
    ],
)  # fmt: skip
def test_past_forms(base: str, past: str) -> None:
    assert past_form(base) == past


def test_no_verb_stands_in_two_lists_of_forms_and_every_exception_is_a_verb() -> None:
    lists = [set(words("verbs", "regular")), set(words("verbs", "doubling")), set(mapping("verbs", "irregular"))]
    assert not lists[0] & lists[1] and not lists[1] & lists[2] and not lists[0] & lists[2]
    known = set.union(*lists)
    for key in ("nouns_too", "nouns_first", "with_preposition", "certain", "gerund_bases", "no_activities"):
        assert set(words("verbs", key)) <= known, key
    assert len(known) >= 350


@pytest.mark.parametrize(
    ("count", "noun", "expected"),
    [
        (1, "fix", "1 fix"), (2, "fix", "2 fixes"), (0, "entry", "0 entries"), (1200, "entry", "1,200 entries"), (2, "branch", "2 branches"),
        (3, "dependency update", "3 dependency updates"), (2, "key", "2 keys"), (1, "pull request", "1 pull request"), (2, "analysis", "2 analyses"),
    ],
)  # fmt: skip
def test_plural(count: int, noun: str, expected: str) -> None:
    assert plural(count, noun) == expected


@pytest.mark.parametrize(
    ("subject", "scope"),
    [("[docs] Mention proxies", "docs"), ("pool: close it", "pool"), ("Python 3: what to do", None), ("[WIP] add x", None), ("add x", None)],
)  # fmt: skip
def test_informal_prefixes_name_a_scope(subject: str, scope: str | None) -> None:
    assert prefix_scope(subject) == scope


_pieces = (
    "add fix Remove and or to the that , ; - : (x) foo_bar README.md #12 (#3) 🎉 100% verified tests docs run set users can "
    "not 修复 É 'q' \"r\" Fixes"
).split()
_subjects = st.lists(st.sampled_from([*_pieces, "`a b`", "\x00", "\n"]), max_size=12).map(" ".join)


@given(_subjects | st.text(max_size=80))
def test_cleaning_only_removes_and_is_stable(subject: str) -> None:
    headline = clean_headline(subject)
    assert "\n" not in headline and headline == headline.strip()
    if not is_foreign(headline) and not subject.isupper():
        left = re.sub(r"[`\s]", "", headline)
        rest = iter(re.sub(r"[`\s]", "", subject))
        assert all(letter in rest for letter in left)


@given(_subjects)
def test_past_tense_keeps_code_and_numbers_to_the_letter_and_is_stable(subject: str) -> None:
    headline = clean_headline(subject)
    past = past_tense(headline)
    assert re.findall(r"`[^`]*`|\d+", past) == re.findall(r"`[^`]*`|\d+", headline)
    assert past_tense(past) == past


@given(_subjects, st.sampled_from([past_tense, imperative]))
def test_bending_puts_forms_of_known_verbs_in_place_and_nothing_else(subject: str, bend: Callable[[str], str]) -> None:
    headline = clean_headline(subject)
    kept = {word.lower() for word in re.findall(r"[\w-]+", headline)}
    new = {word.lower() for word in re.findall(r"[\w-]+", bend(headline))} - kept
    assert all(form_of(word) for word in new - {"stopped", "out", "up", "down", "back"}), new
