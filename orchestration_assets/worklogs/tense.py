"""A headline in the past tense or in the imperative: every coordinated verb of it is bent, or none.

What belongs here: the reading of a headline that this needs. Only verbs of data/verbs.toml are ever bent. Where it cannot be told whether
a word is a verb ("and cache results", "and build docs"), the whole headline stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from orchestration_assets.worklogs.tables import mapping, words
from orchestration_assets.worklogs.verb_forms import BASES, base_form, form_of, gerund_form

Reading = Literal["verb", "noun", "unsure"]

_NOUNS_TOO = frozenset(words("verbs", "nouns_too"))
_NOUNS_FIRST = frozenset(words("verbs", "nouns_first"))
_WITH_PREPOSITION = frozenset(words("verbs", "with_preposition"))
_CERTAIN = frozenset(words("verbs", "certain"))
_COMPOUND_HEADS = frozenset(words("verbs", "compound_heads"))
_COMPOUNDS = frozenset(words("verbs", "compounds"))
_ADVERBS = frozenset(words("verbs", "adverbs"))
_FUNCTION_WORDS = mapping("verbs", "function_words")

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
_NEGATION = re.compile(r"(?:do not|don['’]t|dont)\s+(?=[a-z])", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[`\"“«<_(){}\[\]$@#*0-9]|\w\.\w|--|[a-z][A-Z]|\w/\w")


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


def past_tense(headline: str) -> str:
    """`Added X and removed Y` for `add X and remove Y`, with a capital first letter; `Stopped using X` for `do not use X`. What is past
    tense already, is led by a noun or is not plainly coordinated stays as it is; nothing but verbs is changed."""
    negated = _NEGATION.match(headline)
    if negated is not None:
        return capitalised(_stopped(headline, headline[negated.end() :]))
    return capitalised(_bent(headline, _past, frozenset({"base"})))


def imperative(headline: str) -> str:
    """`Add X and remove Y` for `adds X and removes Y` or `added X and removed Y`, with a capital first letter; else as `past_tense`."""
    return capitalised(_bent(headline, _base, frozenset({"base", "past"})))


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
    form = form_of(sentence[first].core)
    return form.base if form is not None else None


def tells_of_the_past(text: str) -> bool:
    """True where a headline begins with a verb that is, or may be, in the past tense: "added", "set"."""
    sentence = _words(text)
    first = _first_verb(sentence)
    form = form_of(sentence[first].core) if first is not None else None
    return form is not None and (form.kind == "past" or (form.kind == "base" and form.past is None))


def is_verb_form(word: str) -> bool:
    """True for any form of a known verb, in small letters."""
    return form_of(word) is not None


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


def _bent(text: str, bend: Callable[[str], str | None], kinds: frozenset[str]) -> str:
    """The text with `bend` applied to each of its verbs."""
    sentence = _words(text)
    first = _first_verb(sentence)
    for word in reversed(_verbs(sentence, first, kinds) if first is not None else []):
        form = bend(word.core)
        if form is not None:
            text = text[: word.start] + (form.capitalize() if word.spelled[:1].isupper() else form) + text[word.end :]
    return text


def _past(word: str) -> str | None:
    form = form_of(word)
    return form.past if form is not None else None


def _base(word: str) -> str | None:
    base = base_form(word)
    return base if base != word else None


def _stopped(headline: str, rest: str) -> str:
    """`Stopped using X` for `rest`, "use X", of a headline that begins with "do not"; the headline where more than one verb is negated."""
    sentence = _words(rest)
    form = form_of(sentence[0].core) if sentence else None
    past = form.past if form is not None and form.past is not None else ""
    if form is None or form.kind != "base" or " " in past or len(_verbs(sentence, 0, frozenset({"base"}))) != 1:
        return headline
    return f"Stopped {gerund_form(sentence[0].core)}{rest[sentence[0].end :]}"


def _verbs(sentence: list[_Word], first: int, kinds: frozenset[str]) -> list[_Word]:
    """The leading verb, and those coordinated with it that have one of the `kinds` of form, or the third person or gerund that the leading
    verb has; in order. Nothing where a coordination cannot be read."""
    found = [sentence[first]]
    lead = form_of(sentence[first].core)
    alike = {lead.kind} & {"third", "gerund"} if lead is not None else set()
    clause = first
    last_verb = first
    for position in range(first + 1, len(sentence)):
        previous = sentence[position - 1]
        if not _opens(previous, sentence[position]):
            continue
        verb = position
        while verb < len(sentence) - 1 and sentence[verb].core in _ADVERBS | {"and"}:
            verb += 1
        if verb == last_verb or (verb != position and sentence[verb - 1].core == "and" and verb - 1 != position):
            continue
        form = form_of(sentence[verb].core)
        if form is None or form.kind not in kinds | alike:
            continue
        direct = (previous.core in _CONJUNCTIONS and position - 2 == last_verb) or previous is sentence[last_verb]
        reading = "verb" if direct else _reading(sentence, verb, coordinated=form.kind not in alike)
        if reading == "noun":
            continue
        strong = previous.token[-1] in ";." or previous.token in _DASHES or sentence[position].token.startswith("(")
        if not strong and not direct and _is_subordinate(sentence, clause, position):
            continue
        if reading == "unsure":
            return []
        found.append(sentence[verb])
        last_verb = verb
        clause = verb if strong else clause
    return found


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
        form = form_of(word.core)
        if form is not None and word.core not in _NOUNS_FIRST:
            return form.kind == "base"
        if word.core in ("is", "are", "was", "were", "has", "have"):
            return False
    return False


def _reading(sentence: list[_Word], position: int, *, coordinated: bool) -> Reading:
    """How the word at `position` is to be read, by the table it is in and by what follows it."""
    word = sentence[position]
    form = form_of(word.core)
    if form is None or (coordinated and word.spelled.isupper() and len(word.spelled) > 1):
        return "noun"
    following = sentence[position + 1] if position + 1 < len(sentence) else None
    if word.token[-1] in ":;.!?)":
        following = None
        if word.token[-1] == ":":
            return "noun"
    if form.kind == "past":
        return _participle_or_verb(following) if coordinated else "verb"
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


def _participle_or_verb(following: _Word | None) -> Reading:
    """Of "moved" in "and moved ...": a verb before its object, unsure before a noun that may be what it describes."""
    return "noun" if following is None or following.core in _AFTER_NOUN else _noun_or_verb(following, coordinated=True)


def _third_person(base: str, following: _Word | None) -> Reading:
    """Of `adds`, `fixes`, `updates`: as often plural nouns ("fixes for", "updates to docs")."""
    if following is None or following.core in _PREPOSITIONS or following.core in _AFTER_NOUN:
        return "noun"
    if base in _NOUNS_FIRST:
        return "verb" if _noun_or_verb(following, coordinated=True) == "verb" else "noun"
    return "verb"


_GERUND_BASES = frozenset(words("verbs", "gerund_bases"))
