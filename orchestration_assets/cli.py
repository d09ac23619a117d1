"""The command `soloist`. What belongs here: options, and which function answers them; nothing is computed here.

Exit status: 0 done, 1 done in part or not at all, 2 bad input. Everything for people goes to standard error except what was asked for;
`--json` prints exactly one document on standard output.
"""

# Typer reads the annotations of the commands when they are called, so they are not postponed.
import errno
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from orchestration_assets.session import Connections
from resources.errors import BadInput, SoloistError
from resources.processes import collect_seldom
from resources.settings import load_settings

app = typer.Typer(
    name="soloist",
    help="The back office of a solo developer or a small team: worklogs, skills, reports and a resume, each claim with its evidence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
show = typer.Typer(no_args_is_help=True, help="Show a report, the skills or the resume as it was last made.")
inbox = typer.Typer(no_args_is_help=True, help="The events that came from GitHub and Sentry, and what became of them.")
outbox = typer.Typer(no_args_is_help=True, help="What is to be said on GitHub and Sentry, and what became of it.")
export = typer.Typer(no_args_is_help=True, help="Write a document to a file.")
app.add_typer(show, name="show")
app.add_typer(export, name="export")
app.add_typer(inbox, name="inbox")
app.add_typer(outbox, name="outbox")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Day = Annotated[str | None, typer.Option("--date", help="A day: 2026-11-20, today or yesterday.")]
Week = Annotated[str | None, typer.Option("--week", help="A week: 2026-W47, or a day in it.")]
Month = Annotated[str | None, typer.Option("--month", help="A month: 2026-11.")]


def main() -> None:
    """Runs the command; an error that a person can act on is one sentence, never a traceback."""
    collect_seldom()
    try:
        app()
    except SoloistError as error:
        sys.stderr.write(f"soloist: {error}\n")
        sys.exit(2 if isinstance(error, BadInput) else 1)
    except OSError as error:
        sys.stderr.write(f"soloist: {_system_sentence(error)}\n")
        sys.exit(1)


@app.command()
def run(
    repo: Annotated[
        list[Path] | None, typer.Option(help="Watch this git repository from now on (repeatable; replaces the list).")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Make entries and reports from this day on: 2026-01-01, today or yesterday.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="... up to this day.")] = None,
    author: Annotated[
        list[str] | None,
        typer.Option(help="Tell of this author's work (address or name; repeatable; `all` for everybody)."),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Make again what another model than the present one has made.")
    ] = False,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Try again what failed for good, such as a reply that no repair helped."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring everything up to date, then print the latest status report and the top skills."""
    from orchestration_assets.commands import run_command
    from orchestration_assets.derivation import Policy

    connections = _connect()
    first, last = _day(connections, since, "--since"), _day(connections, until, "--until")
    sys.exit(run_command(connections, repo, first, last, author, Policy(refresh, retry_failed), as_json))


@app.command()
def log(
    text: str,
    tag: Annotated[
        list[str] | None, typer.Option(help="A tag (repeatable); plan, todo and blocker have a meaning.")
    ] = None,
    on: Annotated[str | None, typer.Option("--date", help="The day it was done; default now.")] = None,
    minutes: Annotated[int | None, typer.Option(help="How long it took.")] = None,
    attach: Annotated[list[Path] | None, typer.Option(help="A file to keep with the note (repeatable).")] = None,
) -> None:
    """Note what you did."""
    from orchestration_assets import commands

    commands.add_note(_connect(), text, tag or [], on, minutes, attach or [])


@app.command()
def edit(note: str, text: str) -> None:
    """Give the note whose id begins with NOTE another text."""
    from orchestration_assets import commands

    commands.edit_note(_connect(), note, text)


@app.command()
def delete(note: str) -> None:
    """Delete the note whose id begins with NOTE."""
    from orchestration_assets import commands

    commands.delete_note(_connect(), note)


@app.command()
def notes(as_json: Json = False) -> None:
    """List the notes, the latest first."""
    from orchestration_assets import commands

    commands.list_notes(_connect(), as_json)


@show.command()
def standup(on: Day = None, as_json: Json = False) -> None:
    """The standup of a day; default the latest."""
    _show_report("standup", on, as_json)


@show.command()
def status(week: Week = None, as_json: Json = False) -> None:
    """The status report of a week; default the latest that has entries."""
    _show_report("status_report", week, as_json)


@show.command()
def summary(month: Month = None, as_json: Json = False) -> None:
    """The summary of a month; default the latest that has entries."""
    _show_report("summary", month, as_json)


@show.command()
def skills(as_json: Json = False) -> None:
    """The skills, with their level and evidence."""
    from orchestration_assets import showing

    showing.show_skills(_connect(), as_json)


@show.command()
def resume(
    variant: Annotated[str, typer.Option(help="A targeted variant of the profile.")] = "", as_json: Json = False
) -> None:
    """The resume."""
    from orchestration_assets import showing

    showing.show_resume(_connect(), variant, as_json)


@export.command("resume")
def export_resume(
    form: Annotated[str, typer.Option("--format", help="json, md, html or pdf.")] = "pdf",
    variant: Annotated[str, typer.Option(help="A targeted variant of the profile.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; default resume.FORMAT here.")
    ] = None,
) -> None:
    """Write the resume to a file."""
    from orchestration_assets import showing

    showing.export_resume(_connect(), form, variant, output)


@app.command()
def profile() -> None:
    """Print an example of the profile file, which says what no history knows: name, jobs, education, targeted variants."""
    from orchestration_assets.reports.profile import EXAMPLE_PROFILE

    sys.stdout.write(EXAMPLE_PROFILE)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say of every component whether it is configured and reachable, or what serves instead."""
    from orchestration_assets import commands

    sys.exit(commands.doctor(_connect(), as_json))


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the web UI.")] = 3000,
    host: Annotated[str, typer.Option(help="Address that the web UI listens on.")] = "127.0.0.1",
) -> None:
    """Start Dagster's web UI and daemon, and serve the documents that it links to."""
    from orchestration_assets.serving import serve_ui

    sys.exit(serve_ui(_connect(), host, port))


@app.command()
def documents(
    port: Annotated[int | None, typer.Option(help="Default SOLOIST_DOCUMENT_PORT, 3001.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 in a container.")] = "127.0.0.1",
) -> None:
    """Serve the documents that the web UI links to, to this machine, where `soloist ui` does not."""
    from orchestration_assets.serving import serve_documents

    serve_documents(_connect(), host, port)


@app.command()
def webhooks(
    port: Annotated[int | None, typer.Option(help="Default SOLOIST_WEBHOOK_PORT, 8080.")] = None,
    host: Annotated[str, typer.Option(help="Address that deliveries are taken on.")] = "127.0.0.1",
) -> None:
    """Take what GitHub and Sentry deliver: POST /webhooks/github, POST /webhooks/sentry."""
    from orchestration_assets.serving import serve_webhooks

    serve_webhooks(_connect(), host, port)


@inbox.command("list")
def inbox_list(
    state: Annotated[str | None, typer.Option(help="Only events of this state, such as waiting or dead.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the latest first.")] = 50,
    as_json: Json = False,
) -> None:
    """The latest events, and how many there are of each state."""
    from orchestration_assets import inbox_commands

    inbox_commands.list_events(_connect(), state, limit, as_json)


@inbox.command("show")
def inbox_show(event: int, as_json: Json = False) -> None:
    """One event with what was taken from it."""
    from orchestration_assets import inbox_commands

    inbox_commands.show_event(_connect(), event, as_json)


@inbox.command("replay")
def inbox_replay(
    event: Annotated[list[int] | None, typer.Argument(help="Numbers of events.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead letters.")] = False,
) -> None:
    """Let events wait again, with all their attempts before them."""
    from orchestration_assets import inbox_commands

    inbox_commands.replay(_connect(), event or [], dead)


@inbox.command("drop")
def inbox_drop(
    event: Annotated[list[int] | None, typer.Argument(help="Numbers of events.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead letters.")] = False,
) -> None:
    """Take events out for good."""
    from orchestration_assets import inbox_commands

    inbox_commands.drop(_connect(), event or [], dead)


@app.command()
def build(
    specification: Annotated[
        str, typer.Argument(help="A Markdown file that says what to build, or an issue on GitHub, owner/name#12.")
    ],
    project: Annotated[
        str | None,
        typer.Option(
            help="The project's name; default that of the issue or the file, of its folder where the file is a SPEC.md, SPECIFICATION.md, "
            "README.md or PRD.md."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder that gets the files of the bundle.")
    ] = None,
    propose: Annotated[
        str | None,
        typer.Option(help="owner/name that gets the project as a pull request; default that of the issue."),
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what was given up.")] = False,
    as_json: Json = False,
) -> None:
    """Build what a specification asks for: plan, files, tests, bundle. Needs a model; a build that was stopped goes on."""
    from orchestration_assets.build_command import build_command
    from orchestration_assets.derivation import Policy

    policy = Policy(retry_failed=retry_failed)
    command = build_command(_connect(), specification, project, policy, output=output, propose=propose, as_json=as_json)
    sys.exit(command)


@app.command()
def deps(
    path: Annotated[Path, typer.Argument(help="The folder of a source tree: Python, JavaScript, TypeScript.")],
    as_json: Json = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid diagram.")] = False,
    cycles: Annotated[bool, typer.Option("--cycles", help="Only the cycles, and the fewest imports to cut.")] = False,
    critical_path: Annotated[bool, typer.Option("--critical-path", help="Only the longest chain.")] = False,
) -> None:
    """The import graph of a source tree: modules, imports, cycles, and what leads nowhere. Nothing of it is run."""
    from orchestration_assets.deps_command import show_dependencies

    show_dependencies(path, as_json=as_json, as_mermaid=mermaid, cycles=cycles, critical_path=critical_path)


@outbox.command("list")
def outbox_list(
    state: Annotated[str | None, typer.Option(help="Only effects of this state, such as waiting or dead.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the latest first.")] = 50,
    as_json: Json = False,
) -> None:
    """The latest effects (pull requests, comments, labels, issues, links), and how many there are of each state."""
    from orchestration_assets import outbox_commands

    outbox_commands.list_effects(_connect(), state, limit, as_json)


@outbox.command("show")
def outbox_show(effect: int, as_json: Json = False) -> None:
    """One effect with all that it says."""
    from orchestration_assets import outbox_commands

    outbox_commands.show_effect(_connect(), effect, as_json)


@outbox.command("replay")
def outbox_replay(
    effect: Annotated[list[int] | None, typer.Argument(help="Numbers of effects.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead letters.")] = False,
) -> None:
    """Let effects wait again, with all their attempts before them."""
    from orchestration_assets import outbox_commands

    outbox_commands.replay(_connect(), effect or [], dead)


@outbox.command("drop")
def outbox_drop(
    effect: Annotated[list[int] | None, typer.Argument(help="Numbers of effects.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead letters.")] = False,
) -> None:
    """Take effects out for good."""
    from orchestration_assets import outbox_commands

    outbox_commands.drop(_connect(), effect or [], dead)


@app.command()
def publish(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send what waits in the outbox, where SOLOIST_PUBLISH is on."""
    from orchestration_assets import outbox_commands

    sys.exit(outbox_commands.publish(_connect(), dry_run, as_json))


@app.command()
def backup(folder: Path) -> None:
    """Copy the warehouse, the inbox, the documents and the profile into a new folder."""
    from orchestration_assets import commands

    commands.back_up(_connect(), folder)


@app.command()
def restore(folder: Path) -> None:
    """Bring back what `soloist backup` saved; what was here is kept aside."""
    from orchestration_assets import commands

    commands.restore(_connect(), folder)


@app.command()
def gc() -> None:
    """Remove documents that nothing points at and old runs, and compact the warehouse."""
    from orchestration_assets import commands

    commands.collect_garbage(_connect())


def _connect() -> Connections:
    settings = load_settings()
    _ = settings.zone  # a timezone that is none is said before anything is done
    home = settings.home.absolute()
    if not next(path for path in (home, *home.parents) if path.exists()).is_dir():
        raise BadInput(f"The home folder {home} is, or lies in, a file; set SOLOIST_HOME to a folder.")
    from resources.sentry import initialise

    dsn = settings.sentry_dsn.get_secret_value() if settings.sentry_dsn else ""
    initialise(dsn, settings.environment, "soloist", traces=settings.sentry_traces)
    return Connections(settings)


def _system_sentence(error: OSError) -> str:
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"There is no room left on the disk{where}; free some space and try again, what was made so far is kept."
    return f"The system refused{where} ({error.strerror or error}); check the path, its folder and their permissions."


def _show_report(kind: str, period: str | None, as_json: bool) -> None:
    from orchestration_assets import showing

    showing.show_report(_connect(), kind, period, as_json)


def _day(connections: Connections, text: str | None, option: str) -> date | None:
    if text is None:
        return None
    from orchestration_assets.reports.calendar import parse_period
    from orchestration_assets.reports.queries import calendar_of

    try:
        return parse_period("day", text, calendar_of(connections.settings)).start
    except BadInput as error:
        raise BadInput(f"{option} {error}") from None
