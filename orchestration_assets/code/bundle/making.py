"""Making the bundle: its files, their names and their media types."""

from __future__ import annotations

from orchestration_assets.code.bundle.archive import archive
from orchestration_assets.code.bundle.history import git_bundle
from orchestration_assets.code.bundle.materials import MEDIA_TYPE, bill_of_materials
from orchestration_assets.code.bundle.model import Bundle, BundleFile, BundleInput
from orchestration_assets.code.bundle.packaging import packaged
from orchestration_assets.code.bundle.page import page

REPORT = "report.html"


def make_bundle(project: BundleInput) -> Bundle:
    """The history as a bundle of git, the files as an archive, the bill of materials, the report and the plan. Raises GitMissing, SoloistError."""
    sources = packaged(project.project, project.version, project.plan, project.sources)
    name, version = project.project, project.version
    plan = project.plan.model_dump_json(indent=2).encode() + b"\n"
    files = (
        (f"{name}.bundle", "application/x-git-bundle", git_bundle(project, sources)),
        (f"{name}-{version}.tar.gz", "application/gzip", archive(f"{name}-{version}", sources)),
        (f"{name}.cdx.json", MEDIA_TYPE, bill_of_materials(project, sources)),
        (REPORT, "text/html; charset=utf-8", page(project)),
        ("plan.json", "application/json", plan),
    )
    return Bundle(files=tuple(BundleFile(name=name, media_type=media, data=data) for name, media, data in files))
