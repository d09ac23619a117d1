"""Incidents as people look at them: a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration_assets.incidents.account import code
from orchestration_assets.incidents.model import Incident

SHOWN = 40


def incidents_table(rows: Sequence[Incident]) -> str:
    """Those of one run, the latest errors first. Text from outside stands in code."""
    if not rows:
        return "No wanted issue changed."
    lines = ["| Issue | Error | Source | Outcome | What is called, or why not |", "| --- | --- | --- | --- | --- |"]
    for row in sorted(rows, key=lambda each: (each.happened_at, each.issue), reverse=True)[:SHOWN]:
        told = row.how or row.reason
        cells = [code(row.short_id or row.issue), code(row.title), code(row.commit[:12]), row.status, code(told)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if len(rows) > SHOWN:
        lines.append(f"\nAnd {len(rows) - SHOWN} more.")
    return "\n".join(lines)
