"""What the commands do that change something or look at the whole: run, notes, doctor, backup, restore, gc."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from orchestration_assets import maintenance, showing, standing
from orchestration_assets.contracts import RunResult, ShownComponents, ShownNote, ShownNotes
from orchestration_assets.dagster_home import opened_instance
from orchestration_assets.derivation import ONLY_CHANGED
from orchestration_assets.reports.documents import document_name
from orchestration_assets.reports.model import DOCUMENTS, Document, ReportKind
from orchestration_assets.session import only_run
from orchestration_assets.skills.model import SKILLS
from orchestration_assets.worklogs.model import NOTES, Note
from orchestration_assets.worklogs.notes import find_note, new_note, store_attachment
from orchestration_assets.worklogs.scope import resolve_scope
from resources import clock, git, progress
from resources.errors import BadInput, SoloistError
from resources.git import mirrors
from resources.sources import EVERYBODY, Sources, load_sources, remember_sources

if TYPE_CHECKING:
    from orchestration_assets.derivation import Policy
    from orchestration_assets.session import Connections


def run_command(
    connections: Connections,
    repositories: list[Path] | None,
    since: date | None,
    until: date | None,
    authors: list[str] | None,
    policy: Policy,
    as_json: bool,
) -> int:
    """`soloist run`. Returns the exit status."""
    if since and until and until < since:
        raise BadInput(f"--until {until} lies before --since {since}; swap them.")
    settings = connections.settings
    readable, unreadable = _readable(repositories or [])
    with only_run(settings):
        if readable or authors:
            remember_sources(settings, readable or None, authors)
        if not load_sources(settings).repositories:
            sys.stderr.write("No repository is watched, only notes; name one with --repo.\n")
        result = standing.as_left(connections, clock.now(), since, until) if policy == ONLY_CHANGED else None
        if result is None:
            standing.forget(connections)
            result = _refresh(connections, since, until, policy, show=not as_json and sys.stderr.isatty())
            standing.remember(connections, result, clock.now(), since, until)
    problems = [*unreadable, *_silent_authors(connections), *result.problems]
    result = result.model_copy(update={"problems": problems})
    for problem in problems:
        sys.stderr.write(f"soloist: {problem}\n")
    if as_json:
        showing.print_json(result)
    else:
        _print_outcome(connections, result)
    return 1 if result.problems or any(counts.failed for counts in result.assets.values()) else 0


def _refresh(connections: Connections, since: date | None, until: date | None, policy: Policy, show: bool) -> RunResult:
    from orchestration_assets import running

    with quiet_dagster(), opened_instance(connections.settings) as instance:
        from sensors.dead_runs import reap_dead_runs

        reap_dead_runs(instance)
        with show_progress(enabled=show) as say:
            return running.refresh(connections, instance, clock.now(), since, until, policy, say)


def _readable(repositories: list[Path]) -> tuple[list[Path], list[str]]:
    """Those paths that are repositories, and a sentence for each that is none: it is not remembered. Raises BadInput where none is one."""
    readable: list[Path] = []
    errors: list[BadInput] = []
    for path in repositories:
        try:
            git.open_repository(path)
            readable.append(path)
        except BadInput as error:
            errors.append(error)
    if errors and not readable:
        raise errors[0]
    return readable, [str(error) for error in errors]


def _silent_authors(connections: Connections) -> list[str]:
    """A sentence where authors were chosen and no commit is by any of them: more likely a slip of the pen than a wish."""
    sources = load_sources(connections.settings)
    if not sources.authors:
        return []
    with connections.warehouse.read() as session:
        theirs, everybodys = (
            session.scalar(
                f"SELECT count(*) FROM worklog_entries AS e WHERE e.source <> 'note' AND {condition}", parameters
            )
            for condition, parameters in (
                resolve_scope(session, each).condition() for each in (sources, Sources(authors=[EVERYBODY]))
            )
        )
    if theirs or not everybodys:
        return []
    names = ", ".join(sources.authors)
    return [f"No commit is by {names}; name an address or a name as `git log` shows it with --author, or `all`."]


def _print_outcome(connections: Connections, result: RunResult) -> None:
    # What keeps the report from being shown was said already where there are problems.
    with contextlib.suppress(SoloistError if result.problems else showing.NothingMade):
        showing.print_markdown(showing.report_bytes(connections, ReportKind.STATUS_REPORT, None, "md").decode())
    with connections.warehouse.read() as session:
        top = session.rows(SKILLS, order_by='"rank"')[:8]
        quotes = {row.skill: showing.latest_quotes(session, connections, row.skill, 2) for row in top}
        documents = session.rows(DOCUMENTS, where="format = 'html'", order_by="kind, key DESC")
        latest = {kind.value: showing.latest_key(session, connections, kind) for kind in ReportKind}
    if top:
        showing.print_markdown("## Top skills\n\n" + showing.skills_markdown(top, quotes))
    lines = [
        f"{asset:18} {counts.made:6} made {counts.unchanged:6} unchanged {counts.failed:4} failed"
        for asset, counts in result.assets.items()
    ]
    sys.stderr.write("\n" + "\n".join(lines) + "\n")
    if not documents:
        return
    first: dict[tuple[str, str], Document] = {}
    for document in documents:
        if document.key == latest.get(document.kind, document.key):
            first.setdefault((document.kind, document.variant), document)
    sys.stderr.write(
        f"\n{len(documents)} documents, kept in {where_documents_lie(connections)}. The latest, served while `soloist ui` runs:\n"
    )
    for document in first.values():
        sys.stderr.write(f"  {connections.settings.documents_url}/documents/{quote(document_name(document))}\n")


def where_documents_lie(connections: Connections) -> str:
    settings = connections.settings
    return f"{settings.s3_endpoint}/{settings.s3_bucket}" if settings.s3_endpoint else str(settings.objects_path)


@contextlib.contextmanager
def show_progress(enabled: bool) -> Iterator[Callable[[str], None]]:
    """A progress bar on standard error that follows the running assets; calls of the yielded function name the run."""
    if not enabled:
        yield lambda text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking for changes", total=None)
        run_name = ""

        def say(text: str) -> None:
            nonlocal run_name
            run_name = text
            bar.update(task, description=text, completed=0, total=None)

        def follow(what: str, done: int, total: int | None) -> None:
            bar.update(task, description=f"{run_name}: {what}", completed=done, total=total)

        with progress.listening(follow):
            yield say


@contextlib.contextmanager
def quiet_dagster() -> Iterator[None]:
    """Keeps Dagster's own log lines off the terminal; the events are in the UI."""
    import logging

    previous = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(previous)


def add_note(
    connections: Connections, text: str, tags: list[str], day: str | None, minutes: int | None, attachments: list[Path]
) -> None:
    stored = [store_attachment(connections.store, path) for path in attachments]
    note = new_note(text, _when(connections, day), tags, minutes, stored)
    with connections.warehouse.write() as session:
        session.insert(NOTES, [note])
    sys.stdout.write(f"{note.note_id[:8]}\n")
    sys.stderr.write("Noted. `soloist run` brings it into the reports.\n")


def edit_note(connections: Connections, prefix: str, text: str) -> None:
    if not text.strip():
        raise BadInput("A note needs a text; `soloist delete` removes one.")
    with connections.warehouse.write() as session:
        note = find_note(session, prefix)
        session.merge(NOTES, [note.model_copy(update={"text": text.strip()})])
    sys.stderr.write(f"Changed {_as_told(connections, note)}. `soloist run` brings it into the reports.\n")


def delete_note(connections: Connections, prefix: str) -> None:
    with connections.warehouse.write() as session:
        note = find_note(session, prefix)
        empty = {"deleted": True, "text": "", "tags": [], "attachments": [], "minutes": None}
        session.merge(NOTES, [note.model_copy(update=empty)])
    sys.stderr.write(f"Deleted {_as_told(connections, note)}. `soloist run` takes it out of the reports.\n")


def _as_told(connections: Connections, note: Note) -> str:
    """A note as it was, so that a slip can be undone by hand."""
    return f"the note of {_day_of(connections, note)}, “{' '.join(note.text.split())}”"


def list_notes(connections: Connections, as_json: bool) -> None:
    with connections.warehouse.read() as session:
        notes = session.rows(NOTES, where="NOT deleted", order_by="authored_at DESC, note_id")
    shown = [_shown_note(connections, note) for note in notes]
    if not shown:
        sys.stderr.write('There are no notes; `soloist log "..."` makes one.\n')
    if as_json:
        showing.print_json(ShownNotes(shown))
        return
    for note in shown:
        tags = "".join(f" #{tag}" for tag in note.tags)
        sys.stdout.write(f"{note.note_id[:8]}  {note.date}  {' '.join(note.text.split())[:100]}{tags}\n")


def _shown_note(connections: Connections, note: Note) -> ShownNote:
    day = _day_of(connections, note)
    return ShownNote(note_id=note.note_id, date=day, text=note.text, tags=note.tags, minutes=note.minutes)


def _day_of(connections: Connections, note: Note) -> date:
    return note.authored_at.astimezone(connections.settings.zone).date()


def _when(connections: Connections, day: str | None) -> datetime:
    """The instant of a note: now, or noon of the day that was named, in the configured timezone."""
    zone = connections.settings.zone
    now = clock.now().astimezone(zone)
    if day is None:
        return now
    from orchestration_assets.reports.calendar import parse_period
    from orchestration_assets.reports.queries import calendar_of

    named = parse_period("day", day, calendar_of(connections.settings)).start
    return now if named == now.date() else datetime.combine(named, time(12), zone)


def doctor(connections: Connections, as_json: bool) -> int:
    """`soloist doctor`. Returns 1 where a component is broken."""
    from orchestration_assets.diagnosis import examine

    components = examine(connections)
    if as_json:
        showing.print_json(ShownComponents(components))
    else:
        width = max(len(component.component) for component in components)
        for component in components:
            sys.stdout.write(f"{component.component:{width}}  {component.state:8}  {component.detail}\n")
    return 1 if any(component.state == "broken" for component in components) else 0


def back_up(connections: Connections, folder: Path) -> None:
    objects = maintenance.back_up(connections.warehouse, connections.store, connections.settings, folder)
    sys.stderr.write(f"Saved the warehouse and {objects} objects in {folder}.\n")


def restore(connections: Connections, folder: Path) -> None:
    with only_run(connections.settings):
        objects = maintenance.restore(connections.warehouse, connections.store, connections.settings, folder)
    sys.stderr.write(f"Restored the warehouse and {objects} objects from {folder}.\n")


def collect_garbage(connections: Connections) -> None:
    from orchestration_assets.jobs import prune_runs

    with only_run(connections.settings), opened_instance(connections.settings) as instance:
        collected = maintenance.collect_garbage(connections.warehouse, connections.store, datetime.now(UTC))
        runs = prune_runs(instance, connections.settings.keep_runs_days)
        old = datetime.now(UTC) - timedelta(days=connections.settings.keep_events_days)
        maintenance.prune_builds(connections.settings, old)
        copies = mirrors.prune(connections.settings.mirrors_path, old)
        if connections.settings.has_inbox:
            connections.inbox.prune(old)
            connections.outbox.prune(old)
    sys.stderr.write(
        f"Removed {collected.objects} objects ({collected.object_bytes:,} bytes), {runs} old runs and {copies} copies of repositories; "
        f"the warehouse is {collected.warehouse_bytes:,} bytes smaller.\n"
    )
