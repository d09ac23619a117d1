"""From rows of Sentry to a kept test, its pull request and the commit that mended it; and what is done again when something changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestration_assets.activity.model import ERROR_EVENTS, SENTRY_ISSUES
from orchestration_assets.derivation import Counts
from orchestration_assets.incidents import judgements
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
from orchestration_assets.tables import MIGRATIONS, TABLES
from resources.github.facts import Branch
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.runner import LanguageModel
from resources.sandbox import Configuration, Sandbox, SandboxUnavailable
from resources.sentry_issues.facts import ErrorEvent, SentryIssue
from resources.source_trees import SourceTrees, default_branch
from resources.warehouse import Warehouse
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
    assert len(bench.published) == 1


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
    assert bench.make().counts == Counts(read=3, failed=3)
    assert bench.incident("1").reason.startswith("The call cannot be made again: share: self cannot be rebuilt")
    assert (
        bench.incident("2").reason == "No repository is named for fern/unknown; add it to SOLOIST_SENTRY_REPOSITORIES."
    )
    assert bench.incident("3").reason == "No frame of the event is in the source of its release."
    assert bench.tests() == []
    assert bench.published == []
    assert bench.make().counts == Counts(read=3, unchanged=3)
    assert bench.make(repositories=PROJECTS | {"fern/unknown": "fern/shelf"}).counts == Counts(
        read=3, unchanged=2, failed=1
    )


@pytest.mark.integration
def test_source_that_is_not_to_be_had_is_asked_for_again(bench: Bench) -> None:
    bench.told(event(frame("/app/gone.py", "gone", "gone()", 6)), labels=["Needs-Test"])
    bench.make(repositories={"fern/shelf": "fern/elsewhere"})
    assert "neither in a watched clone" in bench.incident("7").reason
    assert bench.make(repositories={"fern/shelf": "fern/elsewhere"}).counts == Counts(read=1, failed=1)


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
        assert bench.make(model=model).counts == Counts(read=1, failed=1)
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
    assert fact.happened_at == NOON


def test_nothing_wanted_needs_no_sandbox(bench: Bench) -> None:
    made = make_incidents(
        bench.warehouse, bench.trees, Sandbox(Configuration(bubblewrap="/nonexistent/bwrap")), {}, "needs-test"
    )
    assert made.counts == Counts()
    assert incidents_table([]) == "No wanted issue changed."
