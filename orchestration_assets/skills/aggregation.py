"""What all evidence for a skill adds up to, and the order in which skills are worth showing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import chain

from orchestration_assets.skills.levels import confidence, level
from orchestration_assets.skills.model import Level, Skill, SkillEvidence
from orchestration_assets.skills.taxonomy import Taxonomy

DOUBTFUL = 0.5
"""A skill of less confidence than this comes after all others."""
_LEVELS = {Level.SUSTAINED: 0, Level.REGULAR: 1, Level.USED: 2}


def aggregate(evidence: Sequence[SkillEvidence], as_of: date, taxonomy: Taxonomy) -> list[Skill]:
    """One row for each skill that is used or was, the most worth showing first.

    A dependency that was dropped is past use, last used on the day it was dropped, until an entry shows it again; words alone do not show
    that. Evidence for skills that the taxonomy does not hold is left out.
    """
    by_skill: dict[str, list[SkillEvidence]] = defaultdict(list)
    for row in evidence:
        if row.skill in taxonomy.skills:
            by_skill[row.skill].append(row)
    found = [_summed_up(skill, rows, as_of, taxonomy) for skill, rows in by_skill.items()]
    ranked = sorted(found, key=lambda skill: _order(skill, as_of, taxonomy))
    return [skill.model_copy(update={"rank": rank}) for rank, skill in enumerate(ranked, 1)]


def _summed_up(skill: str, rows: Sequence[SkillEvidence], as_of: date, taxonomy: Taxonomy) -> Skill:
    used = [row for row in rows if not row.dropped] or list(rows)
    files = set(chain.from_iterable(row.files for row in used))
    months = {(row.day.year, row.day.month) for row in used}
    last_use = max(row.day for row in used)
    last_shown = max((row.day for row in used if row.signal != "message"), default=date.min)
    last_drop = max((row.day for row in rows if row.dropped), default=None)
    past = last_drop is not None and last_drop >= last_shown
    known = taxonomy.skills[skill]
    entries = 0 if known.files else len({row.entry_id for row in used})
    return Skill(
        skill=skill,
        name=known.name,
        category=known.category,
        level=level(len(months), len(files), entries, last_use, as_of),
        confidence=confidence(Counter(row.signal for row in used), has_file_type=bool(known.files)),
        first_used=min(row.day for row in rows),
        last_used=last_drop if last_drop is not None and past else last_use,
        count=len({row.entry_id for row in rows}),
        months_active=len(months),
        files=len(files),
        past=past,
        rank=0,
    )


def _order(skill: Skill, as_of: date, taxonomy: Taxonomy) -> tuple[object, ...]:
    """What is sure before what a few words hint at, substance before markup, what is in use before what was, what files show before
    what words do, then the strength of the evidence; the name decides between equals."""
    idle_years = max(0, (as_of - skill.last_used).days // 365)
    return (
        skill.confidence < DOUBTFUL,
        taxonomy.skills[skill.skill].low_value,
        skill.past,
        skill.files == 0,
        _LEVELS[skill.level],
        min(idle_years, 5),
        -skill.months_active,
        -skill.files,
        -skill.count,
        skill.name.lower(),
    )
