"""Against a real vLLM with a tiny random model on the CPU (`make test-vllm` makes its environment): throughput beside a bare client that
sends the same bodies, and hits in the prefix cache.

The server is bound to its core, so the ratio says what our client costs it, and nothing about a GPU.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1]), str(Path(__file__).parent / "engine")]

from measuring import at_least, at_most  # noqa: E402
from prompts import WORDS  # noqa: E402
from pydantic import BaseModel, ConfigDict, ValidationError  # noqa: E402
from served_vllm import ENVIRONMENT, NAME, served_vllm  # noqa: E402

from orchestration_assets.derivation import DERIVATIONS, Inputs, derive, pending  # noqa: E402
from orchestration_assets.model_records import MODEL_CALLS, REPLIES, KeptReplies  # noqa: E402
from resources.language_model.agent import InvalidReply, Message, Request, agent_version  # noqa: E402
from resources.language_model.configuration import LanguageModelConfig  # noqa: E402
from resources.language_model.replies import Questions  # noqa: E402
from resources.language_model.runner import LanguageModel  # noqa: E402
from resources.language_model.schemas import at_most as at_most_characters  # noqa: E402
from resources.language_model.schemas import output_schema  # noqa: E402
from resources.warehouse import TableSpec, Warehouse  # noqa: E402

IN_FLIGHT = 64
BLOCK, TEMPLATES, SHARED = 32, 8, 600
"""Tokens of a block of the cache (32 is the least that attention on the CPU takes); how many templates there are, and the tokens of each."""
TWO_TEMPLATES = ("--block-size", str(BLOCK), "--num-gpu-blocks-override", "48", "--max-model-len", "1024")
ROUNDS = 3


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid")
    summary: Annotated[str, at_most_characters(60)]
    kind: Literal["feature", "fix", "other"]


class Row(Said):
    key: str


ROWS = TableSpec("bench_rows", Row, key=("key",))
TABLES = (ROWS, DERIVATIONS, MODEL_CALLS, REPLIES)


class Item(BaseModel):
    key: str
    template: str
    text: str


class Agent:
    name = "bench"
    version = agent_version(1, [], Said)

    def key(self, item: Item) -> str:
        return item.key

    def request(self, item: Item) -> Request:
        output = output_schema("bench", Said)
        return Request((Message("system", item.template), Message("user", item.text)), output, output.longest)

    def parse(self, item: Item, reply: str) -> Said:
        try:
            return Said.model_validate_json(reply)
        except ValidationError as error:
            raise InvalidReply(str(error)) from None

    def extract(self, item: Item) -> Said:
        raise NotImplementedError


def results(scale: float) -> Iterator[dict[str, object]]:
    if not (ENVIRONMENT / "made").exists():
        sys.stderr.write("The environment of the real engine is not there; `make test-vllm` makes it.\n")
        return
    with tempfile.TemporaryDirectory() as folder, served_vllm(Path(folder)) as url:
        yield from _throughput(url, max(100, int(500 * scale)))
    with tempfile.TemporaryDirectory() as folder, served_vllm(Path(folder), TWO_TEMPLATES) as url:
        yield from _prefix_hits(url, max(64, int(400 * scale)))


def _throughput(url: str, count: int) -> Iterator[dict[str, object]]:
    template = _template(url, 0)
    _made(url, _items([template], count, "warm")[:IN_FLIGHT])
    rounds = []
    for number in range(ROUNDS):
        items = _items([template], count, str(number))
        sides = [lambda items=items: _made(url, items)[0], lambda items=items: asyncio.run(_bare(url, items))]
        # Each side first in its turn: what it finds in the cache are the templates alone, for the engine is told to forget the rest.
        seconds = {}
        for side in (0, 1) if number % 2 else (1, 0):
            _forget(url)
            seconds[side] = sides[side]()
        rounds.append((seconds[0], seconds[1]))
    us, bare = (statistics.median(each[side] for each in rounds) for side in (0, 1))
    yield at_least(f"items a second of {count:,} by a real vLLM", count / us, count / bare, 0.95)


def _prefix_hits(url: str, count: int) -> Iterator[dict[str, object]]:
    templates = [_template(url, number) for number in range(TEMPLATES)]
    items = _items(templates, count, "hits")
    available = (count - TEMPLATES) * (SHARED // BLOCK * BLOCK)
    _forget(url)
    shuffled = random.Random(5).sample(items, len(items))
    _, by_chance = _made(url, shuffled, order="place")
    _forget(url)
    _, ordered = _made(url, shuffled, order="input_hash, place")
    yield at_least(
        f"prefix cache hits of {count:,} items of {TEMPLATES} templates, of those available", ordered, available, 0.9
    )
    yield at_most("prefix cache hits of the same items shuffled", by_chance, available, 1.0)


def _made(url: str, items: Sequence[Item], order: str = "place") -> tuple[float, int]:
    """Seconds until everything is on disk, and the tokens that the engine had in its cache. The hash of an item's input stands for its
    template, so that it can be an order."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder) / "w.duckdb", TABLES, lingers=True)
        config = LanguageModelConfig(base_url=url, model=NAME, revision="r1", max_in_flight=IN_FLIGHT)
        model = LanguageModel(config, KeptReplies(warehouse))
        agent, by_key = Agent(), {item.key: item for item in items}
        inputs = Inputs.of({item.key: item.template[:64] for item in items})
        with warehouse.read() as session:
            asked = pending(
                session, agent.name, agent.version, model.maker, Inputs(inputs.sql, inputs.parameters, order)
            )
        began = time.perf_counter()
        derived = derive(
            warehouse,
            model,
            agent,
            (by_key[key] for key in asked.stale),
            asked,
            lambda session, made: session.merge(ROWS, [Row(key=item.key, **said.model_dump()) for item, said in made]),
        )
        warehouse.close()
        seconds = time.perf_counter() - began
        if derived.counts.failed:
            raise RuntimeError(f"{derived.counts.failed} items failed: {derived.usage.failures.most_common(1)}")
        return seconds, derived.usage.tokens_cached


async def _bare(url: str, items: Sequence[Item]) -> float:
    import aiohttp
    import orjson

    questions, agent = Questions(NAME, "r1"), Agent()
    bodies = iter([questions.of(agent.request(item)).body for item in items])
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT), headers=headers) as session:

        async def work() -> None:
            for body in bodies:
                async with session.post(f"{url}/chat/completions", data=body) as reply:
                    orjson.loads(orjson.loads(await reply.read())["choices"][0]["message"]["content"])

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        return time.perf_counter() - began


def _items(templates: Sequence[str], count: int, name: str) -> list[Item]:
    """The templates in turn."""
    chance = random.Random(name)
    return [
        Item(
            key=f"{name}-{number:05}",
            template=templates[number % len(templates)],
            text=f"{name} {number}: " + " ".join(chance.choices(WORDS, k=40)),
        )
        for number in range(count)
    ]


def _template(url: str, number: int) -> str:
    """A system message that takes SHARED tokens at least, and hardly more."""
    chance = random.Random(number)
    words = [f"Template {number}."]
    while _tokens(url, " ".join(words)) < SHARED:
        words += chance.choices(WORDS, k=10)
    return " ".join(words)


def _tokens(url: str, system: str) -> int:
    body = {"model": NAME, "messages": [{"role": "system", "content": system}], "add_generation_prompt": False}
    return int(_post(url.removesuffix("/v1") + "/tokenize", body)["count"])


def _forget(url: str) -> None:
    """Empties the engine's prefix cache (its development mode is on)."""
    _post(url.removesuffix("/v1") + "/reset_prefix_cache", {})


def _post(address: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        answer = reply.read()
    return dict(json.loads(answer)) if answer else {}


if __name__ == "__main__":
    for result in results(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0):
        print(json.dumps(result))
