"""What a sentence of a resume may not say: the word tables and the tests on one piece of text.

What belongs here: pure tests of text (is it a claim, is it specific, does its verb fit). They know nothing of grouping.
The words are data (`data/resume_words.toml`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from orchestration_assets.worklogs.headings import heading
from orchestration_assets.worklogs.model import Category

WORDS = Path(__file__).parent / "data" / "resume_words.toml"

_TOKEN = re.compile(r"[^\W_][\w.+#/-]*", re.UNICODE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_PERCENTAGE = re.compile(
    r"\d\s*(?:%|percent\b|x\b|×|times\b|-?fold\b)|[\d,]*\d\s*(?:users|customers|downloads|stars)\b", re.IGNORECASE
)
_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s*:?\s+(?:[\w./-]*#|https?://)\d*", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w`@/.])@(?![\w-]*/)[A-Za-z][A-Za-z0-9-]{0,38}(?![\w`(])")
_ADVISORY = re.compile(r"\b(?:CVE-\d{4}-\d{3,}|GHSA(?:-\w{4}){3})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """The word tables, ready for look-ups."""

    plumbing: frozenset[str]
    generic: frozenset[str]
    vague: frozenset[str]
    unproven: frozenset[str]
    verbs: dict[str, str]
    """An imperative first word to the category that must bear it out."""
    claims: re.Pattern[str]
    security: re.Pattern[str]
    joining: frozenset[str]
    categories: dict[str, str]
    """A category of the taxonomy to what it is called on a resume."""


@lru_cache(maxsize=1)
def words() -> Words:
    """The tables of `data/resume_words.toml`."""
    table = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return Words(
        plumbing=frozenset(table["plumbing_scopes"]),
        generic=frozenset(table["generic_themes"]),
        vague=frozenset(table["vague_objects"]),
        unproven=frozenset(form for verb in table["unproven"]["first_words"] for form in _forms(verb)),
        verbs={form: category for category, verbs in table["verbs"].items() for verb in verbs for form in _forms(verb)},
        claims=_any_of(table["claims"]["terms"]),
        security=_any_of(table["security"]["terms"]),
        joining=frozenset(table["joining"]["words"]),
        categories=table["categories"],
    )


def _forms(verb: str) -> set[str]:
    """The forms that a subject may open with: add, adds, added, adding; build, built."""
    irregular = {"build": "built", "make": "made", "write": "wrote", "undo": "undid"}
    stem = verb[:-1] if verb.endswith("e") else verb
    forms = {verb, f"{verb}s", f"{verb}es", f"{stem}ed", f"{stem}ing", irregular.get(verb, verb)}
    return forms | ({f"{verb[:-1]}ied", f"{verb[:-1]}ies"} if verb.endswith("y") else set())


def _any_of(terms: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(terms, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])", re.IGNORECASE)


def contains(text: str, phrase: str) -> bool:
    """Whether the phrase stands in the text as whole words, whatever the case."""
    phrase = phrase.strip()
    return bool(phrase) and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text, re.IGNORECASE) is not None


def forbidden_claims(text: str, profile_text: str = "") -> list[str]:
    """The claims in the text that no history shows and that the profile does not make in its own words."""
    terms = {match.group().casefold() for match in words().claims.finditer(text)}
    if percentage := _PERCENTAGE.search(text):
        terms.add(percentage.group().casefold())
    return sorted(term for term in terms if not contains(profile_text, term))


def category_name(category: str) -> str:
    """What a category of skills is called on a resume."""
    return words().categories.get(category) or heading(category)


def numbers(text: str) -> set[str]:
    """Every number that the text names, as written."""
    return set(_NUMBER.findall(text))


def speaks_of_security(text: str) -> bool:
    """Whether a message names an advisory, or a word that a fix of a weakness would hold."""
    return _ADVISORY.search(text) is not None or words().security.search(text) is not None


def names_somebody(text: str, names: re.Pattern[str] | None) -> bool:
    """Whether a text mentions a handle (`@somebody`) or one of the third parties' names."""
    return _HANDLE.search(text) is not None or (names is not None and names.search(text) is not None)


def names_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all names of third parties; one-letter names are no names."""
    wanted = sorted({name.strip() for name in names if len(name.strip()) > 1}, key=lambda name: (-len(name), name))
    return _any_of(wanted) if wanted else None


def first_word(headline: str) -> str:
    """The opening word in lower case, "" where there is none."""
    match = _TOKEN.search(headline)
    return match.group().casefold() if match else ""


def verb_fits(headline: str, category: Category) -> bool:
    """Whether the category bears out the opening verb: "add" needs a feature, "fix" a fix, nothing shows "deploy"."""
    verb = first_word(headline)
    wanted = words().verbs.get(verb)
    return verb not in words().unproven and (wanted is None or wanted == category.value)


def is_specific(headline: str) -> bool:
    """Whether a headline names an object: 10 to 100 characters, and after its verb a word that says what it is on."""
    tokens = [token.casefold() for token in _TOKEN.findall(headline)]
    objects = [token for token in tokens[1:] if token.strip(".") not in words().vague and not token.isdigit()]
    letters = [char for char in headline if char.isalpha()]
    is_shouted = len(letters) > 12 and sum(char.isupper() for char in letters) > len(letters) / 2
    is_cut = headline.rstrip().endswith(("...", "…"))
    return 10 <= len(headline) <= 100 and bool(objects) and not is_shouted and not is_cut


def claims_closing(headline: str) -> bool:
    """Whether the headline says that an issue is closed, which a message alone does not prove."""
    return _CLOSES.search(headline) is not None
