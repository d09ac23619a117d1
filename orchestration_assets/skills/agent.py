"""The skill agent: which technologies and practices one entry shows, each grounded in a verbatim quote and named by the taxonomy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration_assets.skills.detection import (
    SIGNALS,
    counts_as_evidence,
    detect,
    is_authored_path,
    skill_of,
    skills_of_path,
    was_written,
)
from orchestration_assets.skills.model import (
    Signal,
    SkillEvidence,
    SkillItem,
    SkillMention,
    SkillMentions,
)
from orchestration_assets.skills.taxonomy import DATA, Taxonomy, load_taxonomy
from orchestration_assets.worklogs.agent import trimmed
from orchestration_assets.worklogs.model import Evidence, Excerpt, ExcerptKind
from resources.language_model.agent import InvalidReply, Message, Request, agent_version, content_hash
from resources.language_model.prompting import CONTEXT, OVERHEAD, Prompt, characters, fitting, tokens
from resources.language_model.schemas import at_most, few, output_schema

RULES = 1
PROMPT = Path(__file__).parent / "prompts" / "skill_extraction.md"
MAX_TEXT, MAX_PATHS = 6000, 60
SHARES = (0.5, 0.25, 0.25)
"""Of the room for an entry: for its message, its paths and its lines."""
STRENGTH: tuple[Signal, ...] = ("import", "manifest", "file_type", "note_tag", "message")
"""The signals, the strongest first."""


class NamedSkill(BaseModel):
    """One skill of a reply."""

    model_config = ConfigDict(extra="forbid")

    skill: Annotated[str, at_most(40)]
    quote: Annotated[str, at_most(120)]


class SkillReply(BaseModel):
    """The reply of a model."""

    model_config = ConfigDict(extra="forbid")

    skills: Annotated[list[NamedSkill], few(10)]


@dataclass(frozen=True)
class SkillAgent:
    """An entry, to the mentions of skills in it. `context`: the tokens that the model takes, question and answer together."""

    context: int = CONTEXT

    @property
    def name(self) -> str:
        return "skill_extraction"

    @property
    def version(self) -> str:
        return _version()

    def key(self, item: SkillItem) -> str:
        return item.entry.entry_id

    def extract(self, item: SkillItem) -> SkillMentions:
        """The strongest mention of each skill that the taxonomy finds."""
        return SkillMentions(mentions=list(strongest(detect(item, load_taxonomy()))))

    def request(self, item: SkillItem) -> Request:
        prompt = _prompt()
        system = prompt.shared("system")
        output = output_schema("skills", SkillReply)
        room = characters(self.context - output.longest - tokens(system) - OVERHEAD)
        for_message, for_paths, for_lines = (int(room * share) for share in SHARES)
        paths = [file.path for file in item.entry.files if was_written(file)][:MAX_PATHS]
        lines = [f"{each.path}: {each.line.strip()}" for each in item.excerpts if _is_quotable(each)]
        shown = prompt.render(
            "entry",
            f"=== {item.entry.entry_id[:12]} ===",
            trimmed(item.entry.text, min(MAX_TEXT, for_message)),
            fitting(paths, for_paths, "files"),
            fitting(lines, for_lines, "lines"),
        )
        return Request(
            messages=(Message("system", system), Message("user", shown)),
            output=output,
            max_tokens=output.longest,
        )

    def parse(self, item: SkillItem, reply: str) -> SkillMentions:
        """What lines, file names and tags show, and what a model read out of the words: known skills with verbatim quotes are kept, the
        others dropped and counted."""
        try:
            named = SkillReply.model_validate_json(reply).skills
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the reply"
            raise InvalidReply(f"Reply with the JSON object that was asked for: {where}: {first['msg']}.") from error
        if not counts_as_evidence(item):
            return SkillMentions(dropped_claims=len(named))
        taxonomy = load_taxonomy()
        grounded = [_grounded(item, each, taxonomy) for each in named]
        kept = [mention for mention in grounded if mention is not None]
        computed = [mention for mention in detect(item, taxonomy) if mention.signal != "message"]
        return SkillMentions(mentions=list(strongest([*computed, *kept])), dropped_claims=len(named) - len(kept))


def strongest(mentions: Iterable[SkillMention]) -> Iterator[SkillMention]:
    """One mention for each skill, the strongest: in use before dropped before merely written about; the first of equals."""
    best: dict[str, SkillMention] = {}
    for mention in mentions:
        known = best.get(mention.skill)
        if known is None or _weakness(mention) < _weakness(known):
            best[mention.skill] = mention
    yield from best.values()


def evidence_rows(item: SkillItem, mentions: SkillMentions, day: date) -> list[SkillEvidence]:
    """The rows of `skill_evidence` for one entry. `day` is its local day."""
    taxonomy = load_taxonomy()
    return [
        SkillEvidence(
            entry_id=item.entry.entry_id,
            skill=mention.skill,
            signal=mention.signal,
            dropped=mention.dropped,
            day=day,
            files=_files(item, mention, taxonomy),
            where=mention.evidence.where,
            index=mention.evidence.index,
            start=mention.evidence.start,
            end=mention.evidence.end,
            quote=mention.evidence.quote,
        )
        for mention in strongest(mentions.mentions)
    ]


def _weakness(mention: SkillMention) -> tuple[bool, bool, int]:
    """That something was dropped says more than words do: `replace black with ruff` uses no black."""
    return mention.signal == "message", mention.dropped, STRENGTH.index(mention.signal)


def _files(item: SkillItem, mention: SkillMention, taxonomy: Taxonomy) -> list[str]:
    """Authored files of the entry that count for the skill: those of its type, and those with a line that shows it."""
    found = {
        file.path
        for file in item.entry.files
        if was_written(file) and mention.skill in skills_of_path(file.path, taxonomy)
    }
    found |= {excerpt.path for excerpt in item.excerpts if skill_of(excerpt, taxonomy) == mention.skill}
    return sorted(found)


@dataclass(frozen=True, slots=True)
class _Place:
    """A string of the entry that may be quoted, and what a skill named by it rests on."""

    where: Literal["message", "path", "excerpt"]
    index: int
    text: str
    signal: Signal
    dropped: bool = False


def _is_quotable(excerpt: Excerpt) -> bool:
    return excerpt.kind in SIGNALS and is_authored_path(excerpt.path)


def _places(item: SkillItem) -> Iterator[_Place]:
    yield _Place("message", 0, item.entry.text, "message")
    for excerpt in item.excerpts:
        if _is_quotable(excerpt):
            dropped = excerpt.kind is ExcerptKind.DEPENDENCY_DROPPED
            yield _Place("excerpt", excerpt.number, excerpt.line, SIGNALS[excerpt.kind], dropped)
    for index, file in enumerate(item.entry.files):
        if was_written(file):
            yield _Place("path", index, file.path, "file_type")


def _grounded(item: SkillItem, named: NamedSkill, taxonomy: Taxonomy) -> SkillMention | None:
    """A model's claim as a mention, or None where the taxonomy does not know it or the quote, in whole words, stands nowhere in the entry."""
    skill = taxonomy.canonical(named.skill)
    quote = named.quote.strip()
    if skill is None or not quote:
        return None
    whole = re.compile(rf"(?<!\w){re.escape(quote)}(?!\w)")
    for place in _places(item):
        if found := whole.search(place.text):
            evidence = Evidence(
                entry_id=item.entry.entry_id,
                where=place.where,
                index=place.index,
                start=found.start(),
                end=found.end(),
                quote=quote,
            )
            return SkillMention(skill=skill, signal=place.signal, evidence=evidence, dropped=place.dropped)
    return None


@lru_cache(maxsize=1)
def _prompt() -> Prompt:
    return Prompt(PROMPT)


@lru_cache(maxsize=1)
def _version() -> str:
    taxonomy = [path.read_text(encoding="utf-8") for path in sorted(DATA.glob("*.toml"))]
    return agent_version(RULES, [PROMPT.read_text(encoding="utf-8"), content_hash(taxonomy)], SkillMentions)
