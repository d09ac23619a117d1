"""Usage as people look at it: a Markdown table, and bars of tokens."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration_assets.usage.model import ModelUsage

SHOWN = 40
"""Rows shown, the latest."""
WIDTH = 40
"""Characters of the longest bar."""


def usage_table(rows: Sequence[ModelUsage]) -> str:
    lines = [
        "| Date | Agent | Model | Calls | Failed | Tokens in | Cached | Tokens out | p50 | p95 | Cost |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.day} | {row.agent} | {_name(row)} | {row.calls:,} | {row.failed:,} | {row.tokens_in:,} | {row.tokens_cached:,} "
        f"| {row.tokens_out:,} | {row.latency_p50_ms:,.0f} ms | {row.latency_p95_ms:,.0f} ms | {_cost(row)} |"
        for row in _latest(rows)
    ]
    return "\n".join(lines) if rows else "No model was asked yet."


def usage_plot(rows: Sequence[ModelUsage]) -> str:
    """A bar for each day, agent and model: `▒` for tokens that the prefix cache had, `█` for the others that went in, `░` for those that
    came out."""
    shown = _latest(rows)
    most = max((row.tokens_in + row.tokens_out for row in shown), default=0)
    if not most:
        return "No model was asked yet."
    width = max(len(_label(row)) for row in shown)
    lines = []
    for row in shown:
        parts = ((row.tokens_cached, "▒"), (row.tokens_in - row.tokens_cached, "█"), (row.tokens_out, "░"))
        bar = "".join(sign * round(amount / most * WIDTH) for amount, sign in parts)
        lines.append(f"{_label(row):<{width}}  {bar} {row.tokens_in + row.tokens_out:,}")
    return "\n".join(["```", *lines, "", "tokens: ▒ in, from the prefix cache   █ in   ░ out", "```"])


def _latest(rows: Sequence[ModelUsage]) -> list[ModelUsage]:
    return sorted(rows, key=lambda row: (row.day, row.agent, row.model))[-SHOWN:]


def _label(row: ModelUsage) -> str:
    return f"{row.day}  {row.agent}  {_name(row)}"


def _name(row: ModelUsage) -> str:
    return row.model.partition("@")[0].replace("|", "/")


def _cost(row: ModelUsage) -> str:
    return "" if row.cost is None else f"{row.cost:.4f} {row.currency}"
