"""The resume as a JSON Resume v1 document, importable elsewhere; every figure's evidence lies under `meta.soloist`.

What belongs here: the mapping from a draft and a profile to the published fields. Levels are words, as the standard
wants; nothing beyond the profile names a person, a company or a role.
"""

from __future__ import annotations

import orjson

from orchestration_assets.reports.model import Profile
from orchestration_assets.reports.resume_claims import category_name
from orchestration_assets.reports.resume_model import Highlight, ResumeDraft, ResumeProject, ResumeSkill
from orchestration_assets.worklogs.model import Evidence
from orchestration_assets.worklogs.wording import plural

SCHEMA_URL = "https://raw.githubusercontent.com/jsonresume/resume-schema/v1.0.0/schema.json"
VERSION = "v1.0.0"


def to_json_resume(draft: ResumeDraft, profile: Profile) -> dict[str, object]:
    """The document as plain JSON values. Sections that nothing is known for are left out."""
    sections: dict[str, object] = {
        "basics": profile.basics,
        "work": profile.work,
        "projects": [_project(project) for project in draft.projects],
        "skills": skill_groups(draft),
        "education": profile.education,
        "certificates": profile.certificates,
        "languages": profile.languages,
    }
    meta = {
        "version": VERSION,
        "soloist": {
            "variant": draft.variant or "default",
            "missing": missing(profile),
            "notes": draft.notes,
            "leftOut": draft.left_out,
            "projects": [_project_evidence(project, draft.commits) for project in draft.projects],
            "skills": [_skill_evidence(skill, draft.commits) for skill in draft.skills],
        },
    }
    return {"$schema": SCHEMA_URL, **{name: value for name, value in sections.items() if value}, "meta": meta}


def json_resume_bytes(draft: ResumeDraft, profile: Profile) -> bytes:
    """The document as UTF-8, indented; equal inputs give equal bytes."""
    return orjson.dumps(to_json_resume(draft, profile), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def missing(profile: Profile) -> list[str]:
    """What the profile should say and does not, as paths such as `basics.name`.

    All of it where there is no profile at all, else the name only, because the rest may be left out on purpose.
    """
    if not (profile.basics or profile.work or profile.education):
        return ["basics.name", "basics.email", "basics.summary", "work", "education"]
    return [] if profile.basics.get("name") else ["basics.name"]


def skill_groups(draft: ResumeDraft) -> list[dict[str, object]]:
    """Skills by category and level, in the order of their best-ranked skill; past ones are groups of their own."""
    groups: dict[tuple[str, str], list[str]] = {}
    for skill in draft.skills:
        level = f"{skill.level.value} (past)" if skill.past else skill.level.value
        groups.setdefault((skill.category, level), []).append(skill.name)
    return [
        {"name": category_name(category), "level": level, "keywords": names}
        for (category, level), names in groups.items()
    ]


def description(project: ResumeProject) -> str:
    """How much work, and when: "142 changes in 24 months"."""
    return f"{plural(project.changes, 'change')} in {plural(project.months_active, 'month')}"


def _project(project: ResumeProject) -> dict[str, object]:
    return {
        "name": project.name,
        "description": description(project),
        "startDate": project.first.isoformat(),
        "endDate": project.last.isoformat(),
        "keywords": project.keywords,
        "highlights": [highlight.text for highlight in project.highlights],
    }


def _project_evidence(project: ResumeProject, commits: dict[str, str]) -> dict[str, object]:
    return {
        "name": project.name,
        "changes": project.changes,
        "monthsActive": project.months_active,
        "highlights": [_highlight_evidence(highlight, commits) for highlight in project.highlights],
    }


def _highlight_evidence(highlight: Highlight, commits: dict[str, str]) -> dict[str, object]:
    return {
        "text": highlight.text,
        "theme": highlight.theme,
        "changes": highlight.changes,
        "counts": highlight.counts,
        "first": highlight.first.isoformat(),
        "last": highlight.last.isoformat(),
        "monthsActive": highlight.months_active,
        "shared": highlight.shared,
        "evidence": [_evidence(one, commits) for one in highlight.evidence],
    }


def _skill_evidence(skill: ResumeSkill, commits: dict[str, str]) -> dict[str, object]:
    return {
        "skill": skill.skill,
        "name": skill.name,
        "category": skill.category,
        "level": skill.level.value,
        "past": skill.past,
        "firstUsed": skill.first_used.isoformat(),
        "lastUsed": skill.last_used.isoformat(),
        "count": skill.count,
        "monthsActive": skill.months_active,
        "evidence": [_evidence(one, commits) for one in skill.evidence],
    }


def _evidence(evidence: Evidence, commits: dict[str, str]) -> dict[str, object]:
    commit = commits.get(evidence.entry_id)
    return {**evidence.model_dump(), **({"commit": commit} if commit else {})}
