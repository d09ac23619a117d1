"""The work that all sides are given: N notes, and the prompt of each, some 900 tokens of which 600 are shared by all."""

from __future__ import annotations

import random
from typing import Any

SYSTEM = " ".join(f"Rule {number}: keep to what the note says and quote it letter for letter." for number in range(34))
WORDS = (
    "ledger",
    "parcel",
    "shelf",
    "order",
    "invoice",
    "label",
    "queue",
    "reader",
    "writer",
    "group",
    "close",
    "open",
)
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "kind": {"type": "string", "enum": ["feature", "fix", "other"]},
        "quote": {"type": "string"},
    },
    "required": ["summary", "kind", "quote"],
    "additionalProperties": False,
}
CONCURRENCY = 256


def note(number: int, edition: int = 0) -> str:
    chance = random.Random(number * 31 + edition)
    return f"Note {number}.{edition} about the ledger: " + " ".join(chance.choices(WORDS, k=190))


def chat_body(text: str) -> dict[str, Any]:
    """What goes over the wire, by whichever client."""
    return {
        "model": "bench",
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}],
        "temperature": 0.0,
        "max_tokens": 200,
        "response_format": {"type": "json_schema", "json_schema": {"name": "bench", "strict": True, "schema": SCHEMA}},
    }
