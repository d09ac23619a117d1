"""Finding names in running text: one walk over its words, the longest known name first, and nothing that could be an ordinary word.

A name that is an ordinary word too (Go, Rust, Express) counts only as its makers write it, not at the start of a sentence, and with
something next to it that makes it certain: a version, a word such as "library", or another technology.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_WORD = re.compile(r"[^\W_]+(?:[+#]+(?!\w))?|(?<![\w.])\.(?=NET\b)", re.UNICODE)
_SKIP = re.compile(
    r"\w+://\S+|[\w.+-]+@[\w-]+\.[\w.]+"  # addresses
    r"|(?<![\w/])(?:[\w.@-]+/){2,}[\w.@-]*|(?<!\w)\.{0,2}/[\w./@-]+|\b[\w-]+/[\w-]+\.\w{1,5}\b"  # paths
    r"|\b[\w-]+\.(?:py|js|ts|tsx|jsx|go|rs|rb|java|md|toml|json|ya?ml|html|css|txt|cfg|ini|sh|lock|c|h|cpp)\b"  # file names
    r"|\b\w*_\w*\b|\b[a-z]+[A-Z]\w*\b(?<!\bmacOS)(?<!\biOS)|\b[0-9a-f]{7,40}\b|--?\w[\w-]*=?"  # identifiers, hashes, options
    r"|\b\w+(?:\.\w+)*\([^)\s]*\)?"  # calls
)
_IDENTIFIER_LIKE = re.compile(r"[a-z]+[A-Z]\w*")
_HELPERS = frozenset(
    "framework library app application project language programming in with using via api apis sdk client server code package module "
    "plugin driver migrations template templates component components".split()
)
_BEFORE = frozenset("in with using via to from".split())
_SENTENCE_END = frozenset(".!?:;\n-*•>")
_MOST_WORDS = 5


class Match(NamedTuple):
    """A skill named in a text, by `text[start:end]`."""

    skill: str
    start: int
    end: int


class _Name(NamedTuple):
    skill: str
    written: str
    ambiguous: bool


class TextMatcher:
    """Knows (name, skill, whether it is an ordinary word too) triples; `find` is linear in the length of the text."""

    def __init__(self, names: Iterable[tuple[str, str, bool]]) -> None:
        self._by_words: dict[tuple[str, ...], _Name] = {}
        for written, skill, ambiguous in names:
            words = tuple(word for word, _, _ in _words(written))
            if words and (len(words) > 1 or len(words[0]) > 1 or ambiguous):
                self._by_words.setdefault(words, _Name(skill, written, ambiguous))
        self._first = {words[0] for words in self._by_words}

    def find(self, text: str) -> list[Match]:
        skipped = [found.span() for found in _SKIP.finditer(text) if not self._is_name(found[0])]
        words = [word for word in _words(text) if not _within(word[1], skipped)]
        candidates = list(self._candidates(text, words))
        certain = {number for number, (name, _, _, _) in enumerate(candidates) if not name.ambiguous}
        found = []
        for number, (name, start, end, position) in enumerate(candidates):
            if number in certain or self._is_certain(text, words, name, start, end, position, candidates, number):
                found.append(Match(name.skill, start, end))
        return found

    def _is_name(self, text: str) -> bool:
        """A spelling such as GraphQL or iOS looks like an identifier and is none."""
        return _IDENTIFIER_LIKE.fullmatch(text) is not None and (text.lower(),) in self._by_words

    def _candidates(self, text: str, words: list[tuple[str, int, int]]) -> Iterator[tuple[_Name, int, int, int]]:
        position = 0
        while position < len(words):
            taken = 1
            if words[position][0] in self._first:
                for length in range(min(_MOST_WORDS, len(words) - position), 0, -1):
                    part = words[position : position + length]
                    name = self._by_words.get(tuple(word for word, _, _ in part))
                    if name and _joined(text, part) and not _in_identifier(text, part[0][1], part[-1][2]):
                        yield name, part[0][1], part[-1][2], position
                        taken = length
                        break
            position += taken

    @staticmethod
    def _is_certain(
        text: str,
        words: list[tuple[str, int, int]],
        name: _Name,
        start: int,
        end: int,
        position: int,
        candidates: list[tuple[_Name, int, int, int]],
        number: int,
    ) -> bool:
        if text[start:end] != name.written or name.written.islower() or _begins_sentence(text, start):
            return False
        length = len(_words_list(name.written))
        following = words[position + length] if position + length < len(words) else None
        previous = words[position - 1] if position else None
        if following and (following[0][0].isdigit() or following[0] in _HELPERS) and following[1] - end <= 2:
            return True
        if previous and previous[0] in _BEFORE and start - previous[2] <= 2:
            return True
        near = candidates[max(0, number - 1) : number] + candidates[number + 1 : number + 2]
        return any(
            not other.ambiguous and min(abs(other_start - end), abs(start - other_end)) <= 6
            for other, other_start, other_end, _ in near
        )


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    for found in _WORD.finditer(text):
        yield found[0].lower(), found.start(), found.end()


def _words_list(text: str) -> list[str]:
    return [word for word, _, _ in _words(text)]


def _within(start: int, spans: list[tuple[int, int]]) -> bool:
    """Whether a position lies in one of the sorted, disjoint spans."""
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle][1] <= start:
            low = middle + 1
        else:
            high = middle
    return low < len(spans) and spans[low][0] <= start


def _joined(text: str, part: list[tuple[str, int, int]]) -> bool:
    """Whether the words of a name follow each other with nothing between but one mark that names are written with."""
    return all(
        text[left[2] : right[1]] in {"", " ", "-", ".", "/", "'", " / ", "&"}
        for left, right in zip(part, part[1:], strict=False)
    )


def _in_identifier(text: str, start: int, end: int) -> bool:
    """Part of a longer word: `requests_made`, `go-back`, `rust.rs`, `#c`, `$make`, or a name with a mark that is not a sentence's."""
    before = text[start - 1] if start else " "
    after = text[end : end + 2].ljust(2)
    if before in "_$@\\#=<" or (before in "-./" and start > 1 and text[start - 2].isalnum()):
        return True
    return after[0] in "_=\\@" or (after[0] in "-./" and after[1].isalnum())


def _begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t\"'(`[")
    return not before or before[-1] in _SENTENCE_END
