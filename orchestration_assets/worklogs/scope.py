"""Whose work the documents speak of, and which entries that is.

By default it is the person in git's configuration; others are told of only when asked for, except where that person has no commit in the
watched repositories: then the documents speak of everybody's work together, and say so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestration_assets.worklogs.model import REPOSITORIES
from resources.sources import EVERYBODY, Sources

NOREPLY = "users.noreply.github.com"
"""The host of the addresses that GitHub gives those who hide theirs."""

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestration_assets.worklogs.model import Entry
    from resources.warehouse import Session

_WATCHED = """NOT e.vanished AND (e.source <> 'git'
    OR e.repository_id IN (SELECT repository_id FROM repositories WHERE watched))"""

_BY = """(e.source = 'note' OR lower(e.author_email) IN (SELECT unnest(?::VARCHAR[])) OR lower(e.author_name) IN (SELECT unnest(?::VARCHAR[]))
    OR len(list_filter(e.co_authors, c -> list_contains(?::VARCHAR[], lower(c.email)) OR list_contains(?::VARCHAR[], lower(c.name)))) > 0)"""


@dataclass(frozen=True)
class Scope:
    """`names` are the lower-case addresses and names whose work counts; None: everybody's. `whose` says it: `Your work`. `watched`: the
    lower-case ids of the watched repositories, to their names."""

    names: tuple[str, ...] | None
    whose: str
    watched: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """`Your work in acme and ledger`: whose work, and in which of the watched repositories."""
        return self.line_with(())

    def line_with(self, entries: Iterable[Entry]) -> str:
        """The line of a document that tells of `entries`: what was done on GitHub may be from repositories that nobody watches here."""
        told = (entry for entry in entries if entry.source not in ("git", "note"))
        others = {" ".join(e.repository.split()) for e in told if e.repository_id.lower() not in self.watched}
        return f"{self.whose} in {_sources_line([*self.watched.values(), *others])}"

    def condition(self, with_merges: bool = False) -> tuple[str, list[object]]:
        """A SQL condition on `worklog_entries AS e`, and its parameters: watched, not vanished, and in scope.

        `with_merges` also takes the merge commits that landed such an entry, whoever merged it: they hold the pull request's title.
        """
        if self.names is None:
            return _WATCHED, []
        parameters: list[object] = [list(self.names)] * 4
        if not with_merges:
            return f"{_WATCHED} AND {_BY}", parameters
        landed = f"SELECT e.merged_by FROM worklog_entries AS e WHERE {_WATCHED} AND {_BY} AND e.merged_by IS NOT NULL"
        return f"{_WATCHED} AND ({_BY} OR e.entry_id IN ({landed}))", parameters * 2


def resolve_scope(session: Session, sources: Sources) -> Scope:
    """The scope that the settings name, else the configured self, else everybody."""
    watched = [row for row in session.rows(REPOSITORIES, order_by="path") if row.watched]
    by_id = {row.repository_id.lower(): row.name for row in watched}
    authors = sources.authors
    names = _lower(name for row in watched for name in row.self_names)
    login = _lower([sources.login, f"{sources.login}@{NOREPLY}"]) if sources.login else ()
    everybodys = Scope(None, "Everybody's work", by_id)
    if any(author.lower() == EVERYBODY for author in authors):
        return everybodys
    if authors:
        chosen = _lower(authors)
        is_own = not names or not set(chosen).isdisjoint(names)
        return Scope(_lower([*chosen, *(login if is_own else ())]), _whose(session, authors, names), by_id)
    own = Scope(_lower([*names, *login]), "Your work", by_id)
    condition, parameters = own.condition()
    if own.names and session.scalar(
        f"SELECT count(*) FROM worklog_entries AS e WHERE e.source <> 'note' AND {condition}",
        parameters,
    ):
        return own
    if not session.scalar(f"SELECT count(*) FROM worklog_entries AS e WHERE e.source <> 'note' AND {_WATCHED}"):
        return own
    return everybodys


def _whose(session: Session, authors: Sequence[str], own: Sequence[str]) -> str:
    """`Work by Ada Fern`: the authors by their names, never by their addresses; `Your work` where they are all the configured self."""
    if set(_lower(authors)) <= set(own):
        return "Your work"
    found = [author.strip() if "@" not in author else _name_of(session, author.strip()) for author in authors]
    names = list({name.lower(): name for name in found if name}.values())
    if not names:
        return f"Work by the chosen author{'' if len(authors) == 1 else 's'}"
    shown = [*names[:3], f"{len(names) - 3} more"] if len(names) > 4 else names
    return f"Work by {shown[0] if len(shown) == 1 else ', '.join(shown[:-1]) + ' and ' + shown[-1]}"


def _name_of(session: Session, address: str) -> str:
    """The name that most commits of an address are signed with; "" where there is none, or another address stands in its place."""
    name = session.scalar(
        """SELECT author_name FROM worklog_entries WHERE lower(author_email) = ? AND author_name NOT LIKE '%@%'
        GROUP BY author_name ORDER BY count(*) DESC, author_name LIMIT 1""",
        [address.lower()],
    )
    return " ".join(str(name or "").split())


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name.strip().lower() for name in names if name.strip()}))


def _sources_line(names: Sequence[str]) -> str:
    if not names:
        return "your notes"
    shown = sorted(set(names))
    head = ", ".join(shown[:5])
    return head if len(shown) <= 5 else f"{head} and {len(shown) - 5} more repositories"
