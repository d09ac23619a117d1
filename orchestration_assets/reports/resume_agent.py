"""The resume agent: the extractive draft, and a model that may rephrase its numbered facts and nothing else.

What belongs here: the prompt, the refusal of sentences that go beyond their fact, and the hash of what it depends on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration_assets.reports.model import ReportEntry, ResumeItem
from orchestration_assets.reports.phrasing import one_line
from orchestration_assets.reports.resume import draft_resume, profile_text
from orchestration_assets.reports.resume_claims import (
    contains,
    first_word,
    forbidden_claims,
    names_somebody,
    numbers,
    words,
)
from orchestration_assets.reports.resume_model import Highlight, ResumeDraft
from orchestration_assets.reports.resume_selection import is_fresh, third_party_names
from orchestration_assets.reports.resume_themes import EXAMPLES
from orchestration_assets.reports.secret_scan import findings
from orchestration_assets.worklogs.tables import WORDING_TABLES, table_text
from resources.language_model.agent import InvalidReply, Message, Request, agent_version
from resources.language_model.prompting import CONTEXT, OVERHEAD, characters, fitting, tokens
from resources.language_model.schemas import at_most, number_to, sized_schema

RULES = 3
"""Counted up whenever the extractive rules change what a resume says."""

PROMPT = Path(__file__).parent / "prompts" / "resume_highlights.md"
MAX_LENGTH = 240
MAX_FACTS = 40
"""Facts shown to a model, the first ones; the others keep the sentences that they have."""
HIGHLIGHTS = (8, 16, 24, 32, MAX_FACTS)
"""How many sentences a reply may hold, by how many facts there are."""
DEFAULT_KEY = "default"

_WORD = re.compile(r"[^\W\d_][\w'’.+#/-]*", re.UNICODE)
_NAME = re.compile(r"[A-Z]|[^\W\d_][\w-]*[._/+#\d][\w]|[a-z][A-Z]")


class Rephrasing(BaseModel):
    """One sentence of a reply, and the number of the fact that it rests on."""

    model_config = ConfigDict(extra="forbid")

    fact: Annotated[int, number_to(MAX_FACTS)]
    text: Annotated[str, at_most(MAX_LENGTH)]


class Rephrasings(BaseModel):
    """The reply of a model."""

    model_config = ConfigDict(extra="forbid")

    highlights: list[Rephrasing]


@dataclass(frozen=True)
class ResumeAgent:
    """Everything that was done, to the draft of a resume. One item is one variant of the resume. `context`: the tokens that the model
    takes, question and answer together."""

    context: int = CONTEXT

    @property
    def name(self) -> str:
        return "resume"

    @property
    def version(self) -> str:
        return _version()

    def key(self, item: ResumeItem) -> str:
        """The name of the variant."""
        return item.variant or DEFAULT_KEY

    def input_hash(self, item: ResumeItem) -> str:
        """sha256 of what the draft depends on; rows may come in any order.

        Of the day it takes only which entries are old enough, so that a resume is not made again each morning.
        """
        digest = hashlib.sha256(
            orjson.dumps([item.variant, item.profile.model_dump(mode="json")], option=orjson.OPT_SORT_KEYS)
        )
        for lines in (
            (_entry_line(row, item) for row in item.entries),
            (skill.model_dump_json() for skill in item.skills),
            (evidence.model_dump_json() for evidence in item.skill_evidence if evidence.day <= item.as_of),
        ):
            digest.update("\n".join(sorted(lines)).encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()

    def extract(self, item: ResumeItem) -> ResumeDraft:
        """The draft without a model. Raises `BadInput` for a variant that the profile does not define."""
        return draft_resume(item)

    def request(self, item: ResumeItem) -> Request:
        system = PROMPT.read_text(encoding="utf-8").strip()
        facts = list(_facts(self.extract(item)))[:MAX_FACTS]
        room = self.context - tokens(system) - OVERHEAD
        output = sized_schema("resume_highlights", Rephrasings, HIGHLIGHTS, len(facts), room * 2 // 3)
        lines = [f"{number}. {_fact_line(highlight)}" for number, highlight in enumerate(facts, 1)]
        shown = fitting(lines, characters(room - output.longest), "facts")
        return Request(
            messages=(Message("system", system), Message("user", "Facts:\n" + ("\n".join(shown) or "none"))),
            output=output,
            max_tokens=output.longest,
        )

    def parse(self, item: ResumeItem, reply: str) -> ResumeDraft:
        """The draft with the sentences that hold. A refused one is counted; its fact keeps the extractive one."""
        try:
            rephrasings = Rephrasings.model_validate_json(reply).highlights
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the reply"
            raise InvalidReply(f"Reply with the JSON object that was asked for: {where}: {first['msg']}.") from error
        draft = self.extract(item)
        facts = list(_facts(draft))
        names = third_party_names(item.entries, item.profile)
        profile = profile_text(item.profile)
        accepted: dict[int, str] = {}
        for rephrasing in rephrasings:
            text = one_line(rephrasing.text)
            known = 1 <= rephrasing.fact <= len(facts) and rephrasing.fact not in accepted
            if known and not refusal(text, facts[rephrasing.fact - 1], profile) and not names_somebody(text, names):
                accepted[rephrasing.fact] = text
        return _reworded(draft, accepted, len(rephrasings) - len(accepted))


def refusal(text: str, fact: Highlight, profile: str = "") -> str:
    """Why a rephrasing may not stand for its fact; "" where it may. It may say less, in other words, never more."""
    source = _fact_line(fact)
    if not 15 <= len(text) <= MAX_LENGTH:
        return "too short or too long"
    if claims := forbidden_claims(text, profile):
        return f"claims {claims[0]!r}"
    if invented := numbers(text) - numbers(source):
        return f"the number {min(invented)} is not in the fact"
    if fact.shared and not contains(text, "contributed"):
        return "others had a part in the work"
    if verb := _unproven_verb(text, fact):
        return f"no change bears out {verb!r}"
    if findings(text):
        return "holds a secret or a private address"
    known = {word.casefold() for word in _WORD.findall(source)} | {
        part for word in _WORD.findall(source) for part in _parts(word)
    }
    said = _WORD.findall(text)
    new = [word for word in said if not (_parts(word) <= known) and word.casefold() not in words().joining]
    if named := [word for word in new if _NAME.search(word[1:] if word == said[0] else word)]:
        return f"{named[0]!r} is not in the fact"
    return "says more than the fact" if len(new) > max(2, len(said) // 5) else ""


@lru_cache(maxsize=1)
def _version() -> str:
    """Rules, prompt, word tables and schema: whatever changes what a resume says."""
    from orchestration_assets.reports.resume_claims import WORDS
    from orchestration_assets.reports.secret_scan import PATTERNS

    texts = [path.read_text(encoding="utf-8") for path in (PROMPT, WORDS, PATTERNS)]
    texts += [table_text(name) for name in WORDING_TABLES]
    return agent_version(RULES, texts, ResumeDraft)


def _entry_line(row: ReportEntry, item: ResumeItem) -> str:
    """Everything of an entry that a resume can depend on; its `input_hash` stands for text, files and tags."""
    entry = row.entry
    landed = row.landed_day if row.landed_day is None or row.landed_day <= item.as_of else "later"
    parts = (
        entry.entry_id,
        entry.input_hash,
        entry.repository,
        entry.repository_id,
        entry.source,
        entry.commit_hash,
        entry.author_name,
    )
    flags = (entry.merged_by, entry.is_merge, entry.is_bot, entry.vanished, row.day, row.day <= item.as_of, landed)
    people = tuple((person.name, person.email) for person in entry.co_authors)
    return (
        repr((parts, flags, people, entry.authored_at.isoformat(), is_fresh(row, item.as_of)))
        + row.analysis.model_dump_json()
    )


def _facts(draft: ResumeDraft) -> Iterator[Highlight]:
    for project in draft.projects:
        yield from project.highlights


def _fact_line(highlight: Highlight) -> str:
    """A fact as the model sees it: the sentence, then the titles that it rests on, each on the same line."""
    titles = "; ".join(orjson.dumps(one_line(one.quote)).decode() for one in highlight.evidence[: EXAMPLES + 3])
    kinds = ", ".join(f"{category} {count}" for category, count in highlight.counts.items())
    return f"{one_line(highlight.text)} [counts: {kinds}] [titles: {titles}]"


def _unproven_verb(text: str, fact: Highlight) -> str:
    """A verb such as "built" or "fixed" that no change of its category bears out; "" where there is none."""
    for word in _WORD.findall(text):
        category = words().verbs.get(word.casefold())
        is_past = word.casefold().endswith("ed") or word.casefold() in ("built", "made", "wrote")
        if category and is_past and not fact.counts.get(category):
            return first_word(word)
    return ""


def _parts(word: str) -> set[str]:
    """The word in lower case, less its plural or past ending, so that "remote" and "remotes" are one."""
    plain = re.sub(r"['’]s$|[.,;:]+$", "", word.casefold())
    return {re.sub(r"(?<=\w{3})(?:ies|es|ed|ing|s|e|y)$", "", plain)}


def _reworded(draft: ResumeDraft, accepted: dict[int, str], refused: int) -> ResumeDraft:
    number = 0
    projects = []
    for project in draft.projects:
        highlights = []
        for highlight in project.highlights:
            number += 1
            text = accepted.get(number)
            highlights.append(highlight.model_copy(update={"text": text}) if text else highlight)
        projects.append(project.model_copy(update={"highlights": highlights}))
    return draft.model_copy(update={"projects": projects, "dropped_claims": draft.dropped_claims + refused})
