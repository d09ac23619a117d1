"""The job of this domain."""

import dagster as dg

build_project_job = dg.define_asset_job(
    "build_project_job",
    selection=dg.AssetSelection.groups("code"),
    description="From the specification of a project to its files, and what their tests say.",
    executor_def=dg.in_process_executor,
)
