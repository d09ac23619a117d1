"""The rows of this domain: mentions of skills in entries, and skills."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from orchestration_assets.worklogs.model import Analysis, Entry, Evidence, Excerpt
from resources.rows import Row
from resources.warehouse import TableSpec


class Level(StrEnum):
    """How much evidence there is, which is not how good anybody is. The rule is written down in `levels.py`."""

    USED = "used"
    REGULAR = "regular"
    SUSTAINED = "sustained"


Signal = Literal["import", "manifest", "file_type", "message", "note_tag"]


class SkillMention(Row):
    """One entry shows one skill. `skill` is the canonical taxonomy id; `dropped` marks a dependency that was removed (past use)."""

    skill: str
    signal: Signal
    evidence: Evidence
    dropped: bool = False


class SkillMentions(Row):
    """Typed output of the skill agent for one entry."""

    mentions: list[SkillMention] = []
    dropped_claims: int = 0


class SkillItem(Row):
    """What the skill agent is given: an entry with its analysis and the noteworthy lines of its diff."""

    entry: Entry
    analysis: Analysis
    excerpts: list[Excerpt] = []


class SkillEvidence(Row):
    """The row of `skill_evidence`, keyed by (entry_id, skill): the strongest mention of a skill in an entry."""

    entry_id: str
    skill: str
    signal: Signal
    dropped: bool
    day: date
    """The day of the entry in the configured timezone."""
    files: list[str]
    """Authored, non-fixture source files of the entry that count for the skill (distinct paths)."""
    where: Literal["message", "path", "excerpt"]
    index: int
    start: int
    end: int
    quote: str


class Skill(Row):
    """The row of `skills`, keyed by `skill`: what all evidence for it adds up to."""

    skill: str
    """Taxonomy id, e.g. `postgresql`."""
    name: str
    category: str
    level: Level
    confidence: float
    """0 to 1: how sure it is that the skill was really used, from the kinds and number of signals; see `levels.py`."""
    first_used: date
    last_used: date
    count: int
    """Distinct entries."""
    months_active: int
    files: int
    """Distinct files."""
    past: bool = False
    """True where the dependency was dropped and not used since."""
    rank: int
    """1 is the most worth showing; markup and configuration languages come last."""


SKILL_EVIDENCE = TableSpec("skill_evidence", SkillEvidence, key=("entry_id", "skill"))
SKILLS = TableSpec("skills", Skill, key=("skill",))
