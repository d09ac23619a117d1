"""The rows that running agents leaves behind: one for each conversation with a model, one for each reply worth keeping.

What belongs here: row models alone. Where they are stored, and under which keys, the warehouse decides.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from resources.rows import Row

Outcome = Literal["ok", "repaired", "failed"]


class ModelCall(Row):
    """What one item cost: the row of `model_calls`, keyed by `call_id`. Retries and the repair of an item are part of
    its row.

    An item that was answered from kept replies alone, or extractively, has no row: nobody was called.
    """

    call_id: str
    agent: str
    agent_version: str
    key: str
    model: str
    """The maker: model@revision."""
    outcome: Outcome
    reason: str | None = None
    """Why it failed; None otherwise."""
    tokens_in: int = 0
    tokens_cached: int = 0
    """Those of `tokens_in` that the server had in its prefix cache."""
    tokens_out: int = 0
    latency_ms: float = 0.0
    """Milliseconds on the wire, over all attempts; waiting for a slot or before a retry is not counted."""
    attempts: int = 0
    """HTTP requests sent."""
    called_at: datetime
    """Instant (UTC) at which the item was handed over."""


class Reply(Row):
    """One reply of a model, kept under the hash of the request that it answers, so that no question is paid for
    twice.
    """

    request_hash: str
    """See `replies.Questions`."""
    model: str
    reply: str
    finish_reason: str
    """`stop`, or `length` where the reply was cut at `max_tokens`; such a reply is kept because its repair followed
    from it.
    """
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    created_at: datetime
