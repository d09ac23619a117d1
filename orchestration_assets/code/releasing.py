"""Handing a project over: the files of its release bundle, in the object store and in a folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.code.model import RELEASE_BUNDLES, Bar, ProjectProposal, ReleasedFile, Specification
from orchestration_assets.code.scheduling import Step
from resources.errors import BadInput
from resources.language_model.prices import load_prices, prices_of

if TYPE_CHECKING:
    from orchestration_assets.code.bundle import BundleInput, Made
    from orchestration_assets.code.ledger import Attempt
    from orchestration_assets.code.state import Built
    from resources.object_store import ObjectStore
    from resources.settings import Settings
    from resources.source_trees import Trees
    from resources.warehouse import Warehouse


def make_release(
    warehouse: Warehouse,
    store: ObjectStore,
    project: str,
    built: BundleInput,
) -> list[ReleasedFile]:
    """Makes and stores the bundle of a build that is green, and its report as a document."""
    from orchestration_assets.code.bundle import REPORT, make_bundle
    from orchestration_assets.code.making import keep_report

    bundle = make_bundle(built)
    rows = [
        ReleasedFile(
            project=project,
            name=file.name,
            media_type=file.media_type,
            sha256=store.put_immutable(file.data, file.media_type),
            size=len(file.data),
        )
        for file in bundle.files
    ]
    with warehouse.write() as session:
        session.replace(RELEASE_BUNDLES, rows, "project = ?", [project])
    report = next(file.data for file in bundle.files if file.name == REPORT)
    keep_report(warehouse, store, "build_report", project, {"html": report})
    return rows


def proposed(warehouse: Warehouse, trees: Trees, specification: Specification, built: BundleInput) -> ProjectProposal:
    """The pull request that brings the project to the repository of its specification, on top of its default branch. Raises
    SourceUnavailable where the repository cannot be had, or its branch is not known."""
    from orchestration_assets.activity.model import BRANCHES
    from orchestration_assets.code.telling import proposal
    from resources.git.mirrors import default_tips
    from resources.source_trees import SourceUnavailable, at_head, default_branch

    repository = at_head(trees, specification.repository)
    tips = default_tips(repository)
    with warehouse.read() as session:
        branches = session.rows(BRANCHES)
    base = default_branch(repository.default_branch, tips[0], specification.repository, branches) if tips else ""
    if not base:
        raise SourceUnavailable(
            f"The default branch of {specification.repository} is not known; name the repository in SOLOIST_GITHUB_REPOSITORIES, so that "
            "its branches are heard of."
        )
    return proposal(specification, built, base, tips[0])


def bundle_input(settings: Settings, project: str, built: Built, attempts: Sequence[Attempt]) -> BundleInput:
    """What a green build is as a bundle: its files, what its tests came to, and who made what."""
    from orchestration_assets.code.bundle import BundleInput
    from orchestration_assets.code.quality import TestReport

    assert built.integration is not None
    report = built.integration.report
    return BundleInput(
        project=project,
        plan=built.plan,
        sources={path: text.encode() for path, text in built.sources.items()},
        report=TestReport.model_validate(report["tests"]),
        criteria=report["criteria"],
        made=_made(settings, built, attempts),
        bars=tuple(bars_of(attempts)),
    )


def _made(settings: Settings, built: Built, attempts: Sequence[Attempt]) -> tuple[Made, ...]:
    """Who wrote each task, in the order of the plan: whoever did so last, and what all attempts took."""
    from orchestration_assets.code.bundle import Made

    table = load_prices(settings.prices_path)
    of_task: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.step is Step.WRITE and attempt.maker:
            of_task[attempt.task].append(attempt)
    found: list[Made] = []
    for task in built.plan.tasks:
        if not (tries := of_task[task.id]):
            continue
        tokens_in, tokens_out = sum(each.tokens_in for each in tries), sum(each.tokens_out for each in tries)
        found.append(
            Made(
                task=task.id,
                maker=tries[-1].maker,
                prompt_version=tries[-1].agent_version,
                calls=sum(each.calls for each in tries),
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                cost=prices_of(table, tries[-1].maker).cost(tokens_in, 0, tokens_out),
            )
        )
    return tuple(found)


def bars_of(attempts: Sequence[Attempt]) -> list[Bar]:
    """What was done when, in the order in which it was begun."""
    if not attempts:
        return []
    began = [each.ended_at - timedelta(seconds=each.seconds) for each in attempts]
    first = min(began)
    found = [
        Bar(
            task=each.task,
            step=each.step,
            start=round((start - first).total_seconds(), 3),
            seconds=round(each.seconds, 3),
            outcome=each.outcome,
        )
        for each, start in zip(attempts, began, strict=True)
    ]
    return sorted(found, key=lambda bar: (bar.start, bar.task))


def write_release(warehouse: Warehouse, store: ObjectStore, project: str, folder: Path) -> list[Path]:
    """Writes the files of a bundle into a folder, each whole or not at all. Raises BadInput where that cannot be."""
    with warehouse.read() as session:
        rows = session.rows(RELEASE_BUNDLES, where="project = ?", params=[project], order_by="name")
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows:
            path = folder / row.name
            temporary = path.with_name(f".{row.name}.{os.getpid()}.tmp")
            temporary.write_bytes(store.get_verified(row.sha256))
            temporary.replace(path)
            written.append(path)
    except OSError as error:
        raise BadInput(
            f"The bundle cannot be written to {folder} ({error.strerror}); name another folder with --output."
        ) from None
    return written
