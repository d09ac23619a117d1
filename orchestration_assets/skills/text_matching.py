"""Finding names in running text: one walk over its words, the longest known name first, and nothing that could be an ordinary word.

A name that is an ordinary word too (Go, Rust, Express) counts only as its makers write it and with something beside it that makes it
certain: a version, a word such as "library", work on something "in" it, or another technology. What looks like code (a path, an address,
an identifier, an option) names nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

_NOISE = re.compile(r"[\s._\-/']+")
_WORD = re.compile(r"(?<![\w.])\.(?i:net)\b|[^\W_]+(?:\+\+\d+|[+#]+(?!\w))?")
_RUN = re.compile(r"[^\s,;()\[\]{}<>\"'`|*!?&]+")
"""What stands between blanks and brackets: a word, or a path, an address, an identifier, an option."""
_LONGEST_RUN = 120
_CODE = re.compile(
    r"[A-Za-z][\w+.-]*://|^www\.|[\\=$@]|::|^\.{0,2}/|\w_+\w"
    r"|\.(?:py|js|ts|tsx|jsx|go|rs|rb|java|md|rst|toml|json|ya?ml|html|css|txt|cfg|ini|sh|lock|c|h|cpp|sql|php|kt|swift)$"
)
_CAMEL_CASE = re.compile(r"^[a-z]+[A-Z]")
_SEPARATORS = frozenset(["", " ", "-", ".", "/", "'", " / ", "&", " & ", "+", "_", "\n"])
_AFTER = frozenset(
    "framework library app application programming language api apis sdk client server code package module plugin driver "
    "migrations template templates component components crate gem compiler bindings".split()
)
_BEFORE = frozenset("in with via to from".split())
_MAKING = frozenset(
    "write writes writing wrote written rewrite rewrites rewriting rewrote rewritten implement implemented implementing implementation "
    "build building built rebuild rebuilt port ported porting migrate migrated migrating migration switch switched switching convert "
    "converted converting develop developed developing code coded coding script scripts program programs prototype prototyped parser "
    "library tool tools service services binding bindings extension module plugin api app client server backend frontend".split()
)
_LISTED = re.compile(r"\s*(?:[,/&+|(]|and|or|to|with|on|in|from|plus|vs\.?)?\s*(?:and\s|or\s)?")
_VERSION = re.compile(
    r"(?:\s+v?|-|@|v)?(?P<number>\d{1,2}(?:\.\d+)*)\b(?!\d|%|\s*(?:times|steps?|days?|weeks?|hours?|minutes?)\b)"
)
_MARK = re.compile(r"[-./]")
_SENTENCE_END = frozenset(".!?:;\n-*•>])")
_WORDS_BACK = 8


class Match(NamedTuple):
    """A skill named in a text, by `text[start:end]`."""

    skill: str
    start: int
    end: int


class _Name(NamedTuple):
    skill: str
    written: str
    key: str
    ambiguous: bool
    marked: bool
    """Lower case with a mark within (styled-components), which no ordinary word has."""


class _Word(NamedTuple):
    word: str
    start: int
    end: int


class _Candidate(NamedTuple):
    """A name that stands in the text, in `words[first:after]`; certain unless it is an ordinary word too."""

    name: _Name
    start: int
    end: int
    first: int
    after: int


def normalised(name: str) -> str:
    """A name without what people write in different ways: case, spaces, dots (but a leading one), hyphens, slashes."""
    text = name.lower().strip().strip("_-/'")
    lead = "." if text.startswith(".") else ""
    return lead + _NOISE.sub("", text)


class TextMatcher:
    """Knows (name, skill, whether it is an ordinary word too) triples; `find` is linear in the length of the text."""

    def __init__(self, names: Iterable[tuple[str, str, bool]]) -> None:
        self._by_words: dict[tuple[str, ...], _Name] = {}
        self._keys: set[str] = set()
        glued: dict[tuple[str, ...], _Name] = {}
        for written, skill, ambiguous in names:
            words = tuple(word.word for word in _words(written))
            marked = written.islower() and _MARK.search(written) is not None
            name = _Name(skill, written, normalised(written), ambiguous, marked)
            if len(name.key) > 1 or ambiguous:
                self._by_words.setdefault(words, name)
                self._keys.add(name.key)
                if len(words) > 1:
                    glued.setdefault((name.key,), name)
        self._by_words = glued | self._by_words
        self._longest: dict[str, int] = {}
        for words in self._by_words:
            self._longest[words[0]] = max(len(words), self._longest.get(words[0], 0))

    def find(self, text: str) -> list[Match]:
        words = list(_words(text))
        candidates = list(self._candidates(text, words))
        certain = [not candidate.name.ambiguous for candidate in candidates]
        for number, candidate in enumerate(candidates):
            certain[number] = certain[number] or _is_certain(text, words, candidate)
        for order in (range(1, len(candidates)), range(len(candidates) - 2, -1, -1)):
            step = -1 if order.step > 0 else 1
            for number in order:
                if not certain[number] and certain[number + step]:
                    certain[number] = _stand_together(text, candidates[number], candidates[number + step])
        return [
            Match(candidate.name.skill, candidate.start, candidate.end)
            for candidate, sure in zip(candidates, certain, strict=True)
            if sure
        ]

    def _candidates(self, text: str, words: list[_Word]) -> Iterator[_Candidate]:
        in_code = self._code_of(text)
        position = 0
        while position < len(words):
            taken = 1
            for length in range(min(self._longest.get(words[position].word, 0), len(words) - position), 0, -1):
                part = words[position : position + length]
                name = self._by_words.get(tuple(word.word for word in part))
                if name is None:
                    continue
                start, end = part[0].start, part[-1].end
                if self._fits(text, name, part) and not in_code(start, end):
                    yield _Candidate(name, start, end, position, position + length)
                    taken = length
                    break
            position += taken

    def _code_of(self, text: str) -> Callable[[int, int], bool]:
        """Whether a span of the text, begins or ends within something that is code."""
        runs = [found.span() for found in _RUN.finditer(text)]
        starts = [start for start, _ in runs]
        known: dict[int, bool] = {}

        def is_code_at(offset: int, span: tuple[int, int]) -> bool:
            number = bisect_right(starts, offset) - 1
            if number < 0 or (
                span[0] <= runs[number][0] and runs[number][1] <= span[1] and text[span[1] : span[1] + 1] != "("
            ):
                return False
            if number not in known:
                known[number] = self._is_code(text, *runs[number])
            return known[number]

        return lambda start, end: is_code_at(start, (start, end)) or is_code_at(end - 1, (start, end))

    @staticmethod
    def _fits(text: str, name: _Name, part: list[_Word]) -> bool:
        start, end = part[0].start, part[-1].end
        if len(part) == 1:
            return not _in_identifier(text, start, end)
        between = [text[left.end : right.start] for left, right in pairwise(part)]
        if not _SEPARATORS.issuperset(between) or normalised(text[start:end]) != name.key:
            return False
        if (
            "." in name.written.strip(".")
            and " " not in name.written
            and any(part not in {".", ""} for part in between)
        ):
            return False  # "the next JS file" and "three js files" are no frameworks
        return not _in_identifier(text, start, end)

    def _is_code(self, text: str, start: int, end: int) -> bool:
        """Whether what stands between two blanks is a path, an address, an identifier or an option and not prose."""
        if end - start > _LONGEST_RUN:
            return True
        run = text[start:end].rstrip(".:")
        if text[end : end + 1] == "(" or run[:1] in {"-", "~"}:
            return True
        if normalised(run) in self._keys:
            return False
        if _CODE.search(run):
            return True
        if "/" in run:
            return not all(normalised(part) in self._keys for part in run.split("/"))
        return _CAMEL_CASE.match(run) is not None


def _words(text: str) -> Iterator[_Word]:
    for found in _WORD.finditer(text):
        yield _Word(found[0].lower(), found.start(), found.end())


def _is_certain(text: str, words: list[_Word], candidate: _Candidate) -> bool:
    """Whether what stands beside a name that is an ordinary word too leaves no doubt."""
    name, start, end, first, after = candidate
    shown = text[start:end]
    if name.marked and shown == name.written:
        return True
    if not _written_as_name(shown, name.written) or text[end : end + 2] in {"'s", "’s"}:
        return False
    if version := _VERSION.match(text, end):
        return "." in version["number"] or not _begins_sentence(text, start)
    if _begins_sentence(text, start):
        return False
    if after < len(words) and words[after].word in _AFTER and text[end : words[after].start] in {" ", "-"}:
        return True
    if not first or text[words[first - 1].end : start] not in {" ", " `", ' "'}:
        return False
    before = words[first - 1].word
    if before in {"using", "learned", "learning"}:
        return True
    return before in _BEFORE and any(word.word in _MAKING for word in words[max(0, first - _WORDS_BACK) : first - 1])


def _written_as_name(shown: str, written: str) -> bool:
    """As its makers write it; an alias, which the data has in lower case, with a capital letter."""
    if written.islower():
        return shown[0].isupper()
    return shown == written


def _stand_together(text: str, one: _Candidate, other: _Candidate) -> bool:
    """Whether a doubtful name stands beside a certain one as in "Python and Rust" or "from Express to Fastify"."""
    if not _written_as_name(text[one.start : one.end], one.name.written) or _begins_sentence(text, one.start):
        return False
    between = text[min(one.end, other.end) : max(one.start, other.start)]
    return len(between) <= 10 and _LISTED.fullmatch(between) is not None


def _in_identifier(text: str, start: int, end: int) -> bool:
    """Part of a longer word: `requests_made`, `go-back`, `rust.rs`, `#c`, `$make`, or a name with a mark that is not a sentence's."""
    before = text[start - 1] if start else " "
    after = text[end : end + 2].ljust(2)
    if before in "_$@\\#=<" or (
        before in "-." and start > 1 and (text[start - 2].isalnum() or text[start - 2] in "-.")
    ):
        return True
    return after[0] in "_=\\@" or (after[0] in "-." and after[1].isalpha())


def _begins_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 40) : start].rstrip(" \t\"'(`[")
    return not before or before[-1] in _SENTENCE_END
