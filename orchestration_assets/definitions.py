"""The one Definitions of the platform. Importing it connects to nothing and reads no file."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

import resources
import sensors

warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

_ROOT = Path(__file__).resolve().parent.parent
for _package in (resources, sensors):
    if Path(_package.__file__ or "").resolve().parent.parent != _ROOT:
        raise ImportError(
            f"The package {_package.__name__!r} was found at {_package.__file__}, which is not Soloist's; "
            "start Soloist with the `soloist` command, from a folder that has no package of that name."
        )

from orchestration_assets.activity.assets import activity  # noqa: E402
from orchestration_assets.code import assets as code_assets  # noqa: E402
from orchestration_assets.code.jobs import build_project_job  # noqa: E402
from orchestration_assets.incidents import checks as incident_checks  # noqa: E402
from orchestration_assets.incidents.assets import incident_tests  # noqa: E402
from orchestration_assets.jobs import JOBS  # noqa: E402
from orchestration_assets.reports import assets as report_assets  # noqa: E402
from orchestration_assets.reports import checks as report_checks  # noqa: E402
from orchestration_assets.resource_definitions import RESOURCES  # noqa: E402
from orchestration_assets.reviews.assets import pull_request_reviews  # noqa: E402
from orchestration_assets.schedules import build_schedules  # noqa: E402
from orchestration_assets.skills import assets as skill_assets  # noqa: E402
from orchestration_assets.skills import checks as skill_checks  # noqa: E402
from orchestration_assets.usage import assets as usage_assets  # noqa: E402
from orchestration_assets.worklogs import assets as worklog_assets  # noqa: E402
from orchestration_assets.worklogs import checks as worklog_checks  # noqa: E402
from sensors.dead_runs import dead_runs_sensor  # noqa: E402
from sensors.inbox_events import inbox_events_sensor  # noqa: E402
from sensors.labelled_issues import labelled_issues_sensor  # noqa: E402
from sensors.model_batches import model_batches_sensor  # noqa: E402
from sensors.new_commits import new_commits_sensor  # noqa: E402
from sensors.outbox import outbox_effects_sensor, publish_effects_job  # noqa: E402
from sensors.polls import github_poll_sensor, sentry_poll_sensor  # noqa: E402
from sensors.run_failures import run_failures_sensor  # noqa: E402
from sensors.stale_reports import stale_reports_sensor  # noqa: E402

ASSETS = (
    activity,
    worklog_assets.worklog_entries,
    worklog_assets.code_excerpts,
    worklog_assets.worklog_analyses,
    skill_assets.skill_evidence,
    skill_assets.skills,
    report_assets.standup,
    report_assets.status_report,
    report_assets.summary,
    report_assets.resume,
    pull_request_reviews,
    incident_tests,
    *code_assets.ASSETS,
    usage_assets.model_usage,
)
_QUIET = dg.colored_console_logger.configured({"log_level": "WARNING"})
"""Every event is in the UI; a terminal is told of warnings alone."""

upstream_changes_sensor = dg.AutomationConditionSensorDefinition(
    "upstream_changes_sensor",
    target=dg.AssetSelection.groups("reviews", "incidents"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Has reviews and incidents looked at again when pull requests, errors or releases were heard of.",
)

SENSORS = (
    upstream_changes_sensor,
    github_poll_sensor,
    sentry_poll_sensor,
    inbox_events_sensor,
    labelled_issues_sensor,
    new_commits_sensor,
    stale_reports_sensor,
    model_batches_sensor,
    dead_runs_sensor,
    run_failures_sensor,
    outbox_effects_sensor,
)
CHECKS = (*worklog_checks.CHECKS, *skill_checks.CHECKS, *report_checks.CHECKS, *incident_checks.CHECKS)


def build_definitions(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Everything that Dagster serves. `overrides` replaces connections by name: settings, warehouse, inbox, object_store, language_model."""
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=(*JOBS, build_project_job, publish_effects_job),
        schedules=build_schedules(),
        sensors=SENSORS,
        resources={**RESOURCES, **(overrides or {})},
        executor=dg.in_process_executor,
        loggers={"console": _QUIET},
    )


defs = build_definitions()
