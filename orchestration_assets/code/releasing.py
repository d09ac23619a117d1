"""Handing a project over: the files of its release bundle, in the object store and in a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration_assets.code.model import RELEASE_BUNDLES, Bar, ProjectProposal, ReleasedFile, Specification
from resources.errors import BadInput

if TYPE_CHECKING:
    from orchestration_assets.code.bundle import BundleInput
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
    bars: Sequence[Bar] = (),
) -> list[ReleasedFile]:
    """Makes and stores the bundle of a build that is green, and its report as a document, which also shows `bars`, what was done when."""
    from orchestration_assets.code.bundle import make_bundle
    from orchestration_assets.code.bundle.page import page
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
    keep_report(warehouse, store, "build_report", project, {"html": page(built, bars)})
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


def bundle_input(settings: Settings, warehouse: Warehouse, project: str, built: Built) -> BundleInput:
    """What a green build is as a bundle: its files, what its tests came to, and who made what."""
    from orchestration_assets.code.bundle import BundleInput
    from orchestration_assets.code.quality import TestReport
    from orchestration_assets.code.spending import who_made_what

    assert built.integration is not None
    report = built.integration.report
    return BundleInput(
        project=project,
        plan=built.plan,
        sources={path: text.encode() for path, text in built.sources.items()},
        report=TestReport.model_validate(report["tests"]),
        criteria=report["criteria"],
        made=who_made_what(settings, warehouse, project, built.plan),
    )


def bars_of(attempts: Sequence[Attempt]) -> list[Bar]:
    """What was done when of the plan that was worked on last, in the order in which it was begun."""
    from orchestration_assets.code.reporting import of_last_plan

    attempts = of_last_plan(attempts)
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


def require_folder(folder: Path) -> None:
    """Tries to write into a folder, and leaves nothing there, nor the folder where there was none. Raises BadInput where that cannot be."""
    missing: list[Path] = []
    try:
        missing += [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _no_folder(folder, error) from None
    finally:
        for each in missing:
            with suppress(OSError):
                each.rmdir()


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
        raise _no_folder(folder, error) from None
    return written


def _no_folder(folder: Path, error: OSError) -> BadInput:
    return BadInput(f"The bundle cannot be written to {folder} ({error.strerror}); name another folder with --output.")
