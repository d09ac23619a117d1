"""How many requests may be in flight. The seam for finer rules (latency, the server's own queue length): they all cut
or grow one limit.
"""

from __future__ import annotations


class AdaptiveLimit:
    """A limit between 1 and `maximum`: starts at the maximum, is halved when the server is overloaded, doubles each
    round trip after.

    A round trip is over when a request that was sent after the last cut comes back. All requests in flight at the
    moment of an overload tell of the same overload, so they cut once: halving for each of them would leave next to
    nothing in flight.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.value = maximum
        self._last_cut = float("-inf")
        self._answered = 0

    def overloaded(self, sent_at: float, now: float) -> None:
        """A request sent at `sent_at` (monotonic seconds) was turned away with 429 or 503."""
        if sent_at >= self._last_cut:
            self.value = max(1, self.value // 2)
            self._last_cut = now
            self._answered = 0

    def answered(self, sent_at: float) -> None:
        """A request sent at `sent_at` was answered. A limit's worth of answers since the last change is a round
        trip.
        """
        if self.value == self.maximum or sent_at < self._last_cut:
            return
        self._answered += 1
        if self._answered >= self.value:
            self.value = min(self.maximum, self.value * 2)
            self._answered = 0
