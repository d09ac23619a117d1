"""Imperative to past tense: every coordinated verb of a headline, or none.

What belongs here: conjugation and the reading of a headline that it needs. Only verbs of data/verbs.toml are ever conjugated. Where it
cannot be told whether a word is a verb ("and cache results", "and build docs"), the whole headline stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from orchestration_assets.worklogs.tables import mapping, words

Reading = Literal["verb", "noun", "unsure"]

_IRREGULAR = mapping("verbs", "irregular")
_DOUBLING = frozenset(words("verbs", "doubling"))
BASES = frozenset(words("verbs", "regular")) | _DOUBLING | frozenset(_IRREGULAR)
"""Base forms of the verbs that are known."""

_NOUNS_TOO = frozenset(words("verbs", "nouns_too"))
_NOUNS_FIRST = frozenset(words("verbs", "nouns_first"))
_WITH_PREPOSITION = frozenset(words("verbs", "with_preposition"))
_CERTAIN = frozenset(words("verbs", "certain"))
_COMPOUND_HEADS = frozenset(words("verbs", "compound_heads"))
_COMPOUNDS = frozenset(words("verbs", "compounds"))
_ADVERBS = frozenset(words("verbs", "adverbs"))
_FUNCTION_WORDS = mapping("verbs", "function_words")
_PREFIXES = frozenset(_FUNCTION_WORDS["prefixes"].split())

_PREPOSITIONS = frozenset(_FUNCTION_WORDS["prepositions"].split())
_AFTER_NOUN = frozenset(_FUNCTION_WORDS["after_nouns"].split())
_OBJECTS = frozenset(_FUNCTION_WORDS["objects"].split())
_PARTICLES = frozenset(_FUNCTION_WORDS["particles"].split())
_CONJUNCTIONS = frozenset("and or then but & + plus".split())
_DASHES = frozenset("- -- – — | / ·".split())
_MODALS = frozenset(_FUNCTION_WORDS["modals"].split())
_SUBORDINATORS = frozenset(_FUNCTION_WORDS["subordinators"].split())

_TOKEN = re.compile(r"(?:`[^`]*`|[^\s`])+")
_CORE = re.compile(r"[A-Za-z]+(?:['’][a-z]+|-[A-Za-z]+)*")
_IDENTIFIER = re.compile(r"[`\"“«<_(){}\[\]$@#*0-9]|\w\.\w|--|[a-z][A-Z]|\w/\w")
_VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class _Word:
    """A token of a headline: `core` is its word in small letters ("" for what is none), at `start:end` of the headline."""

    token: str
    core: str
    start: int
    end: int

    @property
    def spelled(self) -> str:
        return self.token.strip("(,;:.!?)\"'")


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of a known verb. `past` is what replaces it; None where it is past tense already."""

    base: str
    kind: Literal["base", "third", "gerund", "past"]
    past: str | None


def past_tense(headline: str) -> str:
    """`Added X and removed Y` for `add X and remove Y`, with a capital first letter. What is past tense already, is led by a noun or is not
    plainly coordinated stays as it is; nothing but verbs is changed."""
    sentence = _words(headline)
    first = _first_verb(sentence)
    edits = _edits(sentence, first) if first is not None else []
    text = headline
    for word, past in reversed(edits):
        text = text[: word.start] + past + text[word.end :]
    return capitalised(text)


def capitalised(text: str) -> str:
    """With a capital first letter, unless the first word is code or a name that is spelled otherwise."""
    first = text.split(" ", 1)[0].rstrip(",.;:!?)")
    return (
        text[:1].upper() + text[1:]
        if first.isascii() and first.replace("-", "").replace("'", "").isalpha() and first.islower()
        else text
    )


def leading_verb(text: str) -> str | None:
    """The base form of the verb that a headline begins with, in whichever form; None where it begins with something else."""
    sentence = _words(text)
    first = _first_verb(sentence)
    if first is None:
        return None
    form = _form(sentence[first].core)
    return form.base if form is not None else None


def is_verb_form(word: str) -> bool:
    """True for any form of a known verb, in small letters."""
    return _form(word) is not None


def past_form(base: str) -> str:
    """The past tense of one verb, by table, else by spelling: `dropped`, `edited`, `copied`, `used`."""
    irregular = _IRREGULAR.get(base)
    if irregular is not None:
        return irregular
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return base[:-1] + "ied"
    return base + base[-1] + "ed" if base in _DOUBLING else base + "ed"


def _words(text: str) -> list[_Word]:
    found = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        inner = token.lstrip("(")
        core = "" if "`" in token else inner.rstrip(",;:.!?)")
        whole = _CORE.fullmatch(core)
        start = match.start() + len(token) - len(inner)
        found.append(_Word(token, core.lower() if whole else "", start, start + len(core)))
    return found


def _first_verb(sentence: list[_Word]) -> int | None:
    """The position of the verb that the headline begins with, adverbs apart."""
    position = 0
    while position < len(sentence) - 1 and sentence[position].core in _ADVERBS:
        position += 1
    if position < len(sentence) and _reading(sentence, position, coordinated=False) == "verb":
        return position
    return None


def _edits(sentence: list[_Word], first: int) -> list[tuple[_Word, str]]:
    """What to put in place of which words, in order; nothing where a coordination cannot be read."""
    edits = _conjugated(sentence[first])
    clause = first
    last_verb = first
    for position in range(first + 1, len(sentence)):
        previous = sentence[position - 1]
        if not _opens(previous, sentence[position]):
            continue
        verb = position
        while verb < len(sentence) - 1 and sentence[verb].core in _ADVERBS | {"and"}:
            verb += 1
        if verb != position and sentence[verb - 1].core == "and" and verb - 1 != position:
            continue
        direct = (previous.core in _CONJUNCTIONS and position - 2 == last_verb) or previous is sentence[last_verb]
        reading = "verb" if direct and _form(sentence[verb].core) else _reading(sentence, verb, coordinated=True)
        if reading == "noun":
            continue
        strong = previous.token[-1] in ";." or previous.token in _DASHES or sentence[position].token.startswith("(")
        if not strong and not direct and _is_subordinate(sentence, clause, position):
            continue
        if reading == "unsure":
            return []
        edits += _conjugated(sentence[verb])
        last_verb = verb
        clause = verb if strong else clause
    return edits


def _opens(previous: _Word, word: _Word) -> bool:
    """True where a coordinated verb could stand: after a conjunction, a comma, a dash, or at an opening parenthesis."""
    return (
        previous.core in _CONJUNCTIONS
        or previous.token in _DASHES
        or previous.token in ("&", "+")
        or previous.token[-1] in ",;."
        or (word.token.startswith("(") and len(word.token) > 1)
    )


def _is_subordinate(sentence: list[_Word], clause: int, position: int) -> bool:
    """True where a verb at `position` goes with an infinitive, a modal or a subordinate clause: "to view and edit", "so users can ...".
    Its base form is then right as it stands."""
    before = sentence[clause + 1 : position]
    core = sentence[position - 1].core
    ahead = before[-2] if core in _CONJUNCTIONS and len(before) > 1 else before[-1] if before else None
    if ahead is not None and ahead.core in BASES and ahead.core not in _NOUNS_FIRST | _NOUNS_TOO:
        return True
    if (
        before
        and before[-1].token.endswith(",")
        and not any(word.core in ("and", "or") for word in sentence[position:])
    ):
        return False
    for index, word in enumerate(before):
        following = before[index + 1].core if index + 1 < len(before) else ""
        if word.core == "to":
            if following in BASES or following in ("be", "not"):
                return True
        elif word.core in _MODALS:
            return True
        elif word.core in _SUBORDINATORS:
            subject = 0 if word.core in ("that", "which", "who") and following in BASES else 1
            return _has_plain_verb(before[index + 1 + subject :])
    return False


def _has_plain_verb(clause: list[_Word]) -> bool:
    """True where the first verb of a subordinate clause has its base form, so that a coordinated one may belong to it."""
    for word in clause:
        form = _form(word.core)
        if form is not None and word.core not in _NOUNS_FIRST:
            return form.kind == "base"
        if word.core in ("is", "are", "was", "were", "has", "have"):
            return False
    return False


def _conjugated(word: _Word) -> list[tuple[_Word, str]]:
    form = _form(word.core)
    if form is None or form.past is None:
        return []
    spelled = word.spelled
    return [(word, form.past.capitalize() if spelled[:1].isupper() else form.past)]


def _reading(sentence: list[_Word], position: int, *, coordinated: bool) -> Reading:
    """How the word at `position` is to be read, by the table it is in and by what follows it."""
    word = sentence[position]
    form = _form(word.core)
    if form is None or (coordinated and word.spelled.isupper() and len(word.spelled) > 1):
        return "noun"
    following = sentence[position + 1] if position + 1 < len(sentence) else None
    if word.token[-1] in ":;.!?)":
        following = None
        if word.token[-1] == ":":
            return "noun"
    if form.kind == "past":
        return "verb" if not coordinated else "noun"
    if form.kind == "gerund":
        plain = following is not None and following.core not in _AFTER_NOUN | {"of"}
        return "verb" if not coordinated and plain and form.base in _GERUND_BASES else "noun"
    if form.kind == "third":
        return "noun" if coordinated else _third_person(form.base, following)
    base = form.base
    if base not in _NOUNS_FIRST and base not in _NOUNS_TOO:
        return "verb" if following is not None or word.token[-1:] != "," else "noun"
    if word.token.endswith(",") and not coordinated and following is not None and following.core in BASES:
        return "verb"
    if following is None or word.token.endswith(","):
        return "noun"
    if not coordinated and following.core in _CONJUNCTIONS and position + 2 < len(sentence):
        after = sentence[position + 2].core
        last = sentence[position + 3].core if position + 3 < len(sentence) else ""
        if after in BASES and (
            after not in _NOUNS_FIRST or base not in _NOUNS_FIRST or last not in _COMPOUND_HEADS | {""}
        ):
            return "verb"
    if base in _NOUNS_TOO:
        return _verb_or_noun(base, following, coordinated)
    return _noun_or_verb(following, coordinated)


def _verb_or_noun(base: str, following: _Word, coordinated: bool) -> Reading:
    """Of a word that is a verb unless something says otherwise."""
    if f"{base} {following.core}" in _COMPOUNDS:
        return "noun"
    if following.core in _PREPOSITIONS:
        return "verb" if base in _WITH_PREPOSITION else "noun"
    if following.core in _AFTER_NOUN or following.token in _DASHES:
        return (
            "verb" if following.core in ("when", "if", "that") and base not in ("fix", "change", "support") else "noun"
        )
    return _noun_or_verb(following, coordinated) if coordinated and base not in _CERTAIN else "verb"


def _noun_or_verb(following: _Word, coordinated: bool) -> Reading:
    """Of a word that is a noun unless its object follows."""
    if following.core in _OBJECTS or following.core in _PARTICLES or following.core.endswith("ly"):
        return "verb"
    if _IDENTIFIER.search(following.token):
        return "noun" if following.token.startswith("#") else "verb"
    plural = following.core.endswith("s") and not following.core.endswith(("ss", "us", "is"))
    if following.core in _PREPOSITIONS or following.core in _AFTER_NOUN:
        return "noun"
    if following.core in _COMPOUND_HEADS:
        return "unsure" if coordinated and plural else "noun"
    if plural and following.core not in BASES and not coordinated:
        return "verb"
    return "unsure"


def _third_person(base: str, following: _Word | None) -> Reading:
    """Of `adds`, `fixes`, `updates`: as often plural nouns ("fixes for", "updates to docs")."""
    if following is None or following.core in _PREPOSITIONS or following.core in _AFTER_NOUN:
        return "noun"
    if base in _NOUNS_FIRST:
        return "verb" if _noun_or_verb(following, coordinated=True) == "verb" else "noun"
    return "verb"


@lru_cache(maxsize=4096)
def _form(word: str) -> _Form | None:
    """What form of which verb a word is; hyphenated prefixes ("re-enable") go with it."""
    if not word:
        return None
    known = _FORMS.get(word)
    if known is not None:
        return known
    prefix, hyphen, rest = word.partition("-")
    inner = _FORMS.get(rest) if hyphen and prefix in _PREFIXES else None
    if inner is None:
        return None
    return _Form(inner.base, inner.kind, f"{prefix}-{inner.past}" if inner.past is not None else None)


def _third(base: str) -> str:
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    return base[:-1] + "ies" if base.endswith("y") and base[-2:-1] not in _VOWELS else base + "s"


def _gerund(base: str) -> str:
    if base.endswith("e") and not base.endswith(("ee", "ye", "oe")):
        return base[:-1] + "ing"
    return (
        base + base[-1] + "ing"
        if base in _DOUBLING or base in ("put", "set", "cut", "split", "run", "get")
        else base + "ing"
    )


def _all_forms() -> dict[str, _Form]:
    forms: dict[str, _Form] = {}
    for base in sorted(BASES):
        past = past_form(base)
        forms.setdefault(past, _Form(base, "past", None))
        forms.setdefault(_gerund(base), _Form(base, "gerund", past))
        forms.setdefault(_third(base), _Form(base, "third", past))
    for base in BASES:
        past = past_form(base)
        forms[base] = _Form(base, "base", past if past != base else None)
    return forms


_GERUND_BASES = frozenset(words("verbs", "gerund_bases"))
_FORMS = _all_forms()
