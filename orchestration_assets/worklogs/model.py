"""The rows of this domain: entries, the noteworthy lines of their diffs, and analyses; and the shape of evidence."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from resources.rows import Row
from resources.warehouse import TableSpec

Source = Literal["git", "note", "pull_request", "review", "issue"]
"""`git` is a commit; the last three are what was done on GitHub."""


class FileChange(Row):
    """One file of a commit. `added` and `deleted` count lines and are None for a binary file or where git lacks the blob."""

    path: str
    old_path: str | None = None
    added: int | None = None
    deleted: int | None = None


class Person(Row):
    """A name and an e-mail address, after .mailmap."""

    name: str
    email: str


class Entry(Row):
    """One thing that somebody did: a commit, a note, a merged pull request, a review, an issue that was dealt with. The row of
    `worklog_entries`, keyed by `entry_id`.

    `text` is the whole message, verbatim but for line ends; evidence offsets count its characters. `authored_at` and `committed_at` are
    instants (UTC); the zone offsets, in minutes, are what the author's and committer's clocks showed. `landed_at` is when the commit
    became reachable from the default branch (None: it has not). `branch` names an unmerged head that holds it.
    """

    entry_id: str
    source: Source
    repository_id: str
    repository: str
    commit_hash: str | None = None
    text: str
    subject: str
    author_name: str
    author_email: str
    """After .mailmap. The identity that `entry_id` is made from is the unmapped one, so that editing .mailmap renames nobody's entries."""
    authored_at: datetime
    author_offset: int = 0
    committed_at: datetime
    committer_offset: int = 0
    landed_at: datetime | None = None
    branch: str | None = None
    is_merge: bool = False
    merged_by: str | None = None
    """Entry id of the merge commit (pull request) that landed this commit, if one did."""
    parents: list[str] = []
    co_authors: list[Person] = []
    files: list[FileChange] = []
    files_complete: bool = True
    """False where a missing blob left names only, or a shallow boundary makes the diff meaningless."""
    is_bot: bool = False
    is_assisted: bool = False
    """True where a marker says that an AI assistant took part (a co-author trailer, "(aider)")."""
    tags: list[str] = []
    minutes: int | None = None
    attachments: list[str] = []
    """sha256 of attached objects (notes only)."""
    number: int | None = None
    """Of the pull request or issue."""
    url: str | None = None
    opened_at: datetime | None = None
    """When the pull request or issue was opened; `authored_at` is when it was merged or closed."""
    merge_commit: str | None = None
    """The commit that brought a pull request in."""
    vanished: bool = False
    """True where the commit is no longer reachable from any ref of a repository that is still watched."""
    month: date
    """First day of the month of `authored_at` in the configured timezone: the partition."""
    input_hash: str
    """sha256 over what an analysis depends on: text, files, tags."""


class ExcerptKind(StrEnum):
    """Why a diff line is noteworthy."""

    IMPORT = "import"
    DEPENDENCY_ADDED = "dependency_added"
    DEPENDENCY_DROPPED = "dependency_dropped"
    TODO_ADDED = "todo_added"


class Excerpt(Row):
    """One noteworthy line of a commit's diff, keyed by (entry_id, number). `line` is verbatim, without the leading + or -.

    `name` is what the line names: the imported top-level module, the dependency, or the text of the TODO.
    """

    entry_id: str
    number: int
    kind: ExcerptKind
    path: str
    language: str
    line: str
    name: str


class Evidence(Row):
    """A verbatim quote of an entry that a claim rests on.

    `where` says which of the entry's strings is quoted: its message (`text`), the path of its file number `index`, or the line of its
    excerpt number `index`; `start` and `end` are character offsets into that string, and `string[start:end] == quote` always holds.
    """

    entry_id: str
    where: Literal["message", "path", "excerpt"]
    index: int = 0
    start: int
    end: int
    quote: str


class Category(StrEnum):
    """What kind of work an entry is. The conventional-commit types, less what says nothing about the work."""

    FEATURE = "feature"
    FIX = "fix"
    PERFORMANCE = "performance"
    REFACTORING = "refactoring"
    DOCUMENTATION = "documentation"
    TEST = "test"
    BUILD = "build"
    STYLE = "style"
    RELEASE = "release"
    REVERT = "revert"
    MERGE = "merge"
    CHORE = "chore"
    OTHER = "other"


class Reference(Row):
    """An issue, pull request or URL that the message names. `closing` is True for `fixes #1` and its kin: it says what the author
    wrote, not that anything was closed."""

    kind: Literal["issue", "pull_request", "url", "commit"]
    target: str
    closing: bool
    evidence: Evidence


class Statement(Row):
    """Something the entry says of itself, in its own words."""

    text: str
    evidence: Evidence


class Analysis(Row):
    """What one entry was about. Typed output of the analysis agent; every text in it is grounded in the entry."""

    category: Category
    scope: str | None = None
    breaking: bool = False
    headline: str
    """The work in one line, imperative mood as written, without prefix, emoji, ticket or pull-request tail. "" if the subject is vague."""
    vague: bool = False
    """True where the subject says nothing ("wip", "copy", "fix"); the headline then names the area touched, if any."""
    pull_request: int | None = None
    """The number of the pull request that this commit merges or squashes."""
    reverts: str | None = None
    """Commit hash or subject that the message says it reverts."""
    references: list[Reference] = []
    languages: list[str] = []
    """Programming languages by file name, most files first; canonical names."""
    areas: list[Literal["code", "test", "documentation", "build", "data", "generated"]] = []
    area: str | None = None
    """The most distinctive part of the tree touched, e.g. `warehouse`; None where only generic names are left."""
    dependencies_added: list[str] = []
    dependencies_dropped: list[str] = []
    is_release: bool = False
    is_mass: bool = False
    """Touches more than 100 files: its subject does not describe it, and it is no evidence of a skill."""
    substantive_lines: int = 0
    """Lines added and deleted, less generated, binary, lock, vendored and renamed files."""
    activities: list[Statement] = []
    blockers: list[Statement] = []
    follow_ups: list[Statement] = []
    dropped_claims: int = 0


class AnalysisItem(Row):
    """What the analysis agent is given: an entry and the noteworthy lines of its diff."""

    entry: Entry
    excerpts: list[Excerpt] = []


class WorklogAnalysis(Analysis):
    """The row of `worklog_analyses`, keyed by `entry_id`: the analysis of one entry."""

    entry_id: str
    month: date


class Repository(Row):
    """The row of `repositories`, keyed by `path`: what is known of a watched repository since it was last read whole.

    `refs_fingerprint` is None until every commit that its refs reach is an entry; while it equals the repository's, nothing is read.
    `self_names` are the identities in its git configuration, lower-case.
    """

    path: str
    repository_id: str
    name: str
    watched: bool
    refs_fingerprint: str | None
    default_branch: str | None
    self_names: list[str]
    problem: str | None = None
    """What could not be read, as one sentence."""


class Note(Row):
    """The row of `notes`, keyed by `note_id`: what `soloist log` was told. A deleted note keeps its row, without its text."""

    note_id: str
    text: str
    authored_at: datetime
    author_offset: int = 0
    tags: list[str] = []
    minutes: int | None = None
    attachments: list[str] = []
    deleted: bool = False


ENTRIES = TableSpec("worklog_entries", Entry, key=("entry_id",))
EXCERPTS = TableSpec("code_excerpts", Excerpt, key=("entry_id", "number"))
ANALYSES = TableSpec("worklog_analyses", WorklogAnalysis, key=("entry_id",))
REPOSITORIES = TableSpec("repositories", Repository, key=("path",))
NOTES = TableSpec("notes", Note, key=("note_id",))
