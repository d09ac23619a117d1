"""Has issues on GitHub that are labelled as specifications built, each as a project of its own."""

import json

import dagster as dg

from orchestration_assets.code.jobs import build_project_job
from orchestration_assets.code.partitions import PROJECTS


@dg.sensor(
    job=build_project_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Where an open issue has the label needs-build: asks for its project to be built, and built again when its text changes.",
)
def labelled_issues_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """The cursor holds what was asked for of each labelled issue, so that taking the label off and putting it on again asks again."""
    from orchestration_assets.code.issues import LABEL, name_of, project_of, text_of, wanted
    from orchestration_assets.code.planning_agent import NO_MODEL
    from orchestration_assets.connections import open_language_model, open_warehouse
    from orchestration_assets.derivation import EXTRACTIVE
    from resources.language_model.agent import content_hash
    from resources.language_model.endpoint import EndpointError
    from resources.settings import load_settings

    settings = load_settings()
    with open_warehouse(settings).read() as session:
        issues = {name_of(issue): issue for issue in wanted(session)}
    if not issues:
        return dg.SensorResult(skip_reason=f"No open issue has the label {LABEL}.", cursor="{}")
    try:
        if open_language_model(settings).maker == EXTRACTIVE:
            return dg.SkipReason(NO_MODEL)
    except EndpointError as error:
        return dg.SkipReason(str(error))
    before = json.loads(context.cursor or "{}")
    texts = {name: content_hash(text_of(issue)) for name, issue in issues.items()}
    new = {name: issue for name, issue in issues.items() if before.get(name) != texts[name]}
    requests = [
        dg.RunRequest(
            partition_key=project_of(name),
            run_key=f"{name}:{issue.happened_at.isoformat()}",
            run_config={"ops": {"specification": {"config": {"issue": name}}}},
        )
        for name, issue in new.items()
    ]
    if not requests:
        return dg.SensorResult(
            skip_reason="Every issue with the label was asked to be built.", cursor=json.dumps(texts)
        )
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[PROJECTS.build_add_request([project_of(name) for name in new])],
        cursor=json.dumps(texts),
    )
