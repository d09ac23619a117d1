"""Adding up `model_calls` by day, agent and model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration_assets.derivation import Counts
from orchestration_assets.usage.model import MODEL_USAGE, ModelUsage
from resources.language_model.prices import load_prices, prices_of

if TYPE_CHECKING:
    from resources.settings import Settings
    from resources.warehouse import Session, Warehouse

_BY_DAY = """
SELECT CAST(timezone(?, called_at) AS DATE) AS day, agent, model, count(*) AS calls, count(*) FILTER (outcome = 'failed') AS failed,
    CAST(sum(attempts) AS BIGINT) AS http_requests, CAST(sum(tokens_in) AS BIGINT) AS tokens_in,
    CAST(sum(tokens_cached) AS BIGINT) AS tokens_cached, CAST(sum(tokens_out) AS BIGINT) AS tokens_out,
    round(quantile_cont(latency_ms, 0.5), 1) AS latency_p50_ms, round(quantile_cont(latency_ms, 0.95), 1) AS latency_p95_ms
FROM model_calls GROUP BY ALL ORDER BY ALL
"""


def is_behind(session: Session) -> bool:
    """Whether calls were made that the table does not count. Calls are never removed."""
    return session.count("SELECT count(*) FROM model_calls") != session.count(
        "SELECT CAST(coalesce(sum(calls), 0) AS BIGINT) FROM model_usage"
    )


def make_usage(settings: Settings, warehouse: Warehouse) -> tuple[Counts, list[ModelUsage]]:
    """Brings the table up to date with the calls and the price table; returns what became of its rows, and them. Raises BadInput for a
    price table that cannot be read."""
    table = load_prices(settings.prices_path)
    with warehouse.write() as session:
        rows = []
        for found in session.query(_BY_DAY, [settings.timezone]).to_pylist():
            prices = prices_of(table, found["model"])
            cost = prices.cost(found["tokens_in"], found["tokens_cached"], found["tokens_out"])
            rows.append(ModelUsage(**found, cost=cost, currency=prices.currency))
        written = session.replace(MODEL_USAGE, rows, "true")
    return Counts(len(rows), written.inserted + written.updated, written.unchanged), rows
