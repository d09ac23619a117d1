"""What is handed over of a build: the same bytes however long it took, and who made what, with every call counted once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration_assets.code.bundle import Made
from orchestration_assets.code.ledger import Attempt, Changes, Ledger
from orchestration_assets.code.making import attempts_of, builds_path
from orchestration_assets.code.model import Plan
from orchestration_assets.code.releasing import bars_of, bundle_input, make_release
from orchestration_assets.code.scheduling import Step
from orchestration_assets.code.spending import who_made_what
from orchestration_assets.connections import open_object_store, open_warehouse
from orchestration_assets.derivation import DERIVATIONS, Derivation
from orchestration_assets.reports.documents import find_document
from resources.settings import load_settings
from tests.code.projects import prepared
from tests.code.scripted_model import ScriptedModel, swapped
from tests.code.workshop import Workshop
from tests.scripted_endpoint import ScriptedEndpoint

SPANS = prepared("spans")
OTHER = Plan.model_validate(
    {
        **SPANS.plan.model_dump(),
        "tasks": [
            {**task.model_dump(), "description": f"As before: {task.description}"[:1500]} for task in SPANS.plan.tasks
        ],
    }
)
"""With the same tasks, and other prompts for each of them."""


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel(SPANS)


@pytest.fixture
def shop(home: Path, model: ScriptedModel) -> Iterator[Workshop]:
    """In the home folder, with the warehouse of everybody."""
    with ScriptedEndpoint(model) as endpoint:
        made = Workshop(home, endpoint.url)
        made.warehouse = open_warehouse(load_settings())
        yield made


def made_of(shop: Workshop, plan: Plan = SPANS.plan) -> tuple[Made, ...]:
    return who_made_what(load_settings(), shop.warehouse, "project", plan)


def calls_of(rows: tuple[Made, ...]) -> int:
    return sum(each.calls for each in rows)


def attempt(number: int, **changes: object) -> Attempt:
    values: dict[str, object] = {
        "task": "one",
        "step": Step.WRITE,
        "ended_at": datetime(2026, 11, 20, 9, number, tzinfo=UTC),
        "seconds": 1.0,
        "outcome": "written",
        "maker": "small@1",
        "agent_version": "v",
        "calls": 1,
        "tokens_in": 1_000_000,
        "tokens_out": 0,
    }
    return Attempt.model_validate(values | changes)


def ledger_with(*attempts: Attempt, basis: str = "basis") -> None:
    ledger = Ledger(builds_path(load_settings()))
    ledger.begin("project", basis, SPANS.plan, [])
    ledger.save("project", Changes(attempts=list(attempts)))
    ledger.close()


def test_the_bundle_is_the_same_however_long_it_took_and_the_document_shows_it(shop: Workshop) -> None:
    built = shop.build(SPANS.plan)
    settings, store = load_settings(), open_object_store(load_settings())
    given = bundle_input(settings, shop.warehouse, "project", built)
    attempts = attempts_of(settings, "project")
    slower = [each.model_copy(update={"seconds": each.seconds + 5}) for each in attempts]
    kept = []
    for took in (attempts, slower):
        rows = make_release(shop.warehouse, store, "project", given, bars_of(took))
        with shop.warehouse.read() as session:
            document = find_document(session, "build_report", "project", "html")
        assert document is not None
        kept.append((rows, document.sha256))
    assert kept[0][0] == kept[1][0] and kept[0][1] != kept[1][1]
    assert "What was done when" in store.get_verified(kept[0][1]).decode()
    report = next(row for row in kept[0][0] if row.name == "report.html")
    assert "What was done when" not in store.get_verified(report.sha256).decode()


def test_what_an_earlier_plan_took_is_not_counted(shop: Workshop, model: ScriptedModel) -> None:
    shop.build(OTHER)
    before = len(model.calls)
    shop.build(SPANS.plan)
    rows = made_of(shop)
    assert before == len(SPANS.plan.tasks) and calls_of(rows) == len(model.calls) - before
    assert [row.task for row in rows] == [task.id for task in SPANS.plan.tasks]
    attempts = attempts_of(load_settings(), "project")
    assert (
        len(attempts)
        > len(bars_of(attempts))
        == len(attempts) - sum(each.basis == attempts[0].basis for each in attempts)
    )


def test_planning_again_and_tasks_that_were_replaced_are_counted(shop: Workshop, model: ScriptedModel) -> None:
    wrong = [swapped("spans/merging.py", "Spans of", f"{number} # wrong") for number in range(3)]
    model.faults = {"merging": wrong}
    built = shop.build(SPANS.plan)
    assert built.is_green
    rows = made_of(shop, built.plan)
    told = {row.task: row.calls for row in rows}
    assert told["merging"] == 3 and told["merging-again"] == 1 and told["(plan again)"] == 1
    assert rows[0].task == "(plan again)" and not rows[0].is_task and rows[-1].task == "merging"
    assert calls_of(rows) == len(model.calls)


def test_a_call_that_only_the_ledger_or_only_the_warehouse_knows_is_counted_once(shop: Workshop) -> None:
    """As a process that was killed leaves them."""
    shop.build(SPANS.plan)
    whole = made_of(shop)
    first, second = (task.id for task in SPANS.plan.tasks[:2])
    with closing(sqlite3.connect(shop.folder / "builds.db", isolation_level=None)) as ledger:
        lost = 'attempt LIKE ? AND attempt LIKE \'%"step":"write"%\''
        assert ledger.execute(f"DELETE FROM attempts WHERE {lost}", [f'%"task":"{first}"%']).rowcount == 1
    with shop.warehouse.write() as session:
        session.execute("DELETE FROM model_calls WHERE key = ?", [f"project/{second}"])
    assert made_of(shop) == whole


def test_a_reply_that_was_kept_costs_nothing_more(shop: Workshop, model: ScriptedModel) -> None:
    shop.build(SPANS.plan)
    (shop.folder / "builds.db").rename(shop.folder / "gone.db")
    shop.build(SPANS.plan)
    assert len(model.calls) == len(SPANS.plan.tasks)
    rows = made_of(shop)
    assert [row.task for row in rows] == [task.id for task in SPANS.plan.tasks]
    assert calls_of(rows) == 0 and {row.maker for row in rows} == {"scripted@r1"}


def test_everything_is_priced_by_its_own_maker_and_the_last_one_comes_last(home: Path) -> None:
    (home / "prices.toml").write_text(
        "[models.small]\ninput = 1.0\noutput = 1.0\n[models.large]\ninput = 10.0\noutput = 1.0\n"
        "[models.planner]\ninput = 100.0\noutput = 1.0\n"
    )
    ledger_with(attempt(1), attempt(2, maker="large@1"), attempt(3), attempt(4, maker="large@1"))
    warehouse = open_warehouse(load_settings())
    planned = Derivation(
        agent="build_planning",
        key="project",
        input_hash="",
        output_hash="",
        agent_version="p",
        maker="planner@1",
        tokens_in=1_000_000,
    )
    with warehouse.write() as session:
        session.merge(DERIVATIONS, [planned])
    rows = who_made_what(load_settings(), warehouse, "project", SPANS.plan)
    assert [(row.task, row.maker, row.calls, row.cost) for row in rows] == [
        ("(plan)", "planner@1", 1, 100.0),
        ("one", "small@1", 2, 2.0),
        ("one", "large@1", 2, 20.0),
    ]


FIRST_VERSION = """
CREATE TABLE builds (project VARCHAR NOT NULL, basis TEXT NOT NULL, plan TEXT NOT NULL, PRIMARY KEY (project));
CREATE TABLE items (project VARCHAR NOT NULL, id VARCHAR NOT NULL, item TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (project, id));
CREATE TABLE files (project VARCHAR NOT NULL, path VARCHAR NOT NULL, task TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (project, path));
CREATE TABLE attempts (number INTEGER NOT NULL, project VARCHAR NOT NULL, attempt TEXT NOT NULL, PRIMARY KEY (number));
CREATE INDEX ix_attempts_project ON attempts (project);
CREATE TABLE dead_letters (project VARCHAR NOT NULL, task VARCHAR NOT NULL, letter TEXT NOT NULL, PRIMARY KEY (project, task));
CREATE TABLE reports ("key" VARCHAR NOT NULL, report TEXT NOT NULL, PRIMARY KEY ("key"));
PRAGMA user_version = 1;
"""


def test_a_ledger_of_the_first_version_opens_and_goes_on(home: Path) -> None:
    path = builds_path(load_settings())
    with closing(sqlite3.connect(path, isolation_level=None)) as first:
        first.executescript(FIRST_VERSION)
        first.execute("INSERT INTO builds VALUES ('project', 'basis', ?)", [SPANS.plan.model_dump_json()])
        told = attempt(1).model_dump_json(exclude={"basis"})
        for project in ("project", "gone"):
            first.execute("INSERT INTO attempts (project, attempt) VALUES (?, ?)", [project, told])
        first.execute("INSERT INTO reports VALUES ('key', '{}')")
    for _ in range(2):
        ledger = Ledger(path)
        stored = ledger.load("project")
        assert stored is not None and stored.plan == SPANS.plan
        assert [each.basis for each in ledger.attempts("project")] == ["basis"]
        assert [each.basis for each in ledger.attempts("gone")] == [""]
        assert ledger.prune(datetime.now(UTC) - timedelta(days=1)) == 0 and ledger.report("key") == "{}"
        ledger.close()
    ledger = Ledger(path)
    ledger.save("project", Changes(attempts=[attempt(2)]))
    assert [each.basis for each in ledger.attempts("project")] == ["basis", "basis"]
    ledger.keep_report("key", "new")
    assert ledger.prune(datetime.now(UTC) + timedelta(days=1)) == 1
    ledger.close()
