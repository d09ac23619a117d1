"""A build with a scripted model and a scripted checker: what is asked, what is mended, what is kept, and how it ends."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration_assets.code.building import BuildInterrupted
from orchestration_assets.code.checking import CannotCheck, Checked, Reason, Work
from orchestration_assets.code.scheduling import Schedule, State, Step
from orchestration_assets.code.state import BuildState, items_of
from orchestration_assets.code.writing_agent import Written
from resources.language_model.agent import Failure
from resources.language_model.endpoint import EndpointError
from tests.code.projects import Project, generated, prepared
from tests.code.scripted_model import Fault, Json, ScriptedModel, swapped, whole
from tests.code.workshop import WRONG, ScriptedChecker, Workshop
from tests.scripted_endpoint import Answer, ScriptedEndpoint


def wrong(path: str, says: str = "", number: int = 0) -> Fault:
    """The right file with a mark by which the scripted checker fails it, and says whose fault it is; marks of other numbers are other texts."""
    mark = f"{WRONG}, says {says} \n" if says else f"{WRONG}\n"

    def fault(reply: Json) -> Json:
        text = next(edit["content"] for edit in reply["files"] if edit["path"] == path)
        return whole(path, f"{text}{mark}# {number}\n")(reply)

    return fault


@pytest.fixture
def tally() -> Project:
    return prepared("tally")


def test_all_files_are_made_checked_and_integrated(tmp_path: Path, tally: Project) -> None:
    model = ScriptedModel(tally)
    with ScriptedEndpoint(model) as endpoint:
        shop = Workshop(tmp_path, endpoint.url)
        built = shop.build(tally.plan)
    assert built.is_green
    assert built.sources == tally.files
    assert sorted(model.written()) == sorted((task.id, 1) for task in tally.plan.tasks)
    checks = Counter(task for task, _ in shop.checker.works)  # type: ignore[attr-defined]
    assert checks == Counter([task.id for task in tally.plan.tasks] + ["(integration)"])
    calls = shop.query("SELECT agent, key, outcome FROM model_calls ORDER BY key")
    assert [call["key"] for call in calls] == sorted(f"project/{task.id}" for task in tally.plan.tasks)
    assert shop.standings[-1].done == shop.standings[-1].total == len(tally.plan.tasks) + 1


@pytest.mark.integration
def test_a_finished_build_asks_and_checks_nothing_again(tmp_path: Path, tally: Project) -> None:
    model = ScriptedModel(tally)
    with ScriptedEndpoint(model) as endpoint:
        shop = Workshop(tmp_path, endpoint.url)
        first = shop.build(tally.plan)
        calls, works = len(model.calls), len(shop.checker.works)  # type: ignore[attr-defined]
        assert shop.build(tally.plan) == first
        assert (len(model.calls), len(shop.checker.works)) == (calls, works)  # type: ignore[attr-defined]
        other = tally.plan.model_copy(update={"summary": "Another one."})
        assert shop.build(other).is_green
    assert len(model.calls) == 2 * calls


def test_what_fails_its_check_is_mended_and_checked_again(tmp_path: Path, tally: Project) -> None:
    model = ScriptedModel(tally, {"counting": [wrong("tally/counting.py")]})
    with ScriptedEndpoint(model) as endpoint:
        shop = Workshop(tmp_path, endpoint.url)
        built = shop.build(tally.plan)
    assert built.is_green and built.sources == tally.files
    assert [attempt for task, attempt in model.written() if task == "counting"] == [1, 2]
    assert [task for task, _ in shop.checker.works].count("counting") == 2  # type: ignore[attr-defined]
    mended = next(prompt for prompt in model.prompts if "Attempt 2." in prompt)
    assert "tally/counting.py is wrong." in mended and WRONG in mended
    ledger = shop.ledger()
    outcomes = [
        (attempt.step.value, attempt.outcome) for attempt in ledger.attempts("project") if attempt.task == "counting"
    ]
    assert outcomes == [("write", "written"), ("check", "failed"), ("write", "written"), ("check", "passed")]


@pytest.mark.integration
def test_a_source_that_a_test_shows_to_be_wrong_is_mended_and_the_test_checked_again(
    tmp_path: Path, tally: Project
) -> None:
    model = ScriptedModel(tally, {"test-counting": [wrong("tests/test_counting.py", "tally/counting.py")]})
    checker = ScriptedChecker()
    verdict = checker._verdict
    seen: list[str] = []

    def once(files: dict[str, str], sources: dict[str, str]) -> object:
        checked = verdict(files, sources)
        if any("tally/counting.py" in reason.path for reason in checked.reasons):
            seen.append("blamed")
            if len(seen) > 1:
                return checked.model_copy(update={"passed": True, "reasons": []})
        return checked

    checker._verdict = once  # type: ignore[assignment,method-assign]
    # The writer changes something, so that the fix is one.
    model.faults = {**model.faults, "counting": [None, swapped("tally/counting.py", "Words and", "All words and")]}
    with ScriptedEndpoint(model) as endpoint:
        shop = Workshop(tmp_path, endpoint.url, checker)
        built = shop.build(tally.plan)
    assert built.is_green
    assert built.sources["tally/counting.py"].startswith('"""All words')
    assert [attempt for task, attempt in model.written() if task == "counting"] == [1, 2]
    assert [attempt for task, attempt in model.written() if task == "test-counting"] == [1]
    assert [task for task, _ in checker.works].count("test-counting") == 2
    mending = next(prompt for prompt in model.prompts if "The task counting:" in prompt and "Attempt 2." in prompt)
    assert "def test_the_commonest_come_first" in mending, "whoever mends a file is not shown the test that failed"
    fixed = [tests for task, tests in checker.works if task == "counting"][1]
    assert "tests/test_counting.py" in fixed, "the fix is not tested by what showed the fault"


@pytest.mark.integration
def test_three_failures_are_planned_again_and_the_part_is_built(tmp_path: Path, tally: Project) -> None:
    model = ScriptedModel(tally, {"counting": [wrong("tally/counting.py", number=number) for number in range(3)]})
    with ScriptedEndpoint(model) as endpoint:
        shop = Workshop(tmp_path, endpoint.url)
        built = shop.build(tally.plan)
    assert built.is_green and built.sources == tally.files
    assert "counting-again" in {task.id for task in built.plan.tasks} and "counting" not in {
        task.id for task in built.plan.tasks
    }
    assert built.plan.task("command").depends_on == ("counting-again",)
    (letter,) = shop.ledger().dead_letters("project")
    assert (letter.task, letter.outcome) == ("counting", "replanned")
    assert letter.reasons == ["tally/counting.py is wrong."]
    again = [prompt for prompt in model.prompts if "The task counting-again:" in prompt]
    assert again and not any(WRONG in prompt for prompt in again), "the new task is shown what the old one left"


@pytest.mark.integration
def test_a_part_that_is_planned_again_under_its_old_name_is_built_and_kept(tmp_path: Path, tally: Project) -> None:
    attempts: list[Fault | None] = [wrong("tally/counting.py", number=number) for number in range(3)]
    model = ScriptedModel(tally, {"counting": attempts})

    def replacement(old: Json) -> list[Json]:
        model.faults = {}
        return [{**old, "description": "Again, more precisely."}]

    model.replacement = replacement
    with ScriptedEndpoint(model) as endpoint:
        shop = Workshop(tmp_path, endpoint.url)
        built = shop.build(tally.plan)
        assert built.is_green and built.plan.task("counting").description == "Again, more precisely."
        stored = shop.ledger().load("project")
    assert stored is not None and stored.files == tally.files and stored.plan == built.plan


@pytest.mark.integration
def test_what_cannot_be_mended_ends_in_the_dead_letters_and_is_never_green(tmp_path: Path, tally: Project) -> None:
    always = [wrong("tally/counting.py", number=number) for number in range(9)]
    model = ScriptedModel(tally, {"counting": always, "counting-again": always})
    with ScriptedEndpoint(model) as endpoint:
        shop = Workshop(tmp_path, endpoint.url)
        built = shop.build(tally.plan)
        assert not built.is_green and built.integration is None
        assert built.dead == ("counting-again",)
        assert set(built.blocked) == {"command", "test-counting", "test-command"}
        letters = {letter.task: letter.outcome for letter in shop.ledger().dead_letters("project")}
        assert letters == {"counting": "replanned", "counting-again": "given up"}
        calls = len(model.calls)
        assert shop.build(tally.plan) == built
        assert len(model.calls) == calls, "a failure counts as made"
        model.faults = {}
        assert shop.build(tally.plan, retry_failed=True).is_green


def test_a_reply_that_cannot_be_used_is_repaired_and_then_counts_as_a_failure(tmp_path: Path, tally: Project) -> None:
    model = ScriptedModel(tally, {"counting": [lambda reply: "no JSON"]})
    with ScriptedEndpoint(model) as endpoint:
        shop = Workshop(tmp_path, endpoint.url)
        built = shop.build(tally.plan)
    assert built.is_green
    asked = [(call.attempt, call.is_repair) for call in model.calls if call.task == "counting"]
    assert asked == [(1, False), (1, True), (2, False)]
    assert any("The last reply could not be used" in prompt for prompt in model.prompts)


@pytest.mark.integration
def test_a_server_that_fails_now_and_then_does_not_matter(tmp_path: Path) -> None:
    project = generated(30, seed=3)
    model = ScriptedModel(project)
    failed: set[str] = set()

    def script(request: dict[str, object], sent_before: int) -> Answer:
        key = str(request["messages"])
        if key not in failed and sum(key.encode()) % 3 == 0:
            failed.add(key)
            return Answer(500, {"error": {"message": "a bug"}})
        return model(request, sent_before)

    with ScriptedEndpoint(script) as endpoint:
        built = Workshop(tmp_path, endpoint.url).build(project.plan)
    assert built.is_green and built.sources == project.files
    assert failed and len(model.calls) == 30


@pytest.mark.integration
def test_a_checker_that_breaks_is_asked_again_and_one_that_cannot_work_ends_the_build(
    tmp_path: Path, tally: Project
) -> None:
    checker = ScriptedChecker(broken=[OSError("no space")])
    with ScriptedEndpoint(ScriptedModel(tally)) as endpoint:
        shop = Workshop(tmp_path / "a", endpoint.url, checker)
        assert shop.build(tally.plan).is_green
        checker.broken = [CannotCheck("No sandbox works here.")]
        shop = Workshop(tmp_path / "b", endpoint.url, checker)
        with pytest.raises(CannotCheck, match="No sandbox works"):
            shop.build(tally.plan)
        checker.broken = []
        assert shop.build(tally.plan).is_green


@pytest.mark.integration
def test_what_gets_no_answer_is_left_to_the_next_run_which_takes_it_up(tmp_path: Path, tally: Project) -> None:
    model = ScriptedModel(tally)
    lost: list[str] = []

    def script(request: dict[str, object], sent_before: int) -> Answer:
        if "The task counting:" in str(request["messages"]):
            lost.append("counting")
            return Answer(500, {"error": {"message": "a bug"}})
        return model(request, sent_before)

    with ScriptedEndpoint(script) as endpoint:
        shop = Workshop(tmp_path, endpoint.url, time_budget_s=0.5)
        with pytest.raises(BuildInterrupted, match=r"nothing came of counting in 3 tries .*run it again"):
            shop.build(tally.plan)
        stored = shop.ledger().load("project")
        assert stored is not None
        item = stored.items["counting"]
        assert (item.state, item.step, item.failures, item.losses) == (State.OPEN, Step.WRITE, 0, 0)
        assert stored.items["package"].state is State.DONE
        assert shop.ledger().dead_letters("project") == []
        outcomes = [each.outcome for each in shop.ledger().attempts("project") if each.task == "counting"]
        assert outcomes == ["lost"] * 3
    assert "replacement" not in {call.agent for call in model.calls}
    with ScriptedEndpoint(model) as endpoint:
        shop.url, shop.time_budget_s = endpoint.url, 300.0
        built = shop.build(tally.plan)
    assert built.is_green and built.sources == tally.files


@pytest.mark.integration
@pytest.mark.parametrize("task", ["counting", "(integration)"])
def test_a_checker_that_breaks_again_and_again_is_no_failure_either(tmp_path: Path, tally: Project, task: str) -> None:
    checker = ScriptedChecker(broken=[OSError("no space")] * 3, breaks_for=(task,))
    with ScriptedEndpoint(ScriptedModel(tally)) as endpoint:
        shop = Workshop(tmp_path, endpoint.url, checker)
        with pytest.raises(BuildInterrupted, match=r"checker could not check .*OSError"):
            shop.build(tally.plan)
        assert shop.ledger().dead_letters("project") == []
        built = shop.build(tally.plan)
    assert built.is_green and Counter(task for task, _ in checker.works)[task] == 4


@pytest.mark.integration
def test_an_endpoint_that_is_gone_ends_the_build_which_then_goes_on(tmp_path: Path, tally: Project) -> None:
    model = ScriptedModel(tally)
    with ScriptedEndpoint(lambda request, sent: Answer(401, {"error": {"message": "no key"}})) as endpoint:
        shop = Workshop(tmp_path, endpoint.url)
        with pytest.raises(EndpointError, match="SOLOIST_MODEL"):
            shop.build(tally.plan)
    with ScriptedEndpoint(model) as endpoint:
        shop.url = endpoint.url
        assert shop.build(tally.plan).is_green


def test_nothing_waits_for_a_batch(tmp_path: Path) -> None:
    """One slow file keeps only those waiting that depend on it."""
    project = generated(20, seed=1, most_dependencies=1)
    slow = "part000"
    free = {task.id for task in project.plan.tasks if slow not in project.plan.beneath([task.id])}
    model = ScriptedModel(project)

    def script(request: Json, sent_before: int) -> Answer:
        answer = model(request, sent_before)
        is_slow = model.calls[-1].task == slow
        return replace(answer, until=lambda: free <= {task for task, _ in model.written()}) if is_slow else answer

    with ScriptedEndpoint(script) as endpoint:
        built = Workshop(tmp_path, endpoint.url).build(project.plan)
    assert built.is_green
    order = [task for task, _ in model.written()]
    late = [task for task in order if slow in project.plan.beneath([task]) and task != slow]
    assert free and late and max(order.index(task) for task in free) < min(order.index(task) for task in late)


@pytest.mark.integration
def test_the_number_in_flight_is_the_engines_limit_and_no_more(tmp_path: Path) -> None:
    project = generated(40, seed=2, most_dependencies=0)
    model = ScriptedModel(project, latency=lambda call: 0.1)
    with ScriptedEndpoint(model) as endpoint:
        assert Workshop(tmp_path, endpoint.url, in_flight=6).build(project.plan).is_green
        assert endpoint.most_at_once == 6


class Misled(ScriptedChecker):
    """While merging is flawed, one task of tests says so at once, and another one says late that parsing is."""

    def check(self, work: Work) -> Checked:
        is_flawed = "# flawed" in work.sources.get("spans/merging.py", "")
        blamed = {"test-set": "spans/merging.py", "test-parsing": "spans/parsing.py"}.get(work.task.id)
        checked = super().check(work)
        if work.task.id == "test-parsing" and is_flawed:
            time.sleep(0.8)
        return Checked(passed=False, reasons=[Reason(sentence="No.", path=blamed)]) if is_flawed and blamed else checked


@pytest.mark.integration
def test_nobody_is_blamed_by_a_check_that_ran_while_the_fault_was_mended(tmp_path: Path) -> None:
    spans = prepared("spans")
    flawed = swapped("spans/merging.py", "Spans of", "# flawed\nSpans of")
    model = ScriptedModel(spans, {"merging": [flawed]})
    with ScriptedEndpoint(model) as endpoint:
        built = Workshop(tmp_path, endpoint.url, Misled(), checks=4).build(spans.plan)
    assert built.is_green and built.sources == spans.files
    assert Counter(task for task, _ in model.written())["parsing"] == 1


def _state(project: Project, dead: str, running: str, step: Step) -> BuildState:
    """Everything is written; one task is among the dead letters, and one is at work."""
    items = items_of(project.plan)
    schedule = Schedule(items, 4, 4, lambda: 0.0)
    for item in items.values():
        item.state, item.step = State.DONE, Step.CHECK
    items["(integration)"].state, items[dead].state = State.OPEN, State.DEAD
    items[running].state, items[running].step = State.OPEN, step
    assert [item.id for item in schedule.start(0.0)] == [running]
    return BuildState("project", project.plan, dict(project.files), {}, schedule)


def test_a_planner_nobody_hears_is_asked_again_and_nothing_is_given_up() -> None:
    state = _state(prepared("spans"), "test-set", "merging", Step.REPLAN)
    item = state.schedule.items["merging"]
    lost = Failure(reason="The endpoint answered 503, 2 times in a row.", transient=True, attempts=2)
    assert state.replanned(item, lost, 1.0) == ("lost", lost.reason)
    assert (item.state, item.step, item.losses, state.changes.letters) == (State.OPEN, Step.REPLAN, 1, [])
    state.schedule.start(100.0)
    assert state.replanned(item, lost.model_copy(update={"transient": False}), 101.0)[0] == "given up"


def test_nobody_is_tested_by_the_tests_of_a_dead_task() -> None:
    spans = prepared("spans")
    state = _state(spans, "test-merging", "package", Step.CHECK)
    tests = state.work(state.schedule.items["package"]).tests
    assert sorted(tests) == ["tests/test_parsing.py", "tests/test_span_set.py"]


@pytest.mark.parametrize("step", [Step.WRITE, Step.CHECK])
def test_what_fails_through_a_dead_task_fails_itself_and_is_told_why(step: Step) -> None:
    spans = prepared("spans")
    state = _state(spans, "test-merging", "merging", step)
    item = state.schedule.items["merging"]
    if step is Step.WRITE:
        written = Written(fault_in="tests/test_merging.py", reason="It counts wrongly.")
        outcome, said = state.written(item, written, 1.0)
        assert "It counts wrongly." in said
    else:
        state.work(item)
        reason = Reason(sentence="It raises.", path="tests/test_merging.py")
        outcome, said = state.checked(item, Checked(passed=False, reasons=[reason]), 1.0)
        assert said == "It raises."
    assert (outcome, item.state, item.step, item.failures) == ("failed", State.OPEN, Step.WRITE, 1)
    (told,) = state.assignment(item).reasons
    assert said in told and state.note("merging").concerned == ["tests/test_merging.py"]
