"""From git to rows: which commits became, changed or ceased to be entries since the warehouse last saw a repository.

Planning needs only git's commit graph, not its diffs, and is exact: every commit that the refs reach is compared with the stored row of
its entry. Reading then fetches diffs of the new commits alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from resources import clock

if TYPE_CHECKING:
    from resources.git.graph import CommitGraph
    from resources.git.identities import Identity

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = 15 * 60
"""Seconds. Every timezone's days begin on one of these, so that a month need be found once for each."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Everything of an entry that can change while its commit stays the same. `landed` is in Unix seconds."""

    entry_id: str
    commit_hash: str
    month: date
    landed: int | None
    branch: str | None
    merged_by: str | None
    vanished: bool = False


@dataclass
class Plan:
    """What a repository's refs ask of the warehouse. `read` are commits to fetch (their placement by hash), `move` are placements to
    update in rows whose commit is the same, among them those that vanished."""

    read: dict[str, Placement] = field(default_factory=dict)
    move: list[Placement] = field(default_factory=list)

    def months(self) -> set[date]:
        return {placement.month for placement in (*self.read.values(), *self.move)}

    def within(self, months: set[date]) -> Plan:
        return Plan(
            {commit: placement for commit, placement in self.read.items() if placement.month in months},
            [placement for placement in self.move if placement.month in months],
        )

    def is_empty(self) -> bool:
        return not self.read and not self.move


def entry_id(repository_id: str, email: str, authored: int, subject: str, ordinal: int) -> str:
    """The identity of a commit's entry. It survives a clone, a rebase and an amended body; `email` is the one before .mailmap, `authored`
    seconds since the epoch, `ordinal` counts commits that are equal in all of these."""
    parts = "\0".join((repository_id, email.lower(), str(authored), subject, str(ordinal)))
    return hashlib.sha256(parts.encode("utf-8", "surrogateescape")).hexdigest()


def local_month(authored: datetime, committed: datetime, zone: ZoneInfo, now: datetime) -> date:
    """First day of the month an entry belongs to. A clock that was wrong (before 1970, or in the future) is not believed: then the
    committer's is, then today's."""
    for instant in (authored, committed):
        if EPOCH + timedelta(days=1) <= instant <= now + clock.AHEAD:
            return instant.astimezone(zone).date().replace(day=1)
    return now.astimezone(zone).date().replace(day=1)


def placements(
    repository_id: str,
    graph: CommitGraph,
    identities: Mapping[str, Identity],
    landed_otherwise: Mapping[str, str],
    zone: ZoneInfo,
    now: datetime,
) -> dict[str, Placement]:
    """Commit hash to placement, for every commit that the refs reach.

    `landed_otherwise` are commits whose work is on the default branch though they are not: squashed, rebased or picked; with the commit
    there that brought it.
    """
    equals: dict[tuple[str, int, str], list[tuple[int, str]]] = defaultdict(list)
    for commit, authored, committed in zip(graph.hashes, graph.authored, graph.committed, strict=True):
        identity = identities[commit]
        equals[(identity.email, authored, identity.subject)].append((committed, commit))
    ids = {
        commit: entry_id(repository_id, *identity, ordinal)
        for identity, commits in equals.items()
        for ordinal, (_, commit) in enumerate(sorted(commits))
    }

    @cache
    def month_of(authored: int, committed: int) -> date:
        return local_month(instant(authored * QUARTER), instant(committed * QUARTER), zone, now)

    landings, landed_by, branch_of = graph.landings(), graph.landed_by(), graph.branch_of()
    found: dict[str, Placement] = {}
    for commit, authored, committed in zip(graph.hashes, graph.authored, graph.committed, strict=True):
        bringer = landed_otherwise.get(commit)
        landed = landings.get(bringer or commit)
        merge = bringer or landed_by.get(commit)
        found[commit] = Placement(
            entry_id=ids[commit],
            commit_hash=commit,
            month=month_of(authored // QUARTER, committed // QUARTER),
            landed=landed,
            branch=None if landed is not None else branch_of.get(commit),
            merged_by=None if merge is None else ids[merge],
        )
    return found


def plan(present: Mapping[str, Placement], stored: Iterable[Placement]) -> Plan:
    """Compares what the refs reach now with the stored rows of the same repository."""
    by_entry = {placement.entry_id: placement for placement in present.values()}
    asked = Plan()
    known: set[str] = set()
    for row in stored:
        known.add(row.entry_id)
        now = by_entry.get(row.entry_id)
        if now is None:
            if not row.vanished:
                asked.move.append(Placement(row.entry_id, row.commit_hash, row.month, None, None, None, vanished=True))
        elif now.commit_hash != row.commit_hash:
            asked.read[now.commit_hash] = now
        elif now != row:
            asked.move.append(now)
    asked.read.update({p.commit_hash: p for p in present.values() if p.entry_id not in known})
    return asked


def instant(seconds: int) -> datetime:
    """An instant of UTC; times that no calendar holds become the nearest that one does."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime(9999, 12, 31, tzinfo=UTC) if seconds > 0 else datetime(1, 1, 2, tzinfo=UTC)


def combine(graphs: Sequence[dict[str, Placement]]) -> dict[str, Placement]:
    """The placements of several clones of one repository: the first clone that knows a commit decides, but landed beats not landed."""
    combined: dict[str, Placement] = {}
    for graph in graphs:
        for commit_hash, placement in graph.items():
            known = combined.get(commit_hash)
            if known is None or (known.landed is None and placement.landed is not None):
                combined[commit_hash] = placement
    return combined
