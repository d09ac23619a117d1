"""What a run over items promises, whichever way the endpoint behaves."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import SoloistError
from resources.language_model.agent import Failure
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.records import Reply
from resources.language_model.runner import LanguageModel
from tests.resources.language_model.fables import AGENT, Moral, item_of, model_of, moral, moral_of
from tests.scripted_endpoint import Answer, Json, ScriptedEndpoint


class Shelf:
    """A reply cache in memory, which counts how often it is asked."""

    def __init__(self) -> None:
        self.kept: dict[str, Reply] = {}
        self.lookups = 0

    def get_many(self, hashes: Sequence[str]) -> Mapping[str, Reply]:
        self.lookups += 1
        return {each: self.kept[each] for each in hashes if each in self.kept}

    def put_many(self, replies: Sequence[Reply]) -> None:
        self.kept |= {reply.request_hash: reply for reply in replies}


def with_shelf(endpoint: ScriptedEndpoint, shelf: Shelf, **settings: object) -> LanguageModel:
    return LanguageModel(model_of(endpoint, **settings).config, replies=shelf)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "language-model"]


def test_every_item_gets_its_own_output() -> None:
    with ScriptedEndpoint(moral) as endpoint:
        results = dict(model_of(endpoint).run(AGENT, range(100, 150)))
    assert results == {item: Moral(text=f"moral of {item}", tone="warm") for item in range(100, 150)}
    assert not threads()


def test_requests_go_out_side_by_side_up_to_the_maximum() -> None:
    def script(request: Json, _attempt: int) -> Answer:
        return Answer(content=moral_of(request), delay_s=0.02, until=lambda: endpoint.most_at_once >= 20)

    with ScriptedEndpoint(script) as endpoint:
        assert len(list(model_of(endpoint, max_in_flight=20).run(AGENT, range(100, 140)))) == 40
    assert endpoint.most_at_once == 20
    assert endpoint.connections <= 20 + endpoint.model_listings


def test_outputs_arrive_before_the_slowest_is_done() -> None:
    def script(request: Json, _attempt: int) -> Answer:
        return Answer(content=moral_of(request), delay_s=0.5 if item_of(request) == 100 else 0)

    with ScriptedEndpoint(script) as endpoint:
        order = [item for item, _ in model_of(endpoint).run(AGENT, range(100, 120))]
    assert order[-1] == 100


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(100, 112)))
def test_outputs_do_not_depend_on_the_order_of_items(items: list[int]) -> None:
    def script(request: Json, _attempt: int) -> Answer:
        return Answer(content=moral_of(request), delay_s=item_of(request) % 5 / 500)

    with ScriptedEndpoint(script) as endpoint:
        assert dict(model_of(endpoint).run(AGENT, items)) == {
            item: Moral(text=f"moral of {item}", tone="warm") for item in range(100, 112)
        }


def test_items_are_not_pulled_far_ahead_of_the_consumer() -> None:
    pulled = count()
    last = 0

    def items() -> Iterator[int]:
        nonlocal last
        for last in pulled:
            yield 1000 + last

    with ScriptedEndpoint(moral) as endpoint:
        results = model_of(endpoint, max_in_flight=4).run(AGENT, items())
        for consumed, _ in enumerate(islice(results, 200)):
            assert last - consumed <= 4 * 4 + 1
        time.sleep(0.1)
        assert last - 200 <= 4 * 4 + 1
        results.close()


def test_a_consumer_that_stops_early_stops_the_requests() -> None:
    with ScriptedEndpoint(lambda request, _: Answer(content=moral_of(request), delay_s=0.02)) as endpoint:
        results = model_of(endpoint, max_in_flight=4).run(AGENT, count(1000))
        for _ in range(10):
            next(results)
        results.close()
        assert not threads()
        time.sleep(0.1)  # What was on the wire is counted when the server comes to read it.
        asked = endpoint.count
        time.sleep(0.15)
        assert endpoint.count == asked
        assert asked <= 10 + 4 * 4


def test_an_exception_of_the_consumer_ends_the_thread() -> None:
    with ScriptedEndpoint(moral) as endpoint:
        with pytest.raises(KeyboardInterrupt):
            for group in model_of(endpoint).derived_groups(AGENT, count(1000), size=5):
                assert len(group) == 5
                raise KeyboardInterrupt
        assert not threads()


def test_an_item_that_breaks_its_prompt_is_a_failure_and_the_rest_is_fine() -> None:
    with ScriptedEndpoint(moral) as endpoint:
        results = dict(model_of(endpoint).run(AGENT, [6, 7, 8]))
    failure = results[7]
    assert isinstance(failure, Failure)
    assert not failure.transient
    assert "KeyError" in failure.reason
    assert "secret" not in failure.reason
    assert isinstance(results[6], Moral)
    assert isinstance(results[8], Moral)


def test_without_a_model_agents_extract_in_order_and_start_no_thread() -> None:
    model = LanguageModel(LanguageModelConfig())
    before = threading.active_count()
    results = model.derived(AGENT, [3, 13, 1, 7])
    first = next(results)
    assert threading.active_count() == before
    made = [first, *results]
    assert [each.item for each in made] == [3, 13, 1, 7]
    assert made[0].output == Moral(text="extracted from 3")
    assert made[0].call is None
    failure = made[1].output
    assert isinstance(failure, Failure)
    assert failure.reason.startswith("The agent fable could not extract from the item: ZeroDivisionError at fables.py:")
    assert "secret" not in failure.reason
    assert not failure.transient
    assert model.maker == "extractive"


def test_without_a_model_nothing_heavy_is_imported() -> None:
    script = """
import sys
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.runner import LanguageModel
from tests.resources.language_model.fables import AGENT
assert len(list(LanguageModel(LanguageModelConfig()).run(AGENT, range(14, 40)))) == 26
print(sorted({"aiohttp", "openai", "duckdb", "pyarrow", "pandas", "sentry_sdk", "dagster"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_what_a_call_cost_is_in_its_row() -> None:
    with ScriptedEndpoint(moral) as endpoint:
        (made,) = model_of(endpoint).derived(AGENT, [100])
    call = made.call
    assert call is not None
    assert (call.agent, call.agent_version, call.key) == ("fable", AGENT.version, "fable:100")
    assert (call.model, call.outcome, call.reason, call.attempts) == ("scripted@r1", "ok", None, 1)
    assert (call.tokens_in, call.tokens_cached, call.tokens_out) == (10, 4, 5)
    assert 0 < call.latency_ms < 5000
    assert (made.tokens.given, made.tokens.cached, made.tokens.made, made.attempts) == (10, 4, 5, 1)
    assert [AGENT.parse(100, reply.reply) for reply in made.replies] == [made.output]


def test_kept_replies_are_not_asked_for_again() -> None:
    shelf = Shelf()
    with ScriptedEndpoint(moral) as endpoint:
        first = dict(with_shelf(endpoint, shelf).run(AGENT, range(100, 150)))
        assert endpoint.count == 50
        again = list(with_shelf(endpoint, shelf).derived(AGENT, range(100, 152)))
        assert endpoint.count == 52
    assert len(shelf.kept) == 52
    assert {each.item: each.output for each in again if each.item < 150} == first
    assert [each.item for each in again if each.call is not None] == [150, 151]
    assert shelf.lookups < 20


def test_a_run_answered_from_kept_replies_alone_opens_no_connection() -> None:
    shelf = Shelf()
    with ScriptedEndpoint(moral) as endpoint:
        list(with_shelf(endpoint, shelf).run(AGENT, range(100, 110)))
        connections = endpoint.connections
        list(with_shelf(endpoint, shelf).run(AGENT, range(100, 110)))
        assert endpoint.connections == connections


def test_a_repair_is_kept_with_the_reply_that_it_repairs() -> None:
    def script(request: Json, _attempt: int) -> Answer:
        return Answer(content=moral_of(request) if len(request["messages"]) > 2 else "no JSON")

    shelf = Shelf()
    with ScriptedEndpoint(script) as endpoint:
        first = list(with_shelf(endpoint, shelf).run(AGENT, [100]))
        assert endpoint.count == 2
        assert list(with_shelf(endpoint, shelf).run(AGENT, [100])) == first
        assert endpoint.count == 2


def test_a_reply_that_led_to_a_failure_is_not_kept() -> None:
    shelf = Shelf()
    with ScriptedEndpoint(lambda _request, _attempt: Answer(content="no JSON")) as endpoint:
        ((_, output),) = with_shelf(endpoint, shelf).run(AGENT, [100])
    assert isinstance(output, Failure)
    assert shelf.kept == {}


def test_replies_are_kept_when_the_consumer_stops_early() -> None:
    shelf = Shelf()
    with ScriptedEndpoint(moral) as endpoint:
        results = with_shelf(endpoint, shelf).derived(AGENT, count(1000))
        seen = [next(results).item for _ in range(5)]
        results.close()
    assert len(seen) == 5
    assert len(shelf.kept) >= 5


@pytest.mark.parametrize("other", [{"revision": "r2"}, {"model": "another"}])
def test_another_model_or_revision_is_another_question(other: dict[str, str]) -> None:
    shelf = Shelf()
    with ScriptedEndpoint(moral) as endpoint:
        list(with_shelf(endpoint, shelf).run(AGENT, [100]))
        list(with_shelf(endpoint, shelf, **other).run(AGENT, [100]))
        assert endpoint.count == 2


def test_where_the_revision_is_unknown_another_endpoint_is_another_question() -> None:
    shelf = Shelf()
    with ScriptedEndpoint(moral, revision=None) as one, ScriptedEndpoint(moral, revision=None) as two:
        for endpoint in (one, two, one):
            model = with_shelf(endpoint, shelf, revision=None)
            assert model.maker == "scripted@unknown"
            list(model.run(AGENT, [100]))
        assert (one.count, two.count) == (1, 1)


def test_the_same_question_asked_at_once_is_paid_for_once() -> None:
    with ScriptedEndpoint(lambda request, _: Answer(content=moral_of(request), delay_s=0.05)) as endpoint:
        made = list(model_of(endpoint).derived(AGENT, [100, 100, 100]))
        assert endpoint.count == 1
    assert [each.output for each in made] == [Moral(text="moral of 100", tone="warm")] * 3
    assert sum(each.tokens.given for each in made) == 10
    assert [each.attempts for each in made] == [1, 0, 0]


def test_groups_come_when_they_are_full_or_old_enough() -> None:
    """The last answer does not come before the second group, which is not full."""
    groups: list[list[int]] = []

    def script(request: Json, _attempt: int) -> Answer:
        return Answer(content=moral_of(request), until=lambda: len(groups) == 2 or item_of(request) != 100)

    with ScriptedEndpoint(script) as endpoint:
        for group in model_of(endpoint).derived_groups(AGENT, [*range(100, 118)], size=10, seconds=1.0):
            items = [made.item for made in group]
            groups.append(items)
    assert [len(group) for group in groups] == [10, 7, 1]
    assert groups[2] == [100]


def test_the_replies_of_a_group_are_kept_before_it_is_handed_over() -> None:
    shelf = Shelf()
    with ScriptedEndpoint(moral) as endpoint:
        for group in with_shelf(endpoint, shelf).derived_groups(AGENT, range(100, 130), size=10):
            assert {reply.request_hash for made in group for reply in made.replies} <= set(shelf.kept)


def test_the_maker_is_what_the_endpoint_reports() -> None:
    with ScriptedEndpoint(moral, model="fabulist", revision="abc123") as endpoint:
        model = LanguageModel(LanguageModelConfig(base_url=endpoint.url + "/"))
        assert model.maker == "fabulist@abc123"
        assert model.maker == "fabulist@abc123"
        assert endpoint.model_listings == 1


def test_the_revision_is_read_from_the_path_of_a_snapshot() -> None:
    card: Json = {
        "id": "fabulist",
        "root": "/models/models--a--fabulist/snapshots/0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    }
    with ScriptedEndpoint(moral, models_answer=Answer(body={"data": [card]})) as endpoint:
        model = LanguageModel(LanguageModelConfig(base_url=endpoint.url))
        assert model.maker == "fabulist@0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"


@pytest.mark.parametrize(
    "listing",
    [Answer(404, body="{}"), Answer(body="rubbish"), Answer(body={"data": 3}), Answer(body="[]"), Answer(302, body="")],
)
def test_a_model_that_nothing_names_is_a_sentence(listing: Answer) -> None:
    with ScriptedEndpoint(moral, models_answer=listing) as endpoint:
        with pytest.raises(SoloistError, match="does not say which models it serves"):
            _ = LanguageModel(LanguageModelConfig(base_url=endpoint.url)).maker
        assert LanguageModel(LanguageModelConfig(base_url=endpoint.url, model="m")).maker == "m@unknown"


@pytest.mark.parametrize(
    "address", ["localhost:8000", "ftp://example.com", "http://", "http://[", "http://host:99999/v1"]
)
def test_an_address_that_is_none_is_a_sentence(address: str) -> None:
    with pytest.raises(SoloistError, match="not an http or https URL"):
        LanguageModel(LanguageModelConfig(base_url=address))
