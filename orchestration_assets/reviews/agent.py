"""The review agent: what a model finds in one part of a change, kept only where it quotes it.

What belongs here: the prompt's parts, the reply's shape, and what a finding of a reply must hold to be kept. The model has no tools, and
nothing that it says reaches anything but the text of a finding.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration_assets.reports.phrasing import clip, one_line
from orchestration_assets.reviews.architecture import Document
from orchestration_assets.reviews.model import Category, Finding, Severity
from orchestration_assets.reviews.parts import LONGEST_LINE, Part, Shown
from resources.git import Line
from resources.language_model.agent import InvalidReply, Message, Request, agent_version, content_hash
from resources.language_model.prompting import CONTEXT, OVERHEAD, Prompt, characters, tokens
from resources.language_model.schemas import OutputSchema, at_most, few, number_to, sized_schema
from resources.rows import Row

NAME = "review_remarks"
RULES = 1
"""Counted up whenever what is kept of a reply changes."""

PROMPT = Path(__file__).parent / "prompts" / "review_remarks.md"
MAX_SENTENCE = 240
MAX_QUOTE = 160
MOST_FILES = 99
SIZES = (2, 4, 6, 10)
"""How many findings a reply may hold."""
LINES_A_FINDING = 25
FOR_REPLY = 0.35
"""Of the context, at most."""
FOR_ARCHITECTURE = 0.25
"""Of the room that is left, at most."""
LONGEST_ARCHITECTURE = 12_000
"""Characters."""

_FENCED = re.compile(r"\s*```(?:json)?\s*(?P<json>.*?)\s*```\s*", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_SIGN = re.compile(r"^\s*(?:\d+\s+)?[+-]\s?")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMED = re.compile(r"\b[A-Za-z][A-Za-z0-9]*_[A-Za-z0-9_]*\b|\b[a-z]+[A-Z][A-Za-z0-9]*\b|\b[A-Za-z_]\w*(?=\(\))")
_NIT = re.compile(
    r"\b(?:docstrings?|type (?:hints?|annotations?)|naming|indentation|whitespace|line length|import order|code style|readability|"
    r"unused (?:import|variable)|pep ?8|formatting|spelling|typo in (?:a )?comment|add (?:a )?comments?)\b",
    re.IGNORECASE,
)
_KNOWN = frozenset(dir(builtins)) | frozenset(keyword.kwlist)
_LEAST_LETTERS = 3


class FindingReply(BaseModel):
    """One finding of a reply. `file` is the number of a file of the prompt."""

    model_config = ConfigDict(extra="forbid")

    file: Annotated[int, number_to(MOST_FILES)]
    quote: Annotated[str, at_most(MAX_QUOTE)]
    category: Literal["security", "correctness", "error handling", "architecture", "tests", "performance"]
    severity: Literal["high", "medium", "low"]
    document: Annotated[str, at_most(MAX_QUOTE)]
    why: Annotated[str, at_most(MAX_SENTENCE)]
    action: Annotated[str, at_most(MAX_SENTENCE)]


class FindingsReply(BaseModel):
    """The reply of a model."""

    model_config = ConfigDict(extra="forbid")

    findings: Annotated[list[FindingReply], few(SIZES[-1])]


class Remarks(Row):
    """What is kept of the reply to one part."""

    findings: list[Finding]
    dropped_claims: int = 0


@dataclass(frozen=True)
class ReviewAgent:
    """A part of a change, to remarks on it. `context`: the tokens that the model takes, question and answer together."""

    context: int = CONTEXT

    @property
    def name(self) -> str:
        return NAME

    @property
    def version(self) -> str:
        return _version()

    def key(self, item: Part) -> str:
        return item.key

    def extract(self, item: Part) -> Remarks:
        """Without a model there are no remarks: what can be computed is computed elsewhere."""
        return Remarks(findings=[])

    def room(self) -> tuple[int, int]:
        """Characters of diff that a part may have, and characters of the architecture document that is shown with each."""
        left = characters(self.context - self._longest_reply() - tokens(_prompt().shared("system")) - 2 * OVERHEAD)
        architecture = min(LONGEST_ARCHITECTURE, int(left * FOR_ARCHITECTURE))
        # Title and description, and the words of the prompt round them.
        return max(2 * LONGEST_LINE, left - architecture - 2500), architecture

    def request(self, item: Part) -> Request:
        """The instructions, then the architecture document, both the same for all parts; then the part."""
        prompt = _prompt()
        output = self._output(item.changed_lines)
        marks = (_mark(item.architecture.text), _mark(item.input_hash))
        files = [
            {"path": file.path, "status": file.status, "lines": list(_as_lines(file))} for file in item.files
        ]  # fmt: skip
        body = "\n".join(one_line(line) for line in _COMMENT.sub("", item.body).splitlines()).strip()
        shown = prompt.render("part", item, marks, body, files)
        return Request(
            messages=(Message("system", prompt.shared("system")), Message("user", shown)),
            output=output,
            max_tokens=output.longest,
        )

    def parse(self, item: Part, reply: str) -> Remarks:
        """The findings that quote the change. Others are dropped and counted. Raises InvalidReply for what is no such reply."""
        fenced = _FENCED.fullmatch(reply)
        try:
            said = FindingsReply.model_validate_json(fenced["json"] if fenced is not None else reply)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the reply"
            raise InvalidReply(f"{place}: {first['msg']}. Answer with JSON of the schema alone.") from None
        kept = [made for each in said.findings if (made := _grounded(item, each)) is not None]
        return Remarks(findings=kept, dropped_claims=len(said.findings) - len(kept))

    def _output(self, lines: int) -> OutputSchema:
        """The shape of the reply to a part with so many changed lines: more of them, more findings."""
        room = int(self.context * FOR_REPLY)
        return sized_schema(self.name, FindingsReply, SIZES, lines // LINES_A_FINDING + 1, room)

    def _longest_reply(self) -> int:
        return self._output(SIZES[-1] * LINES_A_FINDING).longest


def _grounded(part: Part, said: FindingReply) -> Finding | None:
    """The finding at the line that it quotes; None where it quotes none, invents a name, or says what nobody asked for."""
    if not 1 <= said.file <= len(part.files):
        return None
    file = part.files[said.file - 1]
    found = quoted_line(file, said.quote)
    why, action = (clip(one_line(text), MAX_SENTENCE) for text in (said.why, said.action))
    document = ""
    if said.category == "architecture":
        document = _in_document(part.architecture, said.document)
        if not document:
            return None
    if found is None or not why or not action or _NIT.search(why) or _invents(part, file, why):
        return None
    line, quote = found
    return Finding(
        category=Category(said.category),
        severity=Severity(said.severity),
        path=file.path,
        line=line.new if line.sign == "+" else line.old,
        removed=line.sign == "-",
        quote=quote,
        document=document,
        why=why,
        action=action,
    )


def quoted_line(file: Shown, quote: str) -> tuple[Line, str] | None:
    """The added or removed line that holds the quote, and the quote as it stands there. Of a quote of several lines each must stand there, one
    after the other; the first counts. Runs of spaces may differ, and a sign may stand before it."""
    for pieces in _readings(quote):
        if not pieces or sum(letter.isalnum() for letter in pieces[0]) < _LEAST_LETTERS:
            continue
        patterns = [re.compile(r"\s+".join(map(re.escape, piece.split()))) for piece in pieces]
        for sign in ("+", "-"):
            lines = [line for line in file.lines if line.sign == sign]
            for start in range(len(lines) - len(patterns) + 1):
                match = patterns[0].search(lines[start].text)
                if match and all(pattern.search(lines[start + offset].text) for offset, pattern in enumerate(patterns)):
                    return lines[start], match[0]
    return None


def _readings(quote: str) -> Iterator[list[str]]:
    """The lines of a quote as they are, then without the signs and numbers that the prompt shows before them."""
    lines = [line for line in quote.splitlines() if line.strip()]
    yield lines
    yield [_SIGN.sub("", line) for line in lines]


def _in_document(document: Document, quote: str) -> str:
    """The quote, where the document holds it."""
    said = " ".join(quote.split())
    is_there = sum(letter.isalnum() for letter in said) >= 2 * _LEAST_LETTERS and said in " ".join(
        document.text.split()
    )
    return said if is_there else ""


def _invents(part: Part, file: Shown, sentence: str) -> bool:
    """Whether a sentence names something of a program that nobody showed."""
    named = {found[0] for found in _NAMED.finditer(sentence)} - _KNOWN
    if not named:
        return False
    shown = {
        name
        for each in part.files
        for line in each.lines
        for name in _IDENTIFIER.findall(line.text)
    }  # fmt: skip
    shown |= set(_IDENTIFIER.findall(f"{part.title} {part.body} {part.architecture.text} {file.path}"))
    return not named <= shown


def _as_lines(file: Shown) -> Iterator[str]:
    """Number, sign and text; a line of dots where lines are left out between."""
    last: int | None = None
    for line in file.lines:
        number = line.new if line.new is not None else line.old
        if line.sign != "-" and number is not None:
            if last is not None and number > last + 1:
                yield "  ..."
            last = number
        yield f"{number:>5} {line.sign} {one_line_kept(line.text)}"


def one_line_kept(text: str) -> str:
    """The text with the spaces that it begins with, and without characters that would end or reorder the line."""
    indent = len(text) - len(text.lstrip(" \t"))
    return text[:indent].replace("\t", "    ") + one_line(text)


def _mark(text: str) -> str:
    """A line that no text can hold that did not know it before it was written."""
    return f"=== {content_hash(text)[:16]} ==="


@lru_cache(maxsize=1)
def _prompt() -> Prompt:
    return Prompt(PROMPT, {"line": one_line})


@lru_cache(maxsize=1)
def _version() -> str:
    """Rules, prompt and schemas: whatever changes what is found."""
    texts = [PROMPT.read_text(encoding="utf-8"), content_hash(FindingsReply.model_json_schema())]
    return agent_version(RULES, texts, Remarks)
