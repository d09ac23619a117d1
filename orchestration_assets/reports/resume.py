"""The resume: from everything that was done to a draft of projects with highlights, and of skills.

What belongs here: putting a `ResumeDraft` together, ranking, and targeted variants. Which entries may be spoken of is
decided in `resume_selection.py`, how a highlight is worded in `resume_themes.py`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from orchestration_assets.reports.model import Profile, ReportEntry, ResumeItem
from orchestration_assets.reports.resume_model import Highlight, ResumeDraft, ResumeProject, ResumeSkill
from orchestration_assets.reports.resume_selection import favoured_words, matches, select
from orchestration_assets.reports.resume_themes import FORMAT, Context, changes_of, highlights_of, keywords_of, months
from orchestration_assets.reports.secret_scan import findings
from orchestration_assets.skills.model import Skill, SkillEvidence
from orchestration_assets.worklogs.model import Evidence

MAX_PROJECTS = 6
MAX_HIGHLIGHTS = 5
MAX_SKILLS = 24
SKILL_QUOTES = 20

NO_REPOSITORY = "Other work"


def draft_resume(item: ResumeItem) -> ResumeDraft:
    """The extractive resume of one variant. Raises `BadInput` where the profile does not define the variant."""
    favoured = favoured_words(item.profile, item.variant)
    selection = select(item, favoured)
    context = Context(_skills_by_entry(item), profile_text(item.profile), favoured)
    projects = _ranked(_project(name, rows, context) for name, rows in _by_repository(selection.entries))
    skills, dropped = _skills(item, selection.withheld)
    notes: list[str] = []
    if favoured:
        projects, skills = _targeted(projects, skills, favoured, item.variant, notes)
    else:
        skills = _worth_showing(skills)
    projects = [
        project.model_copy(update={"highlights": project.highlights[:MAX_HIGHLIGHTS]})
        for project in projects[:MAX_PROJECTS]
    ]
    skills = skills[:MAX_SKILLS]
    return ResumeDraft(
        variant=item.variant,
        projects=projects,
        skills=skills,
        commits=_commits(item.entries, projects, skills),
        left_out=dict(sorted(selection.left_out.items())),
        notes=notes,
        dropped_claims=dropped,
    )


def profile_text(profile: Profile) -> str:
    """Every text of the profile, a line each: the words that a resume may use because its owner said them."""
    lines: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, str):
            lines.append(value)
        elif isinstance(value, Mapping):
            for part in value.values():
                collect(part)
        elif isinstance(value, list | tuple):
            for part in value:
                collect(part)

    collect([profile.basics, profile.work, profile.education, profile.certificates])
    return "\n".join(lines)


def _by_repository(rows: Iterable[ReportEntry]) -> list[tuple[str, list[ReportEntry]]]:
    groups: dict[tuple[str, str], list[ReportEntry]] = defaultdict(list)
    for row in rows:
        groups[row.entry.repository or NO_REPOSITORY, row.entry.repository_id].append(row)
    return [(name, groups[name, key]) for name, key in sorted(groups)]


def _project(name: str, rows: list[ReportEntry], context: Context) -> ResumeProject:
    return ResumeProject(
        name=name,
        first=min(row.day for row in rows),
        last=max(row.day for row in rows),
        changes=len(changes_of(rows)),
        months_active=months(rows),
        keywords=keywords_of(rows, context),
        highlights=highlights_of(rows, context),
    )


def _ranked(projects: Iterable[ResumeProject]) -> list[ResumeProject]:
    """The most sustained first; projects that no highlight speaks of are left out."""
    told = [project for project in projects if project.highlights]
    return sorted(
        told, key=lambda one: (-one.months_active * math.log2(1 + one.changes), -one.last.toordinal(), one.name)
    )


def _skills_by_entry(item: ResumeItem) -> dict[str, list[Skill]]:
    """Entry id to the skills that it shows, the best rank first; dependencies that the entry dropped are none."""
    known = {skill.skill: skill for skill in item.skills}
    shown: dict[str, dict[str, Skill]] = defaultdict(dict)
    for row in item.skill_evidence:
        if not row.dropped and row.skill in known:
            shown[row.entry_id][row.skill] = known[row.skill]
    return {
        entry_id: sorted(skills.values(), key=lambda one: (one.rank, one.skill)) for entry_id, skills in shown.items()
    }


def _skills(item: ResumeItem, withheld: frozenset[str]) -> tuple[list[ResumeSkill], int]:
    """Skills by rank, present before past, and how many were dropped because nothing is quoted for them."""
    by_skill: dict[str, list[SkillEvidence]] = defaultdict(list)
    for row in item.skill_evidence:
        if row.entry_id not in withheld and row.day <= item.as_of:
            by_skill[row.skill].append(row)
    kept: list[ResumeSkill] = []
    for skill in sorted(item.skills, key=lambda one: (one.past, one.rank, one.skill)):
        evidence = _quotes(by_skill.get(skill.skill, []))
        if evidence:
            kept.append(ResumeSkill(**skill.model_dump(include=set(ResumeSkill.model_fields)), evidence=evidence))
    return kept, len(item.skills) - len(kept)


def _worth_showing(skills: list[ResumeSkill]) -> list[ResumeSkill]:
    """Without what a single entry shows and without formats such as YAML, unless nothing else is left. A variant may ask for them."""
    return [skill for skill in skills if skill.count > 1 and skill.category != FORMAT] or skills


def _quotes(rows: Sequence[SkillEvidence]) -> list[Evidence]:
    """At most `SKILL_QUOTES` quotes, oldest first, spread evenly over the uses, without those that hold a secret."""
    # A dependency that was dropped had been used: where nothing else is left, that is what shows it.
    used = sorted([row for row in rows if not row.dropped] or rows, key=lambda row: (row.day, row.entry_id))
    count = min(SKILL_QUOTES, len(used))
    places = sorted({round(place * (len(used) - 1) / max(count - 1, 1)) for place in range(count)})
    return [
        Evidence(entry_id=row.entry_id, where=row.where, index=row.index, start=row.start, end=row.end, quote=row.quote)
        for row in (used[place] for place in places)
        if row.quote and not findings(row.quote)
    ]


def _targeted(
    projects: list[ResumeProject], skills: list[ResumeSkill], favoured: Sequence[str], variant: str, notes: list[str]
) -> tuple[list[ResumeProject], list[ResumeSkill]]:
    """Keeps what the variant favours, the best matches first. What matches nothing at all stays whole, with a note."""
    categories = {skill.name: skill.category for skill in skills}
    ids = {skill.name: skill.skill for skill in skills}

    def score(highlight: Highlight) -> int:
        labels = [*highlight.counts, *highlight.keywords]
        labels += [categories.get(name, "") for name in highlight.keywords] + [
            ids.get(name, "") for name in highlight.keywords
        ]
        return sum(matches([word], [highlight.theme, highlight.text], labels) for word in favoured)

    kept: list[ResumeProject] = []
    totals: Counter[str] = Counter()
    for project in projects:
        wanted = sorted((one for one in project.highlights if score(one)), key=score, reverse=True)
        if wanted:
            totals[project.name] += sum(score(one) for one in wanted)
            kept.append(project.model_copy(update={"highlights": wanted}))
    kept.sort(key=lambda project: -totals[project.name])
    chosen = [skill for skill in skills if matches(favoured, [skill.name], [skill.skill, skill.category])]
    shown = {name for project in kept for one in project.highlights for name in one.keywords}
    chosen += [skill for skill in skills if skill.name in shown and skill not in chosen]
    if not kept:
        notes.append(f"No highlight matches the variant {variant!r}, so all are shown.")
    if not chosen:
        notes.append(f"No skill matches the variant {variant!r}, so all are shown.")
    return kept or projects, chosen or skills


def _commits(
    entries: Iterable[ReportEntry], projects: Sequence[ResumeProject], skills: Sequence[ResumeSkill]
) -> dict[str, str]:
    cited = {quoted.entry_id for project in projects for one in project.highlights for quoted in one.evidence}
    cited |= {quoted.entry_id for skill in skills for quoted in skill.evidence}
    return {
        row.entry.entry_id: row.entry.commit_hash
        for row in entries
        if row.entry.commit_hash and row.entry.entry_id in cited
    }
