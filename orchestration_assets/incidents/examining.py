"""One error from end to end: its commit, the tests that may show it, the sandbox, and what came of it.

What belongs here: the order of the steps, and the sentence for each way in which one of them ends it. No table is read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestration_assets.incidents import account
from orchestration_assets.incidents.agent import whole_test
from orchestration_assets.incidents.fixing import fixed_since, line_after
from orchestration_assets.incidents.making_tests import Prepared, attempts, prepare
from orchestration_assets.incidents.model import WITHOUT_MODEL, Incident, RegressionTest, WrittenTest
from orchestration_assets.incidents.releases import Commit
from orchestration_assets.incidents.reproducing import Attempt, Reproduced, reproduce, run_test
from orchestration_assets.incidents.reprs import Unrebuildable
from resources.git import CommitTree, Repository
from resources.language_model.agent import content_hash
from resources.sandbox import Sandbox, SandboxFailed, SandboxRefused
from resources.sentry_issues.facts import ErrorEvent

MOST_FILES = 15_000
MOST_BYTES = 192 << 20
"""Of a tree that is taken into the sandbox."""


class Loaded:
    """A tree in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def paths(self) -> frozenset[str]:
        return frozenset(self.files)

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((path, self.files[path]) for path in paths if path in self.files)


@dataclass(frozen=True)
class Source:
    """The code of one error. `head`: where the default branch stands."""

    repository: Repository
    commit: Commit
    head: str


@dataclass
class Examined:
    """What came of one error so far. `reason`: why it was refused; "" where a test was kept."""

    event: ErrorEvent
    reason: str
    prepared: Prepared | None = None
    kept: Reproduced | None = None
    maker: str = WITHOUT_MODEL
    tries: int = 0
    complaints: list[str] = field(default_factory=list)
    head: str = ""
    fixed_commit: str = ""
    is_passing: bool = False
    """Whether what kept it from being made may pass by itself."""


def load(repository: Repository, commit: str) -> Mapping[str, bytes] | str:
    """All files of a commit; a sentence where they are too many or too long for the sandbox."""
    with CommitTree(repository, commit) as tree:
        paths = tree.paths()
        if len(paths) > MOST_FILES:
            return f"The source has {len(paths):,} files; at most {MOST_FILES:,} are taken into the sandbox."
        files, size = {}, 0
        for path, content in tree.contents(sorted(paths)):
            files[path] = content
            size += len(content)
            if size > MOST_BYTES:
                return f"The source has more than {MOST_BYTES >> 20} MiB; that is not taken into the sandbox."
    return files


def examine(event: ErrorEvent, source: Mapping[str, bytes], sandbox: Sandbox) -> Examined:
    """Tries without a model. Raises SandboxUnavailable."""
    prepared = prepare(event, Loaded(source))
    if isinstance(prepared, str):
        return Examined(event, prepared)
    examined = Examined(event, "", prepared)
    _try(examined, source, sandbox, lambda: attempts(prepared))
    return examined


def examine_written(
    examined: Examined, written: WrittenTest, maker: str, source: Mapping[str, bytes], sandbox: Sandbox
) -> None:
    """Tries what a model wrote, in the same way. Raises SandboxUnavailable."""
    prepared = examined.prepared
    if prepared is None:
        return
    try:
        text = whole_test(written, prepared)
    except Unrebuildable as error:
        examined.reason = f"The model's test cannot be taken: {error}."
        return
    examined.maker = maker
    _try(examined, source, sandbox, lambda: iter([Attempt(prepared.about.path, text, "the model's test")]))


def _try(
    examined: Examined, source: Mapping[str, bytes], sandbox: Sandbox, tests: Callable[[], Iterator[Attempt]]
) -> None:
    prepared = examined.prepared
    assert prepared is not None
    if prepared.about.path in source:
        examined.reason = f"There is a {prepared.about.path} in the source already."
        return
    heard = examined.complaints
    try:
        outcome = reproduce(
            sandbox,
            source,
            tests(),
            prepared.raised,
            prepared.places,
            heard=lambda attempt, complaint: heard.append(f"{attempt.what}: {complaint}") if complaint else None,
        )
    except (SandboxRefused, SandboxFailed) as error:
        examined.reason, examined.is_passing = str(error), isinstance(error, SandboxFailed)
        return
    examined.tries += outcome.tries
    examined.is_passing = not isinstance(outcome, Reproduced) and outcome.is_silent
    if isinstance(outcome, Reproduced):
        examined.kept, examined.reason = outcome, ""
    elif outcome.tries:
        examined.reason = f"No test of {outcome.tries} shows the error; the first: {outcome.reason}."
    else:
        because = "; ".join(prepared.reasons[:3]) or "it has no call that could be made again"
        examined.reason = f"The call cannot be made again: {because}."


def follow(examined: Examined, source: Source, sandbox: Sandbox) -> None:
    """Looks for the commit that mended it. Raises SandboxUnavailable, SandboxFailed and what reading a repository raises."""
    assert examined.kept is not None
    assert examined.prepared is not None
    test = examined.kept.attempt
    found = mended(source.repository, source.commit.hash, test.path, test.text, examined.prepared.roots, sandbox)
    examined.head, examined.fixed_commit = found or (source.head, "")


def mended(
    repository: Repository, commit: str, path: str, text: str, roots: Sequence[str], sandbox: Sandbox
) -> tuple[str, str] | None:
    """Where the default branch stands, and its first commit after `commit` on which a test passes ("" while there is none). None where
    there is no later commit. Raises SandboxUnavailable, SandboxFailed and what reading a repository raises."""

    def passes(later: str) -> bool:
        files = load(repository, later)
        if isinstance(files, str):
            return False
        try:
            report = run_test(sandbox, files, path, text, roots)
        except SandboxRefused:
            return False
        return report is not None and report.error is None and (report.outcome, report.phase) == ("passed", "call")

    since = fixed_since(line_after(repository, commit), passes)
    return None if since is None else (since.head, since.fixed or "")


def incident_of(
    examined: Examined, source: Source | None, short_id: str, repository: str, input_hash: str, attempts: int = 0
) -> Incident:
    kept, event = examined.kept, examined.event
    status = "refused" if kept is None else "fixed" if examined.fixed_commit else "reproduced"
    return Incident(
        issue=event.id,
        short_id=short_id,
        organization=event.organization,
        project=event.project,
        repository=repository,
        title=event.title,
        link=event.url,
        release=event.release or "",
        commit=source.commit.hash if source else "",
        found=source.commit.found if source else "",
        status=status,
        reason=examined.reason,
        event_id=event.event_id,
        happened_at=event.happened_at,
        maker=examined.maker,
        how=kept.attempt.what if kept else "",
        tries=examined.tries,
        test_path=kept.attempt.path if kept else "",
        test_hash=content_hash(kept.attempt.text) if kept else "",
        fixed_commit=examined.fixed_commit,
        input_hash=input_hash,
        head=examined.head,
        attempts=attempts,
    )


def kept_row(examined: Examined, incident: Incident) -> RegressionTest:
    kept, prepared = examined.kept, examined.prepared
    assert kept is not None
    assert prepared is not None
    last = prepared.places[-1]
    return RegressionTest(
        issue=incident.issue,
        path=kept.attempt.path,
        text=kept.attempt.text,
        hash=incident.test_hash,
        account=account.account(incident, prepared.raised, prepared.places, kept.verdict.whole),
        exception=prepared.raised.type,
        function=last.frame.function,
        roots=prepared.roots,
        agreement=kept.verdict.whole,
        runs=2,
    )
