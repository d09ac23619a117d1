"""Batch files: what is asked waits, is sent once, and is found by the next run."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration_assets.batch_records import WarehouseLedger
from orchestration_assets.model_records import KeptReplies
from orchestration_assets.tables import MIGRATIONS, TABLES
from resources import clock
from resources.language_model import batches as batch_files
from resources.language_model.agent import Failure
from resources.language_model.batches import WAITS, Batches, Progress
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.endpoint import Endpoint, EndpointError
from resources.language_model.runner import LanguageModel
from resources.warehouse import Warehouse
from tests.batch_endpoint import BatchEndpoint
from tests.resources.language_model.fables import AGENT, Moral, item_of, moral, moral_of
from tests.scripted_endpoint import Answer, Script


class Desk:
    """A model that is asked in batch files, with what it is kept in."""

    def __init__(self, endpoint: BatchEndpoint, folder: Path) -> None:
        warehouse = Warehouse(folder / "w.duckdb", TABLES, MIGRATIONS)
        self.ledger = WarehouseLedger(warehouse)
        self.config = LanguageModelConfig(backend="batch", base_url=endpoint.url, model="scripted", revision="r1")
        self.lock = folder / "batches.lock"
        self.batches = Batches(Endpoint(endpoint.url), "scripted@r1", self.ledger, self.lock, clock.now)
        self.warehouse = warehouse

    def ask(self, *items: int) -> dict[int, Moral | Failure]:
        """A run."""
        return dict(LanguageModel(self.config, KeptReplies(self.warehouse), self.ledger).run(AGENT, items))

    def advance(self) -> Progress | None:
        return self.batches.advance()


@pytest.fixture
def endpoint() -> Iterator[BatchEndpoint]:
    with BatchEndpoint(moral) as found:
        yield found


@pytest.fixture
def desk(endpoint: BatchEndpoint, tmp_path: Path) -> Desk:
    return Desk(endpoint, tmp_path)


def scripted(endpoint: BatchEndpoint, script: Script) -> None:
    endpoint._script = script


def failures(answers: dict[int, Moral | Failure]) -> dict[int, Failure]:
    return {item: answer for item, answer in answers.items() if isinstance(answer, Failure)}


def test_a_question_is_sent_once_and_its_answer_is_found_by_the_next_run(endpoint: BatchEndpoint, desk: Desk) -> None:
    waiting = failures(desk.ask(1, 2, 3))
    assert sorted(waiting) == [1, 2, 3]
    assert all(each.transient and each.reason == f"{WAITS}." and each.attempts == 0 for each in waiting.values())
    assert endpoint.files == {}
    assert desk.advance() == Progress(sent=1, open=1)
    assert sorted(item_of(line["body"]) for line in endpoint.questions) == [1, 2, 3]
    assert sorted(failures(desk.ask(1, 2, 3))) == [1, 2, 3]
    assert desk.advance() == Progress(open=1)
    endpoint.work()
    assert desk.advance() == Progress(settled=1, answered=3)
    answers = desk.ask(1, 2, 3)
    assert {item: answer.text for item, answer in answers.items() if isinstance(answer, Moral)} == {
        item: f"moral of {item}" for item in (1, 2, 3)
    }
    assert desk.advance() == Progress()
    assert len(endpoint.batches) == 1
    assert endpoint.removed == set(endpoint.files), "what was said is not left at the endpoint"


def test_a_reply_that_is_no_moral_is_asked_for_again_in_the_next_file(endpoint: BatchEndpoint, desk: Desk) -> None:
    scripted(
        endpoint,
        lambda request, _: Answer(content="rubbish" if len(request["messages"]) == 2 else moral_of(request)),
    )
    for _ in range(2):
        assert sorted(failures(desk.ask(1))) == [1]
        desk.advance()
        endpoint.work()
        desk.advance()
    assert failures(desk.ask(1)) == {}
    assert [len(line["body"]["messages"]) for line in endpoint.questions] == [2, 4]


def test_what_the_endpoint_refuses_is_a_failure_that_is_asked_again_on_request_only(
    endpoint: BatchEndpoint, desk: Desk
) -> None:
    refusal = Answer(status=400, body={"error": {"message": "This model sees no owls.", "code": "no_owls"}})
    scripted(endpoint, lambda request, _: refusal if item_of(request) == 2 else moral(request, 0))
    desk.ask(1, 2)
    desk.advance()
    endpoint.work()
    assert desk.advance() == Progress(settled=1, answered=1, refused=1)
    (failure,) = failures(desk.ask(1, 2)).values()
    assert not failure.transient
    assert "no owls" in failure.reason
    assert desk.advance() == Progress(), "it is not sent again by itself"
    assert failures(desk.ask(2))[2].transient, "asked once more, it waits again"
    assert desk.advance() == Progress(sent=1, open=1)


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_what_a_file_leaves_unanswered_goes_into_the_next(endpoint: BatchEndpoint, desk: Desk, status: str) -> None:
    desk.ask(1, 2, 3)
    desk.advance()
    endpoint.work(status, leave_out=2)
    assert desk.advance() == Progress(sent=1, settled=1, answered=1, open=1)
    assert len(endpoint.questions) == 5
    endpoint.work()
    desk.advance()
    assert failures(desk.ask(1, 2, 3)) == {}


def test_an_answer_that_another_try_may_better_is_asked_for_again(endpoint: BatchEndpoint, desk: Desk) -> None:
    busy = Answer(status=429, body={"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}})
    scripted(endpoint, lambda request, attempt: busy if attempt == 0 else moral(request, 0))
    desk.ask(1)
    desk.advance()
    endpoint.work()
    assert desk.advance() == Progress(sent=1, settled=1, open=1)
    endpoint.work()
    desk.advance()
    assert failures(desk.ask(1)) == {}


@pytest.mark.parametrize(
    ("code", "again"), [("token_limit_exceeded", True), ("invalid_json_line", False), ("model_not_found", False)]
)
def test_a_file_that_is_refused_as_a_whole(endpoint: BatchEndpoint, desk: Desk, code: str, again: bool) -> None:
    desk.ask(1, 2)
    desk.advance()
    endpoint.work("failed")
    for batch in endpoint.batches.values():
        batch["errors"] = {"object": "list", "data": [{"code": code, "message": "It cannot be taken."}]}
    if again:
        assert desk.advance() == Progress(sent=1, settled=1, open=1)
    else:
        assert desk.advance() == Progress(settled=1, refused=2)
        assert {each.reason for each in failures(desk.ask(1, 2)).values()} == {
            "The endpoint refused the batch file: It cannot be taken."
        }


def test_a_file_that_may_have_been_sent_is_not_sent_twice(endpoint: BatchEndpoint, desk: Desk) -> None:
    desk.ask(1, 2)
    endpoint.drop_after_creating = True
    with pytest.raises(EndpointError, match="does not answer"):
        desk.advance()
    assert len(endpoint.batches) == 1
    assert desk.advance() == Progress(open=1)
    endpoint.work()
    assert desk.advance() == Progress(settled=1, answered=2)
    assert len(endpoint.batches) == 1
    assert failures(desk.ask(1, 2)) == {}


def test_a_file_that_another_process_sends_is_left_to_it(endpoint: BatchEndpoint, desk: Desk) -> None:
    desk.ask(1)
    with desk.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert desk.advance() is None
    assert desk.advance() == Progress(sent=1, open=1)


def test_an_answer_that_comes_twice_counts_once(endpoint: BatchEndpoint, desk: Desk) -> None:
    desk.ask(1)
    desk.advance()
    endpoint.work()
    (batch,) = endpoint.batches.values()
    endpoint.files[batch["output_file_id"]] *= 2
    assert desk.advance() == Progress(settled=1, answered=1)
    with desk.warehouse.read() as session:
        calls = session.query("SELECT agent, key, tokens_in FROM model_calls").to_pylist()
    assert calls == [{"agent": "fable", "key": "fable:1", "tokens_in": 10}]


def test_a_file_whose_sending_was_cut_off_is_sent(endpoint: BatchEndpoint, desk: Desk, tmp_path: Path) -> None:
    desk.ask(1)
    endpoint.refuse = 400
    with pytest.raises(EndpointError, match="The questions are kept"):
        desk.advance()
    endpoint.refuse = None
    later = Desk(endpoint, tmp_path)
    assert later.advance() == Progress(open=1)
    endpoint.work()
    assert later.advance() == Progress(settled=1, answered=1)


def test_a_batch_that_the_endpoint_has_forgotten_is_sent_anew(endpoint: BatchEndpoint, desk: Desk) -> None:
    desk.ask(1)
    desk.advance()
    endpoint.batches.clear()
    assert desk.advance() == Progress(sent=1, settled=1, open=1)
    endpoint.work()
    assert desk.advance() == Progress(settled=1, answered=1)


def test_files_are_of_bounded_length(endpoint: BatchEndpoint, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_files, "MOST_LINES", 2)
    desk.ask(*range(20, 25))
    assert desk.advance() == Progress(sent=3, open=3)
    sizes = [endpoint.files[batch["input_file_id"]].count(b"\n") for batch in endpoint.batches.values()]
    assert sizes == [2, 2, 1]
    monkeypatch.setattr(batch_files, "MOST_BYTES", 1)
    desk.ask(*range(30, 32))
    assert desk.advance() == Progress(sent=2, open=5), "a question that is longer than a file has one of its own"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "SOLOIST_MODEL_API_KEY"), (404, "takes no batch files; set SOLOIST_MODEL_BACKEND to endpoint")],
)
def test_an_endpoint_that_takes_no_files_is_named(
    endpoint: BatchEndpoint, desk: Desk, status: int, sentence: str
) -> None:
    desk.ask(1)
    endpoint.refuse = status
    with pytest.raises(EndpointError, match=sentence):
        desk.advance()


def test_an_endpoint_that_is_gone_loses_nothing(tmp_path: Path) -> None:
    with BatchEndpoint(moral) as endpoint:
        desk = Desk(endpoint, tmp_path)
        desk.ask(1)
        desk.advance()
    with pytest.raises(EndpointError, match="does not answer"):
        desk.advance()
    assert sorted(failures(desk.ask(1, 2))) == [1, 2]
    assert desk.ledger.waiting() == 1


def test_a_model_must_be_named() -> None:
    with pytest.raises(EndpointError, match="SOLOIST_MODEL does not name a model"):
        LanguageModel(LanguageModelConfig(backend="batch", base_url="http://127.0.0.1:9/v1"))
