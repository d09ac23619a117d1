"""The analysis agent: what one entry was about, by a model or by rules.

What belongs here: the prompt's parts, and the grounding of a reply. What can be computed (languages, references, lines, releases) is
computed, whoever makes the rest; what a model says without a verbatim quote is dropped and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration_assets.worklogs.analysis import analyse, kind_of
from orchestration_assets.worklogs.classification import is_vague
from orchestration_assets.worklogs.model import Analysis, AnalysisItem, Category, Entry, Statement
from orchestration_assets.worklogs.statements import is_blocker, is_follow_up, segments, statement
from orchestration_assets.worklogs.tables import NAMES, table_text
from orchestration_assets.worklogs.wording import clean_headline
from resources.language_model.agent import InvalidReply, Message, Request, agent_version, content_hash
from resources.language_model.prompting import CONTEXT, OVERHEAD, Prompt, characters, fitting, tokens
from resources.language_model.schemas import at_most, few, output_schema

RULES = 2
"""Counted up whenever the extractive rules change; the word tables count by themselves."""

PROMPT = Path(__file__).parent / "prompts" / "worklog_analysis.md"
MAX_MESSAGE, MAX_PATHS, MAX_LINES, MAX_HEADLINE = 6000, 60, 30, 160
SHARES = (0.5, 0.25, 0.25)
"""Of the room for an entry: for its message, its paths and its lines."""

_Judge = Callable[[Entry, tuple[int, int]], bool]

_COMPUTED = frozenset({Category.MERGE, Category.RELEASE, Category.REVERT})
_FENCED = re.compile(r"\s*```(?:json)?\s*(?P<json>.*?)\s*```\s*", re.DOTALL)
_TOKEN = re.compile(r"[^\s,;:!?()\"'“”‘’]+")
_PARTS = re.compile(r"\w+", re.UNICODE)
_SENTENCE_END = re.compile(r"\n|[.!?](?=\s)")


class AnalysisReply(BaseModel):
    """The reply of a model. The lists hold verbatim quotes."""

    model_config = ConfigDict(extra="forbid")

    category: Category
    headline: Annotated[str, at_most(120)]
    activities: Annotated[list[Annotated[str, at_most(200)]], few(6)]
    blockers: Annotated[list[Annotated[str, at_most(200)]], few(2)]
    follow_ups: Annotated[list[Annotated[str, at_most(200)]], few(2)]


@dataclass(frozen=True)
class AnalysisAgent:
    """An entry, to the analysis of it. `context`: the tokens that the model takes, question and answer together."""

    context: int = CONTEXT

    @property
    def name(self) -> str:
        return "worklog_analysis"

    @property
    def version(self) -> str:
        return _version()

    def key(self, item: AnalysisItem) -> str:
        return item.entry.entry_id

    def extract(self, item: AnalysisItem) -> Analysis:
        return analyse(item)

    def request(self, item: AnalysisItem) -> Request:
        prompt = _prompt()
        system = prompt.shared("system")
        output = output_schema("worklog_analysis", AnalysisReply)
        room = characters(self.context - output.longest - tokens(system) - OVERHEAD)
        for_message, for_paths, for_lines = (int(room * share) for share in SHARES)
        mark = f"=== {item.entry.entry_id[:12]} ==="
        shown = prompt.render(
            "entry",
            item,
            mark,
            trimmed(item.entry.text, min(MAX_MESSAGE, for_message)),
            fitting(_path_lines(item.entry), for_paths, "files"),
            fitting(_diff_lines(item), for_lines, "lines"),
        )
        return Request(
            messages=(Message("system", system), Message("user", shown)),
            output=output,
            max_tokens=output.longest,
        )

    def parse(self, item: AnalysisItem, reply: str) -> Analysis:
        """What the reply says and the entry bears out. Raises InvalidReply where it is no JSON of the schema."""
        said = _read(reply)
        known = analyse(item)
        activities, dropped = _grounded(item.entry, said.activities, known.activities, _is_any)
        blockers, ungrounded = _grounded(item.entry, said.blockers, known.blockers, _is_blocker)
        follow_ups, unfounded = _grounded(item.entry, said.follow_ups, known.follow_ups, _is_follow_up)
        headline = _headline(item, said.headline)
        category = _category(item.entry, said.category, known)
        refused = bool(said.headline.strip()) and headline is None
        return known.model_copy(
            update={
                "category": category if category is not None else known.category,
                "headline": headline if headline is not None else known.headline,
                "vague": known.vague and headline is None,
                "activities": activities if said.activities else known.activities,
                "blockers": _united(known.blockers, blockers),
                "follow_ups": _united(known.follow_ups, follow_ups),
                "dropped_claims": dropped + ungrounded + unfounded + int(refused) + int(category is None),
            }
        )


def trimmed(text: str, limit: int = MAX_MESSAGE) -> str:
    """The message, or its beginning and end with a line between them that says how much is left out. Cut between paragraphs; one that is too
    long is cut at the end of a line or a sentence, else at a word."""
    if len(text) <= limit:
        return text
    paragraphs = text.split("\n\n")
    head: list[str] = []
    room = limit * 3 // 4
    while paragraphs and len(paragraphs[0]) + 2 <= room:
        head.append(paragraphs.pop(0))
        room -= len(head[-1]) + 2
    if paragraphs and (room > limit // 4 or not head):
        cut = _break_before(paragraphs[0], room)
        head.append(paragraphs[0][:cut])
        paragraphs[0] = paragraphs[0][cut:]
    tail: list[str] = []
    room = limit // 4
    while len(paragraphs) > 1 and len(paragraphs[-1]) + 2 <= room:
        tail.insert(0, paragraphs.pop())
        room -= len(tail[0]) + 2
    left_out = len("\n\n".join(paragraphs))
    return "\n\n".join([*head, f"[... {left_out:,} characters of the message are left out here ...]", *tail])


def _break_before(text: str, end: int) -> int:
    """The last place up to `end` where a line or a sentence ends, else a word, else `end`."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, end)]
    space = text.rfind(" ", 0, end)
    return ends[-1] if ends else space if space > 0 else end


def _read(reply: str) -> AnalysisReply:
    fenced = _FENCED.fullmatch(reply)
    try:
        return AnalysisReply.model_validate_json(fenced["json"] if fenced is not None else reply)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the reply"
        raise InvalidReply(f"{place}: {first['msg']}. Answer with JSON of the schema alone.") from None


def _category(entry: Entry, said: Category, known: Analysis) -> Category | None:
    """The author's own word, or what was computed, before the model's; None where the model claims what only marks can prove."""
    settled = kind_of(entry).category
    if settled is not None and settled is not Category.CHORE:
        return settled
    return None if said in _COMPUTED else said


def _headline(item: AnalysisItem, said: str) -> str | None:
    """The model's headline, cleaned, or None where it says nothing or names what the entry does not hold."""
    if "\n" in said.strip() or len(said) > MAX_HEADLINE:
        return None
    headline = clean_headline(said)
    if not headline or is_vague(headline):
        return None
    source = "\n".join([item.entry.text, *(file.path for file in item.entry.files), *(e.line for e in item.excerpts)])
    held = {part.casefold() for part in _PARTS.findall(source)}
    source = source.casefold()
    for position, token in enumerate(_TOKEN.findall(headline)):
        bare = token.strip("`.*").removesuffix("'s")
        if _names_something(bare, position == 0) and not (
            bare.casefold() in source and {part.casefold() for part in _PARTS.findall(bare)} <= held
        ):
            return None
    return headline


def _names_something(token: str, is_first: bool) -> bool:
    """True for numbers, identifiers, and words with a capital letter, but for the one that a sentence begins with."""
    inner = token[1:]
    return (
        any(letter.isdigit() for letter in token)
        or any(mark in inner for mark in "_./\\#@$")
        or token.startswith("--")
        or any(letter.isupper() for letter in (inner if is_first else token))
    )


def _grounded(
    entry: Entry, quotes: Sequence[str], known: Sequence[Statement], accepts: _Judge
) -> tuple[list[Statement], int]:
    """The quotes that stand in the message and that `accepts` lets pass, as statements, and how many did not."""
    made: list[Statement] = []
    dropped = 0
    spans = {(each.evidence.start, each.evidence.end): each for each in known if each.evidence.where == "message"}
    for quote in dict.fromkeys(quotes):
        span = _span(entry.text, quote)
        if span is None:
            dropped += 1
        elif span in spans:
            made.append(spans[span])
        elif accepts(entry, span):
            made.append(statement(entry.entry_id, entry.text, *span))
        else:
            dropped += 1
    return made, dropped


def _span(text: str, quote: str) -> tuple[int, int] | None:
    """Where the quote stands in the text; line breaks and runs of spaces may differ, as models set them anew."""
    pieces = quote.split()
    if not pieces or not any(letter.isalnum() for letter in quote):
        return None
    start = text.find(quote.strip())
    if start >= 0:
        return start, start + len(quote.strip())
    if len(quote) > len(text) + 16:
        return None
    match = re.search(r"\s+".join(map(re.escape, pieces)), text)
    return match.span() if match is not None else None


def _united(known: Sequence[Statement], more: Sequence[Statement]) -> list[Statement]:
    """What the rules found, then what else the model found: nothing twice where quotes overlap."""
    taken = [(each.evidence.start, each.evidence.end) for each in known if each.evidence.where == "message"]
    new = [
        each
        for each in more
        if not any(each.evidence.start < end and start < each.evidence.end for start, end in taken)
    ]
    return [*known, *new]


def _is_any(entry: Entry, span: tuple[int, int]) -> bool:
    return True


def _is_blocker(entry: Entry, span: tuple[int, int]) -> bool:
    """Of a commit only where the sentence round the quote names what it waits for."""
    return entry.source == "note" or is_blocker(_sentence(entry.text, span))


def _is_follow_up(entry: Entry, span: tuple[int, int]) -> bool:
    """Of a commit only where the sentence round the quote says so outright."""
    return entry.source == "note" or is_follow_up(_sentence(entry.text, span))


def _sentence(text: str, span: tuple[int, int]) -> str:
    """The sentences of the message that a quote touches; the quote itself where it stands in none."""
    touched = [each for each in segments(text) if each.start < span[1] and span[0] < each.end]
    return (
        text[min(each.start for each in touched) : max(each.end for each in touched)] if touched else text[slice(*span)]
    )


def _path_lines(entry: Entry) -> list[str]:
    lines = [
        f"{file.path} ({'+?' if file.added is None else f'+{file.added}'}, {'-?' if file.deleted is None else f'-{file.deleted}'})"
        for file in entry.files[:MAX_PATHS]
    ]
    more = len(entry.files) - len(lines)
    return [*lines, f"[... {more:,} more files ...]"] if more else lines


def _diff_lines(item: AnalysisItem) -> list[str]:
    lines = [
        f"{excerpt.kind.value} in {excerpt.path}: {excerpt.line.strip()[:200]}" for excerpt in item.excerpts[:MAX_LINES]
    ]
    more = len(item.excerpts) - len(lines)
    return [*lines, f"[... {more:,} more lines ...]"] if more else lines


@lru_cache(maxsize=1)
def _prompt() -> Prompt:
    return Prompt(PROMPT)


@lru_cache(maxsize=1)
def _version() -> str:
    """Rules, prompt, word tables and schemas: whatever changes what an analysis says."""
    tables = content_hash([table_text(name) for name in NAMES], AnalysisReply.model_json_schema())
    return agent_version(RULES, [PROMPT.read_text(encoding="utf-8"), tables], Analysis)
