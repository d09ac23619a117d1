"""From usable entries to highlights: changes, themes, and one sentence for each theme.

What belongs here: grouping within one repository and the wording of the extractive sentence. A sentence says what was
done in the author's own words (bent into the past tense), then how much and when. Nothing goes beyond the entries.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from orchestration_assets.reports.model import ReportEntry
from orchestration_assets.reports.phrasing import one_line, uncapitalised
from orchestration_assets.reports.resume_claims import claims_closing, forbidden_claims, is_specific, verb_fits, words
from orchestration_assets.reports.resume_model import Highlight
from orchestration_assets.reports.resume_selection import is_shared
from orchestration_assets.skills.model import Skill
from orchestration_assets.worklogs.headings import heading
from orchestration_assets.worklogs.model import Category, Evidence
from orchestration_assets.worklogs.tense import tells_of_the_past
from orchestration_assets.worklogs.wording import past_tense, plural

MIN_CHANGES = 3
"""Fewer changes on a theme are no sustained work."""

FORMAT = "format"
"""The category of what everybody writes anyway: Markdown, JSON, YAML."""

EXAMPLES = 2
QUOTE_LENGTH = 160
KEYWORDS = 8

_WEIGHTS = {Category.FEATURE: 2.0, Category.PERFORMANCE: 2.0, Category.FIX: 1.0, Category.REFACTORING: 1.0}
_NAMED = (
    (Category.FEATURE, "feature"),
    (Category.FIX, "fix"),
    (Category.PERFORMANCE, "performance change"),
    (Category.REFACTORING, "refactoring"),
)
_SUPPORTING = frozenset({Category.DOCUMENTATION, Category.TEST})
"""Counted, but named only where a variant asks for them."""


@dataclass(frozen=True)
class Context:
    """What the highlights of all repositories share. `skills`: entry id to the skills it shows, the best rank first."""

    skills: Mapping[str, Sequence[Skill]]
    profile_text: str = ""
    favoured: Sequence[str] = ()


@dataclass(frozen=True)
class Change:
    """A pull request, or a lone commit or note: what counts as one. Its category is the weightiest of its entries'."""

    rows: tuple[ReportEntry, ...]

    @cached_property
    def category(self) -> Category:
        return max((row.analysis.category for row in self.rows), key=lambda category: _WEIGHTS.get(category, 0.5))


def changes_of(rows: Iterable[ReportEntry]) -> list[Change]:
    """Folds the commits of one merged pull request, and those with the same headline (backports), into one change."""
    by_merge: dict[str, list[ReportEntry]] = defaultdict(list)
    for row in rows:
        by_merge[row.entry.merged_by or row.entry.entry_id].append(row)
    by_headline: dict[str, list[ReportEntry]] = defaultdict(list)
    for members in by_merge.values():
        by_headline[" ".join(members[0].analysis.headline.casefold().split())].extend(members)
    return [Change(tuple(members)) for members in by_headline.values()]


def highlights_of(rows: Sequence[ReportEntry], context: Context) -> list[Highlight]:
    """The highlights of one repository, the most sustained work first, each with at least `MIN_CHANGES` changes.

    Where no theme has that many but all the work together has, there is one highlight without a theme.
    """
    by_theme: dict[str, list[ReportEntry]] = defaultdict(list)
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        theme = theme_of(row, context.skills.get(row.entry.entry_id, ()))
        by_theme[theme.casefold()].append(row)
        spellings[theme.casefold()][theme] += 1
    made: list[Highlight] = []
    shown: set[str] = set()  # objects that an example names: none is shown twice
    for key, members in sorted(by_theme.items(), key=lambda pair: (-_weight(pair[1]), pair[0])):
        highlight = _highlight(
            min(spellings[key], key=lambda name: (-spellings[key][name], name)), members, context, shown
        )
        if highlight is not None and key:
            made.append(highlight)
    whole = None if made else _highlight("", rows, context, set())
    return [whole] if whole else made


def theme_of(row: ReportEntry, skills: Sequence[Skill]) -> str:
    """What the entry worked on: its scope, else the part of the tree, else the leading skill it shows, else ""."""
    generic = words().generic | {row.entry.repository.casefold()}
    for name in ((row.analysis.scope or "").split(",")[0], row.analysis.area or ""):
        tidied = one_line(name).strip(" /._")
        if tidied and tidied.casefold() not in generic and len(tidied) <= 40:
            return tidied
    return skills[0].name if skills else ""


def months(rows: Iterable[ReportEntry]) -> int:
    """Distinct months with work."""
    return len({(row.day.year, row.day.month) for row in rows})


def keywords_of(rows: Iterable[ReportEntry], context: Context) -> list[str]:
    """Names of the skills that the entries show, by rank; those shown once, and formats such as YAML, only where nothing else is shown."""
    every = [skill for row in rows for skill in context.skills.get(row.entry.entry_id, ())]
    shown = [skill for skill in every if skill.category != FORMAT] or every
    counts = Counter(skill.skill for skill in shown)
    least = min(2, max(counts.values(), default=0))
    kept = {skill.skill: skill for skill in shown if counts[skill.skill] >= least}
    return [skill.name for skill in sorted(kept.values(), key=lambda skill: (skill.rank, skill.skill))][:KEYWORDS]


def quote(row: ReportEntry) -> Evidence:
    """The words of the message that say what was done: the headline if it stands there verbatim, else the subject."""
    entry = row.entry
    for wanted in (
        row.analysis.headline,
        entry.subject.strip(),
        entry.subject.split("\n")[0].strip(),
        entry.text.strip().split("\n")[0],
    ):
        start = entry.text.find(wanted) if wanted else -1
        if start >= 0:
            found = entry.text[start : start + min(len(wanted), QUOTE_LENGTH)]
            return Evidence(entry_id=entry.entry_id, where="message", start=start, end=start + len(found), quote=found)
    raise ValueError(f"entry {entry.entry_id} has no text to quote")


def _weight(rows: Sequence[ReportEntry]) -> float:
    """How sustained work is: active months, times the logarithm of weighted changes. Lines do not count."""
    amount = sum(_WEIGHTS.get(change.category, 0.5) for change in changes_of(rows))
    return months(rows) * math.log2(1 + amount)


def _highlight(theme: str, rows: Sequence[ReportEntry], context: Context, shown: set[str]) -> Highlight | None:
    """The highlight of a theme; None where it has too few changes, or none that names a specific object."""
    changes = changes_of(rows)
    if len(changes) < MIN_CHANGES:
        return None
    examples = _examples(changes, context, shown)
    if not examples:
        return None
    if theme:
        shown.update(_object(row.analysis.headline) for row in examples)
    counts = Counter(change.category for change in changes)
    shared = any(is_shared(row) for row in rows)
    first, last = min(row.day for row in rows), max(row.day for row in rows)
    span = str(first.year) if first.year == last.year else f"{first.year} to {last.year}"
    chosen = {row.entry.entry_id for row in examples}
    rest = sorted((row for row in rows if row.entry.entry_id not in chosen), key=lambda row: row.entry.entry_id)
    rest.sort(key=lambda row: row.day, reverse=True)
    return Highlight(
        theme=heading(theme),
        text=f"{_sentence(theme, examples, shared)}; {figures(counts)}, {span}",
        counts={category.value: count for category, count in sorted(counts.items())},
        changes=len(changes),
        first=first,
        last=last,
        months_active=months(rows),
        shared=shared,
        keywords=keywords_of(rows, context),
        evidence=[quote(row) for row in (*examples, *rest)],
    )


def _examples(changes: Iterable[Change], context: Context, shown: set[str]) -> list[ReportEntry]:
    """The weightiest changes that name a specific object, claim nothing unproven and are not about the same thing."""
    candidates = [row for change in changes for row in change.rows if _is_example(row, context, shown)]
    candidates.sort(key=lambda row: (-_showing(row), -row.day.toordinal(), row.entry.entry_id))
    chosen: list[ReportEntry] = []
    for row in candidates:
        if len(chosen) == EXAMPLES:
            break
        if all(_likeness(row.analysis.headline, other.analysis.headline) < 0.5 for other in chosen):
            chosen.append(row)
    return chosen


def _is_example(row: ReportEntry, context: Context, shown: set[str]) -> bool:
    headline, category = row.analysis.headline, row.analysis.category
    return (
        (category not in _SUPPORTING or category.value in context.favoured)
        and is_specific(headline)
        and verb_fits(headline, category)
        and not claims_closing(headline)
        and not forbidden_claims(headline, context.profile_text)
        and _object(headline) not in shown
    )


def _showing(row: ReportEntry) -> float:
    """How much a change is worth naming: its kind, times the logarithm of real lines, which stop counting at 2,000."""
    return _WEIGHTS.get(row.analysis.category, 0.5) * (1 + math.log2(1 + min(row.analysis.substantive_lines, 2000)))


def _object(headline: str) -> str:
    """What a headline is about: its words after the verb."""
    return " ".join(headline.casefold().rstrip(". ").split()[1:])


def _likeness(one: str, other: str) -> float:
    """Jaccard likeness of the words after the verb."""
    left, right = set(_object(one).split()), set(_object(other).split())
    return len(left & right) / len(left | right) if left | right else 1.0


def figures(counts: Mapping[Category, int]) -> str:
    """How much: "63 changes (35 features, 12 fixes, 16 others)", or "5 fixes" where there is one kind only."""
    total = sum(counts.values())
    named = [plural(counts[category], noun) for category, noun in _NAMED if counts.get(category)]
    others = total - sum(counts.get(category, 0) for category, _ in _NAMED)
    if not named:
        return plural(total, "change")
    if len(named) == 1 and not others:
        return named[0]
    return f"{plural(total, 'change')} ({', '.join([*named, *([plural(others, 'other')] if others else [])])})"


def _sentence(theme: str, examples: Sequence[ReportEntry], shared: bool) -> str:
    headlines = [one_line(row.analysis.headline).replace("`", "").rstrip(" .;,:") for row in examples]
    if shared:
        # What others had a part in is named by its title, not claimed with a verb.
        joined = "contributed " + " and ".join(f"“{headline}”" for headline in headlines)
    else:
        done = sorted(map(_done, headlines), key=lambda part: part.startswith("“"))
        joined = ("; " if any(" and " in part or ";" in part or "," in part for part in done) else " and ").join(done)
    return f"{heading(theme)}: {joined}" if theme else joined[:1].upper() + joined[1:]


def _done(headline: str) -> str:
    """The headline in the past tense; in quotation marks where it does not open with a verb that can be bent."""
    past = past_tense(headline)
    return uncapitalised(past) if tells_of_the_past(past) else f"“{headline}”"
