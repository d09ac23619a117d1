"""Has issues on GitHub that are labelled as specifications built, each as a project of its own."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from orchestration_assets.code.assets import TOLD_TAG
from orchestration_assets.code.jobs import build_project_job
from orchestration_assets.code.partitions import PROJECTS
from sensors.unfinished import UNFINISHED

if TYPE_CHECKING:
    from resources.github.facts import Issue

MOST_TRIES = 5
"""Runs for one labelling that end without a word about the project: a model that is gone, a process that died."""
PAUSE = timedelta(minutes=5)
"""Before the second of these; twice as long before each further one."""


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What was asked for since an issue has the label. `is_settled`: the project is complete, or it was said why it is not."""

    text: str
    tries: int = 1
    is_settled: bool = False


@dg.sensor(
    job=build_project_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Has the project of an open issue with the label needs-build built, with the text that it was labelled with.",
)
def labelled_issues_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """The cursor holds what was asked for of each issue while it has the label: an edit asks for nothing, because whoever wrote an issue may
    not label it; taking the label off and putting it on again does. A run that ends without a word is followed by another."""
    from orchestration_assets.code.issues import LABEL, name_of, wanted
    from orchestration_assets.code.planning_agent import NO_MODEL
    from orchestration_assets.connections import open_language_model, open_warehouse
    from orchestration_assets.derivation import EXTRACTIVE
    from resources.clock import now
    from resources.language_model.endpoint import EndpointError
    from resources.settings import load_settings

    settings, instant = load_settings(), now()
    with open_warehouse(settings).read() as session:
        issues = {name_of(issue): issue for issue in wanted(session)}
    if not issues:
        return dg.SensorResult(skip_reason=f"No open issue has the label {LABEL}.", cursor="{}")
    before = {name: _Asked(**asked) for name, asked in json.loads(context.cursor or "{}").items() if name in issues}
    after = {name: _looked_up(context.instance, name, asked) for name, asked in before.items()}
    due = [name for name, issue in issues.items() if _is_due(context.instance, name, issue, after.get(name), instant)]
    try:
        if due and open_language_model(settings).maker == EXTRACTIVE:
            return dg.SkipReason(NO_MODEL)
    except EndpointError as error:
        return dg.SkipReason(str(error))
    requests = []
    for name in due:
        known = after.get(name)
        asked = _asked_for(issues[name], known)
        after[name] = asked
        requests.append(_request(name, issues[name], asked))
    partitions = [PROJECTS.build_add_request([str(request.partition_key) for request in requests])] if requests else []
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=partitions,
        skip_reason=None if requests else "Every issue with the label was asked to be built.",
        cursor=json.dumps({name: dataclasses.asdict(asked) for name, asked in after.items()}),
    )


def _last_run(instance: dg.DagsterInstance, name: str) -> dg.RunRecord | None:
    from orchestration_assets.code.issues import project_of

    of_project = dg.RunsFilter(job_name=build_project_job.name, tags={"dagster/partition": project_of(name)})
    return next(iter(instance.get_run_records(of_project, limit=1)), None)


def _looked_up(instance: dg.DagsterInstance, name: str, asked: _Asked) -> _Asked:
    """With what became of its last run."""
    last = None if asked.is_settled else _last_run(instance, name)
    if last is None:
        return asked
    run = last.dagster_run
    return dataclasses.replace(asked, is_settled=run.is_success or (run.is_finished and TOLD_TAG in run.tags))


def _is_due(instance: dg.DagsterInstance, name: str, issue: "Issue", asked: _Asked | None, instant: datetime) -> bool:
    if asked is not None and (asked.is_settled or asked.tries >= MOST_TRIES):
        return False
    last = _last_run(instance, name)
    if last is None:
        return True
    if last.dagster_run.status in UNFINISHED:
        return False
    return asked is None or last.update_timestamp + PAUSE * 2 ** (asked.tries - 1) <= instant


def _asked_for(issue: "Issue", asked: _Asked | None) -> _Asked:
    from orchestration_assets.code.issues import fingerprint

    return _Asked(fingerprint(issue)) if asked is None else dataclasses.replace(asked, tries=asked.tries + 1)


def _request(name: str, issue: "Issue", asked: _Asked) -> dg.RunRequest:
    from orchestration_assets.code.issues import project_of

    again: Mapping[str, object] = {"config": {"retry_failed": True}}
    return dg.RunRequest(
        partition_key=project_of(name),
        run_key=f"{name}:{issue.happened_at.isoformat()}:{asked.tries}",
        run_config={
            "ops": {
                "specification": {"config": {"issue": name, "fingerprint": asked.text}},
                "build_plan": again,
                "source_files": again,
            }
        },
    )
