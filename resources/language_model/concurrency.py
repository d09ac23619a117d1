"""How many requests may be in flight: one limit, which the server's refusals and its latency cut and its answers let grow.

What belongs here: that rule, without I/O and without a clock of its own.
"""

from __future__ import annotations

import statistics

SLOW = 2.0
"""A round whose median latency is over so many times the best one's is a sign that requests only queue at the server."""
SLOWED = 0.75
LEAST_WHEN_SLOW = 0.25
"""Share of the maximum below which slowness alone does not cut: long questions are slow however few there are."""
REGROWTH = 1.1


class AdaptiveLimit:
    """A limit between 1 and `maximum`, at which it starts.

    It changes once a round trip: when as many requests as it allows, all sent since the last change, have come back. Then
    it becomes what the server took of them (all but those turned away with 429 or 503) and a tenth more, but at least half of what it
    was: so it settles just above what the server takes, and a few refusals of many cost nothing. It is cut by a quarter where the
    answers took twice as long as they once did. As long as it was never cut, it doubles.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.value = maximum
        self._began = float("-inf")
        self._refused = 0
        self._latencies: list[float] = []
        self._fastest = float("inf")
        self._was_cut = False

    def refused(self, sent_at: float, now: float) -> None:
        """A request that was sent at `sent_at` (monotonic seconds) was turned away."""
        if sent_at >= self._began:
            self._refused += 1
            self._end_round(now)

    def answered(self, sent_at: float, now: float) -> None:
        """A request that was sent at `sent_at` was answered."""
        if sent_at >= self._began:
            self._latencies.append(now - sent_at)
            self._end_round(now)

    def restart(self, now: float) -> None:
        """The server was gone and is back: begin with one request."""
        self.value = 1
        self._begin_round(now)

    def _end_round(self, now: float) -> None:
        came_back = self._refused + len(self._latencies)
        if came_back < self.value:
            return
        latency = statistics.median(self._latencies) if self._latencies else float("inf")
        if self._refused:
            self._was_cut = True
            taken = self.value * (1 - self._refused / came_back)
            self.value = min(self.maximum, max(1, self.value // 2, int(taken * REGROWTH)))
        elif latency > SLOW * self._fastest and self.value > LEAST_WHEN_SLOW * self.maximum:
            self._was_cut = True
            self.value = max(1, int(self.value * SLOWED))
        else:
            grown = max(self.value + 1, int(self.value * REGROWTH)) if self._was_cut else self.value * 2
            self.value = min(self.maximum, grown)
        if self._latencies:
            self._fastest = min(self._fastest, latency)
        self._begin_round(now)

    def _begin_round(self, now: float) -> None:
        self._began = now
        self._refused = 0
        self._latencies.clear()
