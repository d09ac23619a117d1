"""Bringing `worklog_entries`, `repositories` and `code_excerpts` up to date with the watched repositories: git on one side, the
warehouse on the other, and no lock held while git works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from orchestration_assets.activity.entries import activity_entries
from orchestration_assets.derivation import Counts
from orchestration_assets.worklogs import ingestion
from orchestration_assets.worklogs.entry_table import entry_table
from orchestration_assets.worklogs.ingestion import Placement, Plan
from orchestration_assets.worklogs.model import ENTRIES, NOTES, REPOSITORIES, Entry, Repository
from orchestration_assets.worklogs.notes import note_entry
from resources import git, progress
from resources.errors import BadInput
from resources.language_model.agent import content_hash
from resources.read_ahead import read_ahead

if TYPE_CHECKING:
    import pyarrow as pa

    from resources.warehouse import Session, Warehouse

GROUP = 2000
"""Commits that are held as objects at a time, for each process of git."""
JOINED = 3
"""Groups that are written at a time."""

_STORED = """SELECT entry_id, coalesce(commit_hash, '') AS commit_hash, month, epoch(landed_at)::BIGINT AS landed, branch, merged_by, vanished
    FROM worklog_entries WHERE repository_id = ?"""

_MOVE = """UPDATE worklog_entries AS e SET month = m.month, landed_at = m.landed_at, branch = m.branch, merged_by = m.merged_by,
        vanished = m.vanished
    FROM (SELECT unnest(?::VARCHAR[]) AS entry_id, unnest(?::DATE[]) AS month, to_timestamp(unnest(?::BIGINT[])) AS landed_at,
        unnest(?::VARCHAR[]) AS branch, unnest(?::VARCHAR[]) AS merged_by, unnest(?::BOOLEAN[]) AS vanished) AS m
    WHERE e.entry_id = m.entry_id"""


@dataclass
class Survey:
    """What the watched sources ask of the warehouse. `plans` by repository id; `opened` are the clones of each; `problems` are sentences
    about what could not be read; `told` are entries that no repository holds: notes, and what was done on GitHub. `newly_watched` are the
    months of repositories that the warehouse does not know as watched yet: their entries may be there (a run was killed, or they were
    watched before), and nothing rests on them."""

    plans: dict[str, Plan] = field(default_factory=dict)
    opened: dict[str, list[git.Repository]] = field(default_factory=dict)
    fingerprints: dict[Path, str] = field(default_factory=dict)
    told: list[Entry] = field(default_factory=list)
    newly_watched: set[date] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    known: dict[str, Repository] = field(default_factory=dict)

    def months(self) -> set[date]:
        changed = {month for plan in self.plans.values() for month in plan.months()}
        return changed | {entry.month for entry in self.told} | self.newly_watched


def survey(warehouse: Warehouse, repositories: Sequence[Path], zone: ZoneInfo, now: datetime) -> Survey:
    """Compares every watched source with the warehouse; writes nothing. A repository that cannot be read becomes a problem, unless none
    can: then the first one's error is raised."""
    found = Survey()
    by_id: dict[str, list[git.Repository]] = defaultdict(list)
    errors: list[BadInput] = []
    for path in repositories:
        try:
            repository = git.open_repository(path)
        except BadInput as error:
            errors.append(error)
            found.problems.append(str(error))
        else:
            by_id[repository.id].append(repository)
    if errors and not by_id:
        raise errors[0]
    with warehouse.read() as session:
        found.known = {row.path: row for row in session.rows(REPOSITORIES)}
        found.told = _changed(session, [*_note_entries(session, zone), *activity_entries(session, zone, now)])
    zone_key = str(zone)
    for repository_id, clones in by_id.items():
        found.opened[repository_id] = clones
        for clone in clones:
            found.fingerprints[clone.path] = content_hash(git.refs_fingerprint(clone), zone_key, repository_id)
        rows = [found.known.get(str(clone.path)) for clone in clones]
        watched = all(row is not None and row.watched for row in rows)
        if watched and all(
            row is not None and row.refs_fingerprint == found.fingerprints[clone.path]
            for row, clone in zip(rows, clones, strict=True)
        ):
            continue
        present = ingestion.combine([_present(clone, found.fingerprints[clone.path], zone, now) for clone in clones])
        with warehouse.read() as session:
            stored = [Placement(**row) for row in session.query(_STORED, [repository_id]).to_pylist()]
        found.plans[repository_id] = ingestion.plan(present, stored)
        if not watched:
            found.newly_watched |= {placement.month for placement in present.values()}
    return found


def _note_entries(session: Session, zone: ZoneInfo) -> list[Entry]:
    return [note_entry(note, zone) for note in session.rows(NOTES, order_by="authored_at, note_id")]


def _changed(session: Session, entries: Sequence[Entry]) -> list[Entry]:
    """Those that differ from what is stored, and what is stored of others, as vanished: a pull request is merged once, but an issue may be
    opened again."""
    stored = {row.entry_id: row for row in session.rows(ENTRIES, where="source <> 'git'")}
    changed = [entry for entry in entries if stored.get(entry.entry_id) != entry]
    gone = stored.keys() - {entry.entry_id for entry in entries}
    return changed + [
        stored[key].model_copy(update={"vanished": True}) for key in sorted(gone) if not stored[key].vanished
    ]


def ingest(warehouse: Warehouse, found: Survey, months: set[date]) -> Counts:
    """Brings the entries of `months` up to date with a survey, in groups; then records what each repository is known to hold.

    A repository's fingerprint is stored only once nothing of its plan is left, so that months not asked for are found again.
    """
    counts = Counts()
    for repository_id, plan in found.plans.items():
        asked = plan.within(months)
        total = len(asked.read) + len(asked.move)
        for group in read_ahead(_joined(_read_groups(found, repository_id, asked))):
            with warehouse.write() as session:
                session.merge(ENTRIES, group)
            counts += Counts(read=group.num_rows, made=group.num_rows)
            progress.report("worklog_entries", counts.made, total)
        if asked.move:
            with warehouse.write() as session:
                _move(session, asked.move)
            counts += Counts(read=len(asked.move), made=len(asked.move))
    told = [entry for entry in found.told if entry.month in months]
    repositories = _repositories(found, months)
    if told or repositories != found.known:
        with warehouse.write() as session:
            if told:
                session.merge(ENTRIES, told)
            session.merge(REPOSITORIES, list(repositories.values()))
    return counts + Counts(read=len(told), made=len(told))


def _present(clone: git.Repository, fingerprint: str, zone: ZoneInfo, now: datetime) -> dict[str, Placement]:
    """What the refs of a clone reach."""
    graph, identities, landed_otherwise = _history(clone, fingerprint)
    return ingestion.placements(clone.id, graph, identities, landed_otherwise, zone, now)


@lru_cache(maxsize=4)
def _history(
    clone: git.Repository, fingerprint: str
) -> tuple[git.CommitGraph, dict[str, git.Identity], dict[str, str]]:
    """Graph, identities, and what landed otherwise than by a merge. Kept for as long as the refs have the same fingerprint, because a
    command asks twice: when it plans its run, and in the run."""
    with ThreadPoolExecutor(1) as beside:  # two git processes, one a core
        asked = beside.submit(git.read_identities, clone)
        graph = git.read_graph(clone)
        identities = asked.result()
    heads = graph.unmerged_heads()
    bringers = git.patch_equivalents(
        clone, graph, heads, {commit: identity.subject for commit, identity in identities.items()}
    )
    return graph, identities, {commit: bringers[h.ref] for h in heads if h.ref in bringers for commit in h.commits}


def _read_groups(found: Survey, repository_id: str, asked: Plan) -> Iterator[pa.Table]:
    wanted = dict(asked.read)
    for clone in found.opened[repository_id]:
        for group in _commit_groups(clone, list(wanted), found.problems.append):
            yield entry_table(group, wanted, repository_id, clone.name)
            for commit in group:
                del wanted[commit.hash]


def _joined(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Several groups as one table: as columns they are small, and opening and closing the warehouse costs more than writing them."""
    import pyarrow as pa

    # Arrow's own pool keeps what was freed: a tenth of the memory of a long history.
    pa.set_memory_pool(pa.system_memory_pool())
    while some := list(islice(tables, JOINED)):
        yield pa.concat_tables(some)


def _commit_groups(
    clone: git.Repository, hashes: Sequence[str], on_problem: Callable[[str], None]
) -> Iterator[list[git.Commit]]:
    """The commits that the clone has of these, in groups. Many are read by two git processes at once: computing the diffs is what takes
    the time."""
    half = (len(hashes) + 1) // 2
    parts = [hashes[:half], hashes[half:]] if len(hashes) > GROUP else [hashes]
    with ExitStack() as stack:
        streams = [
            stack.enter_context(closing(read_ahead(_grouped(git.read_commits(clone, part, on_problem)), most=1)))
            for part in parts
            if part
        ]
        while streams:
            for stream in list(streams):
                if (group := next(stream, None)) is None:
                    streams.remove(stream)
                else:
                    yield group


def _grouped(commits: Iterator[git.Commit]) -> Iterator[list[git.Commit]]:
    while group := list(islice(commits, GROUP)):
        yield group


def _move(session: Session, moved: Sequence[Placement]) -> None:
    session.execute(
        _MOVE,
        [
            [p.entry_id for p in moved],
            [p.month for p in moved],
            [p.landed for p in moved],
            [p.branch for p in moved],
            [p.merged_by for p in moved],
            [p.vanished for p in moved],
        ],
    )


def _repositories(found: Survey, months: set[date]) -> dict[str, Repository]:
    """The rows of `repositories` after an ingestion of `months`, by path."""
    rows = {path: row.model_copy(update={"watched": False}) for path, row in found.known.items()}
    for repository_id, clones in found.opened.items():
        plan = found.plans.get(repository_id)
        complete = plan is None or plan.months() <= months
        for clone in clones:
            path = str(clone.path)
            name, email = git.self_email(clone)
            rows[path] = Repository(
                path=path,
                repository_id=repository_id,
                name=clone.name,
                watched=True,
                refs_fingerprint=found.fingerprints[clone.path] if complete else None,
                default_branch=clone.default_branch,
                self_names=sorted({word.lower() for word in (name, email) if word}),
            )
    return rows
