"""What `soloist build` does: registers a specification, has the assets of its project made, and shows how far that is."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from orchestration_assets.dagster_home import opened_instance
from orchestration_assets.derivation import ONLY_CHANGED, Policy
from orchestration_assets.reports.phrasing import counted
from resources import progress
from resources.errors import BadInput

if TYPE_CHECKING:
    from orchestration_assets.code.model import Specification
    from orchestration_assets.code.spending import Spent
    from orchestration_assets.running import Totals
    from orchestration_assets.session import Connections


class BuildResult(BaseModel):
    """What `soloist build --json` prints. `made` are the tasks that this command finished, `given_up` the dead letters; `concerns` and `problems`
    are sentences, and there is no problem where the project is complete. `repository` is the one that it is proposed to, "" for none."""

    project: str
    repository: str
    complete: bool
    tasks: int
    done: int
    made: int
    given_up: list[str]
    files: list[str]
    calls: int
    tokens_in: int
    tokens_out: int
    seconds: float
    concerns: list[str]
    problems: list[str]


def build_command(
    connections: Connections,
    named: str | Path,
    project: str | None = None,
    policy: Policy = ONLY_CHANGED,
    output: Path | None = None,
    propose: str | None = None,
    *,
    as_json: bool = False,
) -> int:
    """`soloist build SPEC.md`, or of an issue, `owner/name#12`. Returns the exit status: 1 where the project is not complete. Raises
    NeedsModel, BadInput.

    Where a build was stopped, the same command goes on from there. `output` is a folder that gets the files of the bundle, `propose` the
    repository `owner/name` that gets a pull request with them, of this build alone. What a person can mend is looked at before the model is.
    """
    from orchestration_assets.code.making import attempts_of, register, require_model
    from orchestration_assets.code.releasing import require_folder, write_release
    from orchestration_assets.code.specification import require_room
    from orchestration_assets.code.spending import calls_of
    from orchestration_assets.connections import open_language_model

    if propose is not None:
        _require_repository(connections, propose)
    if output is not None:
        require_folder(output)
    found = _specified(connections, str(named), project, propose)
    model = open_language_model(connections.settings, connections.warehouse)
    require_model(model)
    require_room(found.text, model.context, f"The issue {found.issue}" if found.issue else str(named))
    remembered = _proposed_before(connections, found.project)
    specification = register(connections.settings, connections.warehouse, found)
    if propose is None and remembered and remembered.lower() != found.repository.lower():
        where = f"to {found.repository}, where its issue is" if found.repository else "nowhere"
        sys.stderr.write(
            f"soloist: {found.project} is proposed {where}, and no longer to {remembered}; --propose counts for the build that it is given with.\n"
        )
    for concern in specification.concerns:
        sys.stderr.write(f"soloist: {concern}\n")
    began, before = time.monotonic(), len(attempts_of(connections.settings, specification.project))
    asked = calls_of(connections.warehouse, specification.project)
    totals = _made(connections, specification.project, policy, show=not as_json and sys.stderr.isatty())
    asked = calls_of(connections.warehouse, specification.project) - asked
    result = _result(connections, specification, before, asked, totals, time.monotonic() - began)
    for sentence in [*result.concerns[len(specification.concerns) :], *result.problems]:
        sys.stderr.write(f"soloist: {sentence}\n")
    if output is not None and result.complete:
        write_release(connections.warehouse, connections.store, specification.project, output)
    if as_json:
        sys.stdout.write(result.model_dump_json(indent=2) + "\n")
    else:
        _tell(connections, result)
    return 0 if result.complete else 1


def _require_repository(connections: Connections, propose: str) -> None:
    """Raises BadInput for a repository that the outbox would send nothing to."""
    from resources.outbox.policy import Policy

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", propose):
        raise BadInput(f"{propose!r} names no repository; --propose takes owner/name.")
    if propose.lower() not in Policy.of(connections.settings).repositories:
        raise BadInput(
            f"{propose} is not named in SOLOIST_GITHUB_REPOSITORIES, so nothing can be proposed there; name it there, or leave --propose out."
        )


def _proposed_before(connections: Connections, project: str) -> str:
    """The repository that the project was to be proposed to when it was last built; "" for none."""
    from orchestration_assets.code.model import SPECIFICATIONS

    with connections.warehouse.read() as session:
        known = session.rows(SPECIFICATIONS, where="project = ?", params=[project])
    return known[0].repository if known else ""


def _specified(connections: Connections, named: str, project: str | None, propose: str | None) -> Specification:
    """The specification in the file or the issue of that name, whatever its length. Raises BadInput, and RestError where nothing is known of
    an issue."""
    from orchestration_assets.code.issues import is_issue, issue_named
    from orchestration_assets.code.making import hear_of_issue, specification_in_issue
    from orchestration_assets.code.specification import read_specification
    from resources.rest.errors import RestError

    if is_issue(named) and not Path(named).exists():
        try:
            hear_of_issue(connections.settings, connections.warehouse, named)
        except RestError as error:
            with connections.warehouse.read() as session:
                if issue_named(session, named) is None:
                    raise
            sys.stderr.write(f"soloist: {error} The issue is built as it was last heard of.\n")
        with connections.warehouse.read() as session:
            found = specification_in_issue(session, named, project, None)
    else:
        found = read_specification(Path(named), project, None)
    return found if propose is None else found.model_copy(update={"repository": propose})


def _made(connections: Connections, project: str, policy: Policy, *, show: bool) -> Totals:
    """Has the assets made; the failures say why some could not be."""
    from orchestration_assets import running
    from orchestration_assets.code.jobs import build_project_job
    from orchestration_assets.code.partitions import PROJECTS
    from orchestration_assets.commands import quiet_dagster
    from orchestration_assets.definitions import build_definitions

    totals = running.Totals()
    with quiet_dagster(), opened_instance(connections.settings) as instance:
        from sensors.dead_runs import reap_dead_runs

        reap_dead_runs(instance)
        running.require_free_pools(instance)
        instance.add_dynamic_partitions(str(PROJECTS.name), [project])
        tags = {"dagster/partition": project}
        with _live(project, enabled=show):
            running.execute(build_definitions(), instance, build_project_job.name, tags, totals, policy)
    return totals


def _result(
    connections: Connections, specification: Specification, before: int, asked: Spent, totals: Totals, seconds: float
) -> BuildResult:
    from orchestration_assets.code.ledger import Ledger
    from orchestration_assets.code.making import builds_path, plan_of
    from orchestration_assets.code.plan_rules import PlanRefused
    from orchestration_assets.code.state import as_left

    problems = list(dict.fromkeys(totals.failures))
    ledger = Ledger(builds_path(connections.settings))
    try:
        attempts = ledger.attempts(specification.project)[before:]
        with connections.warehouse.read() as session:
            plan = plan_of(session, specification.project)
        built = as_left(ledger, specification.project, plan)
    except PlanRefused:
        built = None
    finally:
        ledger.close()
    return BuildResult(
        project=specification.project,
        repository=specification.repository,
        complete=built is not None and built.is_green and not problems,
        tasks=len(built.plan.tasks) if built is not None else 0,
        done=len(built.done) if built is not None else 0,
        made=len(
            {attempt.task for attempt in attempts if attempt.outcome == "passed"} & set(built.done if built else ())
        ),
        given_up=list(built.dead) if built is not None else [],
        files=list(built.sources) if built is not None else [],
        calls=asked.calls,
        tokens_in=asked.tokens_in,
        tokens_out=asked.tokens_out,
        seconds=round(seconds, 3),
        concerns=list(dict.fromkeys([*specification.concerns, *totals.problems])),
        problems=problems,
    )


def _tell(connections: Connections, result: BuildResult) -> None:
    from orchestration_assets.code.model import RELEASE_BUNDLES
    from orchestration_assets.commands import where_documents_lie

    if result.complete:
        done = "its one task is" if result.tasks == 1 else f"all {result.tasks} tasks are"
        sys.stderr.write(
            f"{result.project}: {done} done ({result.made} now), {counted(len(result.files), 'file', 'files')}, all tests pass; "
            f"{counted(result.calls, 'call', 'calls')}, {result.seconds:.1f} s.\n"
        )
        address = connections.settings.documents_url
        for document in ("build_report/{}.html", "unit_test_report/{}.md", "integration_report/{}.md"):
            sys.stderr.write(f"  {address}/documents/{document.format(result.project)}\n")
        with connections.warehouse.read() as session:
            released = session.rows(RELEASE_BUNDLES, where="project = ?", params=[result.project], order_by="name")
        sys.stderr.write(
            f"The bundle, kept in {where_documents_lie(connections)}; --output FOLDER writes it to a folder:\n"
        )
        for file in released:
            sys.stderr.write(f"  {file.sha256[:12]} {file.size:9,} {file.name}\n")
        if result.repository and (waiting := _waiting(connections, result.repository)):
            sys.stderr.write(
                f"What is to be said in {result.repository} waits in the outbox ({waiting}); `soloist publish --dry-run` shows it, and "
                "`soloist publish` sends it where SOLOIST_PUBLISH is on.\n"
            )
    elif result.tasks:
        sys.stderr.write(
            f"{result.project}: {result.done} of {counted(result.tasks, 'task', 'tasks')} done; what is done is kept, and the same command goes "
            "on from there.\n"
        )


def _waiting(connections: Connections, repository: str) -> int:
    """Effects in the outbox that are for a repository and were not sent."""
    from orchestration_assets.connections import open_outbox

    with contextlib.closing(open_outbox(connections.settings)) as outbox:
        waiting = outbox.latest("waiting", 1000)
    return sum(re.split("[:#]", effect.target)[0].lower() == repository.lower() for effect in waiting)


@contextlib.contextmanager
def _live(project: str, *, enabled: bool) -> Iterator[None]:
    """A bar on standard error, and above it what happens, a line each."""
    if not enabled:
        yield
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from orchestration_assets.code.making import NEWS, STANDING

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{project}: planning", total=None)

        def follow(what: str, done: int, total: int | None) -> None:
            if what.startswith(STANDING):
                bar.update(
                    task, description=f"{project}: {escape(what.removeprefix(STANDING))}", completed=done, total=total
                )
            elif what.startswith(NEWS):
                bar.console.print(escape(" ".join(what.removeprefix(NEWS).split())), highlight=False)

        with progress.listening(follow):
            yield
