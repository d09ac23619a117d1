"""Every way in which an endpoint can misbehave, over a real connection."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import BaseModel

from resources.errors import SoloistError
from resources.language_model.agent import Failure, Message, Request
from resources.language_model.chat import PROBE_PAUSES_S
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.conversation import Made
from resources.language_model.endpoint import EndpointError
from resources.language_model.runner import LanguageModel
from resources.language_model.schemas import output_schema
from tests.resources.language_model.fables import AGENT, FableAgent, Moral, item_of, model_of, moral, moral_of
from tests.scripted_endpoint import Answer, Json, Script, ScriptedEndpoint

KEY = "canary-key-8d1f"


def once(first: Answer) -> Script:
    """A script that misbehaves at the first attempt at each item, and answers well from then on."""
    return lambda request, attempt: first if attempt == 0 else Answer(content=moral_of(request))


def only(endpoint: ScriptedEndpoint, **settings: object) -> Made[int, Moral]:
    """What is made of one item."""
    (made,) = model_of(endpoint, **settings).derived(AGENT, [100])
    return made


def failure_of(made: Made[int, Moral]) -> Failure:
    assert isinstance(made.output, Failure), made.output
    return made.output


@pytest.mark.parametrize(
    "first",
    [
        Answer(500, body="internal"),
        Answer(503, body={"error": {"message": "starting", "type": "unavailable"}}),
        Answer(502, body="<html>", headers={"Content-Type": "text/html"}),
        Answer(408, body=""),
        Answer(429, body="{}"),
        Answer(drop_connection=True),
        Answer(half_body=True),
        Answer(body="rubbish {"),
        Answer(body=""),
        Answer(body="[]"),
        Answer(body={"choices": []}),
        Answer(body={"choices": [{"message": {"content": 3}}]}),
        Answer(body="hello", headers={"Content-Type": "text/plain"}),
        Answer(headers={"Content-Encoding": "gzip"}),
        Answer(body="\x00\udcff".encode("utf-8", "replace").decode()),
    ],
)
def test_what_may_pass_is_tried_again(first: Answer) -> None:
    with ScriptedEndpoint(once(first)) as endpoint:
        made = only(endpoint)
    assert made.output == Moral(text="moral of 100", tone="warm")
    assert made.attempts == 2
    assert made.call is not None
    assert (made.call.outcome, made.call.attempts) == ("ok", 2)


def test_a_completion_is_read_whatever_its_content_type_says() -> None:
    script: Script = lambda request, _: Answer(content=moral_of(request), headers={"Content-Type": "text/plain"})  # noqa: E731
    with ScriptedEndpoint(script) as endpoint:
        assert only(endpoint).attempts == 1


@pytest.mark.parametrize(
    "after",
    ["1", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)],
    ids=["seconds", "date"],
)
def test_retry_after_is_waited_for(after: object) -> None:
    def script(request: Json, attempt: int) -> Answer:
        value = after() if callable(after) else str(after)
        return (
            Answer(429, body="{}", headers={"Retry-After": value})
            if attempt == 0
            else Answer(content=moral_of(request))
        )

    with ScriptedEndpoint(script) as endpoint:
        assert only(endpoint).attempts == 2
    first, second = endpoint.requests
    assert 0.95 <= second.at - first.at < 3.5


@pytest.mark.parametrize("after", ["soon", "-5", "1e3", "", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_retry_after_that_says_nothing_delays_little(after: str) -> None:
    with ScriptedEndpoint(once(Answer(429, body="{}", headers={"Retry-After": after}))) as endpoint:
        began = time.monotonic()
        assert only(endpoint).attempts == 2
        assert time.monotonic() - began < 2


def test_to_be_sent_away_for_longer_than_the_budget_is_a_transient_failure_at_once() -> None:
    with ScriptedEndpoint(lambda *_: Answer(429, body="{}", headers={"Retry-After": "3600"})) as endpoint:
        began = time.monotonic()
        failure = failure_of(only(endpoint, time_budget_s=30))
        assert time.monotonic() - began < 2
    assert failure.transient
    assert failure.reason == "The endpoint answered 429, 1 time in a row."


def test_when_the_time_budget_is_spent_the_failure_is_transient() -> None:
    with ScriptedEndpoint(lambda *_: Answer(500, body="{}")) as endpoint:
        failure = failure_of(only(endpoint, time_budget_s=0.6))
        assert failure.attempts == endpoint.count
    assert failure.transient


def test_a_slow_drip_runs_into_the_timeout() -> None:
    with ScriptedEndpoint(lambda request, _: Answer(content=moral_of(request), drip_s=0.05)) as endpoint:
        began = time.monotonic()
        failure = failure_of(only(endpoint, timeout_s=0.3, time_budget_s=0.7))
        assert time.monotonic() - began < 2
    assert failure.transient
    assert "did not answer within" in failure.reason


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.language_model.chat.PROBE_PAUSES_S", (0.01,) * len(PROBE_PAUSES_S))


@pytest.mark.usefixtures("_impatient")
def test_an_endpoint_that_is_down_is_not_asked_by_every_item() -> None:
    with ScriptedEndpoint(lambda *_: Answer(drop_connection=True)) as endpoint:
        with pytest.raises(EndpointError, match=r"is gone. What was answered is kept; start it .*\.$"):
            list(model_of(endpoint, max_in_flight=16).derived(AGENT, range(100, 400)))
        assert endpoint.count == 16 + len(PROBE_PAUSES_S)


@pytest.mark.usefixtures("_impatient")
def test_an_endpoint_where_nothing_listens_is_said_to_be_gone() -> None:
    with ScriptedEndpoint() as endpoint:
        model = model_of(endpoint, max_in_flight=4)
    with pytest.raises(
        EndpointError, match=r"^The connection to the endpoint failed \(Connection refused\): the model"
    ):
        list(model.derived(AGENT, range(100, 400)))


@pytest.mark.usefixtures("_impatient")
def test_an_endpoint_that_goes_away_leaves_what_it_answered() -> None:
    answered = 0

    def script(request: Json, _attempt: int) -> Answer:
        nonlocal answered
        answered += 1
        return Answer(content=moral_of(request)) if answered <= 50 else Answer(drop_connection=True)

    kept = 0
    with ScriptedEndpoint(script) as endpoint:
        groups = model_of(endpoint, max_in_flight=16).derived_groups(AGENT, range(100, 400), size=1000, seconds=60)
        with pytest.raises(EndpointError, match="is gone"):
            for group in groups:
                kept += len(group)
        assert kept == 50
        assert endpoint.count <= 50 + 16 + len(PROBE_PAUSES_S)


def test_an_endpoint_that_comes_back_in_time_is_asked_on() -> None:
    began = time.monotonic()

    def script(request: Json, _attempt: int) -> Answer:
        away = 0.1 < time.monotonic() - began < 0.6
        return Answer(drop_connection=True) if away else Answer(content=moral_of(request), delay_s=0.02)

    with ScriptedEndpoint(script) as endpoint:
        results = list(model_of(endpoint, max_in_flight=8).run(AGENT, range(100, 300)))
    assert dict(results) == {item: Moral(text=f"moral of {item}", tone="warm") for item in range(100, 300)}


def test_a_request_that_alone_fails_is_given_up_long_before_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.language_model.chat.LONGEST_BACKOFF_S", 0.05)

    def script(request: Json, _attempt: int) -> Answer:
        return Answer(500, body="{}") if item_of(request) == 100 else Answer(content=moral_of(request), delay_s=0.01)

    with ScriptedEndpoint(script) as endpoint:
        results = {made.item: made for made in model_of(endpoint, max_in_flight=4).derived(AGENT, range(100, 300))}
    assert failure_of(results.pop(100)).transient
    assert all(isinstance(made.output, Moral) for made in results.values())


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_a_refused_request_is_a_failure_at_once_and_the_rest_is_fine(status: int) -> None:
    def script(request: Json, _attempt: int) -> Answer:
        if item_of(request) != 101:
            return Answer(content=moral_of(request))
        return Answer(status, body={"error": {"message": "maximum context length is 4096 tokens", "code": "too_long"}})

    with ScriptedEndpoint(script) as endpoint:
        results = {made.item: made for made in model_of(endpoint).derived(AGENT, range(100, 103))}
    failure = failure_of(results.pop(101))
    assert not failure.transient
    assert failure.attempts == 1
    if status == 403:
        assert failure.reason == "The endpoint answered 403 (too_long): maximum context length is 4096 tokens."
    else:
        assert "longer than the model's context" in failure.reason
        assert "SOLOIST_MODEL_CONTEXT" in failure.reason
    assert all(isinstance(made.output, Moral) for made in results.values())


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            Answer(401, body={"error": {"message": f"Incorrect API key provided: {KEY}"}}),
            r"refuses the API key \(401\)",
        ),
        (
            Answer(404, body={"error": {"message": "The model `scripted` does not exist.", "code": 404}}),
            "does not serve the model 'scripted'",
        ),
        (
            Answer(400, body={"error": {"message": "bad", "code": "model_not_found"}}),
            "does not serve the model 'scripted'",
        ),
        (Answer(404, body="<html>"), "no chat completions"),
        (Answer(307, body="", headers={"Location": "http://127.0.0.1:1/"}), "elsewhere"),
        (Answer(body="<html>", headers={"Content-Type": "text/html; charset=utf-8"}), "web page"),
    ],
)
def test_a_wrong_configuration_is_one_sentence_and_no_row(answer: Answer, says: str) -> None:
    with ScriptedEndpoint(lambda *_: answer) as endpoint:
        address = endpoint.url.replace("127.0.0.1", "ada:canary-word@127.0.0.1")
        with pytest.raises(SoloistError, match=says) as caught:
            list(model_of(endpoint, base_url=address, api_key=None).run(AGENT, range(100, 200)))
        assert endpoint.count <= 8
    text = str(caught.value)
    assert text.endswith(".")
    assert endpoint.url in text
    assert not any(word in text for word in ("Fable", KEY, "canary-word", "\n"))


def test_a_key_that_is_revoked_while_running_makes_transient_failures() -> None:
    def script(request: Json, _attempt: int) -> Answer:
        return Answer(401, body="{}") if item_of(request) > 100 else Answer(content=moral_of(request))

    with ScriptedEndpoint(script) as endpoint:
        results = [made.output for made in model_of(endpoint, max_in_flight=1).derived(AGENT, range(100, 104))]
    assert [isinstance(output, Failure) and output.transient for output in results] == [False, True, True, True]


def test_a_reply_that_does_not_fit_gets_one_repair_which_says_why() -> None:
    def script(request: Json, _attempt: int) -> Answer:
        return Answer(content='{"text": 5}') if len(request["messages"]) == 2 else Answer(content=moral_of(request))

    with ScriptedEndpoint(script) as endpoint:
        made = only(endpoint)
    assert made.output == Moral(text="moral of 100", tone="warm")
    assert made.call is not None
    assert (made.call.outcome, made.call.attempts, made.call.tokens_in, made.call.tokens_out) == ("repaired", 2, 20, 10)
    assert [message["role"] for message in endpoint.requests[1].body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert "the reply is no moral" in endpoint.requests[1].last_message


def test_a_reply_that_does_not_fit_after_its_repair_is_a_failure_with_its_reason() -> None:
    with ScriptedEndpoint(lambda *_: Answer(content="no JSON " * 100)) as endpoint:
        made = only(endpoint)
        assert endpoint.count == 2
    failure = failure_of(made)
    assert failure == Failure(
        reason="The reply holds no valid output: the reply is no moral, after 2 attempts.",
        transient=False,
        attempts=2,
        tokens_in=20,
        tokens_out=10,
    )
    assert made.call is not None
    assert (made.call.outcome, made.call.reason) == ("failed", failure.reason)


def test_without_repairs_the_first_reply_decides() -> None:
    with ScriptedEndpoint(lambda *_: Answer(content="no JSON")) as endpoint:
        failure_of(only(endpoint, max_repairs=0))
        assert endpoint.count == 1


def test_a_reply_that_was_cut_gets_one_longer_try() -> None:
    def script(request: Json, _attempt: int) -> Answer:
        if request["max_tokens"] == 64:
            return Answer(content='{"text": "mor', finish_reason="length")
        return Answer(content=moral_of(request))

    with ScriptedEndpoint(script) as endpoint:
        made = only(endpoint)
    assert isinstance(made.output, Moral)
    assert [request.body["max_tokens"] for request in endpoint.requests] == [64, 128]
    assert [len(request.body["messages"]) for request in endpoint.requests] == [2, 2]


def test_a_reply_that_is_cut_twice_is_a_failure() -> None:
    with ScriptedEndpoint(lambda *_: Answer(content="{", finish_reason="length")) as endpoint:
        failure = failure_of(only(endpoint))
    assert failure.reason.startswith("The reply was cut off at 128 tokens")
    assert failure.reason.endswith("after 2 attempts.")
    assert not failure.transient


@pytest.mark.parametrize("message", [{"content": None, "refusal": "I cannot"}, {"content": "", "refusal": "no"}])
def test_a_refusal_is_a_failure_without_a_repair(message: Json) -> None:
    with ScriptedEndpoint(
        lambda *_: Answer(body={"choices": [{"message": message, "finish_reason": "stop"}]})
    ) as endpoint:
        failure = failure_of(only(endpoint))
        assert endpoint.count == 1
    assert failure.reason == "The model declined to answer."


def test_an_agent_that_trips_over_a_reply_does_not_fail_the_run() -> None:
    class Clumsy(FableAgent):
        def parse(self, item: int, reply: str) -> Moral:
            if item == 100:
                raise RuntimeError(f"cannot stand {reply}")
            return super().parse(item, reply)

    with ScriptedEndpoint(moral) as endpoint:
        results = dict(model_of(endpoint).run(Clumsy(), [100, 101]))
    failure = results[100]
    assert isinstance(failure, Failure)
    assert "RuntimeError at test_chat.py" in failure.reason
    assert "moral" not in failure.reason
    assert isinstance(results[101], Moral)


def test_a_message_that_json_cannot_carry_is_a_failure() -> None:
    class Surrogate(FableAgent):
        def request(self, item: int) -> Request:
            request = super().request(item)
            return replace(request, messages=(request.messages[0], Message("user", "Fable number \ud800 1")))

    with ScriptedEndpoint(moral) as endpoint:
        ((_, output),) = model_of(endpoint).run(Surrogate(), [100])
    assert isinstance(output, Failure)


def test_neither_key_nor_prompt_reaches_logs_or_reasons(caplog: pytest.LogCaptureFixture) -> None:
    class Telltale(FableAgent):
        def request(self, item: int) -> Request:
            request = super().request(item)
            told = Message("system", "canary-prompt, a long line of the system prompt")
            return replace(request, messages=(told, request.messages[1]))

    echo = "cannot digest: canary-prompt, a long line of the system prompt"
    answers = [
        Answer(500, body={"error": {"message": f"{echo}, key {KEY}"}}),
        Answer(429, body={"error": {"message": f"key {KEY} has no quota"}}),
        Answer(400, body={"error": {"message": echo}}),
    ]

    with (
        ScriptedEndpoint(lambda _request, attempt: answers[min(attempt, 2)]) as endpoint,
        caplog.at_level(logging.DEBUG),
    ):
        address = endpoint.url.replace("127.0.0.1", "ada:canary-word@127.0.0.1")
        plain = [made.output for made in model_of(endpoint, api_key=KEY).derived(Telltale(), [100])]
        assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in endpoint.requests)
        plain += [
            made.output for made in model_of(endpoint, base_url=address, time_budget_s=0.2).derived(Telltale(), [101])
        ]
    text = caplog.text + repr(plain) + repr(LanguageModelConfig.model_validate({"api_key": KEY}))
    assert "trying again" in text
    assert "canary" not in text


def test_overload_halves_what_is_in_flight() -> None:
    def script(request: Json, attempt: int) -> Answer:
        if attempt == 0 and item_of(request) < 116:
            return Answer(503, body="{}", delay_s=0.05)
        return Answer(content=moral_of(request), delay_s=0.02)

    with ScriptedEndpoint(script) as endpoint:
        results = list(model_of(endpoint, max_in_flight=16).run(AGENT, range(100, 200)))
    assert all(isinstance(output, Moral) for _, output in results)


def test_one_storm_of_faults_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.language_model.chat.LONGEST_BACKOFF_S", 0.05)
    faults = [
        Answer(500, body="x"),
        Answer(429, body="{}", headers={"Retry-After": "0"}),
        Answer(drop_connection=True),
        Answer(half_body=True),
        Answer(body="{}"),
        Answer(content="no JSON"),
    ]

    def script(request: Json, attempt: int) -> Answer:
        item = item_of(request)
        return (
            faults[item % 6] if item % 10 < 3 and attempt == 0 and len(request["messages"]) == 2 else moral(request, 0)
        )

    with ScriptedEndpoint(script) as endpoint:
        results = list(model_of(endpoint, max_in_flight=32).derived(AGENT, range(1000, 1500)))
        assert endpoint.count <= 750
    assert {made.item: made.output for made in results} == {
        item: Moral(text=f"moral of {item}", tone="warm") for item in range(1000, 1500)
    }


class Everything(BaseModel):
    nested: dict[str, int] = {}
    either: int | str | None = None


@pytest.mark.parametrize("output", [Moral, Everything])
def test_any_agent_can_be_run_against_the_endpoint(output: type[BaseModel]) -> None:
    class Any(FableAgent):
        def request(self, item: int) -> Request:
            return replace(super().request(item), output=output_schema("any", output))

        def parse(self, item: int, reply: str) -> Moral:
            return Moral(text=repr(output.model_validate_json(reply)))

    with ScriptedEndpoint() as endpoint:
        ((_, made),) = model_of(endpoint).run(Any(), [100])
    assert isinstance(made, Moral)


def test_a_query_in_the_base_url_stays_at_the_end() -> None:
    with ScriptedEndpoint(moral) as endpoint:
        config = LanguageModelConfig(base_url=f"{endpoint.url}/?api-version=1", model="m", revision="r")
        assert len(list(LanguageModel(config).run(AGENT, [100]))) == 1
    assert endpoint.requests[0].path == "/v1/chat/completions?api-version=1"
