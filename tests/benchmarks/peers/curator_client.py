"""Curator of Bespoke Labs: its openai backend and the cache of its own working folder.

    python curator_client.py URL FOLDER N EDITED

The schema goes over the wire as a generation parameter and the reply is checked in `parse`: given a response format, curator first asks
the server for an object of another shape, which a server of one answer cannot give. Curator's own ways out, to its viewer, its
telemetry and the price list of litellm, are shut. Its limits of requests and tokens a minute are set so high that they never hold.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Literal

os.environ.update(
    TELEMETRY_ENABLED="false",
    CURATOR_VIEWER="false",
    CURATOR_DISABLE_RICH_DISPLAY="1",
    LITELLM_LOCAL_MODEL_COST_MAP="True",
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    OPENAI_API_KEY="none",
)

# Tells tiktoken to read the encoding that litellm brings along, which it would fetch otherwise.
import litellm.litellm_core_utils.default_encoding  # type: ignore[import-not-found]  # noqa: F401
from bespokelabs import curator  # type: ignore[import-not-found]
from pydantic import BaseModel, ConfigDict

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from prompts import CONCURRENCY, chat_body, note


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")
    summary: str
    kind: Literal["feature", "fix", "other"]
    quote: str


class Summaries(curator.LLM):  # type: ignore[misc]
    def prompt(self, input: dict[str, Any]) -> list[dict[str, str]]:
        messages: list[dict[str, str]] = chat_body(input["text"])["messages"]
        return messages

    def parse(self, input: dict[str, Any], response: str) -> dict[str, Any]:
        return {"index": input["index"], **Reply.model_validate_json(response).model_dump()}


def main(url: str, home: Path, count: int, edited: int) -> None:
    texts = [note(number, int(number < edited)) for number in range(count)]
    body = chat_body("")
    model = Summaries(
        model_name=body["model"],
        backend="openai",
        generation_params={name: body[name] for name in ("temperature", "max_tokens", "response_format")},
        backend_params={
            "base_url": url,
            "max_concurrent_requests": CONCURRENCY,
            "max_requests_per_minute": 100_000_000,
            "max_tokens_per_minute": 1_000_000_000_000,
        },
    )
    began = time.perf_counter()
    made = model([{"index": index, "text": text} for index, text in enumerate(texts)], working_dir=str(home))
    seconds = time.perf_counter() - began
    assert len(made.dataset) == count
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
