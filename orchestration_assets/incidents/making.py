"""Making incidents and regression tests: which issues are wanted and stale, and what is written when. The asset calls this."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestration_assets.activity.model import BRANCHES, ERROR_EVENTS, RELEASES, SENTRY_ISSUES
from orchestration_assets.derivation import Counts
from orchestration_assets.incidents import account
from orchestration_assets.incidents.agent import ReproductionAgent, ReproductionItem
from orchestration_assets.incidents.examining import (
    Examined,
    Source,
    examine,
    examine_written,
    follow,
    incident_of,
    kept_row,
    load,
    mended,
)
from orchestration_assets.incidents.model import (
    INCIDENTS,
    REGRESSION_TESTS,
    WITHOUT_MODEL,
    Incident,
    RegressionProposal,
    RegressionTest,
    Wanted,
)
from orchestration_assets.incidents.releases import commit_of, locate
from orchestration_assets.incidents.wanting import Asked, asked_of, is_stale, is_wanted
from orchestration_assets.model_records import keep
from resources import progress
from resources.git.mirrors import default_tips
from resources.git.process import GitMissing, NotARepository, UnreadableRepository
from resources.language_model.agent import Failure
from resources.sandbox import SandboxUnavailable
from resources.source_trees import SourceUnavailable, Trees, default_branch

if TYPE_CHECKING:
    from resources.github.facts import Branch, Release
    from resources.language_model.runner import LanguageModel
    from resources.sandbox import Sandbox
    from resources.sentry_issues.facts import ErrorEvent
    from resources.warehouse import Warehouse

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
"""Runs that look at an error which the sandbox broke over, until that counts as its own fault."""
AT_ONCE = 2
"""Errors that are looked at side by side: what runs in the sandbox takes a core each."""


@dataclass
class Made:
    """`counts` are of the issues: one that was refused is made, with its reason, and one that is looked at again has failed. `test_counts`
    are of their tests, `problems` what is looked at again and why. `proposals` were handed on before the rows were written."""

    counts: Counts = field(default_factory=Counts)
    test_counts: Counts = field(default_factory=Counts)
    problems: list[str] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    proposals: list[RegressionProposal] = field(default_factory=list)


@dataclass
class _Work:
    asked: Asked
    examined: Examined
    source: Source | None = None
    files: Mapping[str, bytes] | None = None
    is_passing: bool = False
    """Whether what kept it from being made may pass: it is looked at again by the next run, however often."""


def make_incidents(
    warehouse: Warehouse,
    trees: Trees,
    sandbox: Sandbox,
    repositories: Mapping[str, str],
    wanted: Wanted,
    model: LanguageModel | None = None,
    publish: Callable[[list[RegressionProposal]], object] = lambda proposals: None,
) -> Made:
    """Looks at every wanted issue that changed, and at what was not mended yet where the default branch moved.

    `repositories`: `organization/project` to `owner/name`. `publish` is called before the rows are written, so that a killed run hands
    the same on again rather than never. Raises SandboxUnavailable.
    """
    maker = model.maker if model is not None else WITHOUT_MODEL
    with warehouse.read() as session:
        issues = {issue.id: issue for issue in session.rows(SENTRY_ISSUES)}
        events = session.rows(ERROR_EVENTS, order_by="id")
        releases, branches = session.rows(RELEASES), session.rows(BRANCHES)
        known = {incident.issue: incident for incident in session.rows(INCIDENTS)}
        tests = {test.issue: test for test in session.rows(REGRESSION_TESTS)}
    asked = [
        asked_of(event, issues.get(event.id), repositories)
        for event in events
        if is_wanted(event, issues.get(event.id), wanted)
    ]
    stale = [each for each in asked if is_stale(each, known.get(each.event.id), maker)]
    looked_at = {each.event.id for each in stale}
    unchanged = [each.event.id for each in asked if each.event.id not in looked_at]
    tested = sum(issue in tests for issue in unchanged)
    made = Made(Counts(read=len(unchanged), unchanged=len(unchanged)), Counts(read=tested, unchanged=tested))
    if stale:
        sandbox.examine()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # What is looked at holds its whole source: not more of them at once than are needed to keep the sandbox busy.
        groups = (stale[start : start + 2 * AT_ONCE] for start in range(0, len(stale), 2 * AT_ONCE))
        looked = (
            work for group in groups for work in pool.map(lambda each: _look(each, trees, releases, sandbox), group)
        )
        for number, work in enumerate(looked, start=1):
            if (
                work.examined.kept is None
                and work.examined.prepared is not None
                and maker != WITHOUT_MODEL
                and model is not None
            ):
                _ask(work, model, sandbox, warehouse, made)
            _finish(work, known.get(work.asked.event.id), sandbox, warehouse, made, publish, branches)
            progress.report("incidents", number, len(stale))
    _follow_up(
        [row for key, row in known.items() if key not in looked_at and row.status == "reproduced"],
        tests,
        trees,
        sandbox,
        warehouse,
        made,
        publish,
        branches,
    )
    return made


def _look(asked: Asked, trees: Trees, releases: Sequence[Release], sandbox: Sandbox) -> _Work:
    event = asked.event
    if not asked.repository:
        where = f"{event.organization}/{event.project}"
        return _Work(
            asked, Examined(event, f"No repository is named for {where}; add it to SOLOIST_SENTRY_REPOSITORIES.")
        )
    try:
        source = _source(asked, trees, releases)
    except (SourceUnavailable, NotARepository, UnreadableRepository) as error:
        return _Work(asked, Examined(event, str(error)), is_passing=True)
    except GitMissing:
        raise
    except Exception as error:
        return _Work(asked, _unforeseen(event, error))
    if source is None:
        return _Work(
            asked, Examined(event, f"There is no commit of {asked.repository} that the error can be looked at in.")
        )
    try:
        files = load(source.repository, source.commit.hash)
        if isinstance(files, str):
            return _Work(asked, Examined(event, files), source)
        return _Work(asked, examine(event, files, sandbox), source, files)
    except (SandboxUnavailable, GitMissing):
        raise
    except UnreadableRepository as error:
        return _Work(asked, Examined(event, str(error)), source, is_passing=True)
    except Exception as error:
        return _Work(asked, _unforeseen(event, error), source)


def _unforeseen(event: ErrorEvent, error: Exception) -> Examined:
    """One event that nobody thought of must not keep the others from being looked at."""
    log.error("the error %s cannot be looked at", event.id, exc_info=error)
    reason = f"It could not be looked at ({type(error).__name__}); tell the developers of Soloist."
    return Examined(event, reason, is_passing=True)


def _source(asked: Asked, trees: Trees, releases: Sequence[Release]) -> Source | None:
    """The release's commit, in whichever copy of the repository has it. Raises SourceUnavailable."""
    event = asked.event
    own = [each for each in releases if each.repository.lower() == asked.repository.lower()]
    repository = locate(trees, asked.repository, event.release)
    at = asked.issue.first_seen if asked.issue is not None else event.happened_at
    commit = commit_of(repository, event.release, at, own)
    if commit is None:
        return None
    return Source(repository, commit, next(iter(default_tips(repository)), commit.hash))


def _ask(work: _Work, model: LanguageModel, sandbox: Sandbox, warehouse: Warehouse, made: Made) -> None:
    """Has a model write the test, and tries it. What it cost is written whatever comes of it."""
    examined = work.examined
    assert examined.prepared is not None
    assert work.files is not None
    item = ReproductionItem(work.asked.event.id, examined.prepared, examined.reason, examined.complaints[:6])
    for group in model.derived_groups(ReproductionAgent(model.context), [item], expected=1):
        for each in group:
            if isinstance(each.output, Failure):
                examined.maker = model.maker
                examined.reason = f"{examined.reason} The model wrote none: {each.output.reason}"
                work.is_passing = each.output.transient
            else:
                examine_written(examined, each.output, model.maker, work.files, sandbox)
        with warehouse.write() as session:
            keep(session, group)


def _finish(
    work: _Work,
    known: Incident | None,
    sandbox: Sandbox,
    warehouse: Warehouse,
    made: Made,
    publish: Callable[[list[RegressionProposal]], object],
    branches: Sequence[Branch],
) -> None:
    examined, source = work.examined, work.source
    if examined.kept is not None and source is not None:
        try:
            follow(examined, source, sandbox)
        except (SandboxUnavailable, GitMissing):
            raise
        except Exception as error:
            # Without a head the next run looks again for what mended it.
            log.error("what mended the error %s cannot be looked for", examined.event.id, exc_info=error)
    issue = work.asked.issue
    earlier = known.attempts if known is not None and not known.input_hash else 0
    attempts = earlier + 1 if examined.is_passing else 0
    is_passing = work.is_passing or 0 < attempts < MOST_ATTEMPTS
    incident = incident_of(
        examined,
        source,
        issue.short_id if issue else "",
        work.asked.repository,
        "" if is_passing else work.asked.input_hash,
        attempts,
    )
    tests: list[RegressionTest] = []
    if examined.kept is not None and source is not None:
        tests = [kept_row(examined, incident)]
        base = default_branch(source.repository.default_branch, source.head, work.asked.repository, branches)
        proposal = account.proposal(incident, base, tests[0].text, tests[0].account)
        proposal = proposal.model_copy(update={"base_commit": incident.head or source.head})
        publish([proposal])
        made.proposals.append(proposal)
    with warehouse.write() as session:
        session.merge(INCIDENTS, [incident])
        session.replace(REGRESSION_TESTS, tests, "issue = ?", [incident.issue])
    made.incidents.append(incident)
    made.test_counts += Counts(read=len(tests), made=len(tests))
    failed = is_passing and not tests
    made.counts += Counts(read=1, made=1 - failed, failed=int(failed))
    if failed:
        made.problems.append(
            f"{incident.short_id or incident.issue}: {incident.reason} The next run looks at it again."
        )


def _follow_up(
    incidents: Iterable[Incident],
    tests: Mapping[str, RegressionTest],
    trees: Trees,
    sandbox: Sandbox,
    warehouse: Warehouse,
    made: Made,
    publish: Callable[[list[RegressionProposal]], object],
    branches: Sequence[Branch],
) -> None:
    """Runs kept tests that failed so far on what the default branch has become. One that cannot be run waits for the next run."""
    for incident in incidents:
        if (test := tests.get(incident.issue)) is None:
            continue
        try:
            repository = locate(trees, incident.repository, incident.release)
            tips = default_tips(repository)
            if not tips or tips[0] == incident.head:
                continue
            found = mended(repository, incident.head or incident.commit, test.path, test.text, test.roots, sandbox)
        except (SandboxUnavailable, GitMissing):
            raise
        except (SourceUnavailable, NotARepository, UnreadableRepository):
            continue
        except Exception as error:
            log.error("what mended the error %s cannot be looked for", incident.issue, exc_info=error)
            continue
        if found is None:
            continue
        head, fixed = found
        row = incident.model_copy(
            update={"head": head, "fixed_commit": fixed, "status": "fixed" if fixed else "reproduced"}
        )
        if fixed:
            test = test.model_copy(update={"account": account.restated(test.account, row)})
            base = default_branch(repository.default_branch, head, row.repository, branches)
            proposal = account.proposal(row, base, test.text, test.account)
            publish([proposal])
            made.proposals.append(proposal)
        with warehouse.write() as session:
            session.merge(INCIDENTS, [row])
            session.merge(REGRESSION_TESTS, [test])
        made.incidents.append(row)
