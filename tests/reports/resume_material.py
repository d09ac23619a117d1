"""Builders of entries, analyses and skills for the tests of the resume. Every text is made up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from orchestration_assets.reports.model import Profile, ReportEntry, ResumeItem
from orchestration_assets.reports.resume import draft_resume
from orchestration_assets.reports.resume_model import Highlight, ResumeDraft
from orchestration_assets.skills.model import Level, Skill, SkillEvidence
from orchestration_assets.worklogs.model import Analysis, Category, Entry, FileChange, Person

AS_OF = date(2026, 11, 20)
START = date(2024, 3, 1)


def work(
    number: int,
    headline: str,
    category: Category = Category.FEATURE,
    *,
    scope: str | None = None,
    area: str | None = None,
    repository: str = "lantern",
    day: date | None = None,
    text: str | None = None,
    **changes: object,
) -> ReportEntry:
    """One landed commit. `changes` go to the entry or to the analysis, whichever has a field of that name."""
    when = day or START + timedelta(days=10 * number)
    prefix = f"{category.value[:4]}({scope}): " if scope else ""
    message = text if text is not None else f"{prefix}{headline}\n\nBody {number}."
    instant = datetime(when.year, when.month, when.day, 12, tzinfo=UTC)
    entry: dict[str, object] = {
        "entry_id": f"{repository}-{number:05d}",
        "source": "git",
        "repository_id": f"id-{repository}",
        "repository": repository,
        "commit_hash": sha256(f"{repository}-{number}".encode()).hexdigest()[:40],
        "text": message,
        "subject": message.split("\n")[0],
        "author_name": "Ada Example",
        "author_email": "ada@example.com",
        "authored_at": instant,
        "committed_at": instant,
        "landed_at": instant,
        "files": [FileChange(path="src/a.py", added=20, deleted=3)],
        "month": when.replace(day=1),
        "input_hash": f"{number:064x}",
    }
    analysis: dict[str, object] = {
        "category": category,
        "scope": scope,
        "headline": headline,
        "area": area,
        "substantive_lines": 23,
    }
    landed_day: object = changes.pop("landed_day", when)
    for name, value in changes.items():
        (entry if name in Entry.model_fields else analysis)[name] = value
    return ReportEntry.model_validate(
        {
            "entry": Entry.model_validate(entry),
            "analysis": Analysis.model_validate(analysis),
            "day": when,
            "landed_day": landed_day,
        }
    )


def skill(identifier: str, name: str, category: str = "language", rank: int = 1, **changes: object) -> Skill:
    known: dict[str, object] = {
        "skill": identifier,
        "name": name,
        "category": category,
        "level": Level.REGULAR,
        "confidence": 0.9,
        "first_used": date(2024, 3, 1),
        "last_used": date(2026, 10, 1),
        "count": 12,
        "months_active": 9,
        "files": 14,
        "rank": rank,
    }
    return Skill.model_validate(known | changes)


def shows(row: ReportEntry, identifier: str, **changes: object) -> SkillEvidence:
    path = row.entry.files[0].path
    known: dict[str, object] = {
        "entry_id": row.entry.entry_id,
        "skill": identifier,
        "signal": "file_type",
        "dropped": False,
        "day": row.day,
        "files": [path],
        "where": "path",
        "index": 0,
        "start": 0,
        "end": len(path),
        "quote": path,
    }
    return SkillEvidence.model_validate(known | changes)


def item(
    entries: list[ReportEntry],
    skills: list[Skill] | None = None,
    evidence: list[SkillEvidence] | None = None,
    **changes: object,
) -> ResumeItem:
    known: dict[str, object] = {
        "profile": Profile(),
        "entries": entries,
        "skills": skills or [],
        "skill_evidence": evidence or [],
        "as_of": AS_OF,
    }
    return ResumeItem.model_validate(known | changes)


def changelog_work() -> list[ReportEntry]:
    """Five features and two fixes on one scope, from 2024 to 2025 at the latest."""
    features = ["Add sections by label", "Add grouping of dependency bumps", "Parse trailers of merge commits"]
    features += ["Support templates for headings", "Render links to comparisons"]
    fixes = ["Fix ordering of tags with equal dates", "Handle empty release ranges"]
    rows = [work(number, headline, scope="changelog") for number, headline in enumerate(features)]
    return rows + [work(10 + n, headline, Category.FIX, scope="changelog") for n, headline in enumerate(fixes)]


def co_author(name: str = "Bo Sample", email: str = "bo@sample.example") -> list[Person]:
    return [Person(name=name, email=email)]


def example_item(**changes: object) -> ResumeItem:
    """Two repositories and four skills, for looking at and for comparing bytes."""
    rows = changelog_work()
    api = ["Add pagination to list endpoints", "Add cursor tokens for exports", "Cache permission checks per request"]
    rows += [
        work(
            30 + n,
            headline,
            Category.PERFORMANCE if "Cache" in headline else Category.FEATURE,
            area="api",
            repository="harbour",
        )
        for n, headline in enumerate(api)
    ]
    storage = [
        "Add retention rules for uploads",
        "Fix resuming of interrupted uploads",
        "Add checksums to stored parts",
    ]
    rows += [
        work(
            40 + n,
            headline,
            Category.FIX if headline.startswith("Fix") else Category.FEATURE,
            scope="storage",
            repository="harbour",
            co_authors=co_author() if n == 0 else [],
            day=START + timedelta(days=300 + 60 * n),
        )
        for n, headline in enumerate(storage)
    ]
    skills = [
        skill("python", "Python", rank=1, level=Level.SUSTAINED, count=1214, months_active=31),
        skill("postgresql", "PostgreSQL", "database", rank=2),
        skill("rust", "Rust", rank=3, level=Level.USED, count=3, months_active=1),
        skill("redis", "Redis", "database", rank=4, past=True, last_used=date(2025, 2, 1)),
    ]
    evidence = [shows(row, "python") for row in rows] + [shows(row, "postgresql") for row in rows[7:]]
    evidence += [shows(rows[0], "rust"), shows(rows[3], "redis", dropped=True)]
    return item(rows, skills, evidence, **changes)


def highlights(draft: ResumeDraft) -> list[Highlight]:
    return [highlight for project in draft.projects for highlight in project.highlights]


def only(draft: ResumeDraft) -> Highlight:
    (highlight,) = highlights(draft)
    return highlight


def told(rows: list[ReportEntry], **changes: object) -> str:
    return "\n".join(highlight.text for highlight in highlights(draft_resume(item(rows, **changes))))
