"""Each cause that makes runs fail is told once, in Sentry and as an issue; killed at any moment, nothing is missed and nothing is told twice."""

import multiprocessing
import os
import re
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sentry_sdk
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration_assets.dagster_home import opened_instance
from resources.outbox import OpenIssue, Outbox
from resources.outbox.alerts import QUIET, Alert, Alerts, Failure
from resources.outbox.effects import read_effect
from resources.settings import load_settings
from sensors.failure_causes import cause_of, first_sentence, issue_text
from sensors.run_failures import run_failures_sensor, tell_of_failure
from tests.resources.test_sentry import Sink

SECRET = "sk-proj-Canary0Secret1Canary2Secret3"
_FORKS = multiprocessing.get_context("forkserver")


class ShelfError(Exception):
    """Raised by the operations below."""


@dg.op(config_schema={"fails": bool, "says": str})
def fill_shelf(context: dg.OpExecutionContext) -> None:
    if context.op_config["fails"]:
        raise ShelfError(context.op_config["says"])


@dg.op(config_schema={"fails": bool, "says": str})
def count_shelf(context: dg.OpExecutionContext) -> None:
    if context.op_config["fails"]:
        raise dg.Failure(context.op_config["says"])


@dg.job(executor_def=dg.in_process_executor)
def keep_shelf_job() -> None:
    fill_shelf()
    count_shelf()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _alert_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLOIST_ALERT_REPOSITORY", "ada/alerts")


def run(instance: dg.DagsterInstance, says: str = "", op: str = "fill_shelf") -> str:
    """A run in which an operation fails, or with nothing to say none."""
    config = {
        name: {"config": {"fails": bool(says) and name == op, "says": says}} for name in ("fill_shelf", "count_shelf")
    }
    done = keep_shelf_job.execute_in_process({"ops": config}, instance=instance, raise_on_error=False)
    assert done.success is not bool(says)
    return done.run_id


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> tuple[str, str | None]:
    """What a tick says, and where it leaves the cursor."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        said = run_failures_sensor(context)
        assert isinstance(said, dg.SkipReason)
        return str(said.skip_message), context.cursor


def issues(home: Path) -> list[OpenIssue]:
    """What waits in the outbox, the first put first."""
    with closing(Outbox(f"sqlite:///{home}/inbox.db")) as outbox:
        effects = [read_effect(each.payload) for each in outbox.due()]
    return [each for each in effects if isinstance(each, OpenIssue)]


def alerts(home: Path) -> list[Alert]:
    with closing(Outbox(f"sqlite:///{home}/inbox.db")) as outbox:
        keys = [each.key for each in outbox.latest()]
        found = [Alerts(outbox).known(key.removeprefix("run-failure:")) for key in keys]
    return [each for each in found if each is not None]


def test_nothing_is_opened_where_no_run_failed(instance: dg.DagsterInstance, home: Path) -> None:
    run(instance)
    assert tick(instance) == ("No run failed since the last look.", None)
    assert not (home / "inbox.db").exists()


def test_a_failed_run_is_an_issue_that_says_where_and_why(instance: dg.DagsterInstance, home: Path) -> None:
    failed = run(instance, f"No shelf 7 in /srv/data/x; token={SECRET} of @ada. More.\nMore lines.")
    said, cursor = tick(instance)
    assert said == "Looked at 1 failed runs and told of 1 causes."
    (issue,) = issues(home)
    assert (issue.repository, issue.title) == ("ada/alerts", "Runs fail at fill_shelf: ShelfError")
    assert "```text\nShelfError: No shelf 7 in /srv/data/x; token=[hidden] of @ada.\n```" in issue.body
    assert failed in issue.body
    assert "keep_shelf_job" in issue.body
    assert SECRET not in issue.body
    assert tick(instance, cursor) == ("No run failed since the last look.", cursor)


def test_the_same_cause_is_told_once_and_another_one_too(instance: dg.DagsterInstance, home: Path) -> None:
    for says in ("No shelf 7.", "No shelf 12.", "No shelf 400 at /tmp/abc."):
        run(instance, says)
    run(instance, "No shelf 7.", op="count_shelf")
    assert tick(instance)[0] == "Looked at 4 failed runs and told of 3 causes."
    assert [each.title for each in issues(home)] == [
        "Runs fail at fill_shelf: ShelfError",
        "Runs fail at fill_shelf: ShelfError",
        "Runs fail at count_shelf: Failure",
    ]
    assert sorted(each.failures for each in alerts(home)) == [1, 1, 2]


def test_after_a_success_the_same_cause_is_news(instance: dg.DagsterInstance, home: Path) -> None:
    run(instance, "No shelf 7.")
    _, cursor = tick(instance)
    run(instance, "No shelf 8.")
    said, cursor = tick(instance, cursor)
    assert said.endswith("told of 0 causes.")
    config = {"ops": {"count_shelf": {"config": {"fails": False, "says": ""}}}}
    assert keep_shelf_job.execute_in_process(config, instance=instance, op_selection=["count_shelf"]).success
    run(instance, "No shelf 9.")
    said, cursor = tick(instance, cursor)
    assert said.endswith("told of 0 causes.")
    run(instance)
    run(instance, "No shelf 10.")
    said, _ = tick(instance, cursor)
    assert said.endswith("told of 1 causes.")
    issue = next(each for each in issues(home) if "fill_shelf" in each.title)
    assert "for the 4th time" in issue.body


def test_after_seven_days_the_same_cause_is_news(home: Path) -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    with closing(Outbox(f"sqlite:///{home}/inbox.db")) as outbox:
        known = Alerts(outbox)

        def is_news(after: timedelta, well: bool = False) -> bool:
            failure = Failure("c", "it", f"run-{after}", at + after)
            news = known.is_news(failure, lambda _since: well)
            known.keep(failure, news, None)
            return news

        day = timedelta(days=1)
        assert [is_news(n * day) for n in (0, 1, 6, 7, 8, 13, 14)] == [True, False, False, True, False, False, True]
        assert not is_news(14 * day, well=True)  # looked at before
        assert is_news(15 * day, well=True)
        assert not is_news(15.5 * day)
        alert = known.known("c")
    assert alert is not None
    assert (alert.failures, alert.first_at, alert.alerted_at) == (9, at, at + 15 * day)
    assert timedelta(days=7) == QUIET


def test_a_run_that_will_be_repeated_is_no_failure_yet(instance: dg.DagsterInstance, home: Path) -> None:
    instance.add_run_tags(run(instance, "No shelf."), {"dagster/will_retry": "true"})
    said, cursor = tick(instance)
    assert said.endswith("told of 0 causes.")
    assert cursor is not None
    assert issues(home) == []


def test_a_run_whose_process_is_gone_has_its_job_for_a_place(instance: dg.DagsterInstance, home: Path) -> None:
    failed = dg.DagsterRun(job_name="make_summary_job")
    instance.add_run(failed)
    instance.report_run_failed(failed, message="The process of this run is gone; the run is failed.")
    tick(instance)
    (issue,) = issues(home)
    assert issue.title == "Runs fail at make_summary_job: RunFailure"
    assert "The process of this run is gone; the run is failed." in issue.body


def test_without_a_repository_for_alerts_only_the_cause_is_kept(
    instance: dg.DagsterInstance, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOLOIST_ALERT_REPOSITORY")
    run(instance, "No shelf.")
    assert tick(instance)[0].endswith("told of 1 causes.")
    assert issues(home) == []
    assert tick(instance)[0].endswith("told of 0 causes.")  # as if the cursor had been lost


def test_the_cursor_stays_where_telling_fails(instance: dg.DagsterInstance, home: Path) -> None:
    run(instance, "No shelf.")
    (home / "inbox.db").write_bytes(b"no database at all, " * 1000)
    said, cursor = tick(instance)
    assert "cannot be" in said
    assert cursor is None
    (home / "inbox.db").unlink()
    assert tick(instance)[0].endswith("told of 1 causes.")


@pytest.mark.parametrize("cursor", ["rubbish", "eyJ0eXBlIjogMX0="])
def test_a_cursor_that_is_none_looks_back_a_day(instance: dg.DagsterInstance, home: Path, cursor: str) -> None:
    run(instance, "No shelf.")
    assert tick(instance, cursor)[0].endswith("told of 1 causes.")


def test_history_is_not_told(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    run(instance, "No shelf.")
    monkeypatch.setenv("SOLOIST_NOW", (datetime.now(UTC) + timedelta(days=2)).isoformat())
    assert tick(instance) == ("No run failed since the last look.", None)


def test_a_repository_for_alerts_that_can_be_none_is_a_sentence(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLOIST_ALERT_REPOSITORY", "ada/..")
    run(instance, "No shelf.")
    said, cursor = tick(instance)
    assert "SOLOIST_ALERT_REPOSITORY is 'ada/..'" in said
    assert cursor is None
    monkeypatch.setenv("SOLOIST_ALERT_REPOSITORY", "ada/alerts")
    assert tick(instance)[0].endswith("told of 1 causes.")


@pytest.mark.integration
def test_many_failures_are_told_tick_after_tick(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensors.run_failures.FAILURES_A_TICK", 2)
    for _ in range(3):
        run(instance, "No shelf.")
    said, cursor = tick(instance)
    assert said.startswith("Looked at 2 failed runs")
    said, cursor = tick(instance, cursor)
    assert said.startswith("Looked at 1 failed runs")


@pytest.mark.integration
def test_sentry_is_told_under_the_cause_and_without_secrets(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Sink()
    monkeypatch.setenv("SOLOIST_SENTRY_DSN", sink.dsn)
    try:
        run(instance, f"No shelf 7 for {SECRET}.")
        run(instance, f"No shelf 8 for {SECRET}.")
        _, cursor = tick(instance)
        told = sink.text()
        assert SECRET not in told
        assert "Runs fail at fill_shelf: ShelfError: No shelf 7 for [hidden]." in told
        assert "No shelf 8" not in told
        assert re.search(r'"fingerprint":\["run-failure","[0-9a-f]{16}"\]', told)
        assert '"job":"keep_shelf_job"' in told
        run(instance, "No shelf 9 for somebody.")
        tick(instance, cursor)
        assert '"level":"error"' in sink.text()
    finally:
        sentry_sdk.get_client().close(timeout=1)
        sentry_sdk.get_global_scope().set_client(None)
        sink.server.shutdown()
        sink.server.server_close()


def _tell_and_die(home: str, run_id: str, before: bool) -> None:
    """The alert is kept, and the process dies before, or right after."""
    os.environ.update(SOLOIST_HOME=home, DAGSTER_HOME=f"{home}/dagster", SOLOIST_ALERT_REPOSITORY="ada/alerts")
    keep = Alerts.keep

    def dying(*arguments: object) -> None:
        if not before:
            keep(*arguments)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGKILL)

    Alerts.keep = dying  # type: ignore[method-assign,assignment]
    with opened_instance(load_settings()) as instance:
        outbox = Outbox(f"sqlite:///{home}/inbox.db")
        tell_of_failure(instance, load_settings(), outbox, run_id, datetime.now(UTC))


@pytest.mark.integration
@pytest.mark.parametrize("before", [True, False])
def test_killed_before_or_after_an_alert_is_kept_it_is_told_once(home: Path, before: bool) -> None:
    with opened_instance(load_settings()) as instance:
        failed = run(instance, "No shelf.")
        process = _FORKS.Process(target=_tell_and_die, args=(str(home), failed, before))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        assert tick(instance)[0].endswith(f"told of {int(before)} causes.")
        assert len(issues(home)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("No shelf 7 of 12.", "No shelf 80 of 9."),
        ("Cannot open /tmp/pytest-1/x.duckdb: locked", "Cannot open /srv/home/y.duckdb: locked"),
        (
            "Object 3f786850e387550fdab836ed7e6dc881de23001b lacks",
            "Object 89e6c98d92887913cadf06b2adb97f26cde4849b lacks",
        ),
        ("Run 1f0e8f3a-7d2c-4b60-8a51-0f6a0f0d9c11 ended", "Run 9b2d7c44-1111-4b60-8a51-0f6a0f0d9c12 ended"),
        ("GET https://a.example/1?x=2 failed", "GET https://b.example/other failed"),
        ("at 0x7f3a8c failed", "at 0x55d0a1 failed"),
        ("took 3.5 s", "took 12 s"),
        ("In C:\\Users\\ada\\x.txt", "In D:\\y.txt"),
    ],
)
def test_what_differs_from_run_to_run_makes_no_other_cause(one: str, other: str) -> None:
    assert cause_of("op", "ValueError", one).hash == cause_of("op", "ValueError", other).hash
    assert cause_of("op", "ValueError", one).hash != cause_of("op", "KeyError", one).hash
    assert cause_of("op", "ValueError", one).hash != cause_of("another", "ValueError", one).hash


def test_other_words_are_another_cause() -> None:
    assert cause_of("op", "E", "No shelf 7.").hash != cause_of("op", "E", "No room 7.").hash
    assert cause_of("op", "E", "No shelf 7. Look!").hash == cause_of("op", "E", "No shelf 7. Or not?").hash


def test_the_class_that_python_writes_first_is_not_the_sentence() -> None:
    assert first_sentence("dagster._core.errors.SomeError: It broke. And more.\n") == "It broke."
    assert first_sentence("ShelfError: Nothing: at all") == "Nothing: at all"
    assert first_sentence("\n\n  \n") == ""


@settings(max_examples=40, deadline=None)
@example("```\n@ada", "op", "E")
@example("a ``` b ````` [x](y) @ada", "`op`", "@E")
@given(st.text(max_size=400), st.text(max_size=60), st.text(max_size=60))
def test_any_error_makes_an_issue_whose_text_is_only_text(message: str, place: str, error: str) -> None:
    cause = cause_of(place, error, message)
    title, body = issue_text(cause, "run", "job", 2)
    issue = OpenIssue(repository="ada/alerts", title=title, body=body)
    fence = next(line for line in issue.body.splitlines() if line.endswith("text"))[:-4]
    assert issue.body.count(fence) >= 2
    quoted = issue.body.partition(f"{fence}text\n")[2].rpartition(f"\n{fence}\n")[0]
    assert fence not in quoted
    assert "\n" not in quoted
    assert "@" not in issue.body.replace(quoted, "")
    assert len(cause.hash) == 16
