"""Units of work: the pull request, squash, commit or note that a reader would count as one thing done.

Entries that are no unit of their own are set apart: what bots did, releases, merge commits, and work that was taken back.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from orchestration_assets.reports.model import ReportEntry
from orchestration_assets.reports.phrasing import clip, one_line, plain, subject_key, uncapitalised, without_closing
from orchestration_assets.reports.ranking import score
from orchestration_assets.reports.undoing import cancelled
from orchestration_assets.worklogs.classification import category_of_type, is_branch_name, is_vague
from orchestration_assets.worklogs.conventional import parse
from orchestration_assets.worklogs.model import Category, Entry
from orchestration_assets.worklogs.wording import clean_headline, prefix_scope

NOTE_LINES = 20
"""What has no lines (a note, a review) ranks as a change of this size."""

_DEALT_WITH = {"review": "Review", "issue": "Close"}
"""What is told of somebody else's words by its number: the verb that it begins with."""

UNKNOWN_LINES = 5
"""Lines assumed for each file of a commit whose diff could not be read."""


@dataclass(frozen=True)
class Unit:
    """One thing done. `lead` is the member whose words the headline rests on, at `span` of its text; `members` are all, lead first."""

    kind: Literal["pull_request", "squash", "commit", "note", "review", "issue"]
    lead: ReportEntry
    members: tuple[ReportEntry, ...]
    headline: str
    span: tuple[int, int]
    category: Category
    lines: int
    scope: str | None = None
    area: str | None = None
    pull_request: int | None = None
    vague: bool = False
    mass: bool = False
    breaking: bool = False

    @property
    def repository(self) -> str:
        return self.lead.entry.repository

    @property
    def repository_id(self) -> str:
        """In one case: forges do not tell them apart."""
        return self.lead.entry.repository_id.lower()

    @property
    def score(self) -> float:
        return score(self.category, self.lines, self.vague, self.mass, self.breaking)


@dataclass
class Sorted:
    """Entries sorted into units and what is none. Every entry given is in exactly one place."""

    units: list[Unit] = field(default_factory=list)
    bots: list[ReportEntry] = field(default_factory=list)
    releases: list[ReportEntry] = field(default_factory=list)
    merged: list[ReportEntry] = field(default_factory=list)
    """Merges of pull requests whose commits are not here: somebody else's work, or work of other days."""
    merges: list[ReportEntry] = field(default_factory=list)
    undone: list[ReportEntry] = field(default_factory=list)


def sort_out(entries: Sequence[ReportEntry]) -> Sorted:
    """Builds the units of entries that are sorted by time."""
    gone = cancelled(entries)
    found = Sorted(undone=[entry for entry in entries if entry.entry.entry_id in gone])
    left = [e for e in entries if e.entry.entry_id not in gone and e.entry.source != "pull_request"]
    requests = [e for e in entries if e.entry.entry_id not in gone and e.entry.source == "pull_request"]
    members: dict[str, list[ReportEntry]] = defaultdict(list)
    for entry in left:
        if entry.entry.merged_by and not entry.entry.is_merge:
            members[entry.entry.merged_by].append(entry)
    taken: set[str] = set()
    for entry in left:
        if entry.entry.is_merge:
            _place_merge(found, entry, members.get(entry.entry.entry_id, []), taken)
    singles = [entry for entry in left if not entry.entry.is_merge and entry.entry.entry_id not in taken]
    found.bots += [entry for entry in singles if entry.entry.is_bot]
    found.releases += [entry for entry in singles if entry.analysis.is_release and not entry.entry.is_bot]
    found.units += _singles([e for e in singles if not e.entry.is_bot and not e.analysis.is_release])
    _place_requests(found, requests)
    found.units.sort(key=lambda unit: (unit.lead.entry.authored_at, unit.lead.entry.entry_id))
    return found


def _place_requests(found: Sorted, requests: Sequence[ReportEntry]) -> None:
    """What GitHub says of a merged pull request joins the unit that git tells of it; where git tells of none, it is a unit itself, with the
    merge whose commits are told of elsewhere."""
    by_number: dict[tuple[str, int | None], int] = {}
    by_commit: dict[str | None, int] = {}
    for at, unit in enumerate(found.units):
        if unit.pull_request is not None:
            by_number[unit.repository_id, unit.pull_request] = at
        by_commit |= {member.entry.commit_hash: at for member in unit.members if member.entry.commit_hash}
    merges = {merge.entry.commit_hash: merge for merge in found.merged}
    for request in requests:
        known = request.entry
        told = by_number.get((known.repository_id.lower(), known.number), -1)
        if (at := by_commit.get(known.merge_commit, told)) >= 0:
            found.units[at] = replace(found.units[at], members=(*found.units[at].members, request))
        elif known.is_bot:
            found.bots.append(request)
        else:
            merge = merges.get(known.merge_commit)
            found.merged = [each for each in found.merged if each is not merge]
            found.units.append(_single(request, [merge] if merge else []))


def _place_merge(found: Sorted, merge: ReportEntry, members: list[ReportEntry], taken: set[str]) -> None:
    if merge.entry.is_bot or (members and all(member.entry.is_bot for member in members)):
        found.bots.append(merge)
        return
    title = merge_title(merge.entry)
    is_request = merge.analysis.pull_request is not None
    people = [member for member in members if not member.entry.is_bot]
    if not people:
        (found.merged if is_request else found.merges).append(merge)
    elif title is None or all(member.analysis.is_release for member in people):
        found.merges.append(merge)
    else:
        taken |= {member.entry.entry_id for member in people}
        found.units.append(_pull_request(merge, people, title))


def _pull_request(merge: ReportEntry, members: list[ReportEntry], title: tuple[int, int]) -> Unit:
    strongest = max(members, key=lambda m: (score(m.analysis.category, m.analysis.substantive_lines), m.entry.entry_id))
    text = merge.entry.text[slice(*title)]
    kind, scope, headline = read_title(text)
    lines = sum(_lines(member) for member in members)
    return Unit(
        kind="pull_request",
        lead=merge,
        members=(merge, *members),
        headline=headline,
        span=title,
        category=kind or strongest.analysis.category,
        lines=lines,
        scope=scope or _commonest([member.analysis.scope for member in members]),
        area=_commonest([member.analysis.area for member in members]),
        pull_request=merge.analysis.pull_request,
        vague=not headline,
        mass=any(member.analysis.is_mass for member in members),
        breaking=any(member.analysis.breaking for member in members),
    )


def _singles(entries: Sequence[ReportEntry]) -> list[Unit]:
    """Commits, squashes and notes. Commits that a squash (or a pick, a rebase) brought in are its members, whether git knows it or the
    squash's message lists them."""
    here = {entry.entry.entry_id for entry in entries}
    listed = _listed(entries)
    parts: dict[str, list[ReportEntry]] = defaultdict(list)
    whole: list[ReportEntry] = []
    for entry in entries:
        bringer = entry.entry.merged_by if entry.entry.merged_by in here else None
        if bringer is None and entry.entry.landed_at is None and entry.analysis.pull_request is None:
            bringer = listed.get((entry.entry.repository_id, subject_key(entry.entry.subject)))
        if bringer is None or bringer == entry.entry.entry_id:
            whole.append(entry)
        else:
            parts[bringer].append(entry)
    told = {entry.entry.entry_id for entry in whole}
    whole += [part for bringer, brought in parts.items() if bringer not in told for part in brought]
    return [
        _single(entry, parts.get(entry.entry.entry_id, []) if entry.entry.entry_id in told else []) for entry in whole
    ]


def _listed(entries: Sequence[ReportEntry]) -> dict[tuple[str, str], str]:
    """Subjects that squashes list in their messages, to the squash's entry id."""
    return {
        (squash.entry.repository_id, subject_key(line[2:])): squash.entry.entry_id
        for squash in entries
        if squash.analysis.pull_request is not None and "\n" in squash.entry.text
        for line in squash.entry.text.splitlines()[1:]
        if line.startswith(("* ", "- "))
    }


def _single(entry: ReportEntry, parts: Sequence[ReportEntry]) -> Unit:
    analysis, source = entry.analysis, entry.entry.source
    headline = "" if analysis.vague else clip(without_closing(plain(analysis.headline)))
    if source in _DEALT_WITH:
        headline = f"{_DEALT_WITH[source]} #{entry.entry.number}" + (f": {uncapitalised(headline)}" if headline else "")
    return Unit(
        kind=source if source != "git" else "commit" if analysis.pull_request is None else "squash",
        lead=entry,
        members=(entry, *parts),
        headline=headline,
        span=subject_span(entry.entry),
        category=Category.OTHER if source in _DEALT_WITH else analysis.category,
        lines=_lines(entry) if source == "git" else NOTE_LINES,
        scope=analysis.scope,
        area=analysis.area,
        pull_request=None if source in _DEALT_WITH else analysis.pull_request,
        vague=not headline,
        mass=analysis.is_mass,
        breaking=analysis.breaking,
    )


def subject_span(entry: Entry) -> tuple[int, int]:
    """Where the entry's subject, else its first line with words, stands in its text."""
    start = entry.text.find(entry.subject) if entry.subject.strip() else -1
    if start >= 0:
        return start, start + len(entry.subject)
    found = re.search(r"\S.*\S|\S", entry.text)
    return (found.start(), found.end()) if found else (0, 0)


def merge_title(entry: Entry) -> tuple[int, int] | None:
    """Where the title of a merged pull request stands in the merge's message: after the line that git or a forge writes, else in the first
    line. None where there is none, or it only repeats the branch."""
    head, _, body = entry.text.partition("\n")
    if not _WRITTEN_BY_GIT.match(head):
        titled = _TITLED.match(head)
        return (titled.start("title"), titled.end("title")) if titled else None
    found = re.search(r"\S.*\S|\S", body)
    if found is None or _NO_TITLE.match(found[0]):
        return None
    branch = _BRANCH.search(head)
    if is_branch_name(found[0], branch[1] if branch else ""):
        return None
    offset = len(head) + 1
    return offset + found.start(), offset + found.end()


def read_title(title: str) -> tuple[Category | None, str | None, str]:
    """Category, scope and headline of a pull request's title, as far as it says them. The headline is "" for a title that says nothing."""
    title = one_line(title)
    convention = parse(title)
    headline = clean_headline(title)
    headline = "" if is_vague(headline, title) else clip(without_closing(plain(headline)))
    if convention is None:
        return None, prefix_scope(title), headline
    return category_of_type(convention), convention.scope.text if convention.scope else None, headline


def _lines(entry: ReportEntry) -> int:
    if entry.entry.files_complete or entry.analysis.substantive_lines:
        return entry.analysis.substantive_lines
    return UNKNOWN_LINES * len(entry.entry.files)


def _commonest(values: Sequence[str | None]) -> str | None:
    counts = Counter(value for value in values if value)
    return min(counts, key=lambda value: (-counts[value], value)) if counts else None


_WRITTEN_BY_GIT = re.compile(
    r"\s*Merge(?:d)?\s+(?:pull requests?\b|(?:remote-tracking )?branch(?:es)?\b|tags?\b|commits?\b|changes?\b|in\s|from\s|into\s|#\d"
    r"|\S+\s*$|[\w./'-]+ (?:into|to|from|in|branch) [\w./'-]+\s*$)",
    re.IGNORECASE,
)
_TITLED = re.compile(r"\s*(?:Merged PR \d+:\s*)?(?P<title>\S.*\S)", re.IGNORECASE)
_BRANCH = re.compile(r"(?:\bfrom\s+[\w.-]+[/:]|\bbranch\s+'|\bin\s+)([^\s']+)")
_NO_TITLE = re.compile(r"#|\* |- |[\w-]+-by:|See merge request|Conflicts:|https?://\S+$", re.IGNORECASE)
