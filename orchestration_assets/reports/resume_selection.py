"""Which entries a resume may speak of, and why the others are left out.

What belongs here: the rules on single entries. What is made of the entries that are
left is the work of `resume_themes.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from orchestration_assets.reports.model import Profile, ReportEntry, ResumeItem
from orchestration_assets.reports.resume_claims import (
    contains,
    names_pattern,
    names_somebody,
    speaks_of_security,
    words,
)
from orchestration_assets.reports.secret_scan import findings
from orchestration_assets.reports.undoing import cancelled
from orchestration_assets.worklogs.model import Category
from resources.errors import BadInput

SECURITY_DAYS = 90
"""How long after landing a fix of a weakness stays out."""

_PLUMBING_CATEGORIES = frozenset({Category.BUILD, Category.STYLE, Category.RELEASE, Category.CHORE})


@dataclass(frozen=True)
class Selection:
    """The entries that a resume may speak of, oldest first, and how many were left out for which reason."""

    entries: list[ReportEntry]
    left_out: Counter[str] = field(default_factory=Counter)
    withheld: frozenset[str] = frozenset()
    """Ids of entries that may not even be quoted for a skill."""


def favoured_words(profile: Profile, variant: str) -> tuple[str, ...]:
    """What the variant favours, in lower case; empty for the default, "". Raises `BadInput` for one not defined."""
    if not variant:
        return ()
    if variant not in profile.variants:
        known = ", ".join(sorted(profile.variants)) or "none"
        raise BadInput(
            f"The profile has no variant {variant!r} (it has: {known}); add it under [variants] or choose another."
        )
    return tuple(word.strip().casefold() for word in profile.variants[variant] if word.strip())


def select(item: ResumeItem, favoured: Sequence[str]) -> Selection:
    """Sorts the entries of the item into usable ones and left-out ones; every entry is counted exactly once.

    What was taken back cancels only within what has landed: a revert on an open branch takes nothing back yet.
    """
    landed = [row for row in item.entries if not is_fresh(row, item.as_of, days=0)]
    reverted = cancelled(sorted(landed, key=lambda row: (row.entry.authored_at, row.entry.entry_id)))
    names = third_party_names(item.entries, item.profile)
    plumbing = frozenset(favoured)
    usable: list[ReportEntry] = []
    left_out: Counter[str] = Counter()
    withheld: set[str] = set()
    commits: set[str] = set()
    for row in sorted(item.entries, key=lambda row: (row.entry.repository, row.entry.entry_id)):
        private = _why_not_exported(row, item, names)
        if private:
            withheld.add(row.entry.entry_id)
        commit = row.entry.commit_hash or row.entry.entry_id
        again = "commit of another repository too" if commit in commits else ""
        commits.add(commit)
        reason = private or _why_not(row, item, reverted, plumbing) or again
        if reason:
            left_out[reason] += 1
        else:
            usable.append(row)
    usable.sort(key=lambda row: (row.day, row.entry.entry_id))
    return Selection(usable, left_out, frozenset(withheld))


def third_party_names(entries: Iterable[ReportEntry], profile: Profile) -> re.Pattern[str] | None:
    """A pattern for the names of co-authors. One word counts only after "by" or "thanks": it may be a product too."""
    own = {row.entry.author_name.casefold() for row in entries} | {str(profile.basics.get("name", "")).casefold()}
    names: set[str] = set()
    for row in entries:
        for person in row.entry.co_authors:
            name = " ".join(person.name.split())
            if name.casefold() in own:
                continue
            names |= {name} if " " in name else {f"by {name}", f"thanks {name}", f"thanks to {name}"}
    return names_pattern(names)


def is_fresh(row: ReportEntry, as_of: date, *, days: int = SECURITY_DAYS) -> bool:
    """Whether work has not landed, or less than so many days ago (a note lands on its day)."""
    public_since = row.landed_day if row.entry.source == "git" else row.day
    return public_since is None or as_of - public_since < timedelta(days=days)


def is_shared(row: ReportEntry) -> bool:
    """Whether others may have had a part: the commit names co-authors, or is a pull request squashed into one."""
    is_squash = row.analysis.pull_request is not None and row.entry.merged_by is None and not row.entry.is_merge
    return bool(row.entry.co_authors) or is_squash


def _why_not(row: ReportEntry, item: ResumeItem, reverted: set[str], favoured: frozenset[str]) -> str:
    """Why the entry is no achievement to show, "" where it is one."""
    entry, analysis = row.entry, row.analysis
    if is_fresh(row, item.as_of, days=0):
        return "not landed"
    if entry.vanished:
        return "vanished"
    if entry.is_bot:
        return "bot"
    if entry.is_merge or analysis.category is Category.MERGE:
        return "merge"
    if entry.entry_id in reverted or (analysis.category is Category.REVERT and analysis.reverts):
        return "reverted"
    if analysis.is_mass:
        return "mass commit"
    if analysis.vague or not analysis.headline.strip():
        return "vague subject"
    return "build or release plumbing" if _is_plumbing(row, favoured) else ""


def _why_not_exported(row: ReportEntry, item: ResumeItem, names: re.Pattern[str] | None) -> str:
    """Why the entry may not leave the house, "" where it may."""
    entry, analysis = row.entry, row.analysis
    if row.day > item.as_of:
        return "later than the resume"
    if is_fresh(row, item.as_of) and speaks_of_security(entry.text):
        return "recent security work"
    shown = f"{entry.subject}\n{analysis.headline}\n{analysis.scope or ''}\n{analysis.area or ''}"
    if findings(shown):
        return "secret or private address"
    return "names somebody else" if names_somebody(shown, names) else ""


def _is_plumbing(row: ReportEntry, favoured: frozenset[str]) -> bool:
    category = row.analysis.category
    scopes = {part.strip().casefold() for part in (row.analysis.scope or "").split(",")}
    is_plumbing = category in _PLUMBING_CATEGORIES or row.analysis.is_release or not scopes.isdisjoint(words().plumbing)
    if not is_plumbing or not favoured:
        return is_plumbing
    wanted = (
        scopes
        | {category.value}
        | ({"ci"} if category is Category.BUILD and "ci" in row.entry.subject.casefold() else set())
    )
    return wanted.isdisjoint(favoured)


def matches(favoured: Sequence[str], texts: Iterable[str], labels: Iterable[str]) -> bool:
    """Whether a favoured word stands in one of the texts, or is one of the labels (skills, categories)."""
    names = {label.casefold() for label in labels}
    joined = "\n".join(texts)
    return any(word in names or contains(joined, word) for word in favoured)
