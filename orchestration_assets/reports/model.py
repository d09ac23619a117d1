"""The typed outputs of this domain: reports made of claims, and the item that each is made from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from orchestration_assets.reports.kinds import ReportKind as ReportKind  # noqa: PLC0414 (part of this module)
from orchestration_assets.skills.model import Skill, SkillEvidence
from orchestration_assets.worklogs.model import Analysis, Entry, Evidence
from resources.rows import Row
from resources.warehouse import TableSpec


class Period(Row):
    """A span of local days, `start` and `end` both inclusive, in an IANA timezone; `kind` says how long."""

    kind: Literal["day", "week", "month"]
    start: date
    end: date
    timezone: str


class Claim(Row):
    """A sentence and the evidence that it rests on (at least one). `entries` of the evidence are what the sentence sums up."""

    text: str
    evidence: list[Evidence]


class Topic(Row):
    """Claims about one subject. `title` is "" where the section needs no grouping."""

    title: str
    claims: list[Claim]


class Section(Row):
    """A titled part of a report. `empty` is what is printed where there is no claim, e.g. "Nothing recorded."."""

    title: str
    topics: list[Topic] = []
    empty: str = "Nothing recorded."
    remainder: str = ""
    """What is not shown, as typed counts ("and 12 fixes, 3 dependency updates"), so that the counts add up."""


class ActivityCell(Row):
    """For the plot: units of one category on one local day."""

    day: date
    category: str
    units: int


class Report(Row):
    """A standup, status report or summary."""

    kind: ReportKind
    title: str
    period: Period
    scope: str = ""
    """One line that says whose work this is and where from, e.g. "Work by you in soloist". Never names of third parties."""
    sections: list[Section]
    activity: list[ActivityCell] = []
    counts: dict[str, int] = {}
    """Reconciling counts: entries, units, shown, merges, releases, bots, reverted."""
    dropped_claims: int = 0


class ReportEntry(Row):
    """An entry as a report sees it: with its analysis, and its local day and landing day in the configured timezone."""

    entry: Entry
    analysis: Analysis
    day: date
    landed_day: date | None


class ReportItem(Row):
    """What a report agent is given. `entries` are those the period's report may speak of (done, landed or still open in it), sorted by
    (authored_at, entry_id); everything is as it stood at `as_of`, the end of the period."""

    kind: ReportKind
    period: Period
    as_of: datetime
    scope: str
    entries: list[ReportEntry]
    working_days: list[int] = [0, 1, 2, 3, 4]


class Profile(Row):
    """What no history knows, from the user's profile file. Mirrors JSON Resume v1 where it has a word for it."""

    basics: dict[str, object] = {}
    work: list[dict[str, object]] = []
    education: list[dict[str, object]] = []
    languages: list[dict[str, object]] = []
    certificates: list[dict[str, object]] = []
    variants: dict[str, list[str]] = {}
    """Name of a targeted variant (a role or tag) to the skills, categories or words that it favours."""


class ResumeItem(Row):
    """What the resume agent is given: everything, once."""

    profile: Profile
    variant: str = ""
    entries: list[ReportEntry]
    skills: list[Skill]
    skill_evidence: list[SkillEvidence]
    as_of: date


class Document(Row):
    """The row of `documents`, keyed by (kind, key, variant, format): what a person reads, and where its bytes lie.

    `key` is the period (2026-11-20, 2026-W47, 2026-11) or "resume". The bytes are in the object store under `sha256`.
    """

    kind: str
    key: str
    variant: str
    format: Literal["md", "html", "json", "pdf"]
    sha256: str
    size: int
    title: str


DOCUMENTS = TableSpec("documents", Document, key=("kind", "key", "variant", "format"))

MEDIA_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
}
