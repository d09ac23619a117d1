"""The agents of the calendar reports: without a model they compose; with one, it may rephrase and group numbered facts, and nothing else.

What belongs here: the prompt's facts, the reply's shape, and what a claim of a reply must hold to be kept. What a report may say at all is
decided in `composition.py`, with or without a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration_assets.reports.calendar import Calendar, period_key
from orchestration_assets.reports.claims import MAX_EVIDENCE
from orchestration_assets.reports.composition import (
    Composition,
    Draft,
    Fact,
    assemble,
    compose,
    composition_of,
    title_of,
)
from orchestration_assets.reports.grounding import unsupported
from orchestration_assets.reports.model import Claim, Report, ReportEntry, ReportItem, ReportKind
from orchestration_assets.reports.phrasing import clip, one_line
from orchestration_assets.reports.rules import PATH as RULES_DATA
from orchestration_assets.worklogs.model import Evidence
from orchestration_assets.worklogs.tables import WORDING_TABLES, table_text
from resources.language_model.agent import InvalidReply, Message, Request, agent_version, content_hash
from resources.language_model.prompting import CONTEXT, OVERHEAD, Prompt, tokens
from resources.language_model.schemas import OutputSchema, at_most, few, number_to, sized_schema

RULES = 3
"""Counted up whenever the extractive rules change what a report says."""

FOLDER = Path(__file__).parent
TEMPLATES = ("report.md.j2", "report.html.j2", "report.css")
MAX_FACTS = 150
"""Facts shown to a model, the most telling of each section first; the others are counted, as without a model."""
MAX_TEXT = 240


class ClaimReply(BaseModel):
    """One sentence of a reply, and the numbers of the facts that it rests on, all of one section. `topic` is "" or a topic of these facts."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, at_most(MAX_TEXT)]
    facts: Annotated[list[Annotated[int, number_to(MAX_FACTS)]], few(12)]
    topic: Annotated[str, at_most(40)] = ""


class ReportReply(BaseModel):
    """The reply of a model."""

    model_config = ConfigDict(extra="forbid")

    claims: list[ClaimReply]


CLAIMS = (4, 8, 16, 24)
"""How many claims a reply may hold, by how many facts there are."""


@dataclass(frozen=True)
class ReportAgent:
    """A period's entries, to its report. See the three subclasses, which differ in kind and prompt alone. `context`: the tokens that the
    model takes, question and answer together."""

    kind: ClassVar[ReportKind]
    context: int = CONTEXT

    @property
    def name(self) -> str:
        return self.kind.value

    @property
    def version(self) -> str:
        return _version(self.kind)

    def key(self, item: ReportItem) -> str:
        """The period: `2026-11-20`, `2026-W46` or `2026-11`."""
        return period_key(item.period)

    def input_hash(self, item: ReportItem) -> str:
        """sha256 of everything of the item that the report depends on."""
        period, days = item.period, item.working_days
        digest = hashlib.sha256(content_hash(item.kind, period, item.scope, days).encode())
        for entry in item.entries:
            digest.update(_entry_line(entry))
        return digest.hexdigest()

    def extract(self, item: ReportItem) -> Report:
        return compose(item)

    def request(self, item: ReportItem) -> Request:
        """The shared instructions first, then the numbered facts of the item."""
        prompt = _prompt(self.kind)
        composition = composition_of(item)
        facts, output = self._asked(composition)
        title = title_of(item.kind, item.period, Calendar(item.period.timezone, tuple(item.working_days)))
        sections = [
            {"title": draft.title, "facts": [(number, fact) for number, (of, fact) in facts.items() if of is draft]}
            for draft in composition.drafts
        ]
        shown = prompt.render("item", title, item.scope, sections)
        return Request(
            messages=(Message("system", prompt.shared("instructions")), Message("user", shown)),
            output=output,
            max_tokens=output.longest,
        )

    def parse(self, item: ReportItem, reply: str) -> Report:
        """The report that a reply makes of the facts. A claim that cites no fact, or facts of two sections, or says what they do not, is
        dropped and counted; a section of which nothing is left is told extractively. Raises InvalidReply for what is no such reply."""
        try:
            answer = ReportReply.model_validate_json(reply)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidReply(
                f"The reply is no report: {first['msg']}" + (f" at {where}." if where else ".")
            ) from None
        composition = composition_of(item)
        facts, _ = self._asked(composition)
        written: dict[int, list[ClaimReply]] = {}
        for claim in answer.claims:
            section = next((id(facts[number][0]) for number in claim.facts if number in facts), 0)
            written.setdefault(section, []).append(claim)
        entries = {entry.entry.entry_id: entry for entry in item.entries}
        dropped = len(written.pop(0, []))
        drafts: list[Draft] = []
        for draft in composition.drafts:
            own = {number: fact for number, (of, fact) in facts.items() if of is draft}
            rewritten, refused = _rewritten(draft, own, written.get(id(draft), []), entries)
            drafts.append(rewritten)
            dropped += refused
        return assemble(replace(composition, drafts=drafts), dropped)

    def _asked(self, composition: Composition) -> tuple[dict[int, tuple[Draft, Fact]], OutputSchema]:
        """The numbered facts, each with its section, and the shape of the reply to them: where the context is small, two thirds of it are
        for the reply."""
        room = self.context - tokens(_prompt(self.kind).shared("instructions")) - OVERHEAD
        claims = min(MAX_FACTS, sum(len(draft.facts()) for draft in composition.drafts))
        output = sized_schema(self.name, ReportReply, CLAIMS, claims, room * 2 // 3)
        return _numbered(composition, room - output.longest), output


class StandupAgent(ReportAgent):
    kind = ReportKind.STANDUP


class StatusAgent(ReportAgent):
    kind = ReportKind.STATUS_REPORT


class SummaryAgent(ReportAgent):
    kind = ReportKind.SUMMARY


AGENTS: dict[ReportKind, ReportAgent] = {agent.kind: agent for agent in (StandupAgent(), StatusAgent(), SummaryAgent())}


def _rewritten(
    draft: Draft, facts: Mapping[int, Fact], claims: list[ClaimReply], entries: Mapping[str, ReportEntry]
) -> tuple[Draft, int]:
    """The draft as the model tells it, and how many of its claims were refused. A fact is told once; facts not told are counted."""
    shown: list[Fact] = []
    told: set[int] = set()
    refused = 0
    for claim in claims:
        numbers = [number for number in dict.fromkeys(claim.facts) if number in facts]
        text = clip(one_line(claim.text), MAX_TEXT)
        cited = [facts[number] for number in numbers]
        if (
            not text
            or not cited
            or len(numbers) < len(set(claim.facts))
            or told & set(numbers)
            or unsupported(text, cited, entries)
        ):
            refused += 1
            continue
        told |= set(numbers)
        shown.append(_told_together(text, claim.topic, cited))
    if not shown:
        return draft, refused
    rest = [fact for fact in draft.facts() if not any(fact is facts[number] for number in told)]
    by_topic: dict[str, list[Fact]] = {}
    for fact in shown:
        by_topic.setdefault(fact.topic, []).append(fact)
    ordered = [fact for group in by_topic.values() for fact in group]
    return replace(draft, shown=ordered, hidden=rest), refused


def _told_together(text: str, topic: str, facts: list[Fact]) -> Fact:
    evidence: dict[tuple[str, int, int], Evidence] = {}
    for fact in facts:
        for piece in fact.claim.evidence:
            evidence.setdefault((piece.entry_id, piece.start, piece.end), piece)
    named = {fact.topic.casefold(): fact.topic for fact in facts}
    return Fact(
        claim=Claim(text=text, evidence=list(evidence.values())[:MAX_EVIDENCE]),
        category=facts[0].category,
        units=sum(fact.units for fact in facts),
        topic=named.get(topic.strip().casefold(), facts[0].topic),
        cells=tuple(cell for fact in facts for cell in fact.cells),
    )


def _numbered(composition: Composition, room: int) -> dict[int, tuple[Draft, Fact]]:
    """Number to section and fact, in the order of the page: as many as fit into `room` tokens, at most `MAX_FACTS`, what would be shown
    before what would not."""
    shown = [fact for draft in composition.drafts for fact in draft.shown]
    hidden = [fact for draft in composition.drafts for fact in draft.hidden]
    chosen: set[int] = set()
    for fact in [*shown, *hidden][:MAX_FACTS]:
        room -= tokens(_as_line(fact))
        if room < 0:
            break
        chosen.add(id(fact))
    every = [(draft, fact) for draft in composition.drafts for fact in draft.facts() if id(fact) in chosen]
    return dict(enumerate(every, start=1))


def _entry_line(row: ReportEntry) -> bytes:
    """Everything of an entry that a report can depend on; its `input_hash` stands for text, files and tags."""
    entry = row.entry
    parts = (
        entry.entry_id,
        entry.input_hash,
        entry.commit_hash,
        entry.source,
        entry.repository_id,
        entry.repository,
        entry.author_email,
        entry.authored_at,
        entry.landed_at,
        entry.merged_by,
        entry.parents,
        entry.is_merge,
        entry.is_bot,
        entry.files_complete,
        row.day,
        row.landed_day,
    )
    return orjson.dumps(parts, option=orjson.OPT_UTC_Z) + row.analysis.model_dump_json().encode() + b"\n"


@lru_cache(maxsize=len(ReportKind))
def _prompt(kind: ReportKind) -> Prompt:
    return Prompt(FOLDER / "prompts" / f"{kind.value}.md", {"line": _as_line})


def _as_line(fact: Fact) -> str:
    """A fact as the model sees it: the sentence, its kind, and up to three of the quotes behind it, all on one line."""
    quotes = "; ".join(orjson.dumps(one_line(quote)).decode() for quote in _quotes(fact))
    ids = ", ".join(list(dict.fromkeys(piece.entry_id[:12] for piece in fact.claim.evidence))[:3])
    kind = f"{fact.category.value}; " if fact.category else ""
    topic = f"topic {orjson.dumps(fact.topic).decode()}; " if fact.topic else ""
    return f"{one_line(fact.claim.text)} ({kind}{topic}entries {ids}; quotes {quotes})"


def _quotes(fact: Fact) -> Iterator[str]:
    for piece in fact.claim.evidence[:3]:
        yield piece.quote


@lru_cache(maxsize=len(ReportKind))
def _version(kind: ReportKind) -> str:
    """Rules, prompt, word lists, templates and schema: whatever changes what a document says."""
    paths = [FOLDER / "prompts" / f"{kind.value}.md", RULES_DATA, *(FOLDER / "templates" / name for name in TEMPLATES)]
    texts = [path.read_text(encoding="utf-8") for path in paths] + [table_text(name) for name in WORDING_TABLES]
    return agent_version(RULES, texts, Report)
