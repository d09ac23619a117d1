"""What all benchmarks share: alternating measurements, medians, and the shape of a result."""

from __future__ import annotations

import statistics
from collections.abc import Callable


def alternating(ours: Callable[[], float], reference: Callable[[], float], rounds: int) -> tuple[float, float]:
    """The medians of both sides, measured in turn, so that a slow minute of the machine meets both."""
    pairs = [
        (ours(), reference()) if number % 2 else tuple(reversed((reference(), ours()))) for number in range(rounds)
    ]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def at_most(name: str, ours: float, reference: float, bar: float) -> dict[str, object]:
    """A result whose ratio ours / reference must not exceed the bar."""
    ratio = ours / reference
    return {
        "name": name,
        "ours": round(ours, 4),
        "reference": round(reference, 4),
        "ratio": round(ratio, 3),
        "bar": bar,
        "holds": ratio <= bar,
    }


def at_least(name: str, ours: float, reference: float, bar: float) -> dict[str, object]:
    """A result whose ratio ours / reference must reach the bar."""
    return {**at_most(name, ours, reference, bar), "holds": ours / reference >= bar}


def at_most_by(name: str, ours: float, bar: float) -> dict[str, object]:
    """A result of one side, which must not exceed the bar itself."""
    return {**at_most(name, ours, bar, 1.0), "reference": bar, "bar": 1.0}
