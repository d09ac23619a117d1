"""Making what a project needs, one after another: its specification, its plan, its files. Assets and the command line call this.

What belongs here: reading rows, handing them to an agent or to a build, writing rows.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration_assets.activity.model import ISSUES
from orchestration_assets.code.issues import fingerprint, issue_named, name_of, parts, project_of, text_of
from orchestration_assets.code.model import BUILD_PLANS, SPECIFICATIONS, BuildPlan, Plan, Specification
from orchestration_assets.code.plan_rules import PlanRefused
from orchestration_assets.code.planning_agent import NO_MODEL, NeedsModel, PlanningAgent
from orchestration_assets.code.specification import specification
from orchestration_assets.derivation import (
    DERIVATIONS,
    EXTRACTIVE,
    ONLY_CHANGED,
    Derived,
    Inputs,
    Policy,
    derive,
    pending,
)
from orchestration_assets.model_records import KeptReplies, keep
from orchestration_assets.reports.documents import Rendered, store_documents
from orchestration_assets.reports.model import DOCUMENTS
from resources import progress
from resources.errors import BadInput, SoloistError
from resources.language_model.agent import content_hash

if TYPE_CHECKING:
    from orchestration_assets.code.building import Standing
    from orchestration_assets.code.checking import Checker
    from orchestration_assets.code.ledger import Attempt, Ledger
    from orchestration_assets.code.state import Built
    from orchestration_assets.reports.documents import Format
    from resources.language_model.runner import LanguageModel
    from resources.object_store import ObjectStore
    from resources.sandbox import Sandbox
    from resources.settings import Settings
    from resources.warehouse import Session, Warehouse

STANDING, NEWS = "building: ", "news: "
"""How a report of progress begins that says how a build stands, or what is new."""
LIBRARIES: tuple[str, ...] = ()
"""Distributions that a plan may name. The sandbox installs nothing, so that there are none."""


def builds_path(settings: Settings) -> Path:
    """The ledger of builds."""
    return settings.home / "builds.db"


def require_model(model: LanguageModel) -> None:
    """Raises NeedsModel where none is configured."""
    if model.maker == EXTRACTIVE:
        raise NeedsModel(NO_MODEL)


def register(settings: Settings, warehouse: Warehouse, found: Specification) -> Specification:
    """Keeps a specification as that of its project. Raises BadInput where the project is another issue's, or a file's and not an issue's, and
    SoloistError while it is being built."""
    with only_build(settings, found.project), warehouse.write() as session:
        known = session.rows(SPECIFICATIONS, where="project = ?", params=[found.project])
        if known and known[0].issue.lower() != found.issue.lower():
            raise BadInput(
                f"The project {found.project} is that of {known[0].issue or 'a file'}, not of {found.issue or 'a file'}; name another one with "
                "--project."
            )
        session.merge(SPECIFICATIONS, [found])
    return found


def specification_in_issue(
    session: Session, name: str, project: str | None, context: int | None, expected: str = ""
) -> Specification:
    """What an issue on GitHub, `owner/name#12`, asks for; the finished project is proposed to its repository. `context` is that of the model,
    or None where none was looked at yet; `expected` is the fingerprint of the only text that may be built. Raises BadInput."""
    issue = issue_named(session, name)
    if issue is None:
        raise BadInput(
            f"Nothing was heard of the issue {name} yet; name its repository in SOLOIST_GITHUB_REPOSITORIES, or build it with `soloist build {name}`."
        )
    if issue.state == "deleted":
        raise BadInput(f"The issue {name} was deleted; save the specification as a Markdown file to build it.")
    if expected and fingerprint(issue) != expected:
        raise BadInput(f"The text of {name} was changed after it was labelled, so it is not built.")
    name = name_of(issue)
    found = specification(text_of(issue), project or project_of(name), context, f"The issue {name}")
    return found.model_copy(update={"issue": name, "repository": issue.repository})


def hear_of_issue(settings: Settings, warehouse: Warehouse, name: str) -> None:
    """Asks GitHub how an issue stands now, and keeps that. Raises BadInput for what is no issue, and RestError."""
    from resources.github import reading
    from resources.github.client import open_github

    repository, number = parts(name)
    with open_github(settings) as client:
        answered = client.get(f"/repos/{repository}/issues/{number}", f"the issue {name}").body
    if not isinstance(answered, dict) or "pull_request" in answered:
        raise BadInput(f"{name} is no issue; a specification is an issue or a Markdown file.")
    try:
        issue = reading.issue(answered, repository)
    except reading.Unreadable as error:
        raise BadInput(f"What GitHub tells of {name} cannot be read: {error}.") from None
    with warehouse.write() as session:
        session.merge(ISSUES, [issue])


def specification_of(session: Session, project: str) -> Specification:
    """Raises BadInput where none was registered."""
    found = session.rows(SPECIFICATIONS, where="project = ?", params=[project])
    if not found:
        raise BadInput(
            f"The project {project!r} has no specification; give it one with `soloist build SPEC.md --project {project}`."
        )
    return found[0]


def issue_of(warehouse: Warehouse, project: str) -> str:
    """The issue that a project is built for; "" where it is none's, or there is no such project."""
    with warehouse.read() as session:
        found = session.rows(SPECIFICATIONS, where="project = ?", params=[project])
    return found[0].issue if found else ""


def plan_of(session: Session, project: str) -> Plan:
    """The plan as it was made of the specification. Raises PlanRefused, with the reason where there is one."""
    found = session.rows(BUILD_PLANS, where="project = ?", params=[project])
    sha256 = specification_of(session, project).sha256
    if not found or found[0].specification != sha256:
        raise PlanRefused(f"The project {project!r} has no plan of its specification yet; `soloist build` makes it.")
    if refusal := found[0].plan.refusal:
        raise PlanRefused(f"The planner makes no plan of the specification of {project}: {refusal}")
    return found[0].plan


def make_plan(
    settings: Settings, warehouse: Warehouse, model: LanguageModel, project: str, policy: Policy = ONLY_CHANGED
) -> Derived:
    """Plans a project unless that was done with the same specification. Raises NeedsModel, PlanRefused, and SoloistError while it is being
    built."""
    require_model(model)
    with only_build(settings, project):
        return _planned(warehouse, model, project, policy)


def _planned(warehouse: Warehouse, model: LanguageModel, project: str, policy: Policy) -> Derived:
    agent = PlanningAgent(model.context, LIBRARIES)
    with warehouse.read() as session:
        item = specification_of(session, project)
        asked = pending(
            session,
            agent.name,
            agent.version,
            model.maker,
            Inputs.of({project: content_hash(item.sha256, item.concerns)}),
            policy,
        )

    def write(session: Session, made: Sequence[tuple[Specification, Plan]]) -> None:
        rows = [BuildPlan(project=each.project, specification=each.sha256, plan=plan) for each, plan in made]
        session.merge(BUILD_PLANS, rows)

    derived = derive(warehouse, model, agent, [item] if asked.stale else [], asked, write)
    with warehouse.read() as session:
        rows = session.rows(DERIVATIONS, where="agent = ? AND key = ?", params=[agent.name, project])
        if rows and rows[0].transient:
            raise SoloistError(f"No plan of {project} was made yet ({str(rows[0].reason).rstrip('.')}); run again.")
        if rows and rows[0].reason is not None:
            raise PlanRefused(
                f"No plan could be made of the specification of {project}: {rows[0].reason.rstrip('.')}; make the specification clearer, or run "
                "again with --retry-failed."
            )
        plan_of(session, project)
    return derived


def make_files(
    settings: Settings,
    warehouse: Warehouse,
    model: LanguageModel,
    project: str,
    checker: Callable[[Ledger], Checker],
    tell: Callable[[Standing], None] = lambda standing: None,
    *,
    retry_failed: bool = False,
) -> Built:
    """Builds a project, going on from where the last build of its plan was left. Raises NeedsModel, PlanRefused, EndpointError,
    CannotCheck, and BuildInterrupted where the next run is to go on."""
    require_model(model)
    with warehouse.read() as session:
        plan = plan_of(session, project)
    with only_build(settings, project):
        return asyncio.run(_built(settings, warehouse, model, project, plan, checker, tell, retry_failed=retry_failed))


async def _built(
    settings: Settings,
    warehouse: Warehouse,
    model: LanguageModel,
    project: str,
    plan: Plan,
    checker: Callable[[Ledger], Checker],
    tell: Callable[[Standing], None],
    *,
    retry_failed: bool,
) -> Built:
    from orchestration_assets.code.building import Build, Terms
    from orchestration_assets.code.ledger import Ledger
    from resources.language_model.asking import Asking
    from resources.language_model.runner import chosen_backend

    config = model.urgent().config  # a batch file would be answered tomorrow
    backend = chosen_backend(config.model_copy(update={"max_in_flight": wire_limit(config.max_in_flight)}))
    assert backend is not None

    def commit(group: Sequence[Any]) -> None:
        with warehouse.write() as session:
            keep(session, group)

    ledger = Ledger(builds_path(settings))
    try:
        async with Asking(backend, config.max_repairs, KeptReplies(warehouse), commit) as asking:
            terms = Terms(config.max_in_flight, os.cpu_count() or 2, model.context, LIBRARIES)
            build = Build(project, ledger, asking, model.maker, checker(ledger), terms, tell)
            return await build.run(plan, retry_failed=retry_failed)
    finally:
        ledger.close()


def wire_limit(in_flight: int) -> int:
    """What the transport is told of how many requests there may be at once. It takes answers that are twice as slow as others for a sign of a
    queue, and goes down to a quarter; here they are slow because tasks differ. The schedule alone bounds how many there are; the transport
    still goes as low as an endpoint asks that turns requests away."""
    return 4 * in_flight


def sandbox_checker(sandbox: Sandbox, settings: Settings) -> Callable[[Ledger], Checker]:
    """Tests in the sandbox, by the rules of every project."""
    from orchestration_assets.code.quality import GateSettings
    from orchestration_assets.code.quality_checking import KeptReports, SandboxChecker

    gate = GateSettings(coverage=settings.build_coverage, mutants=settings.build_mutants)
    return lambda ledger: SandboxChecker(sandbox, KeptReports(ledger), gate, strategy=settings.build_strategy)


@contextmanager
def only_build(settings: Settings, project: str) -> Iterator[None]:
    """Lets one build at a time work on a project; a second one gets a sentence instead of a wait."""
    folder = settings.home / "builds"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{project}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SoloistError(
                f"The project {project} is being built by another process; wait until it is done."
            ) from None
        yield


class BuildIncomplete(SoloistError):
    """Some task is among the dead letters, or the whole is not right."""


def built_of(settings: Settings, warehouse: Warehouse, project: str) -> Built:
    """What the last build of the project's plan came to. Raises BuildIncomplete where it is not green, and PlanRefused."""
    from orchestration_assets.code.ledger import Ledger
    from orchestration_assets.code.reporting import not_done
    from orchestration_assets.code.state import as_left

    with warehouse.read() as session:
        plan = plan_of(session, project)
    ledger = Ledger(builds_path(settings))
    try:
        built, letters = as_left(ledger, project, plan), ledger.dead_letters(project)
    finally:
        ledger.close()
    if built is None:
        raise BuildIncomplete(f"The files of {project} were not made yet; run `soloist build`.")
    if not built.is_green:
        raise BuildIncomplete(
            f"The build of {project} is not complete: {not_done(built, letters)}; run again with --retry-failed, or change the specification."
        )
    return built


def attempts_of(settings: Settings, project: str) -> list[Attempt]:
    """Every step that was tried for a project, in the order in which they ended."""
    from orchestration_assets.code.ledger import Ledger

    ledger = Ledger(builds_path(settings))
    try:
        return ledger.attempts(project)
    finally:
        ledger.close()


def keep_report(
    warehouse: Warehouse, store: ObjectStore, kind: str, project: str, formats: Mapping[Format, bytes]
) -> None:
    """Stores a document of a project; its row is written last."""
    rendered = Rendered(
        kind=kind, key=project, title=f"{kind.replace('_', ' ').capitalize()} of {project}", formats=formats
    )
    documents = store_documents(store, [rendered])
    with warehouse.write() as session:
        session.merge(DOCUMENTS, documents)


def reported(standing: Standing) -> None:
    """Tells whoever listens how far a build is; news first, a sentence each."""
    for sentence in standing.news:
        progress.report(f"{NEWS}{sentence}", standing.done, standing.total)
    parts = [f"{len(standing.writing)} being written", f"{len(standing.checking)} being tested"]
    if standing.dead:
        parts.append(f"{standing.dead} given up")
    progress.report(f"{STANDING}{', '.join(parts)}", standing.done, standing.total)
