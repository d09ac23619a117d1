"""The ledger of builds: what a killed build goes on from, in a SQLite file of the home folder.

A build writes a few small rows whenever a file is written or checked, many times a second. The warehouse is made for groups of rows, and its one
lock is everybody's; so the state of a build lies here, and the warehouse gets what others read: plans, calls, replies, documents. What changes
together is one transaction; what is in flight is not written at all, because it begins again. SQLite waits for no disk here: a killed process
loses nothing by that, and what a power failure takes is made again from the replies, which are kept in the warehouse.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from orchestration_assets.code.checking import Checked, Reason
from orchestration_assets.code.model import Plan
from orchestration_assets.code.scheduling import Item, State, Step
from resources import clock, sqlite
from resources.errors import SoloistError
from resources.rows import Row

VERSION = 2
_METADATA = sa.MetaData()


def _table(name: str, keys: Sequence[str], *columns: sa.Column[Any]) -> sa.Table:
    parts = [sa.Column(key, sa.String, primary_key=True) for key in keys]
    return sa.Table(name, _METADATA, *parts, *columns)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False)


def _instant(name: str) -> sa.Column[Any]:
    """Seconds since 1970."""
    return sa.Column(name, sa.Float, nullable=False)


_BUILDS = _table("builds", ["project"], _text("basis"), _text("plan"), _instant("begun_at"))
_ITEMS = _table("items", ["project", "id"], _text("item"), _text("note"))
_FILES = _table("files", ["project", "path"], _text("task"), _text("text"))
_ATTEMPTS = sa.Table(
    "attempts",
    _METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("project", sa.String, nullable=False, index=True),
    _text("attempt"),
    _text("basis"),
)
_LETTERS = _table("dead_letters", ["project", "task"], _text("letter"))
_REPORTS = _table("reports", ["key"], _text("report"), _instant("kept_at"))
_SINCE_VERSION_2 = (_BUILDS.c.begun_at, _ATTEMPTS.c.basis, _REPORTS.c.kept_at)


class Attempt(Row):
    """One step of one task: who did it, how it ended, and what it took. Tokens are 0 where no model was asked."""

    task: str
    step: Step
    ended_at: datetime
    seconds: float
    outcome: str
    """`written`, `passed`, `failed`, `handed over`, `put off`, `replanned`, `given up`, `lost`."""
    reason: str = ""
    maker: str = ""
    agent_version: str = ""
    recalled: bool = False
    """A kept reply answered."""
    calls: int = 0
    """HTTP requests."""
    tokens_in: int = 0
    tokens_out: int = 0
    basis: str = ""
    """That of the build that it was made for; the ledger fills it in."""


class DeadLetter(Row):
    """A task that failed three times: why, and what became of it: `waiting` for the planner, `replanned`, or `given up`."""

    task: str
    reasons: list[str]
    outcome: str


@dataclass
class Note:
    """What the next attempt at an item is told: what was wrong, and which files that rests on. `attempts` counts those that were written,
    `checked` is the last verdict."""

    reasons: list[Reason] = field(default_factory=list)
    concerned: list[str] = field(default_factory=list)
    attempts: int = 0
    checked: Checked | None = None


@dataclass
class Stored:
    """A build as it was left."""

    basis: str
    plan: Plan
    items: dict[str, Item]
    notes: dict[str, Note]
    files: dict[str, str]
    begun_at: datetime


@dataclass
class Changes:
    """What changed together. `removed` are ids of items, whose files go too unless `files` brings them."""

    plan: Plan | None = None
    items: dict[str, tuple[Item, Note]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Path to task and text."""
    attempts: list[Attempt] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)


class Ledger:
    """In a file that is made where it is missing. Raises SoloistError where it cannot be opened."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(f"sqlite:///{path.absolute()}")
        sa.event.listen(self._engine, "connect", lambda connection, _: sqlite.prepare(connection, synchronous="NORMAL"))
        sa.event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        try:
            with self._engine.begin() as connection:
                found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
                if found > VERSION:
                    raise SoloistError(f"The builds in {path} were made by a newer version of Soloist; update Soloist.")
                _METADATA.create_all(connection)
                if found < VERSION:
                    _add_columns(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
        except sa.exc.DBAPIError as error:
            raise SoloistError(
                f"The builds in {path} cannot be opened ({error.orig}); move the file away to begin anew."
            ) from None

    def close(self) -> None:
        self._engine.dispose()

    def load(self, project: str) -> Stored | None:
        with self._engine.begin() as connection:
            build = connection.execute(sa.select(_BUILDS).where(_BUILDS.c.project == project)).one_or_none()
            if build is None:
                return None
            rows = connection.execute(sa.select(_ITEMS).where(_ITEMS.c.project == project).order_by(_ITEMS.c.id)).all()
            files = connection.execute(
                sa.select(_FILES).where(_FILES.c.project == project).order_by(_FILES.c.path)
            ).all()
        return Stored(
            build.basis,
            Plan.model_validate_json(build.plan),
            {row.id: _item(row.item) for row in rows},
            {row.id: _note(row.note) for row in rows},
            {row.path: row.text for row in files},
            datetime.fromtimestamp(build.begun_at, UTC),
        )

    def begin(self, project: str, basis: str, plan: Plan, items: Iterable[Item]) -> None:
        """Makes a build anew: what was there of the project goes, but for its attempts, which were paid for."""
        with self._engine.begin() as connection:
            for table in (_BUILDS, _ITEMS, _FILES, _LETTERS):
                connection.execute(table.delete().where(table.c.project == project))
            begun = {"basis": basis, "plan": plan.model_dump_json(), "begun_at": clock.now().timestamp()}
            connection.execute(_BUILDS.insert().values(project=project, **begun))
            for item in items:
                connection.execute(_ITEMS.insert().values(project=project, id=item.id, **_item_row(item, Note())))

    def save(self, project: str, changes: Changes) -> None:
        with self._engine.begin() as connection:
            if changes.plan is not None:
                plan = changes.plan.model_dump_json()
                connection.execute(_BUILDS.update().where(_BUILDS.c.project == project).values(plan=plan))
            for item_id in changes.removed:
                for table, column in ((_ITEMS, _ITEMS.c.id), (_FILES, _FILES.c.task)):
                    connection.execute(table.delete().where(table.c.project == project, column == item_id))
            for item_id, (item, note) in changes.items.items():
                _put(connection, _ITEMS, {"project": project, "id": item_id}, _item_row(item, note))
            for path, (task, text) in changes.files.items():
                _put(connection, _FILES, {"project": project, "path": path}, {"task": task, "text": text})
            for letter in changes.letters:
                _put(
                    connection,
                    _LETTERS,
                    {"project": project, "task": letter.task},
                    {"letter": letter.model_dump_json()},
                )
            basis = sa.select(_BUILDS.c.basis).where(_BUILDS.c.project == project).scalar_subquery()
            for attempt in changes.attempts:
                text = attempt.model_dump_json(exclude={"basis"})
                connection.execute(_ATTEMPTS.insert().values(project=project, attempt=text, basis=basis))

    def attempts(self, project: str) -> list[Attempt]:
        """Those of all plans, in the order in which they ended."""
        query = sa.select(_ATTEMPTS).where(_ATTEMPTS.c.project == project).order_by(_ATTEMPTS.c.number)
        with self._engine.begin() as connection:
            rows = connection.execute(query).all()
        return [Attempt.model_validate_json(row.attempt).model_copy(update={"basis": row.basis}) for row in rows]

    def dead_letters(self, project: str) -> list[DeadLetter]:
        query = sa.select(_LETTERS.c.letter).where(_LETTERS.c.project == project).order_by(_LETTERS.c.task)
        with self._engine.begin() as connection:
            return [DeadLetter.model_validate_json(text) for text in connection.scalars(query)]

    def report(self, key: str) -> str | None:
        """The report of tests that was kept under a key. For any thread."""
        with self._engine.begin() as connection:
            return connection.scalar(sa.select(_REPORTS.c.report).where(_REPORTS.c.key == key))

    def keep_report(self, key: str, report: str) -> None:
        """For any thread."""
        with self._engine.begin() as connection:
            _put(connection, _REPORTS, {"key": key}, {"report": report, "kept_at": clock.now().timestamp()})

    def prune(self, older_than: datetime) -> int:
        """Takes out the reports of tests that were kept before; returns how many. Whoever needs one again runs the tests."""
        with self._engine.begin() as connection:
            return connection.execute(_REPORTS.delete().where(_REPORTS.c.kept_at < older_than.timestamp())).rowcount


def _add_columns(connection: sa.Connection) -> None:
    """To a file of the first version: what was there is taken for of now, and attempts for those of the build that is there."""
    for column in _SINCE_VERSION_2:
        table = column.table
        if column.name not in {each["name"] for each in sa.inspect(connection).get_columns(table.name)}:
            kind, nothing = ("TEXT", "''") if isinstance(column.type, sa.Text) else ("REAL", clock.now().timestamp())
            added = f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind} NOT NULL DEFAULT {nothing}"
            connection.exec_driver_sql(added)
    basis = sa.select(_BUILDS.c.basis).where(_BUILDS.c.project == _ATTEMPTS.c.project).scalar_subquery()
    connection.execute(_ATTEMPTS.update().where(_ATTEMPTS.c.basis == "").values(basis=sa.func.coalesce(basis, "")))


def _put(connection: sa.Connection, table: sa.Table, key: Mapping[str, str], values: Mapping[str, str | float]) -> None:
    row = insert(table).values(**key, **values)
    connection.execute(row.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def _item_row(item: Item, note: Note) -> dict[str, str]:
    state = State.OPEN if item.state is State.RUNNING else item.state
    kept = {
        "depends_on": sorted(item.depends_on),
        "step": item.step,
        "state": state,
        "is_fix": item.is_fix,
        "failures": item.failures,
        "replanned": item.replanned,
        "writable": item.writable,
        "waits_for": sorted(item.waits_for),
    }
    told = {
        "reasons": [reason.model_dump(mode="json") for reason in note.reasons],
        "concerned": note.concerned,
        "attempts": note.attempts,
        "checked": note.checked.model_dump(mode="json") if note.checked is not None else None,
    }
    return {"item": json.dumps({"id": item.id, **kept}), "note": json.dumps(told)}


def _item(text: str) -> Item:
    kept = json.loads(text)
    kept |= {"step": Step(kept["step"]), "state": State(kept["state"])}
    return Item(**kept | {name: frozenset(kept[name]) for name in ("depends_on", "waits_for")})


def _note(text: str) -> Note:
    told = json.loads(text)
    checked = Checked.model_validate(told["checked"]) if told["checked"] is not None else None
    reasons = [Reason.model_validate(reason) for reason in told["reasons"]]
    return Note(reasons, told["concerned"], told["attempts"], checked)
