"""Datatrove's inference runner against a server that is already up, with its checkpoints and its cache of requests.

    python datatrove_client.py URL FOLDER N EDITED [--no-checkpoints]

Without checkpoints only the file of documents is written, and a run that is cut off begins anew.
A finished chunk is skipped by the place of its documents, whatever they say, so an edited text would never be asked again. The folder is
therefore named by the texts: the same ones go on where a run stopped, others begin anew.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

# The runner imports these when it first needs them, which is no part of the work.
import aiofiles  # type: ignore[import-untyped, import-not-found, unused-ignore]  # noqa: F401
import aiosqlite  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
import httpx  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
from datatrove.data import Document  # type: ignore[import-not-found]
from datatrove.pipeline.inference.run_inference import (  # type: ignore[import-not-found]
    InferenceConfig,
    InferenceRunner,
)
from datatrove.pipeline.writers import JsonlWriter  # type: ignore[import-not-found]
from loguru import logger  # type: ignore[import-not-found, unused-ignore]

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from prompts import CONCURRENCY, chat_body, note


async def summary(document: Any, generate: Any) -> dict[str, Any]:
    result = await generate(chat_body(document.text))
    return dict(json.loads(result.text))


def main(url: str, home: Path, count: int, edited: int, checkpoints: bool) -> None:
    logger.remove()
    texts = [note(number, int(number < edited)) for number in range(count)]
    folder = home / hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    runner = InferenceRunner(
        rollout_fn=summary,
        config=InferenceConfig(
            server_type="endpoint",
            model_name_or_path="bench",
            endpoint_url=url.removesuffix("/v1"),
            max_concurrent_generations=CONCURRENCY,
        ),
        output_writer=JsonlWriter(
            str(folder / "output"), output_filename="${rank}_chunk_${chunk_index}.jsonl", compression=None
        ),
        checkpoints_local_dir=str(folder / "checkpoints") if checkpoints else None,
    )
    began = time.perf_counter()
    runner.run(Document(text=text, id=str(index)) for index, text in enumerate(texts))
    seconds = time.perf_counter() - began
    written = sum(len(path.read_text().splitlines()) for path in (folder / "output").iterdir())
    assert written == count, written
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), "--no-checkpoints" not in sys.argv)
