"""Showing what was made: documents to the terminal or a file, skills with their evidence. Reads; makes nothing."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from orchestration_assets.contracts import ShownEvidence, ShownSkill, ShownSkills
from orchestration_assets.reports.documents import Format, find_document
from orchestration_assets.reports.model import DOCUMENTS, ReportKind
from orchestration_assets.reports.queries import calendar_of
from orchestration_assets.skills.model import SKILL_EVIDENCE, SKILLS, Skill
from orchestration_assets.worklogs.scope import resolve_scope
from resources import clock
from resources.errors import BadInput, SoloistError
from resources.sources import load_sources

if TYPE_CHECKING:
    from pydantic import BaseModel

    from orchestration_assets.reports.calendar import Calendar
    from orchestration_assets.reports.model import Period
    from orchestration_assets.session import Connections
    from resources.warehouse import Session

EVIDENCE_SHOWN = 20
"""Pieces of evidence that `show skills --json` gives for each skill at most: the latest ones."""


class NothingMade(SoloistError):
    """What was asked for has not been made yet."""


def print_json(model: BaseModel) -> None:
    sys.stdout.write(model.model_dump_json(indent=2) + "\n")


def print_markdown(text: str) -> None:
    """Formatted for a terminal, verbatim for a pipe."""
    if not sys.stdout.isatty():
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


def show_report(connections: Connections, kind: str, period: str | None, as_json: bool) -> None:
    data = report_bytes(connections, ReportKind(kind), period, "json" if as_json else "md").decode()
    if as_json:
        sys.stdout.write(data if data.endswith("\n") else data + "\n")
    else:
        print_markdown(data)


def report_bytes(connections: Connections, kind: ReportKind, period: str | None, form: Format) -> bytes:
    """The document of a period, by default the latest. Raises NothingMade, saying how to make it."""
    from orchestration_assets.reports.calendar import parse_period, period_key

    calendar = calendar_of(connections.settings)
    named = parse_period(kind, period, calendar) if period is not None else None
    with connections.warehouse.read() as session:
        key = period_key(named) if named is not None else latest_key(session, connections, kind)
        document = find_document(session, kind.value, key, form) if key else None
    if document is None:
        raise NothingMade(_why_nothing(kind, period, named, calendar))
    return connections.store.get_verified(document.sha256)


def _why_nothing(kind: ReportKind, asked: str | None, period: Period | None, calendar: Calendar) -> str:
    """Why there is no document of a period, None for any at all, and what makes it."""
    name = kind.value.replace("_", " ")
    if kind is ReportKind.STANDUP:
        today = calendar.local_day(clock.now())
        day = period.start if period is not None else today
        following = calendar.working_day_from(day) if period is not None else calendar.standup_day(today)
        told = f"{following:%A} {following.day} {following:%B}"
        if not calendar.is_working(day):
            return f"{day:%A} {day.day} {day:%B} is no working day; what is done until then is told in the standup of {told}."
        if period is None:
            return f"There is no standup yet; `soloist run` makes that of a working day which tells of work, the next on {told}."
    if period is None:
        return f"There is no {name} yet; run `soloist run`."
    return (
        f"There is no {name} of {asked}: nothing is recorded then, or it was not made; `soloist run --since` makes it."
    )


def latest_key(session: Session, connections: Connections, kind: ReportKind) -> str | None:
    """The key of the latest period that has a document and in which anything was done: later ones tell only of branches that rest. What a
    clock that runs ahead dated is not believed: it would make the latest of these the latest of all. Keys of one kind sort by time."""
    from orchestration_assets.reports.calendar import SPANS, period_key

    condition, parameters = resolve_scope(session, load_sources(connections.settings)).condition()
    last = session.scalar(
        f"""SELECT max(instant) FROM (SELECT unnest([e.authored_at, e.landed_at]) AS instant FROM worklog_entries AS e WHERE {condition})
        WHERE instant <= ?""",
        [*parameters, clock.now() + clock.AHEAD],
    )
    keys = f"SELECT max(key) FROM {DOCUMENTS.name} WHERE kind = ?"
    found = None
    if isinstance(last, datetime):
        calendar = calendar_of(connections.settings)
        day = calendar.local_day(last)
        busy = calendar.holding(SPANS[kind], calendar.standup_day(day) if kind is ReportKind.STANDUP else day)
        found = session.scalar(f"{keys} AND key <= ?", [kind.value, period_key(busy)])
    found = found or session.scalar(keys, [kind.value])
    return None if found is None else str(found)


def show_skills(connections: Connections, as_json: bool) -> None:
    with connections.warehouse.read() as session:
        rows = session.rows(SKILLS, order_by="rank")
        shown = [_shown_skill(session, connections, row) for row in rows] if as_json else []
        quotes = (
            {row.skill: latest_quotes(session, connections, row.skill, 2) for row in rows[:20]} if not as_json else {}
        )
    if as_json:
        print_json(ShownSkills(shown))
    elif not rows:
        raise NothingMade("There are no skills yet; run `soloist run`.")
    else:
        print_markdown(skills_markdown(rows[:20], quotes))


def skills_markdown(rows: list[Skill], quotes: dict[str, list[ShownEvidence]]) -> str:
    lines = []
    for row in rows:
        span = f"{row.first_used:%Y-%m} to {row.last_used:%Y-%m}"
        entries = "entry" if row.count == 1 else "entries"
        lines.append(
            f"- **{row.name}**: {row.level.value}{', past' if row.past else ''}, {row.count} {entries}, {span}"
        )
        lines += [f"  - `{_one_line(piece.quote)}` [{piece.source[:7]}]" for piece in quotes[row.skill]]
    return "\n".join(lines) + "\n"


def show_resume(connections: Connections, variant: str, as_json: bool) -> None:
    data = resume_bytes(connections, "json" if as_json else "md", variant).decode()
    if as_json:
        sys.stdout.write(data if data.endswith("\n") else data + "\n")
    else:
        print_markdown(data)


def export_resume(connections: Connections, form: str, variant: str, output: Path | None) -> None:
    if form not in get_args(Format):
        raise BadInput(f"--format {form!r} is none that a resume has; choose json, md, html or pdf.")
    data = resume_bytes(connections, cast("Format", form), variant)
    path = output or Path(f"resume{'.' + variant if variant else ''}.{form}")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}); name another file with --output.") from None
    sys.stderr.write(f"Wrote {path} ({len(data):,} bytes).\n")


def resume_bytes(connections: Connections, form: Format, variant: str) -> bytes:
    with connections.warehouse.read() as session:
        document = find_document(session, "resume", "resume", form, variant)
        known = sorted({row.variant for row in session.rows(DOCUMENTS, where="kind = 'resume'")} - {""})
    if document is None:
        if variant and known:
            raise BadInput(f"There is no variant {variant!r} of the resume; there are: {', '.join(known)}.")
        if variant:
            raise BadInput(
                f"There is no variant {variant!r} of the resume; name it under [variants] in {connections.settings.profile_path}."
            )
        raise NothingMade("There is no resume yet; run `soloist run`.")
    return connections.store.get_verified(document.sha256)


def latest_quotes(session: Session, connections: Connections, skill: str, limit: int) -> list[ShownEvidence]:
    """The latest evidence of a skill, what is worded differently before what says the same again."""
    condition, parameters = resolve_scope(session, load_sources(connections.settings)).condition()
    table = session.query(
        f"""SELECT s.entry_id, coalesce(e.commit_hash, e.source) AS source, s.quote FROM {SKILL_EVIDENCE.name} AS s
        JOIN worklog_entries AS e USING (entry_id) WHERE s.skill = ? AND {condition}
        ORDER BY row_number() OVER (PARTITION BY s.quote ORDER BY s.day DESC, s.entry_id), s.day DESC, s.entry_id
        LIMIT {int(limit)}""",
        [skill, *parameters],
    )
    return [ShownEvidence(**row) for row in table.to_pylist()]


def _shown_skill(session: Session, connections: Connections, row: Skill) -> ShownSkill:
    return ShownSkill(
        skill=row.name,
        category=row.category,
        level=row.level.value,
        confidence=round(row.confidence, 3),
        first_used=row.first_used,
        last_used=row.last_used,
        count=row.count,
        evidence=latest_quotes(session, connections, row.skill, EVIDENCE_SHOWN),
    )


def _one_line(text: str, width: int = 100) -> str:
    line = " ".join(text.split()).replace("`", "'")
    return line if len(line) <= width else line[: width - 1] + "…"
