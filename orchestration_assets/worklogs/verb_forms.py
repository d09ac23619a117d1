"""The forms of English verbs that commit subjects use: base, third person, gerund and past, by table, else by spelling.

Only verbs of data/verbs.toml are known; how a word is read in a sentence is the work of tense.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orchestration_assets.worklogs.tables import mapping, words

IRREGULAR = mapping("verbs", "irregular")
DOUBLING = frozenset(words("verbs", "doubling"))
BASES = frozenset(words("verbs", "regular")) | DOUBLING | frozenset(IRREGULAR)
"""Base forms of the verbs that are known."""

_PREFIXES = frozenset(mapping("verbs", "function_words")["prefixes"].split())
_DOUBLING_GERUNDS = frozenset(words("verbs", "doubling_gerunds"))
_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a known verb. `past` is what replaces it; None where it is past tense already."""

    base: str
    kind: Literal["base", "third", "gerund", "past"]
    past: str | None


@lru_cache(maxsize=4096)
def form_of(word: str) -> Form | None:
    """What form of which verb a word in small letters is; hyphenated prefixes ("re-enable") go with it."""
    if not word:
        return None
    known = _FORMS.get(word)
    if known is not None:
        return known
    prefix, hyphen, rest = word.partition("-")
    inner = _FORMS.get(rest) if hyphen and prefix in _PREFIXES else None
    if inner is None:
        return None
    return Form(inner.base, inner.kind, f"{prefix}-{inner.past}" if inner.past is not None else None)


def base_form(word: str) -> str | None:
    """The base form of any form of a known verb, with its prefix: `re-enable` of `re-enabled`; None for what is no verb."""
    form = form_of(word)
    if form is None:
        return None
    prefix, hyphen, _ = word.partition("-")
    return form.base if word in _FORMS else f"{prefix}{hyphen}{form.base}"


def past_form(base: str) -> str:
    """The past tense of one verb, by table, else by spelling: `dropped`, `edited`, `copied`, `used`."""
    irregular = IRREGULAR.get(base)
    if irregular is not None:
        return irregular
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return base[:-1] + "ied"
    return base + base[-1] + "ed" if base in DOUBLING else base + "ed"


def gerund_form(base: str) -> str:
    """`dropping`, `editing`, `copying`, `using`, `tying`, `setting`, `re-enabling`."""
    prefix, hyphen, base = base.rpartition("-")
    return prefix + hyphen + _gerund(base)


def _gerund(base: str) -> str:
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base.endswith("e") and not base.endswith(("ee", "ye", "oe")):
        return base[:-1] + "ing"
    if base.endswith("c"):
        return base + "king"
    doubled = base in DOUBLING or base in _DOUBLING_GERUNDS or IRREGULAR.get(base) == base + base[-1] + "ed"
    return base + base[-1] + "ing" if doubled else base + "ing"


def _third(base: str) -> str:
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    return base[:-1] + "ies" if base.endswith("y") and base[-2:-1] not in _VOWELS else base + "s"


def _all_forms() -> dict[str, Form]:
    forms: dict[str, Form] = {}
    for base in sorted(BASES):
        past = past_form(base)
        forms.setdefault(past, Form(base, "past", None))
        forms.setdefault(_gerund(base), Form(base, "gerund", past))
        forms.setdefault(_third(base), Form(base, "third", past))
    for base in BASES:
        past = past_form(base)
        forms[base] = Form(base, "base", past if past != base else None)
    return forms


_FORMS = _all_forms()
