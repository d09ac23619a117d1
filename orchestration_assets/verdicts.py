"""Stored verdicts of blocking checks: what one run found broken, a later run of what is downstream sees.

Dagster's blocking checks stop only what is downstream in the same run. A verdict is keyed by the check and by a fingerprint of the rows
that it judged, so that the same rows are judged once, and an asset refuses rows that were judged broken whoever runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resources.errors import SoloistError
from resources.rows import Row
from resources.warehouse import TableSpec

if TYPE_CHECKING:
    from resources.warehouse import Session, Warehouse


class UpstreamBroken(SoloistError):
    """The rows that an asset would rest on were judged broken."""


class Verdict(Row):
    """The row of `check_verdicts`, keyed by `check`: the latest verdict and what it judged."""

    check: str
    table: str
    fingerprint: str
    passed: bool
    detail: str


VERDICTS = TableSpec("check_verdicts", Verdict, key=("check",))


State = tuple[int, ...]

_fingerprints: dict[tuple[State, str, str], str] = {}
_verdicts: dict[State, dict[str, Verdict]] = {}
"""What was read from a state of the warehouse, kept for as long as nobody has written since."""


@dataclass(frozen=True)
class Judgement:
    """What a check found: whether the truth that it states holds, and one sentence that says what it saw."""

    passed: bool
    detail: str


def table_fingerprint(session: Session, table: str, rows: str = "true") -> str:
    """A hash of the rows of a table (those that match the SQL condition `rows`), whatever their order. Computed once for each state of
    the warehouse: the checks and assets of a run ask for the same ones."""
    if session.state is not None and (known := _fingerprints.get((session.state, table, rows))):
        return known
    row = session.query(
        f"SELECT count(*) AS n, coalesce(bit_xor(hash(t)), 0) AS h FROM {table} AS t WHERE {rows}"
    ).to_pylist()[0]
    fingerprint = f"{row['n']}-{row['h']:x}"
    if session.state is not None:
        if any(state != session.state for state, _, _ in _fingerprints):
            _fingerprints.clear()
        _fingerprints[session.state, table, rows] = fingerprint
    return fingerprint


def is_judged(session: Session, check: str, table: str, rows: str = "true") -> bool:
    """Whether a verdict is stored on the rows as they stand. It is not where a run was killed between its rows and its checks."""
    known = session.rows(VERDICTS, where='"check" = ?', params=[check])
    return bool(known) and known[0].fingerprint == table_fingerprint(session, table, rows)


def judge(
    warehouse: Warehouse,
    check: str,
    table: str,
    question: Callable[[Session], Judgement | Callable[[], Judgement]],
    rows: str = "true",
) -> Judgement:
    """The verdict on the table (its rows that match `rows`) as it stands: the stored one where the same rows were judged before, else a
    new one, stored. A question whose answer takes long returns a function, which is called when the warehouse is not locked any more."""
    state = warehouse.state() or ()
    remembered = _verdicts.get(state, {}).get(check)
    if remembered and remembered.fingerprint == _fingerprints.get((state, table, rows)):
        return Judgement(remembered.passed, remembered.detail)
    with warehouse.read() as session:
        fingerprint = table_fingerprint(session, table, rows)
        known = session.rows(VERDICTS, where='"check" = ?', params=[check])
        if known and known[0].fingerprint == fingerprint:
            return Judgement(known[0].passed, known[0].detail)
        answer = question(session)
    judgement = answer() if callable(answer) else answer
    verdict = Verdict(
        check=check, table=table, fingerprint=fingerprint, passed=judgement.passed, detail=judgement.detail
    )
    with warehouse.write() as session:
        session.merge(VERDICTS, [verdict])
    return judgement


def row_count(warehouse: Warehouse, table: str, checked: Sequence[str]) -> int:
    """How many rows a table has. Opens the warehouse only where somebody has written since it was last asked, and then reads at once what
    the checks of the `checked` tables will ask for: where nothing changed, a run opens it once for all of them."""
    state = warehouse.state() or ()
    if (state, table, "true") not in _fingerprints or state not in _verdicts:
        with warehouse.read() as session:
            for each in (table, *checked):
                table_fingerprint(session, each)
            state = session.state or ()
            _verdicts.clear()
            _verdicts[state] = {verdict.check: verdict for verdict in session.rows(VERDICTS)}
    return int(_fingerprints[state, table, "true"].partition("-")[0])


def require_sound(session: Session, *tables: str) -> None:
    """Raises UpstreamBroken where one of the tables, with the rows that it holds now, was judged broken."""
    for verdict in session.rows(VERDICTS, where="NOT passed"):
        if verdict.table in tables and table_fingerprint(session, verdict.table) == verdict.fingerprint:
            raise UpstreamBroken(
                f"The check {verdict.check} found {verdict.table} broken ({verdict.detail}); mend its source and materialise it again."
            )


def none_of(count: int, what: str) -> Judgement:
    """Passes where `count` is 0; `what` says what was counted."""
    return Judgement(count == 0, f"{count} {what}")
