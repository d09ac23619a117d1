"""Bringing `code_excerpts` up to date: the second, narrower look into git, at the diffs of source files and manifests alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.derivation import DERIVATIONS, EXTRACTIVE, Counts, Derivation, stale_keys
from orchestration_assets.worklogs.excerpts import PATHSPECS, excerpts
from orchestration_assets.worklogs.model import EXCERPTS, REPOSITORIES, Excerpt
from resources import git, progress
from resources.errors import BadInput
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    from orchestration_assets.worklogs.scope import Scope
    from resources.warehouse import Session, Warehouse

NAME = "code_excerpts"
RULES = 1
MASS = 100
"""Commits of more files than this are no evidence of a skill, and their diffs are not read."""
GROUP = 1000


def expected_hashes(session: Session, scope: Scope) -> dict[str, tuple[str, str]]:
    """Entry id to (repository id, commit hash) of the commits in scope whose diff is worth a look."""
    condition, parameters = scope.condition()
    table = session.query(
        f"""SELECT e.entry_id, e.repository_id, e.commit_hash FROM worklog_entries AS e
        WHERE e.source = 'git' AND NOT e.is_merge AND NOT e.is_bot AND len(e.files) BETWEEN 1 AND {MASS} AND {condition}
        ORDER BY e.repository_id, e.authored_at, e.entry_id""",
        parameters,
    )
    return {row["entry_id"]: (row["repository_id"], row["commit_hash"]) for row in table.to_pylist()}


def update(warehouse: Warehouse, scope: Scope) -> tuple[Counts, list[str]]:
    """Reads the diffs that no excerpt was taken from yet. Returns the counts, and sentences about what could not be read."""
    problems: list[str] = []
    with warehouse.read() as session:
        commits = expected_hashes(session, scope)
        hashes = {key: commit for key, (_, commit) in commits.items()}
        stale = stale_keys(session, NAME, str(RULES), EXTRACTIVE, hashes)
        clones = {row.repository_id: row.path for row in session.rows(REPOSITORIES) if row.watched}
        own = _own_modules(session) if stale else {}
    counts = Counts(read=len(commits), unchanged=len(commits) - len(stale))
    for repository_id, keys in groupby(stale, key=lambda key: commits[key][0]):
        try:
            repository = git.open_repository(Path(clones[repository_id]))
        except (BadInput, KeyError) as error:
            problems.append(str(error))
            continue
        for group in _groups(list(keys)):
            rows = _read(repository, {hashes[key]: key for key in group}, own.get(repository_id, frozenset()), problems)
            with warehouse.write() as session:
                session.replace(EXCERPTS, rows, "entry_id IN (SELECT unnest(?::VARCHAR[]))", [group])
                session.merge(DERIVATIONS, _records(group, hashes, rows))
            counts.made += len(group)
            progress.report(NAME, counts.made, len(stale))
    return counts, problems


def _read(
    repository: git.Repository, entry_of: dict[str, str], own_modules: frozenset[str], problems: list[str]
) -> list[Excerpt]:
    lines = git.read_diff_lines(repository, list(entry_of), PATHSPECS, problems.append)
    return [
        excerpt
        for commit, diff in groupby(lines, key=lambda line: line.hash)
        for excerpt in excerpts(entry_of[commit], diff, own_modules)
    ]


def _records(keys: Sequence[str], hashes: dict[str, str], rows: Sequence[Excerpt]) -> list[Derivation]:
    by_entry: dict[str, list[Excerpt]] = defaultdict(list)
    for row in rows:
        by_entry[row.entry_id].append(row)
    return [
        Derivation(
            agent=NAME,
            key=key,
            input_hash=hashes[key],
            output_hash=content_hash(by_entry[key]) if key in by_entry else "",
            agent_version=str(RULES),
            maker=EXTRACTIVE,
        )
        for key in keys
    ]


def _own_modules(session: Session) -> dict[str, frozenset[str]]:
    """Repository id to the names that an import of its own code begins with: folders at the top or under a source folder, and modules."""
    table = session.query(
        r"""SELECT DISTINCT e.repository_id, regexp_replace(f.path, '^(src|lib|python|packages)/', '') AS path
        FROM worklog_entries AS e, unnest(e.files) AS t(f) WHERE e.source = 'git' AND NOT e.vanished"""
    )
    own: dict[str, set[str]] = defaultdict(set)
    for row in table.to_pylist():
        own[row["repository_id"]].add(row["path"].split("/", 1)[0].removesuffix(".py"))
    return {repository_id: frozenset(names) for repository_id, names in own.items()}


def _groups(keys: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), GROUP):
        yield list(keys[start : start + GROUP])
