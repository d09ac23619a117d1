"""From git to rows: which commits became, changed or ceased to be entries since the warehouse last saw a repository.

Planning needs only git's commit graph, not its diffs, and is exact: every commit that the refs reach is compared with the stored row of
its entry. Reading then fetches diffs of the new commits alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from orchestration_assets.worklogs.classification import is_assisted, is_bot
from orchestration_assets.worklogs.model import Entry, FileChange, Person
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    from resources.git.graph import CommitGraph
    from resources.git.identities import Identity
    from resources.git.parsing import Commit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Placement:
    """Everything of an entry that can change while its commit stays the same."""

    entry_id: str
    commit_hash: str
    month: date
    landed_at: datetime | None
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
        if EPOCH + timedelta(days=1) <= instant <= now + timedelta(days=1):
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
    landings, landed_by, branch_of = graph.landings(), graph.landed_by(), graph.branch_of()
    found: dict[str, Placement] = {}
    for commit, authored, committed in zip(graph.hashes, graph.authored, graph.committed, strict=True):
        bringer = landed_otherwise.get(commit)
        landed = landings.get(bringer or commit)
        merge = bringer or landed_by.get(commit)
        found[commit] = Placement(
            entry_id=ids[commit],
            commit_hash=commit,
            month=local_month(instant(authored), instant(committed), zone, now),
            landed_at=None if landed is None else instant(landed),
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


def entries(
    commits: Iterable[Commit], wanted: Mapping[str, Placement], repository_id: str, repository: str
) -> Iterator[Entry]:
    """The rows of the commits that were read."""
    for commit in commits:
        placement = wanted[commit.hash]
        files = [
            FileChange.trusted({"path": path, "old_path": old, "added": added, "deleted": deleted})
            for path, old, added, deleted in commit.files
        ]
        text = commit.message.strip("\n")
        subject = text.split("\n", 1)[0]
        co_authors = [Person(name=name, email=email) for name, email in co_author_trailers(text)]
        yield Entry.trusted(
            {
                "entry_id": placement.entry_id,
                "source": "git",
                "repository_id": repository_id,
                "repository": repository,
                "commit_hash": commit.hash,
                "text": text,
                "subject": subject,
                "author_name": commit.author_name,
                "author_email": commit.author_email,
                "authored_at": instant(commit.authored),
                "author_offset": commit.author_offset,
                "committed_at": instant(commit.committed),
                "committer_offset": commit.committer_offset,
                "landed_at": placement.landed_at,
                "branch": placement.branch,
                "is_merge": len(commit.parents) > 1,
                "merged_by": placement.merged_by,
                "parents": list(commit.parents),
                "co_authors": co_authors,
                "files": files,
                "files_complete": commit.files_complete,
                "is_bot": is_bot(commit.author_name, commit.author_email),
                "is_assisted": is_assisted(text, commit.author_name),
                "tags": [],
                "minutes": None,
                "attachments": [],
                "vanished": False,
                "month": placement.month,
                "input_hash": content_hash(
                    text, [(f.path, f.old_path, f.added, f.deleted) for f in files], len(commit.parents) > 1
                ),
            }
        )


def co_author_trailers(text: str) -> list[tuple[str, str]]:
    """(name, e-mail) of the `Co-authored-by` trailers, in order, each once."""
    found: dict[tuple[str, str], None] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "co-authored-by" and "<" in value:
            name, _, email = value.partition("<")
            found[(name.strip(), email.partition(">")[0].strip())] = None
    return list(found)


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
            if known is None or (known.landed_at is None and placement.landed_at is not None):
                combined[commit_hash] = placement
    return combined
