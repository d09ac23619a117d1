"""The plain way: AsyncOpenAI, a semaphore, and a JSONL file that every reply is appended to and that a later run reads.

    python openai_client.py URL FOLDER N EDITED [--by-prompt]

A line carries the index of its note. An index does not tell whether the note is still the same, so after an edit such a file has to be
begun anew. With `--by-prompt` a line carries the hash of its prompt as well, and only what has no line is asked again.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import time
from pathlib import Path

# Named here since the client imports it with its first request, which is no part of the work.
import openai.resources.chat.completions  # noqa: F401
from openai import AsyncOpenAI

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from prompts import CONCURRENCY, chat_body, note


def line_key(index: int, text: str, by_prompt: bool) -> str:
    return f"{index} {hashlib.sha256(text.encode()).hexdigest()}" if by_prompt else str(index)


async def ask(url: str, path: Path, texts: list[str], by_prompt: bool) -> None:
    """Ask for what has no line in the file yet, and append each reply as it comes."""
    done = set()
    if path.exists():
        with path.open() as lines:
            done = {json.loads(line)["key"] for line in lines}
    limit = asyncio.Semaphore(CONCURRENCY)
    async with AsyncOpenAI(base_url=url, api_key="none") as client:
        with path.open("a") as file:

            async def one(index: int, key: str) -> None:
                async with limit:
                    reply = await client.chat.completions.create(**chat_body(texts[index]))
                said = json.loads(reply.choices[0].message.content or "")
                file.write(json.dumps({"key": key, "index": index, **said}) + "\n")
                file.flush()

            keys = [line_key(index, text, by_prompt) for index, text in enumerate(texts)]
            await asyncio.gather(*(one(index, key) for index, key in enumerate(keys) if key not in done))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("home", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("edited", type=int)
    parser.add_argument("--by-prompt", action="store_true")
    options = parser.parse_args()
    texts = [note(number, int(number < options.edited)) for number in range(options.count)]
    path = options.home / "replies.jsonl"
    if options.edited and not options.by_prompt:
        path.unlink(missing_ok=True)
    began = time.perf_counter()
    asyncio.run(ask(options.url, path, texts, options.by_prompt))
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
