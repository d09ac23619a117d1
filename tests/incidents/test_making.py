"""From rows of Sentry to a kept test, its pull request and the commit that mended it; and what is done again when something changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from orchestration_assets.activity.model import ERROR_EVENTS, SENTRY_ISSUES
from orchestration_assets.derivation import Counts
from orchestration_assets.effects import propose_tests
from orchestration_assets.incidents import account, judgements
from orchestration_assets.incidents.making import Made, make_incidents
from orchestration_assets.incidents.model import (
    INCIDENTS,
    REGRESSION_TESTS,
    Incident,
    RegressionProposal,
    RegressionTest,
)
from orchestration_assets.incidents.presentation import incidents_table
from orchestration_assets.incidents.wanting import is_wanted
from orchestration_assets.model_records import KeptReplies
from orchestration_assets.reports import neutral
from orchestration_assets.tables import MIGRATIONS, TABLES
from resources.github.facts import Branch
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.runner import LanguageModel
from resources.outbox import OpenPullRequest, Outbox
from resources.outbox.effects import read_effect
from resources.outbox.policy import Policy
from resources.sandbox import Configuration, Finished, Sandbox, SandboxFailed, SandboxUnavailable
from resources.sentry_issues.facts import ErrorEvent, SentryIssue
from resources.source_trees import SourceTrees, default_branch
from resources.warehouse import TableSpec, Warehouse
from tests.git_repositories import GitRepository
from tests.incidents.crashing import NOON, crashed, event, files, frame, sandbox
from tests.scripted_endpoint import Answer, Script, ScriptedEndpoint

FAULTY = files(
    main="""
    from shares import share

    if __name__ == "__main__":
        print(share([3, 4], 0))
    """,
    shares="""
    def share(parts, by):
        return [part / by for part in parts]
    """,
)
MENDED = "def share(parts, by):\n    return [part / by for part in parts if by]\n"
OPAQUE = files(
    main="""
    from boxes import Box

    if __name__ == "__main__":
        box = [Box(0)][0]
        print(box.share())
    """,
    boxes="""
    class Box:
        def __init__(self, by):
            self.by = by

        def share(self):
            return 1 / self.by
    """,
)
SHARING = frame("/app/boxes.py", "share", "        return 1 / self.by", 6, "boxes", self="<boxes.Box object at 0x7f>")
"""What the box holds is not told."""
PROJECTS = {"fern/shelf": "fern/shelf"}


class Bench:
    def __init__(self, folder: Path) -> None:
        self.warehouse = Warehouse(folder / "warehouse.duckdb", specs=TABLES, migrations=MIGRATIONS)
        self.git = GitRepository(folder / "shelf")
        self.git.git("remote", "add", "origin", "https://github.com/fern/shelf.git")
        self.trees = SourceTrees([self.git.path], folder / "mirrors", "http://127.0.0.1:9")
        self.published: list[RegressionProposal] = []

    def told(self, fact: ErrorEvent, **issue: Any) -> None:
        """Sentry tells of an error and of its issue."""
        shared = fact.model_dump(
            include={"id", "organization", "project", "title", "culprit", "level", "url", "happened_at"}
        )
        standing = {
            "short_id": f"SHELF-{fact.id}",
            "error_type": fact.exceptions[-1].type,
            "status": "unresolved",
            "substatus": "new",
            "labels": ["needs-test"],
            "first_seen": fact.happened_at,
            "last_seen": None,
            "count": 1,
        }
        with self.warehouse.write() as session:
            session.merge(ERROR_EVENTS, [fact])
            session.merge(SENTRY_ISSUES, [SentryIssue(**shared, **standing | issue)])

    def make(self, model: LanguageModel | None = None, **options: Any) -> Made:
        settings: dict[str, Any] = {
            "repositories": PROJECTS,
            "wanted": "needs-test",
            "publish": self.published.extend,
        } | options
        return make_incidents(self.warehouse, self.trees, sandbox(), model=model, **settings)

    def incident(self, issue: str = "1") -> Incident:
        with self.warehouse.read() as session:
            (row,) = session.rows(INCIDENTS, where="issue = ?", params=[issue])
        return row

    def tests(self) -> list[RegressionTest]:
        with self.warehouse.read() as session:
            assert judgements.every_kept_test_has_failed_as_told(session).passed
            assert judgements.every_refusal_has_its_reason(session).passed
            return session.rows(REGRESSION_TESTS)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def source(files: dict[str, bytes]) -> dict[str, Any]:
    return dict(files)


@pytest.mark.integration
def test_an_error_becomes_a_test_a_pull_request_and_the_commit_that_mended_it(bench: Bench) -> None:
    faulty = bench.git.commit("Share", source(FAULTY))
    bench.told(crashed(FAULTY).model_copy(update={"release": faulty[:12]}))
    made = bench.make()
    assert made.counts == Counts(read=1, made=1)
    incident = bench.incident()
    assert (incident.status, incident.commit, incident.found) == ("reproduced", faulty, "hash")
    assert (incident.head, incident.fixed_commit, incident.maker) == (faulty, "", "extractive")
    (test,) = bench.tests()
    assert "share([3, 4], 0)" in test.text
    (proposal,) = bench.published
    assert (proposal.repository, proposal.base, proposal.base_commit) == ("fern/shelf", "main", faulty)
    assert proposal.files == {incident.test_path: test.text}
    assert proposal.branch == "regression/SHELF-1"
    assert "return [part / by for part in parts]" in proposal.body
    assert f"[SHELF-1]({incident.link})" in proposal.body
    assert "SHELF-1" in incidents_table(made.incidents)

    assert bench.make().counts == Counts(read=1, unchanged=1)
    assert len(bench.published) == 1

    for number in range(3):
        bench.git.commit(f"Step {number}", {"notes.txt": f"{number}"})
    mended = bench.git.commit("Mend", {"shares.py": MENDED})
    bench.git.commit("After", {"notes.txt": "after"})
    bench.make()
    assert (bench.incident().status, bench.incident().fixed_commit, bench.incident().head) == (
        "fixed",
        mended,
        bench.git.head(),
    )
    (_, again) = bench.published
    assert "**Not mended:**" in proposal.body and "**Not mended:**" not in again.body
    assert f"it passes since `{mended[:12]}`" in again.body
    assert [row.account for row in bench.tests()] == [again.body]
    assert (again.branch, again.files, again.commit_message) == (
        proposal.branch,
        proposal.files,
        proposal.commit_message,
    )
    bench.make()
    assert len(bench.published) == 2


@pytest.mark.integration
def test_an_error_that_is_mended_already_still_gets_its_test(bench: Bench) -> None:
    bench.git.commit("Share", source(FAULTY))
    bench.git.tag("v1.0")
    mended = bench.git.commit("Mend", {"shares.py": MENDED})
    bench.told(crashed(FAULTY).model_copy(update={"release": "shelf@1.0"}))
    bench.make()
    assert (bench.incident().status, bench.incident().found, bench.incident().fixed_commit) == ("fixed", "tag", mended)
    assert "it passes since" in bench.published[0].body


@pytest.mark.integration
def test_what_cannot_be_done_is_a_row_with_its_reason_and_is_not_tried_again(bench: Bench) -> None:
    bench.git.commit("Boxes", source(OPAQUE))
    bench.told(event(SHARING, kind="ZeroDivisionError", id="1"))
    bench.told(event(SHARING, kind="ZeroDivisionError", id="2", project="unknown"))
    bench.told(event(frame("/app/gone.py", "gone", "gone()", 6), id="3"))
    made = bench.make()
    assert (made.counts, made.test_counts, made.problems) == (Counts(read=3, made=3), Counts(), [])
    assert bench.incident("1").reason.startswith("The call cannot be made again: share: self cannot be rebuilt")
    assert (
        bench.incident("2").reason == "No repository is named for fern/unknown; add it to SOLOIST_SENTRY_REPOSITORIES."
    )
    assert bench.incident("3").reason == "No frame of the event is in the source of its release."
    assert bench.tests() == []
    assert bench.published == []
    assert bench.make().counts == Counts(read=3, unchanged=3)
    assert bench.make(repositories=PROJECTS | {"fern/unknown": "fern/shelf"}).counts == Counts(
        read=3, unchanged=2, made=1
    )


@pytest.mark.integration
def test_source_that_is_not_to_be_had_is_asked_for_again(bench: Bench) -> None:
    bench.told(event(frame("/app/gone.py", "gone", "gone()", 6)), labels=["Needs-Test"])
    bench.make(repositories={"fern/shelf": "fern/elsewhere"})
    assert "neither in a watched clone" in bench.incident("7").reason
    made = bench.make(repositories={"fern/shelf": "fern/elsewhere"})
    assert made.counts == Counts(read=1, failed=1)
    assert made.problems == [f"SHELF-7: {bench.incident('7').reason} The next run looks at it again."]


class Breaking(Sandbox):
    """A sandbox on a machine that has no memory left."""

    def examine(self) -> str:
        return "It works."

    def run(self, *_: Any, **__: Any) -> Finished:
        raise SandboxFailed("The memory is full.")


@pytest.mark.integration
def test_an_error_over_which_the_sandbox_broke_is_looked_at_again(bench: Bench) -> None:
    bench.git.commit("Share", source(FAULTY))
    bench.told(crashed(FAULTY))

    def broken() -> Counts:
        return make_incidents(bench.warehouse, bench.trees, Breaking(), PROJECTS, "all").counts

    for _ in range(2):
        assert broken() == Counts(read=1, failed=1)
        assert bench.incident().reason == "The memory is full."
    assert bench.make().counts == Counts(read=1, made=1)
    bench.told(crashed(FAULTY).model_copy(update={"release": "2"}))
    assert [broken().failed for _ in range(4)] == [1, 1, 0, 0], "in the end it is the error's own fault"


@pytest.mark.integration
def test_a_test_of_which_nothing_is_reported_is_tried_again_twice(bench: Bench) -> None:
    bench.git.commit(
        "Share",
        source(
            files(shares="import os\n\n\ndef share(parts, by):\n    return os.kill(os.getpid(), 9) or parts / by\n")
        ),
    )
    shown = frame(
        "/app/shares.py", "share", "    return os.kill(os.getpid(), 9) or parts / by", 5, "shares", parts="3", by="0"
    )
    bench.told(event(shown, kind="ZeroDivisionError", id="1"))
    assert [bench.make().counts for _ in range(4)] == [
        *[Counts(read=1, failed=1)] * 2,
        Counts(read=1, made=1),
        Counts(read=1, unchanged=1),
    ]
    assert "killed" in bench.incident().reason


@pytest.mark.integration
def test_one_unreadable_repository_keeps_no_other_from_its_tests(bench: Bench, tmp_path: Path) -> None:
    other = GitRepository(tmp_path / "other")
    other.git("remote", "add", "origin", "https://github.com/fern/other.git")
    bench.trees = SourceTrees([bench.git.path, other.path], tmp_path / "mirrors", "http://127.0.0.1:9")
    projects = PROJECTS | {"fern/other": "fern/other"}
    fact = crashed(FAULTY)
    for each in (bench.git, other):
        each.commit("Share", source(FAULTY))
    bench.told(fact.model_copy(update={"id": "1"}))
    assert bench.make(repositories=projects).counts == Counts(read=1, made=1)
    bench.git.commit("Mend", {"shares.py": MENDED})
    number = bench.git.git("rev-parse", "HEAD^{tree}").strip()
    tree = bench.git.path / ".git" / "objects" / number[:2] / number[2:]
    whole = tree.read_bytes()
    tree.unlink()
    bench.told(fact.model_copy(update={"id": "2", "project": "other"}))
    bench.told(fact.model_copy(update={"id": "3", "release": bench.git.head()}))
    assert bench.make(repositories=projects).counts == Counts(read=3, made=1, failed=1, unchanged=1)
    assert [bench.incident(number).status for number in "123"] == ["reproduced", "reproduced", "refused"]
    tree.write_bytes(whole)
    bench.make(repositories=projects)
    assert bench.incident("1").status == "fixed"
    assert "passes" in bench.incident("3").reason


def test_a_test_that_was_proposed_stays_on_its_commit(tmp_path: Path) -> None:
    """The default branch goes on, and may be unknown for a while; what is told of the test is brought up to date."""
    outbox, problems = Outbox(f"sqlite:///{tmp_path}/inbox.db"), list[str]()
    incident = _incident().model_copy(
        update={"repository": "fern/shelf", "organization": "fern", "test_path": "tests/test_x.py", "head": "a" * 40}
    )

    def propose(base: str, head: str, body: str, **members: Any) -> OpenPullRequest:
        made = account.proposal(incident.model_copy(update={"head": head} | members), base, "x = 1\n", body)
        policy = Policy(frozenset({"fern/shelf", "fern/cards"}), frozenset(), frozenset({"fern/shelf"}))
        propose_tests(outbox, policy, [made], problems)
        effect = read_effect((outbox.under("regression-test:7") or pytest.fail("nothing was put")).payload)
        assert isinstance(effect, OpenPullRequest)
        return effect

    first = propose("main", "a" * 40, "Not mended.")
    for base in ("main", "trunk", ""):
        later = propose(base, "b" * 40, f"Mended, {base}.")
        assert later == first.model_copy(update={"body": f"Mended, {base}."})
    assert problems == []
    assert neutral.NO_CHECKS in first.commit_message
    moved = propose("main", "c" * 40, "Elsewhere.", repository="fern/cards")
    assert (moved.repository, moved.base_commit) == ("fern/cards", "c" * 40)


@pytest.mark.integration
def test_a_model_writes_the_test_where_values_are_not_told_and_it_is_run_like_any_other(bench: Bench) -> None:
    bench.git.commit("Boxes", source(OPAQUE))
    bench.told(event(SHARING, kind="ZeroDivisionError", value="division by zero", id="1"))
    replies = iter(
        [
            {"imports": ["import os"], "arrangement": ["box = Box(0)"], "call": "os.system('true')"},
            {"imports": ["from boxes import Box"], "arrangement": ["box = Box(0)"], "call": "box.share()"},
        ]
    )
    with served(bench, lambda request, attempt: Answer(content=json.dumps(next(replies)))) as (endpoint, model):
        assert bench.make(model=model).counts == Counts(read=1, made=1)
        assert bench.incident().maker == model.maker
        assert "box.share()" in bench.tests()[0].text
        assert "os.system" not in bench.tests()[0].text
        assert "The test cannot be taken" in endpoint.requests[1].last_message
        assert len(endpoint.requests) == 2
    with bench.warehouse.read() as session:
        assert session.count("SELECT count(*) FROM model_calls WHERE agent = 'regression_test'") == 1


@pytest.mark.integration
def test_a_models_test_that_shows_something_else_is_not_kept(bench: Bench) -> None:
    bench.git.commit("Boxes", source(OPAQUE))
    bench.told(event(SHARING, kind="ZeroDivisionError", value="division by zero", id="1"))
    reply = json.dumps({"imports": ["from boxes import Box"], "arrangement": [], "call": "Box(2).share()"})
    bench.make()
    with served(bench, lambda request, attempt: Answer(content=reply)) as (endpoint, model):
        assert bench.make(model=model).counts == Counts(read=1, made=1)
        assert "the model's test: it passes" in bench.incident().reason
        assert bench.make(model=model).counts == Counts(read=1, unchanged=1)
        assert len(endpoint.requests) == 1


@contextmanager
def served(bench: Bench, script: Script) -> Iterator[tuple[ScriptedEndpoint, LanguageModel]]:
    with ScriptedEndpoint(script) as endpoint:
        config = LanguageModelConfig(base_url=endpoint.url, model=endpoint.model, revision="r1")
        yield endpoint, LanguageModel(config, KeptReplies(bench.warehouse))


def test_without_a_sandbox_nothing_is_written(bench: Bench) -> None:
    bench.git.commit("Share", source(FAULTY))
    bench.told(event(frame("/app/shares.py", "share", "    return [part / by for part in parts]", 2, "shares")))
    broken = Sandbox(Configuration(bubblewrap="/nonexistent/bwrap"))
    with pytest.raises(SandboxUnavailable):
        make_incidents(bench.warehouse, bench.trees, broken, PROJECTS, "all")
    with bench.warehouse.read() as session:
        assert session.rows(INCIDENTS) == []


def test_the_base_of_a_copy_is_the_branch_that_github_told_of() -> None:
    """A copy that was fetched has no branch of its own."""

    def branch(name: str, commit: str | None, repository: str = "Fern/Shelf") -> Branch:
        return Branch(id=f"1:{name}", repository=repository, url="", happened_at=NOON, ref=name, commit=commit)

    def base(*branches: Branch, own: str = "HEAD") -> str:
        return default_branch(own, "a" * 40, "fern/shelf", branches)

    main = branch("refs/heads/main", "a" * 40)
    assert base(main, branch("refs/heads/work", "a" * 40)) == "main"
    assert base(branch("refs/heads/trunk", "a" * 40), branch("refs/tags/v1", "a" * 40)) == "trunk"
    assert base(branch("refs/heads/one", "a" * 40), branch("refs/heads/two", "a" * 40)) == ""
    assert (
        base(
            branch("refs/heads/main", "b" * 40),
            branch("refs/heads/other", None),
            branch("refs/heads/x", "a" * 40, "fern/other"),
        )
        == ""
    )
    assert base(main, own="develop") == "develop"


def test_which_issues_are_wanted(bench: Bench) -> None:
    fact = event(frame("/app/a.py", "a", "a()", 1))

    def wanted(rule: Any, **members: Any) -> bool:
        bench.told(fact, **{"labels": []} | members)
        with bench.warehouse.read() as session:
            (issue,) = session.rows(SENTRY_ISSUES)
        return is_wanted(fact, issue, rule)

    assert wanted("needs-test", labels=["needs-test"], status="resolved")
    assert not wanted("needs-test")
    assert wanted("new")
    assert wanted("new", substatus="regressed")
    assert not wanted("new", substatus="ongoing")
    assert wanted("all", substatus="ongoing")
    assert not wanted("all", status="resolved")
    assert not is_wanted(fact, None, "new")
    assert is_wanted(fact.model_copy(update={"tags": {"needs-test": "yes"}}), None, "needs-test")
    assert is_wanted(fact.model_copy(update={"rules": ["Needs-Test"]}), None, "needs-test")
    assert fact.happened_at == NOON


def test_a_warehouse_from_before_rules_and_attempts_is_migrated(tmp_path: Path) -> None:
    def earlier(spec: TableSpec[Any], without: str) -> TableSpec[Any]:
        kept: dict[str, Any] = {
            name: (field.annotation, field) for name, field in spec.model.model_fields.items() if name != without
        }
        return TableSpec(spec.name, create_model("Earlier", **kept), key=spec.key)

    told, incident = event(frame("/app/a.py", "a", "a()", 1)), _incident()
    events, incidents = earlier(ERROR_EVENTS, "rules"), earlier(INCIDENTS, "attempts")
    others = [spec for spec in TABLES if spec.name not in (events.name, incidents.name)]
    path = tmp_path / "warehouse.duckdb"
    with Warehouse(path, specs=[events, incidents, *others], migrations=MIGRATIONS[:1]).write() as session:
        session.merge(events, [events.model(**told.model_dump(exclude={"rules"}))])
        session.merge(incidents, [incidents.model(**incident.model_dump(exclude={"attempts"}))])
    with Warehouse(path, specs=TABLES, migrations=MIGRATIONS).write() as session:
        assert session.rows(ERROR_EVENTS) == [told]
        assert session.rows(INCIDENTS) == [incident]


def _incident() -> Incident:
    names = dict.fromkeys(set(Incident.model_fields) - {"happened_at", "found", "status", "tries", "attempts"}, "")
    return Incident.model_validate(
        names | {"issue": "7", "happened_at": NOON, "found": "", "status": "refused", "reason": "No.", "tries": 0}
    )


def test_nothing_wanted_needs_no_sandbox(bench: Bench) -> None:
    made = make_incidents(
        bench.warehouse, bench.trees, Sandbox(Configuration(bubblewrap="/nonexistent/bwrap")), {}, "needs-test"
    )
    assert made.counts == Counts()
    assert incidents_table([]) == "No wanted issue changed."
