"""Work in progress: unlanded commits that hang together, told by their first substantive commit and never by the tip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from orchestration_assets.reports.model import ReportEntry
from orchestration_assets.reports.phrasing import clip, plain, without_closing
from orchestration_assets.worklogs.model import Category

_ASIDE = frozenset({Category.STYLE, Category.MERGE, Category.RELEASE, Category.REVERT})


@dataclass(frozen=True)
class OpenWork:
    """A branch that has not landed. `first` is its first substantive commit, None where no subject says anything; `commits` in order."""

    commits: tuple[ReportEntry, ...]
    first: ReportEntry | None
    headline: str
    area: str | None

    @property
    def count(self) -> int:
        return len(self.commits)


def open_works(entries: Sequence[ReportEntry]) -> list[OpenWork]:
    """The branches that unlanded entries, sorted by time, make up; the latest worked on first.

    Commits hang together by parentage, not by the name of a head: names change and go, and a document must not change with them.
    """
    works = [work for group in _connected(entries) if (work := _work(group))]
    return sorted(
        works, key=lambda work: (work.commits[-1].entry.authored_at, work.commits[-1].entry.entry_id), reverse=True
    )


def _work(entries: Sequence[ReportEntry]) -> OpenWork | None:
    human = tuple(entry for entry in entries if not entry.entry.is_bot and not entry.entry.is_merge)
    if not human or all(entry.analysis.is_release for entry in human):
        return None
    telling = [entry for entry in human if not entry.analysis.vague and plain(entry.analysis.headline)]
    substantive = [entry for entry in telling if entry.analysis.category not in _ASIDE and _has_substance(entry)]
    first = next(iter([*substantive, *telling]), None)
    headline = clip(without_closing(plain(first.analysis.headline))) if first else ""
    return OpenWork(human, first, headline, next((e.analysis.area for e in human if e.analysis.area), None))


def _has_substance(entry: ReportEntry) -> bool:
    return entry.analysis.substantive_lines > 0 or (bool(entry.entry.files) and not entry.entry.files_complete)


def _connected(entries: Sequence[ReportEntry]) -> list[list[ReportEntry]]:
    root: dict[str, str] = {e.entry.commit_hash: e.entry.commit_hash for e in entries if e.entry.commit_hash}

    def find(commit: str) -> str:
        while root[commit] != commit:
            root[commit] = root[root[commit]]
            commit = root[commit]
        return commit

    for entry in entries:
        for parent in entry.entry.parents:
            if parent in root and entry.entry.commit_hash:
                root[find(entry.entry.commit_hash)] = find(parent)
    groups: dict[str, list[ReportEntry]] = defaultdict(list)
    for entry in entries:
        groups[find(entry.entry.commit_hash) if entry.entry.commit_hash else entry.entry.entry_id].append(entry)
    return list(groups.values())
