"""From a subject to words that may stand in a document: the headline cleaned of what is not the work, past tense, and counted nouns.

What belongs here: what is taken off a subject and why. The words themselves stand in data/subjects.toml; conjugation is in tense.py.
Cleaning only ever removes; what is left is a stretch of the author's own words, with code-like words set in backticks.
"""

from __future__ import annotations

import re
from functools import lru_cache

from orchestration_assets.worklogs import tense
from orchestration_assets.worklogs.tables import mapping, words

_TYPES = "|".join(sorted({*mapping("categories", "types"), "revert", "wip"}, key=len, reverse=True))
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\U00002600-\U000027bf\U00002b00-\U00002bff\U00002300-\U000023ff\U0001f1e6-\U0001f1ff\ufe0f\u200d\u20e3]+"
    r"|(?<!\S):[a-z][a-z0-9_+-]*:(?!\S)"
)
# A lenient prefix: `fix:foo`, `Docs(readme) - ...`, `fix!(cli): ...`, `Refactor!!: ...` (escaped by a shell too) are meant as types although
# the specification does not know them.
_BANGS = r"(?:\\?!)*"
_TYPE_PREFIX = re.compile(
    rf"(?P<type>{_TYPES}){_BANGS}(?:\((?P<scope>[^()]+)\))?{_BANGS}\s*(?::\s*|\s[-–]\s)", re.IGNORECASE
)
_SCOPE_PREFIX = re.compile(
    r"(?P<scope>[\w.][\w./*+,@-]{0,40}(?:, ?[\w./-]+){0,2}|[A-Z][\w-]*(?: [A-Za-z][\w-]*){1,2})\s?:\s+(?=\S)"
)
_BRACKET_PREFIX = re.compile(r"\s*[\[【](?P<scope>[^\]\[】]{1,40})[\]】]\s*:?\s*")
_TICKET_PREFIX = re.compile(r"(?:[A-Z][A-Z0-9]+-\d+|#\d+|GH-\d+|\(#\d+\))(?:\s*[:,-]\s*|\s+)(?=\S)")
_LIST_PREFIX = re.compile(r"\s*(?:[-*+•>]\s+|#{1,6}\s+)")
_REFERENCE = r"(?:https?://\S+|(?:[\w.-]{1,60}(?:/[\w.-]{1,60}){1,4})?[#!]\d{1,7}|GH-\d+|[A-Z][A-Z0-9]{1,9}-\d+)"
_WORDS_BEFORE = r"(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|references|see|related to|part of|for|addresses|re|issues?|bugs?|PR|pull request|via|from|in|of|with|under|to|closing|fixing|and|ticket)"
_TAIL = re.compile(
    rf"[\s,;.:–—-]*(?:[\(\[{{]\s*(?:{_WORDS_BEFORE}:?\s*)*{_REFERENCE}(?:[\s,;&]+(?:(?:and|{_WORDS_BEFORE})\s+)*{_REFERENCE})*\s*[\)\]}}]"
    rf"|(?<=[\s,;.:–—-])(?:(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|see|re|closing|fixing|issues?|part of|addresses|related to):?\s*(?:issues?\s+|bugs?\s+|PR\s+)?)*(?:#\d+|GH-\d+|https?://\S+/(?:issues|pull|merge_requests|pull-requests)/\d+\S*)(?:[\s,;&]+(?:and\s+)?#\d+)*"
    r"|\[(?:skip ci|ci skip|no ci|skip-ci|skip actions|ci full|wip|claude|codex|copilot|cursor|aider|ai)\]|\*{3}NO_CI\*{3}"
    r"|\((?:aider|cherry picked from[^)]*|backport[^)]*|wip|squash(?:ed)?)\))[\s.,;!]*$",
    re.IGNORECASE,
)
_ENDING = re.compile(r"[\s.…!,;:–—-]+$")
_CALL_ENDING = re.compile(r"\)$")

_BOAST = re.compile("|".join(f"(?:{pattern})" for pattern in words("subjects", "boasts")), re.IGNORECASE)
_PRAISE = re.compile(
    r"(?<![\w-])(?:" + "|".join(re.escape(word) for word in words("subjects", "praises")) + r")(?![\w-])", re.IGNORECASE
)
_KEEP_AFTER = frozenset(words("subjects", "praise_kept_after"))
_KEEP_BEFORE = frozenset(words("subjects", "praise_kept_before"))
_CLAUSES = re.compile(
    r"(\s+[-–—|+]{1,2}\s+|\s*[;!]+\s+|:\s+|,\s+(?:and\s+)?|\.\s+|\s+and\s+(?:now\s+)?(?:is\s+)?|\s*\x00+\s*)"
)
_PARENTHESES = re.compile(r"\s*\(([^()]*)\)")
_FIGURES = re.compile(
    r"\s+(?:by|up to|over)\s+(?:about |around |~\s*)?\d+(?:[.,]\d+)?\s?(?:%|x\b|×|times\b)(?:\s+(?:faster|better|smaller|less|more|improvement|speed-?up))?"
    r"|\s+(?:~\s*)?\d+(?:[.,]\d+)?\s?(?:%|x|×|times)\s+(?:faster|better|smaller|quicker|improvement|speed-?up)\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(
    r"\b(?:reach|reache[sd]|achieve[sd]?|hit|attain(?:ed)?|get|got)\s+(?:to\s+)?100\s?%\s*"
    r"|\b100\s?%\s*(?=(?:test|code|coverage|working|complete|done|functional|pass|accura|reliab|success|compatib|unit|line|branch|type))"
    r"|(?<=coverage)\s+(?:is\s+|at\s+|to\s+)?100\s?%",
    re.IGNORECASE,
)
_DONE_TAIL = re.compile(
    r"\s+(?:is\s+|are\s+|now\s+)*(?:100%\s+)?(?:complete|completed|done|finished|working|works|verified)[\s.!]*$",
    re.IGNORECASE,
)
_POINTING = frozenset({"this", "it", "all", "that", "everything", "now", "now it"})
_SHOUTED_TAIL = re.compile(r"(?:\s+[A-Z]{2,}!*)+$")

_PROPER = frozenset(words("subjects", "proper_names"))
_ACRONYMS = frozenset(words("subjects", "acronyms"))
_FILE_ENDINGS = "|".join(sorted(words("subjects", "file_endings"), key=len, reverse=True))
_CODE = re.compile(
    r"(?P<skip>``(?P<literal>[^`]+)``|`[^`]*`|\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|https?://\S+|[\w.+-]+@[\w.-]+\w|(?<!\w)[\w.-]+/[\w.-]+#\d+)"
    r"|(?<![\w/.@#&-])(?P<code>"
    r"--[a-z][\w-]*(?:=[\w./-]+)?|-[A-Za-z](?![\w-])"
    r"|[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*\(\)"
    r"|(?:\.{1,2}/|/|~/)?(?:[\w.@*+-]+/)+[\w.*@+-]*\.[A-Za-z][A-Za-z0-9]{0,9}"
    r"|(?:[\w.@*+-]+/){2,}[\w.*@+-]*\w|(?:[\w.@*+-]{2,}/)+(?=\s|$)"
    rf"|[\w-][\w.-]*\.(?:{_FILE_ENDINGS})(?!\w)"
    r"|\.[a-z][\w-]*(?:\.[\w-]+)*(?:\(\))?"
    r"|[A-Za-z_][\w-]*(?:::[A-Za-z_]\w*)+"
    r"|__\w+__|_?[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?:\.[A-Za-z_]\w*)*_?|_[A-Za-z]\w*|[A-Za-z]+\w*_(?![\w])"
    r"|[a-z][a-z0-9]*(?:\.[a-z_][a-z0-9_]*){2,}"
    r"|[a-z]+[a-z0-9]*(?:[A-Z][a-z0-9]+)+[A-Z]*|[a-z]{2,}[a-z0-9]*[A-Z]{2,}[a-z0-9]*"
    r")(?![\w/`-])"
)
_STOPWORDS = {language: frozenset(text.split()) for language, text in mapping("subjects", "stopwords").items()}
_ENGLISH = frozenset(words("subjects", "english"))
_LETTERS = re.compile(r"[^\W\d_]+")
_ESZ = re.compile(r"(?:s|x|z|ch|sh)$")
_IRREGULAR_PLURALS = mapping("subjects", "plurals")


def past_tense(headline: str) -> str:
    """`Added X and removed Y` for `add X and remove Y`: every coordinated verb or none. A headline in another language than English stays
    as it is, to the letter."""
    return headline if is_foreign(headline) else tense.past_tense(headline)


def imperative(headline: str) -> str:
    """`Add X and remove Y` for `added X and removed Y`: what is still to be done, or being done. Other languages stay to the letter."""
    return headline if is_foreign(headline) else tense.imperative(headline)


def plural(count: int, noun: str) -> str:
    """`1 fix`, `2 fixes`, `1,200 entries`, `3 dependency updates`: the last word of the noun is the one that changes."""
    if abs(count) == 1:
        return f"{count:,} {noun}"
    before, space, last = noun.rpartition(" ")
    return f"{count:,} {before}{space}{_plural(last)}"


def _plural(noun: str) -> str:
    if noun in _IRREGULAR_PLURALS:
        return _IRREGULAR_PLURALS[noun]
    if _ESZ.search(noun):
        return noun + "es"
    if noun.endswith("y") and len(noun) > 1 and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def clean_headline(subject: str) -> str:
    """The work in one line, in the author's words: without prefix, emoji, ticket and pull-request tails, final points, praise and unproven
    claims, and with code-like words in backticks. "" where nothing else was in it. Text that is not English keeps its words untouched."""
    text = strip_tails(strip_prefixes(_without_emoji(subject)))
    if is_foreign(text):
        return _joined(text)
    text = _sentence_case(strip_tails(_without_boasts(text)))
    return _in_backticks(_joined(text)) if re.search(r"\w", text) else ""


def strip_prefixes(subject: str) -> str:
    """Without list marks, `[tags]`, ticket ids, a type, or a scope before a colon that a verb follows."""
    text = subject.strip().strip("\x00 ")
    for _ in range(4):
        shorter = text
        for pattern in (_LIST_PREFIX, _BRACKET_PREFIX, _TYPE_PREFIX, _TICKET_PREFIX):
            match = pattern.match(shorter)
            if match is not None and match.end() < len(shorter):
                shorter = shorter[match.end() :]
        scoped = _SCOPE_PREFIX.match(shorter)
        if scoped is not None and tense.leading_verb(shorter[scoped.end() :]) is not None:
            shorter = shorter[scoped.end() :]
        shorter = shorter.lstrip("\x00 ")
        if shorter == text:
            break
        text = shorter
    return text


def prefix_scope(subject: str) -> str | None:
    """The scope that an informal prefix names: `pool` of `pool: close idle connections`, `docs` of `[docs] Mention proxies`."""
    text = _without_emoji(subject).strip("\x00 ")
    bracket = _BRACKET_PREFIX.match(text)
    if (
        bracket is not None
        and re.fullmatch(r"[A-Za-z][\w /-]*", bracket["scope"])
        and bracket["scope"].lower() not in ("wip", "skip ci", "ci skip")
    ):
        return bracket["scope"].strip()
    typed = _TYPE_PREFIX.match(text)
    if typed is not None:
        return typed["scope"]
    scoped = _SCOPE_PREFIX.match(text)
    if scoped is not None and tense.leading_verb(text[scoped.end() :]) is not None:
        return scoped["scope"]
    return None


def informal_type(subject: str) -> str | None:
    """The type, in small letters, that a subject begins with, as the specification would have it or nearly so: `fix` of `Fix!(cli): x`."""
    typed = _TYPE_PREFIX.match(_without_emoji(subject).strip("\x00 "))
    return typed["type"].lower() if typed is not None else None


def strip_tails(text: str) -> str:
    """Without issue and pull-request numbers at the end, `[skip ci]`, and final points."""
    while True:
        shorter = _ENDING.sub("", text)
        shorter = _TAIL.sub("", shorter) if shorter[-1:] in _TAIL_ENDS or shorter[-1:].isdigit() else shorter
        if shorter == text or not shorter:
            return text if not shorter and re.fullmatch(r"\W*", text) is None and not _TAIL.fullmatch(text) else shorter
        text = shorter


_TAIL_ENDS = frozenset(")]}*/")


@lru_cache(maxsize=1024)
def is_foreign(text: str) -> bool:
    """True where the text is plainly not English: by its script, else by small words of another language. Unsure means English."""
    if text.isascii() and text.count(" ") < 2:
        return False
    found = [word.lower() for word in _LETTERS.findall(re.sub(r"`[^`]*`", " ", text))]
    letters = sum(map(len, found))
    if not letters:
        return False
    if sum(1 for word in found for letter in word if letter > "\u024f") * 3 > letters:
        return True
    known = set(found)
    english = len(known & _ENGLISH)
    best = max(len(known & stopwords - _ENGLISH) for stopwords in _STOPWORDS.values())
    accented = any(not word.isascii() for word in found)
    return best >= (2 if not accented else 1) + english


def _without_emoji(subject: str) -> str:
    """With NUL where an emoji was: it parts what it stands between."""
    if subject.isascii() and ":" not in subject:
        return subject
    return _EMOJI.sub("\x00", subject)


def _joined(text: str) -> str:
    return " ".join(text.replace("\x00", " ").split())


def _without_boasts(text: str) -> str:
    """Clauses that only praise go whole; adverbs and adjectives of praise go alone; so do figures that nobody can check."""
    text = (
        _PARENTHESES.sub(lambda match: "" if match[1].strip() and _is_boast(match[1]) else match[0], text)
        if "(" in text
        else text
    )
    shouted = _SHOUTED_TAIL.search(text)
    if shouted is not None and _is_boast(shouted[0]):
        text = text[: shouted.start()]
    parts = _CLAUSES.split(text)
    if len(parts) > 1 or _BOAST.fullmatch(text.strip()):
        kept: list[str] = []
        for index in range(0, len(parts), 2):
            if not _is_boast(parts[index]):
                kept += [parts[index - 1] if kept else "", parts[index]]
        text = "".join(kept)
    if "%" in text or "x " in text or "times" in text or text.endswith("x"):
        text = _FIGURES.sub("", _PERCENT.sub("", text))
    text = _PRAISE.sub(_unless_needed, text)
    done = _DONE_TAIL.search(text)
    if done is not None and done.start() and tense.leading_verb(text) is None:
        text = text[: done.start()]
    return "" if text.strip().lower() in _POINTING else text


def _is_boast(clause: str) -> bool:
    clause = clause.strip(" \x00.!*_-")
    return not clause or _BOAST.fullmatch(clause) is not None


def _unless_needed(match: re.Match[str]) -> str:
    """ "" for praise that can go; the word itself where the sentence would break, or where it means something else ("tab complete")."""
    word = match[0].lower()
    before = match.string[: match.start()].rstrip().rpartition(" ")[2].lower()
    after = match.string[match.end() :].lstrip()
    following = after.partition(" ")[0].lower().strip(".,;:!?)")
    if not word.endswith("ly") and (before in _KEEP_AFTER or not following or following in _KEEP_BEFORE):
        return match[0]
    return "" if not after or match.string[match.end() : match.end() + 1] != " " else "\x01"


def _sentence_case(text: str) -> str:
    """A subject that is shouted as a whole, in small letters but for acronyms."""
    text = text.replace("\x01 ", "").replace("\x01", "")
    shouted = [word for word in _LETTERS.findall(text) if len(word) > 1]
    if len(shouted) < 3 or not text.isupper():
        return text
    lowered = _LETTERS.sub(lambda match: match[0] if match[0] in _ACRONYMS else match[0].lower(), text)
    return tense.capitalised(lowered)


def _in_backticks(text: str) -> str:
    return _CODE.sub(_backticked, text)


def _backticked(match: re.Match[str]) -> str:
    code = match["code"]
    if code is None:  # two backticks are one to reStructuredText
        return f"`{match['literal'].strip()}`" if match["literal"] else match[0]
    return match[0] if code.lower() in _PROPER or code.lower().rstrip("s") in _PROPER else f"`{code}`"
