"""Skills as people look at them: a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration_assets.skills.model import Skill

SHOWN = 20


def skills_table(skills: Sequence[Skill]) -> str:
    """The most worth showing, one a line, with level, entries and the span of use."""
    if not skills:
        return "No skills yet."
    lines = [
        "| Skill | Category | Level | Entries | Months | First used | Last used |",
        "| --- | --- | --- | ---: | ---: | --- | --- |",
    ]
    lines += [
        f"| {skill.name} | {skill.category.replace('_', ' ')} | {skill.level.value}{' (past)' if skill.past else ''} | {skill.count} "
        f"| {skill.months_active} | {skill.first_used} | {skill.last_used} |"
        for skill in sorted(skills, key=lambda skill: skill.rank)[:SHOWN]
    ]
    return "\n".join(lines)
