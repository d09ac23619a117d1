"""Materialising the graph from the command line, in this process, on the same Dagster instance that the UI shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestration_assets.asset_support import COUNTS
from orchestration_assets.contracts import AssetCounts, RunResult
from orchestration_assets.derivation import ONLY_CHANGED, Policy, failures
from orchestration_assets.jobs import (
    REPORT_JOBS,
    apply_events_job,
    make_regression_tests_job,
    model_usage_job,
    refresh_worklogs_job,
    review_pull_requests_job,
)
from orchestration_assets.partitions import newest_first, range_tags
from orchestration_assets.planning import month_ranges, stale_months, stale_periods, unjudged_periods
from orchestration_assets.reports.kinds import ReportKind
from orchestration_assets.usage.making import is_behind
from orchestration_assets.worklogs.making import changed_months
from resources.errors import SoloistError
from resources.language_model.endpoint import EndpointError
from resources.processes import PROCESS_TAG, this_process

if TYPE_CHECKING:
    import dagster as dg
    from dagster_shared.error import SerializableErrorInfo

    from orchestration_assets.session import Connections
    from resources.warehouse import Warehouse

BASIS = ("worklog_entries", "code_excerpts", "worklog_analyses")
"""The assets that all others rest on, and how the names of their checks begin: where one of them fails, a command ends; what else fails is
left out, and the rest is made."""
MONTHLY = BASIS
"""The assets that every month's run needs; the rest of the chain adds up all months and runs once."""
LOOKING_AT_ALL = ("code_excerpts",)
"""Of these, the ones that are not partitioned: each run looks at the entries of all months."""
LONG_SPAN = 12


class RunFailed(SoloistError):
    """A Dagster run ended in failure; the sentence says in which asset and why."""


@dataclass
class Totals:
    """What became of the rows of each asset, over all runs of one command. `failures` are why, and the assets that failed so."""

    assets: dict[str, AssetCounts] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def add(self, asset: str, counts: dict[str, int]) -> None:
        """Adds what one run made of an asset. An asset of LOOKING_AT_ALL reads the same rows again in every run: they count once."""
        known = self.assets.get(asset, AssetCounts(read=0, made=0, unchanged=0, failed=0))
        total = {key: value + counts[key] for key, value in known.model_dump().items()}
        if asset in LOOKING_AT_ALL:
            total["read"] = max(known.read, counts["read"])
            total["unchanged"] = max(0, total["read"] - total["made"] - total["failed"])
        self.assets[asset] = AssetCounts(**total)

    def result(self) -> RunResult:
        left_out = [f"{', '.join(dict.fromkeys(assets))}: {reason}" for reason, assets in self.failures.items()]
        return RunResult(assets=self.assets, problems=list(dict.fromkeys([*self.problems, *left_out])))


def refresh(
    connections: Connections,
    instance: dg.DagsterInstance,
    now: datetime,
    since: date | None,
    until: date | None,
    policy: Policy,
    say: Callable[[str], None],
) -> RunResult:
    """Brings everything up to date: the monthly chain over the stale months, then exactly the stale periods of each report."""
    from orchestration_assets.definitions import build_definitions

    settings, warehouse, maker = connections.settings, connections.warehouse, connections.language_model.maker
    definitions = build_definitions()
    require_free_pools(instance)
    totals = Totals()
    if connections.has_events:
        say("events")
        execute(definitions, instance, apply_events_job.name, {}, totals)
    changed, problems = changed_months(warehouse, settings, now)
    totals.problems += problems + _advanced(connections, say)
    months = stale_months(warehouse, settings, maker, changed, since, until, policy)
    current = now.astimezone(settings.zone).date().replace(day=1).isoformat()
    spans = with_short_last(month_ranges(warehouse, months or [current]))
    for number, (first, last) in enumerate(spans, 1):
        say(f"worklogs {first[:7]}" + (f" to {last[:7]}" if last != first else ""))
        only = None if number == len(spans) else MONTHLY
        execute(definitions, instance, refresh_worklogs_job.name, range_tags(first, last), totals, policy, only)
    with warehouse.read() as session:
        asked = {
            stale.kind: stale.ranges or unjudged_periods(session, settings, stale.kind)
            for stale in stale_periods(session, settings, maker, list(ReportKind), now, since, until, policy)
        }
    for kind, runs in asked.items():
        for first, last in newest_first(runs):
            say(f"{kind.value} {first}" + (f" to {last}" if last != first else ""))
            execute(definitions, instance, REPORT_JOBS[kind].name, range_tags(first, last), totals, policy)
    for what, job in _watched_jobs(warehouse):
        say(what)
        execute(definitions, instance, job, {}, totals, policy)
    with warehouse.read() as session:
        uncounted = is_behind(session)
    if uncounted:
        say("model usage")
        execute(definitions, instance, model_usage_job.name, {}, totals)
    totals.problems += _advanced(connections, say)
    if any(counts.failed for counts in totals.assets.values()):
        totals.problems += _reasons(warehouse)
    return totals.result()


def _watched_jobs(warehouse: Warehouse) -> list[tuple[str, str]]:
    """What there is to look at besides entries: open pull requests, and errors in production; and the jobs that do."""
    with warehouse.read() as session:
        looked_at = {
            ("reviews", review_pull_requests_job.name): "SELECT count(*) FROM pull_requests WHERE state = 'open'",
            ("incidents", make_regression_tests_job.name): "SELECT count(*) FROM error_events",
        }
        return [told for told, query in looked_at.items() if session.count(query)]


def _reasons(warehouse: Warehouse) -> list[str]:
    """Of each agent that could not make everything, how much and why."""
    with warehouse.read() as session:
        agents = session.query("SELECT DISTINCT agent FROM derivations WHERE reason IS NOT NULL ORDER BY agent")[
            "agent"
        ]
        found = {agent: failures(session, agent) for agent in agents.to_pylist()}
    return [
        f"{agent}: {failed} item{'s' if failed > 1 else ''} could not be made; most often: {commonest}"
        for agent, (failed, _, commonest) in found.items()
    ]


def _advanced(connections: Connections, say: Callable[[str], None]) -> list[str]:
    """Fetches the answers of batch files, and sends what waits for one, where the model is asked so; the problem that there was."""
    if connections.batches is None:
        return []
    say("batch files")
    try:
        connections.batches.advance()
    except EndpointError as error:
        return [str(error)]
    return []


def with_short_last(spans: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The spans with the newest month of a long last one by itself. What is not partitioned runs once, with the last span: Dagster writes
    an event for every asset of a run and every month of its range, of those that are not partitioned too."""
    first, last = spans[-1]
    months = (int(last[:4]) - int(first[:4])) * 12 + int(last[5:7]) - int(first[5:7])
    if months < LONG_SPAN:
        return spans
    day = date.fromisoformat(last) - timedelta(days=1)
    return [*spans[:-1], (first, day.replace(day=1).isoformat()), (last, last)]


def execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    tags: dict[str, str],
    totals: Totals,
    policy: Policy = ONLY_CHANGED,
    only: Sequence[str] | None = None,
) -> None:
    """One Dagster run in this process, of a job's assets or `only` some of them. A failure goes into `totals`, unless it is one of the
    BASIS: then it raises RunFailed."""
    import dagster as dg

    resolved = definitions.resolve_job_def(job)
    result = resolved.execute_in_process(
        instance=instance,
        run_config=_run_config(resolved, policy, only),
        asset_selection=None if only is None else [dg.AssetKey(name) for name in only],
        tags={**tags, PROCESS_TAG: this_process()},
        raise_on_error=False,
    )
    seen: set[str] = set()
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        if (name := materialization.asset_key.to_user_string()) in seen:
            continue
        seen.add(name)
        metadata: dict[str, Any] = {key: value.value for key, value in materialization.metadata.items()}
        if COUNTS in metadata:
            totals.add(name, metadata[COUNTS])
        totals.problems += metadata.get("problems", [])
    if result.success:
        return
    asset, reason = failure(result)
    if not asset or asset.startswith(BASIS):
        raise RunFailed(f"{asset}: {reason}" if asset else reason)
    totals.failures.setdefault(reason, []).append(asset)


def _run_config(job: dg.JobDefinition, policy: Policy, only: Sequence[str] | None) -> dict[str, Any]:
    """The policy for those assets of the run that take one (a `MakingConfig`)."""
    if policy == ONLY_CHANGED:
        return {}
    told = asdict(policy)
    takers = [
        node.name
        for node in job.nodes
        if (only is None or node.name in only)
        and (config := node.definition.config_field) is not None
        and getattr(config.config_type, "fields", {}).keys() >= told.keys()
    ]
    return {"ops": {name: {"config": told} for name in takers}}


def failure(result: dg.ExecuteInProcessResult) -> tuple[str, str]:
    """The asset in which a run failed, and why, in one sentence: the error of its first failed step, or the check that stopped it."""
    for event in result.all_events:
        if event.is_step_failure:
            return str(event.step_key), _reason(event.step_failure_data.error)
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            return "", (
                f"The check {evaluation.check_name} of {evaluation.asset_key.to_user_string()} failed: {evaluation.description}; "
                "what rests on it was not made."
            )
    return "", "The run failed; `soloist ui` shows its events."


def _reason(error: SerializableErrorInfo | None) -> str:
    """The sentence of the first SoloistError in a chain of errors, else the message of the last error."""
    sentences = {kind.__name__ for kind in _kinds_of(SoloistError)}
    while error is not None and error.cause is not None and error.cls_name not in sentences:
        error = error.cause
    if error is None:
        return "The reason is not known; `soloist ui` shows the run's events."
    if error.cls_name == "DagsterExecutionInterruptedError":
        return "The run was interrupted; what was made is kept, and the next `soloist run` goes on from there."
    text = error.message.strip()
    return text.partition(": ")[2] or text


def _kinds_of(kind: type[SoloistError]) -> Iterator[type[SoloistError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds_of(each)


def require_free_pools(instance: dg.DagsterInstance) -> None:
    """Raises SoloistError where a pool that the assets need has no free slot: without a daemon nobody would free it."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    for pool in storage.get_concurrency_keys():
        info = storage.get_concurrency_info(pool)
        if info.limit is not None and info.slot_count > 0 and info.active_slot_count >= info.slot_count:
            raise SoloistError(
                f"All {info.slot_count} slots of the pool {pool!r} are taken by other runs; wait for them, or raise its limit with "
                f"`dagster instance concurrency set {pool} N`."
            )
