"""The assets of this domain: from a specification to its files and what their tests say, each project a partition."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from orchestration_assets.asset_support import (
    MODEL_POOL,
    OWNERS,
    MakingConfig,
    code_version,
    count_metadata,
    model_metadata,
)
from orchestration_assets.code.partitions import PROJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestration_assets.code.ledger import Attempt
    from orchestration_assets.code.model import Plan
    from orchestration_assets.code.state import Built
    from resources.settings import Settings

TOLD_TAG = "soloist/told"
"""Of a run that ended with a word to whoever asked for the build."""
_MOST_ATTEMPTS = 200
"""The last so many are listed."""
EACH = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
"""A project is built in a run of its own."""
_CONNECTIONS = {"settings", "warehouse", "object_store", "language_model"}
_AGENTS = (
    "code/planning_agent.py",
    "code/plan_rules.py",
    "code/paths.py",
    "code/modules.py",
    "code/quality/files.py",
    "code/prompts/build_plan.md",
)
_ENGINE = ("code/*.py", "code/quality/**/*.py", "code/prompts/source_files.md")


class SpecificationConfig(dg.Config):
    """Where a specification comes from; neither: what was registered for the project before."""

    path: str = Field(default="", description="A Markdown file.")
    issue: str = Field(default="", description="An issue on GitHub that was heard of, `owner/name#12`.")
    fingerprint: str = Field(
        default="", description="Of the text of the issue that may be built; empty: whatever it is."
    )


@dg.asset(
    deps=[dg.AssetKey("issues")],
    partitions_def=PROJECTS,
    backfill_policy=EACH,
    group_name="code",
    kinds={"markdown", "duckdb"},
    owners=OWNERS,
    code_version=code_version("code/specification.py"),
    required_resource_keys={"settings", "warehouse", "language_model", "outbox"},
)
def specification(context: dg.AssetExecutionContext, config: SpecificationConfig) -> dg.MaterializeResult[None]:
    """What a person wrote about a program that is to be built, and what no build may give of it."""
    from pathlib import Path

    from orchestration_assets.code.making import register, specification_in_issue, specification_of
    from orchestration_assets.code.specification import read_specification

    warehouse, project, room = (
        context.resources.warehouse,
        context.partition_key,
        context.resources.language_model.context,
    )
    with _told(context, config.issue):
        if config.path:
            found = read_specification(Path(config.path), project, room)
        else:
            with warehouse.read() as session:
                if config.issue:
                    found = specification_in_issue(session, config.issue, project, room, config.fingerprint)
                else:
                    found = specification_of(session, project)
        register(context.resources.settings, warehouse, found)
    return dg.MaterializeResult(
        metadata={
            "title": found.title,
            "characters": len(found.text),
            "sha256": found.sha256,
            "issue": found.issue or "none",
            "problems": dg.MetadataValue.json(found.concerns),
            "preview": dg.MetadataValue.md(f"```markdown\n{found.text[:20_000].replace('```', '~~~')}\n```"),
        }
    )


@dg.asset(
    deps=[specification],
    partitions_def=PROJECTS,
    backfill_policy=EACH,
    pool=MODEL_POOL,
    group_name="code",
    kinds={"openai", "duckdb"},
    owners=OWNERS,
    code_version=code_version(*_AGENTS),
    required_resource_keys={"settings", "warehouse", "language_model", "outbox"},
)
def build_plan(context: dg.AssetExecutionContext, config: MakingConfig) -> dg.MaterializeResult[None]:
    """Tasks with their files, interfaces, criteria, dependencies and estimates, checked against the rules of a plan. Needs a model."""
    from orchestration_assets.code.making import make_plan
    from orchestration_assets.reports import neutral

    connected = context.resources
    with _told(context):
        derived = make_plan(
            connected.settings, connected.warehouse, connected.language_model, context.partition_key, config.policy
        )
    plan = _plan(context)
    criteria = "\n".join(f"- **{neutral.markdown(each.id)}** {neutral.markdown(each.text)}" for each in plan.criteria)
    return dg.MaterializeResult(
        metadata={
            **count_metadata(derived.counts),
            **model_metadata(derived, connected.language_model, connected.settings),
            "tasks": len(plan.tasks),
            "criteria": dg.MetadataValue.md(criteria),
            "problems": dg.MetadataValue.json(list(plan.contradictions)),
        }
    )


@dg.asset(
    deps=[build_plan],
    partitions_def=PROJECTS,
    backfill_policy=EACH,
    group_name="code",
    kinds={"python", "mermaid"},
    owners=OWNERS,
    code_version=code_version("code/plan_graph.py", "code/dependency_graph.py", "code/pictures.py"),
    required_resource_keys={"warehouse"},
)
def import_graph(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Which files are to import which, by the plan: what can be made at the same time, and the longest chain by the estimates."""
    from orchestration_assets.code.pictures import as_markdown, graph_picture
    from orchestration_assets.code.plan_graph import graph_of_plan, mermaid, minutes

    plan = _plan(context)
    graph = graph_of_plan(plan)
    path = graph.critical_path(minutes(plan))
    return dg.MaterializeResult(
        metadata={
            "picture": dg.MetadataValue.md(as_markdown(graph_picture(plan), "the tasks and what they wait for")),
            "levels": dg.MetadataValue.json(graph.levels()),
            "critical_path": dg.MetadataValue.json(list(path.nodes)),
            "critical_path_minutes": path.length,
            "minutes": sum(minutes(plan).values()),
            "graph": dg.MetadataValue.md(f"```mermaid\n{mermaid(plan)}\n```"),
        }
    )


@dg.asset(
    deps=[build_plan, import_graph],
    partitions_def=PROJECTS,
    backfill_policy=EACH,
    pool=MODEL_POOL,
    group_name="code",
    kinds={"openai", "python", "sqlite"},
    owners=OWNERS,
    code_version=code_version(*_ENGINE),
    required_resource_keys={"settings", "warehouse", "language_model", "sandbox", "outbox"},
)
def source_files(context: dg.AssetExecutionContext, config: MakingConfig) -> dg.MaterializeResult[None]:
    """The files of the plan, written, tested in the sandbox and mended until all is right. A build that was stopped goes on. Needs a model."""
    from orchestration_assets.code.making import attempts_of, built_of, make_files, reported, sandbox_checker
    from orchestration_assets.code.pictures import as_markdown, gantt_picture
    from orchestration_assets.code.releasing import bars_of
    from orchestration_assets.code.reporting import attempts_table
    from orchestration_assets.derivation import Counts
    from resources.errors import SoloistError

    connected, project = context.resources, context.partition_key
    settings, warehouse = connected.settings, connected.warehouse
    before = len(attempts_of(settings, project))
    make_files(
        settings,
        warehouse,
        connected.language_model,
        project,
        sandbox_checker(connected.sandbox, settings),
        reported,
        retry_failed=config.retry_failed,
    )
    attempts = attempts_of(settings, project)
    history = {
        **_cost_metadata(attempts[before:], connected.language_model.maker, settings),
        "gantt": dg.MetadataValue.md(as_markdown(gantt_picture(bars_of(attempts)), "what was done when")),
        "attempts": dg.MetadataValue.md(attempts_table(attempts[-_MOST_ATTEMPTS:])),
    }
    try:
        with _told(context):
            built = built_of(settings, warehouse, project)
    except SoloistError:
        context.log_event(
            dg.AssetObservation(asset_key=context.asset_key, partition=project, metadata=dict(history.items()))
        )
        raise
    made = {attempt.task for attempt in attempts[before:] if attempt.outcome == "passed"} & set(built.done)
    total = len(built.plan.tasks)
    return dg.MaterializeResult(
        metadata={
            **count_metadata(Counts(read=total, made=len(made), unchanged=total - len(made))),
            **history,
            "files": dg.MetadataValue.json({path: len(text) for path, text in built.sources.items()}),
        }
    )


@dg.asset(
    deps=[source_files],
    partitions_def=PROJECTS,
    backfill_policy=EACH,
    group_name="code",
    kinds={"markdown", "pytest"},
    owners=OWNERS,
    code_version=code_version("code/reporting.py"),
    required_resource_keys=_CONNECTIONS,
)
def unit_test_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """What the tests of each task came to when it was done."""
    from orchestration_assets.code.reporting import unit_test_report as report

    return _report(context, "unit_test_report", report(context.partition_key, _built(context)))


@dg.asset(
    deps=[source_files, unit_test_report],
    partitions_def=PROJECTS,
    backfill_policy=EACH,
    group_name="code",
    kinds={"markdown", "pytest"},
    owners=OWNERS,
    code_version=code_version("code/reporting.py", "code/quality_checking.py"),
    required_resource_keys=_CONNECTIONS,
)
def integration_report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """What all tests came to over the whole, and which of them show each acceptance criterion."""
    from orchestration_assets.code.reporting import integration_report as report

    return _report(context, "integration_report", report(context.partition_key, _built(context)))


@dg.asset(
    deps=[source_files, integration_report],
    partitions_def=PROJECTS,
    backfill_policy=EACH,
    group_name="code",
    kinds={"git", "s3"},
    owners=OWNERS,
    code_version=code_version(
        "code/releasing.py", "code/spending.py", "code/pictures.py", "code/bundle/*.py", "code/bundle/templates/*"
    ),
    required_resource_keys=_CONNECTIONS | {"outbox"},
)
def release_bundle(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """The project as it is handed over: its history in git, an archive, the bill of materials, the report and the plan; where it is to go to a
    repository, also as a pull request."""
    from orchestration_assets.code.making import attempts_of, specification_of
    from orchestration_assets.code.releasing import bars_of, bundle_input, make_release, proposed
    from orchestration_assets.code.telling import finished
    from orchestration_assets.effects import propose_project, tell_of_build
    from resources.outbox.policy import Policy
    from resources.source_trees import SourceUnavailable, open_source_trees

    connected, project, problems = context.resources, context.partition_key, list[str]()
    policy = Policy.of(connected.settings)
    built = bundle_input(connected.settings, connected.warehouse, project, _built(context))
    bars = bars_of(attempts_of(connected.settings, project))
    files = make_release(connected.warehouse, connected.object_store, project, built, bars)
    with connected.warehouse.read() as session:
        specified = specification_of(session, project)
    if specified.repository:
        try:
            proposal = proposed(connected.warehouse, open_source_trees(connected.settings), specified, built)
            propose_project(connected.outbox, policy, proposal, problems)
        except SourceUnavailable as error:
            problems.append(f"No pull request is opened: {error}")
    if specified.issue:
        tell_of_build(connected.outbox, policy, finished(specified, built, problems), problems)
    table = "\n".join(f"| {file.name} | {file.size:,} | `{file.sha256}` |" for file in files)
    return dg.MaterializeResult(
        metadata={
            "files": dg.MetadataValue.md(f"| file | bytes | sha256 |\n| --- | ---: | --- |\n{table}"),
            "document": dg.MetadataValue.url(
                f"{connected.settings.documents_url}/documents/build_report/{project}.html"
            ),
            "repository": specified.repository or "none",
            "problems": dg.MetadataValue.json(problems),
        }
    )


@contextmanager
def _told(context: dg.AssetExecutionContext, issue: str = "") -> "Iterator[None]":
    """What keeps an issue from being built is told under it. `issue`: where the project has no specification yet."""
    from orchestration_assets.code.making import BuildIncomplete, issue_of
    from orchestration_assets.code.plan_rules import PlanRefused
    from orchestration_assets.code.telling import stopped
    from orchestration_assets.effects import tell_of_build
    from resources.errors import BadInput
    from resources.outbox.policy import Policy

    try:
        yield
    except (BadInput, PlanRefused, BuildIncomplete) as error:
        if issue := issue or issue_of(context.resources.warehouse, context.partition_key):
            policy = Policy.of(context.resources.settings)
            tell_of_build(context.resources.outbox, policy, stopped(issue, str(error)), [])
            context.instance.add_run_tags(context.run_id, {TOLD_TAG: "true"})
        raise


def _cost_metadata(attempts: "Sequence[Attempt]", maker: str, settings: "Settings") -> dict[str, Any]:
    """What these attempts took: calls, tokens and, where the prices are known, the cost."""
    from resources.language_model.prices import load_prices, prices_of

    asked = [attempt for attempt in attempts if attempt.maker]
    read, written = sum(each.tokens_in for each in asked), sum(each.tokens_out for each in asked)
    prices = prices_of(load_prices(settings.prices_path), maker)
    cost = prices.cost(read, 0, written)
    return {
        "maker": maker,
        "model/calls": sum(not attempt.recalled for attempt in asked),
        "model/answered_from_cache": sum(attempt.recalled for attempt in asked),
        "model/tokens_in": read,
        "model/tokens_out": written,
        "model/cost": "no price is known" if cost is None else f"{cost:.4f} {prices.currency}",
    }


def _plan(context: dg.AssetExecutionContext) -> "Plan":
    from orchestration_assets.code.making import plan_of

    with context.resources.warehouse.read() as session:
        return plan_of(session, context.partition_key)


def _built(context: dg.AssetExecutionContext) -> "Built":
    from orchestration_assets.code.making import built_of

    return built_of(context.resources.settings, context.resources.warehouse, context.partition_key)


def _report(context: dg.AssetExecutionContext, kind: str, formats: Any) -> dg.MaterializeResult[None]:
    from orchestration_assets.code.making import keep_report

    connected = context.resources
    keep_report(connected.warehouse, connected.object_store, kind, context.partition_key, formats)
    link = f"{connected.settings.documents_url}/documents/{kind}/{context.partition_key}.md"
    return dg.MaterializeResult(
        metadata={"document": dg.MetadataValue.url(link), "preview": dg.MetadataValue.md(formats["md"].decode())}
    )


ASSETS = (
    specification,
    build_plan,
    import_graph,
    source_files,
    unit_test_report,
    integration_report,
    release_bundle,
)
