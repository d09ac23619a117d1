"""The parser of Conventional Commits 1.0.0 (https://www.conventionalcommits.org/en/v1.0.0/).

What belongs here: the grammar, and nothing about what a type means. Every part keeps its offsets into the message, so that evidence can
quote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(
    r"(?P<type>\w[\w-]*)"
    r"(?:\((?P<scope>[^()\s](?:[^()\n]*[^()\s])?)\))?"
    r"(?P<bang>!)?"
    r":[ ]+"
    r"(?P<description>\S(?:[^\n]*\S)?)[ \t]*(?:\n|\Z)"
)
# Only the tokens that announce a breaking change are sensitive to case, and only "BREAKING CHANGE" may hold a space.
_FOOTER = re.compile(r"(?P<token>BREAKING CHANGE|[^\W_][\w-]*)(?P<separator>: | #)(?P<first>[^\n]*)")
_BREAKING = frozenset({"BREAKING CHANGE", "BREAKING-CHANGE"})


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the message: `message[start:end] == text`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Footer:
    """A footer such as `Refs #133` or `Reviewed-by: Z`. `separator` is `": "` or `" #"`; the value may span lines."""

    token: Part
    separator: str
    value: Part

    @property
    def is_breaking(self) -> bool:
        return self.token.text in _BREAKING


@dataclass(frozen=True, slots=True)
class Conventional:
    """The parts of a conventional commit. `type` and footer tokens are spelled as written: compare them without case."""

    type: Part
    scope: Part | None
    bang: bool
    description: Part
    body: Part | None
    footers: tuple[Footer, ...]

    @property
    def is_breaking(self) -> bool:
        return self.bang or any(footer.is_breaking for footer in self.footers)


def parse(message: str) -> Conventional | None:
    """The parts of `message` (lines end in LF), or None where its first line is no conventional header."""
    header = _HEADER.match(message)
    if header is None:
        return None
    body: Part | None = None
    footers: tuple[Footer, ...] = ()
    if header.end() < len(message):
        body, footers = _body_and_footers(message, header.end())
    return Conventional(
        type=_group(header, "type"),
        scope=_group(header, "scope") if header["scope"] is not None else None,
        bang=header["bang"] is not None,
        description=_group(header, "description"),
        body=body,
        footers=footers,
    )


def _body_and_footers(message: str, start: int) -> tuple[Part | None, tuple[Footer, ...]]:
    """Footers begin with the first paragraph that opens like one, and each reaches to where the next opens."""
    found: list[re.Match[str]] = []
    after_blank = False
    position = start
    while position < len(message):
        end = message.find("\n", position)
        end = len(message) if end < 0 else end
        if found or after_blank:
            match = _FOOTER.match(message, position)
            if match is not None:
                found.append(match)
        after_blank = not message[position:end].strip()
        position = end + 1
    footers = []
    for index, match in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(message)
        value = _trimmed(message, match.start("first"), end)
        if value is not None:
            footers.append(Footer(_group(match, "token"), match["separator"], value))
    return _trimmed(message, start, found[0].start() if found else len(message)), tuple(footers)


def _group(match: re.Match[str], name: str) -> Part:
    return Part(match[name], match.start(name), match.end(name))


def _trimmed(message: str, start: int, end: int) -> Part | None:
    """The stretch without white space round it, or None where nothing is left."""
    text = message[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    return Part(text, start, start + len(text)) if text else None
