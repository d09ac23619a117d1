"""Asking about one item at a time: what comes back, when it is safe, and what happens where nobody answers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from resources.language_model.agent import Failure
from resources.language_model.asking import Asking
from resources.language_model.backend import EndpointBackend, Served
from resources.language_model.configuration import LanguageModelConfig
from resources.language_model.conversation import Made
from resources.language_model.endpoint import EndpointError
from resources.language_model.transport import Ask, Outcome
from tests.resources.language_model.fables import AGENT, Moral, moral_of
from tests.resources.language_model.test_runner import Shelf
from tests.scripted_endpoint import Answer, Json, ScriptedEndpoint


class Book:
    """A place to commit to, which notes the groups and may be closed or broken."""

    def __init__(self, broken: Exception | None = None) -> None:
        self.groups: list[list[Made[Any, Any]]] = []
        self.broken = broken
        self.open = threading.Event()
        self.open.set()
        self.threads: set[str] = set()

    def __call__(self, group: Sequence[Made[Any, Any]]) -> None:
        self.threads.add(threading.current_thread().name)
        self.open.wait()
        if self.broken is not None:
            raise self.broken
        self.groups.append(list(group))

    @property
    def keys(self) -> list[str]:
        return [made.call.key for group in self.groups for made in group if made.call is not None]


def asking(endpoint: ScriptedEndpoint, book: Book, shelf: Shelf | None = None, **config: Any) -> Asking:
    settings = LanguageModelConfig(base_url=endpoint.url, **{"max_in_flight": 16, "time_budget_s": 5.0, **config})
    return Asking(EndpointBackend(settings), 1, shelf, book)


def run(work: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work, 15))


def test_many_are_asked_at_once_and_each_gets_its_own_answer() -> None:
    async def work() -> list[Made[int, Moral]]:
        async with asking(endpoint, book) as ask:
            return list(await asyncio.gather(*(ask.ask(AGENT, number) for number in range(20, 32))))

    def script(request: Json, attempt: int) -> Answer:
        return Answer(until=lambda: endpoint.most_at_once >= 12, content=moral_of(request))

    book = Book()
    with ScriptedEndpoint(script) as endpoint:
        made = run(work())
        assert endpoint.most_at_once == 12
    assert [each.item for each in made] == list(range(20, 32))
    assert [AGENT.key(each.item) for each in made] == [each.call.key for each in made if each.call is not None]
    assert all(isinstance(each.output, Moral) for each in made)


def test_calls_are_committed_together_while_others_are_asked_and_all_are_when_the_block_is_left() -> None:
    async def work() -> None:
        async with asking(endpoint, book) as ask:
            await asyncio.gather(*(ask.ask(AGENT, number) for number in range(20, 40)))
            assert not book.groups
            book.open.set()

    book = Book()
    book.open.clear()  # Until all are answered: an answer that waited for the commit would never come.
    with ScriptedEndpoint(lambda request, attempt: Answer(content=moral_of(request))) as endpoint:
        run(work())
    assert sorted(book.keys) == sorted(map(AGENT.key, range(20, 40)))
    assert len(book.groups) < 10
    assert len(book.threads) == 1


def test_a_kept_reply_is_not_asked_for_again_and_leaves_no_call() -> None:
    async def work() -> Made[int, Moral]:
        async with asking(endpoint, book, shelf) as ask:
            return await ask.ask(AGENT, 3)

    book, shelf = Book(), Shelf()
    with ScriptedEndpoint(lambda request, attempt: Answer(content=moral_of(request))) as endpoint:
        first, second = run(work()), run(work())
        assert endpoint.count == 1
    assert first.output == second.output
    assert not first.recalled and second.recalled and second.call is None
    assert len(book.keys) == 1


def test_an_unusable_reply_is_repaired_once_and_then_is_a_failure() -> None:
    async def work() -> Made[int, Moral]:
        async with asking(endpoint, book) as ask:
            return await ask.ask(AGENT, 3)

    book = Book()
    with ScriptedEndpoint(lambda request, attempt: Answer(content="no JSON")) as endpoint:
        made = run(work())
        assert endpoint.count == 2
    assert isinstance(made.output, Failure) and not made.output.transient
    assert made.replies == () and [each.outcome for each in (made.call,) if each is not None] == ["failed"]


def test_a_wrong_key_ends_all_that_wait_and_all_that_come_later() -> None:
    async def work() -> list[BaseException | Any]:
        async with asking(endpoint, book) as ask:
            waiting = await asyncio.gather(*(ask.ask(AGENT, number) for number in range(3)), return_exceptions=True)
            later = await asyncio.gather(ask.ask(AGENT, 9), return_exceptions=True)
            return [*waiting, *later]

    book = Book()
    with ScriptedEndpoint(lambda request, attempt: Answer(401, {"error": {"message": "no"}})) as endpoint:
        outcomes = run(work())
    assert len(outcomes) == 4 and all(isinstance(outcome, EndpointError) for outcome in outcomes)


class BrokenDown:
    """A backend whose transport breaks at the first question, and then never says anything again."""

    served = Served("scripted", "r1", "nowhere")
    broke = False

    def transport(self, expected: int) -> BrokenDown:
        return self

    def send(self, asks: Sequence[Ask]) -> None: ...

    def receive(self, timeout_s: float | None = None) -> Sequence[Outcome]:
        time.sleep(0.001)
        if self.broke:
            return ()
        self.broke = True
        raise EndpointError("It is gone.")

    def close(self) -> None: ...


def test_who_asks_after_the_transport_broke_down_does_not_wait_for_ever() -> None:
    async def work() -> list[BaseException | Any]:
        async with Asking(BrokenDown(), 1, None, Book()) as ask:  # type: ignore[arg-type]
            return [(await asyncio.gather(ask.ask(AGENT, number), return_exceptions=True))[0] for number in (1, 2)]

    assert [str(outcome) for outcome in run(work())] == ["It is gone."] * 2


@pytest.mark.parametrize("asks_again", [True, False])
def test_what_cannot_be_committed_ends_the_work(asks_again: bool) -> None:
    async def work() -> None:
        async with asking(endpoint, book) as ask:
            await ask.ask(AGENT, 3)
            await asyncio.sleep(0.2)
            if asks_again:
                await ask.ask(AGENT, 4)
                pytest.fail("it goes on")

    book = Book(broken=OSError("the disk is full"))
    with (
        ScriptedEndpoint(lambda request, attempt: Answer(content=moral_of(request))) as endpoint,
        pytest.raises(OSError, match="disk is full"),
    ):
        run(work())


def test_leaving_drops_what_is_under_way() -> None:
    async def work() -> None:
        async with asking(endpoint, book) as ask:
            task = asyncio.create_task(ask.ask(AGENT, 3))
            await asyncio.sleep(0.2)
            task.cancel()

    book = Book()
    with ScriptedEndpoint(lambda request, attempt: Answer(delay_s=20.0, content=moral_of(request))) as endpoint:
        began = time.monotonic()
        run(work())
    assert time.monotonic() - began < 5
