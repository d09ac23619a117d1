"""The rows of `model_usage`."""

from __future__ import annotations

from datetime import date

from resources.rows import Row
from resources.warehouse import TableSpec


class ModelUsage(Row):
    """What one agent asked of one model on one local day. An item that kept replies answered asked for nothing."""

    day: date
    agent: str
    model: str
    """The maker: model@revision."""
    calls: int
    """Items, each with its retries and its repair."""
    failed: int
    http_requests: int
    tokens_in: int
    tokens_cached: int
    """Those of `tokens_in` that the server had in its prefix cache."""
    tokens_out: int
    latency_p50_ms: float
    latency_p95_ms: float
    cost: float | None = None
    """By the price table as it stood when the row was made; None where no price was known."""
    currency: str


MODEL_USAGE = TableSpec("model_usage", ModelUsage, key=("day", "agent", "model"))
