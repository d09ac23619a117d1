"""The reference: aiohttp and orjson and nothing else. No row, no cache, no retry.

python bare.py URL N
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp
import orjson
from prompts import CONCURRENCY, chat_body, note


async def main(url: str, count: int) -> None:
    texts = [note(number) for number in range(count)]
    numbers = iter(range(count))
    summaries: list[str] = [""] * count
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": "application/json"}) as session:

        async def work() -> None:
            for number in numbers:
                async with session.post(
                    f"{url}/chat/completions", data=orjson.dumps(chat_body(texts[number]))
                ) as reply:
                    payload = orjson.loads(await reply.read())
                summaries[number] = orjson.loads(payload["choices"][0]["message"]["content"])["summary"]

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        seconds = time.perf_counter() - began
    assert all(summaries)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
