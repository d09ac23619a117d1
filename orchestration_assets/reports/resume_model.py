"""The typed output of the resume agent: what may be said of somebody's work, each sentence with what it rests on."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from orchestration_assets.skills.model import Level
from orchestration_assets.worklogs.model import Evidence
from resources.rows import Row


class Highlight(Row):
    """One sentence about sustained work on one theme of one project."""

    theme: str
    """What the work was on, as a heading, e.g. "Changelog" or "PostgreSQL"."""
    text: str
    counts: dict[str, int]
    """Category of work to the number of changes; they add up to `changes`."""
    changes: int
    """Pull requests and lone commits; not commits: a pull request of nine commits is one change."""
    first: date
    last: date
    months_active: int
    """Distinct months with a change."""
    shared: bool
    """True where a co-author or a squashed pull request had a part: the text then says "contributed"."""
    keywords: list[str] = Field(default_factory=list)
    """Names of the skills that its entries show, by rank."""
    evidence: list[Evidence]
    """One for each entry summed up, what the sentence quotes first; then newest first."""


class ResumeProject(Row):
    """One repository."""

    name: str
    first: date
    last: date
    changes: int
    months_active: int
    keywords: list[str]
    highlights: list[Highlight]


class ResumeSkill(Row):
    """One skill with how much evidence there is for it, which is not how good anybody is."""

    skill: str
    name: str
    category: str
    level: Level
    past: bool
    first_used: date
    last_used: date
    count: int
    """Distinct entries that show it."""
    months_active: int
    evidence: list[Evidence]
    """At most `resume.SKILL_QUOTES` of the `count`: the first, the last and those between at even distances."""


class ResumeDraft(Row):
    """What the history lets a resume say, for one variant. Equal inputs make equal drafts: no day of making."""

    variant: str = ""
    projects: list[ResumeProject] = Field(default_factory=list)
    skills: list[ResumeSkill] = Field(default_factory=list)
    commits: dict[str, str] = Field(default_factory=dict)
    """Entry id to commit hash, for every cited entry that is a commit."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """Why entries were not used, to how many: "merge", "bot", "vague subject", "recent security work" and so on."""
    notes: list[str] = Field(default_factory=list)
    """What the reader of the draft (not of the resume) should know, e.g. that a variant matched nothing."""
    dropped_claims: int = 0
    """Sentences that a model wrote and that were refused, and skills without evidence."""
