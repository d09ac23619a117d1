"""Bringing `code_excerpts` up to date: the second, narrower look into git, at the diffs of source files and manifests alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.derivation import DERIVATIONS, EXTRACTIVE, Counts, Derivation, Inputs, pending
from orchestration_assets.worklogs.excerpts import PATHSPECS, excerpts, top_level
from orchestration_assets.worklogs.model import EXCERPTS, REPOSITORIES, Excerpt, ExcerptKind
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
        own, lost = _own_modules(session, "NOT e.vanished"), _own_modules(session, "e.vanished")
        hashes = {
            key: _input_hash(commit, lost.get(repository_id, frozenset()) - own.get(repository_id, frozenset()))
            for key, (repository_id, commit) in commits.items()
        }
        outdated = {*pending(session, NAME, str(RULES), EXTRACTIVE, Inputs.of(hashes)).stale, *_importing(session, own)}
        stale = [key for key in commits if key in outdated]
        clones = {row.repository_id: row.path for row in session.rows(REPOSITORIES) if row.watched}
    counts = Counts(read=len(commits), unchanged=len(commits) - len(stale))
    for repository_id, keys in groupby(stale, key=lambda key: commits[key][0]):
        try:
            repository = git.open_repository(Path(clones[repository_id]))
        except (BadInput, KeyError) as error:
            problems.append(str(error))
            continue
        for group in _groups(list(keys)):
            entry_of = {commits[key][1]: key for key in group}
            rows = _read(repository, entry_of, own.get(repository_id, frozenset()), problems)
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


def _input_hash(commit: str, lost: frozenset[str]) -> str:
    """What the excerpts of a commit rest on: itself, and the modules that were the repository's own but are in no entry any more, whose
    imports may have been left out. (An own module that is new tells on the excerpts that name it, see `_importing`.)"""
    return content_hash(commit, sorted(lost)) if lost else commit


def _importing(session: Session, own: dict[str, frozenset[str]]) -> set[str]:
    """The entries with an excerpt that imports what by now is a module of their own repository."""
    table = session.query(
        """SELECT e.repository_id, x.name, list(x.entry_id) AS entries FROM code_excerpts AS x JOIN worklog_entries AS e USING (entry_id)
        WHERE x.kind = ? GROUP BY ALL""",
        [ExcerptKind.IMPORT.value],
    )
    names = {repository_id: {top_level(name) for name in modules} for repository_id, modules in own.items()}
    return {
        entry_id
        for row in table.to_pylist()
        if top_level(row["name"]) in names.get(row["repository_id"], ())
        for entry_id in row["entries"]
    }


def _own_modules(session: Session, condition: str) -> dict[str, frozenset[str]]:
    """Repository id to the names that an import of its own code begins with: folders at the top or under a source folder, and modules, in
    the entries that match the SQL condition."""
    table = session.query(
        rf"""SELECT DISTINCT e.repository_id, regexp_extract(f.path, '^(?:(?:src|lib|python|packages)/)?([^/]+)', 1) AS name
        FROM worklog_entries AS e, unnest(e.files) AS t(f) WHERE e.source = 'git' AND {condition}"""
    )
    own: dict[str, set[str]] = defaultdict(set)
    for row in table.to_pylist():
        own[row["repository_id"]].add(row["name"].removesuffix(".py"))
    return {repository_id: frozenset(names) for repository_id, names in own.items()}


def _groups(keys: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), GROUP):
        yield list(keys[start : start + GROUP])
