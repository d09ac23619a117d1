"""What `soloist build` does: registers a specification, has the assets of its project made, and shows how far that is."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from orchestration_assets.dagster_home import opened_instance
from orchestration_assets.derivation import ONLY_CHANGED, Policy
from resources import progress

if TYPE_CHECKING:
    from orchestration_assets.code.model import Specification
    from orchestration_assets.session import Connections


class BuildResult(BaseModel):
    """What `soloist build --json` prints. `made` are the tasks that this command finished, `given_up` the dead letters; `problems` are
    sentences, none where the project is complete."""

    project: str
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
    path: Path,
    project: str | None = None,
    policy: Policy = ONLY_CHANGED,
    output: Path | None = None,
    *,
    as_json: bool = False,
) -> int:
    """`soloist build SPEC.md`. Returns the exit status: 1 where the project is not complete. Raises NeedsModel, BadInput.

    Where a build was stopped, the same command goes on from there. `output` is a folder that gets the files of the bundle.
    """
    from orchestration_assets.code.making import attempts_of, register, require_model
    from orchestration_assets.code.releasing import write_release
    from orchestration_assets.connections import open_language_model

    model = open_language_model(connections.settings, connections.warehouse)
    require_model(model)
    specification = register(connections.warehouse, path, project, model.context)
    for concern in specification.concerns:
        sys.stderr.write(f"soloist: {concern}\n")
    began, before = time.monotonic(), len(attempts_of(connections.settings, specification.project))
    problems = _made(connections, specification.project, policy, show=not as_json and sys.stderr.isatty())
    result = _result(connections, specification, before, problems, time.monotonic() - began)
    for problem in problems:
        sys.stderr.write(f"soloist: {problem}\n")
    if output is not None and result.complete:
        write_release(connections.warehouse, connections.store, specification.project, output)
    if as_json:
        sys.stdout.write(result.model_dump_json(indent=2) + "\n")
    else:
        _tell(connections, result)
    return 0 if result.complete else 1


def _made(connections: Connections, project: str, policy: Policy, *, show: bool) -> list[str]:
    """Has the assets made; gives why some could not be."""
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
    return list(dict.fromkeys(totals.failures))


def _result(
    connections: Connections, specification: Specification, before: int, problems: list[str], seconds: float
) -> BuildResult:
    from orchestration_assets.code.ledger import Ledger
    from orchestration_assets.code.making import builds_path, plan_of
    from orchestration_assets.code.plan_rules import PlanRefused
    from orchestration_assets.code.state import as_left

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
        complete=built is not None and built.is_green and not problems,
        tasks=len(built.plan.tasks) if built is not None else 0,
        done=len(built.done) if built is not None else 0,
        made=len(
            {attempt.task for attempt in attempts if attempt.outcome == "passed"} & set(built.done if built else ())
        ),
        given_up=list(built.dead) if built is not None else [],
        files=list(built.sources) if built is not None else [],
        calls=sum(attempt.calls for attempt in attempts),
        tokens_in=sum(attempt.tokens_in for attempt in attempts),
        tokens_out=sum(attempt.tokens_out for attempt in attempts),
        seconds=round(seconds, 3),
        concerns=specification.concerns,
        problems=problems,
    )


def _tell(connections: Connections, result: BuildResult) -> None:
    from orchestration_assets.code.model import RELEASE_BUNDLES
    from orchestration_assets.commands import where_documents_lie

    if result.complete:
        sys.stderr.write(
            f"{result.project}: all {result.tasks} tasks are done ({result.made} now), {len(result.files)} files, all tests pass; "
            f"{result.calls} calls, {result.seconds:.1f} s.\n"
        )
        address = connections.settings.documents_url
        for kind in ("unit_test_report", "integration_report"):
            sys.stderr.write(f"  {address}/documents/{kind}/{result.project}.md\n")
        with connections.warehouse.read() as session:
            released = session.rows(RELEASE_BUNDLES, where="project = ?", params=[result.project], order_by="name")
        sys.stderr.write(
            f"The bundle, kept in {where_documents_lie(connections)}; --output FOLDER writes it to a folder:\n"
        )
        for file in released:
            sys.stderr.write(f"  {file.sha256[:12]} {file.size:9,} {file.name}\n")
    elif result.tasks:
        sys.stderr.write(
            f"{result.project}: {result.done} of {result.tasks} tasks are done; what is done is kept, and `soloist build` goes on from there.\n"
        )


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
