"""Notices new commits: the refs of the watched repositories differ from what the warehouse last read."""

from collections.abc import Iterator

import dagster as dg

from orchestration_assets.jobs import refresh_worklogs_job
from sensors.repeating import repeated
from sensors.unfinished import UNFINISHED


@dg.sensor(
    job=refresh_worklogs_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks at the refs of the watched repositories, and asks for the months whose commits are new.",
)
def new_commits_sensor(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """The cursor is a fingerprint of all refs: a tick that finds the same starts one git process a repository and reads nothing. In a home
    that holds no commit yet the first tick only takes note of them: the first run is a person's, or the night's."""
    from orchestration_assets.connections import open_warehouse
    from orchestration_assets.requests import refresh_requests
    from orchestration_assets.worklogs.queries import holds_commits
    from resources import git
    from resources.clock import now
    from resources.errors import BadInput
    from resources.language_model.agent import content_hash
    from resources.settings import load_settings
    from resources.sources import load_sources

    settings = load_settings()
    seen: dict[str, str] = {}
    problems: list[str] = []
    for path in load_sources(settings).repositories:
        try:
            seen[str(path)] = git.refs_fingerprint(git.open_repository(path))
        except BadInput as error:
            problems.append(str(error))
    fingerprint = content_hash(seen)
    if context.cursor == fingerprint or (context.cursor is None and not holds_commits(open_warehouse(settings))):
        context.update_cursor(fingerprint)
        yield dg.SkipReason(" ".join(problems) or "No ref has moved.")
        return
    if context.instance.get_runs_count(dg.RunsFilter(job_name=refresh_worklogs_job.name, statuses=UNFINISHED)):
        yield dg.SkipReason("Entries are being refreshed; what is stale is known after that.")
        return
    instant = now()
    requests = refresh_requests(settings, instant, f"commits:{fingerprint[:16]}", at_least_one=False)
    asked = [repeated(context.instance, request, instant) for request in requests]
    yield from asked
    if not asked:
        context.update_cursor(fingerprint)
        yield dg.SkipReason("Every commit is an entry.")
