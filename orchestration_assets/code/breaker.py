"""What keeps an agent from being asked: a circuit breaker over its last calls, and the window of calls that may be in flight.

What belongs here: both rules, without I/O and without a clock of their own. Instants are monotonic seconds.
"""

from __future__ import annotations

from collections import deque

WINDOW, LEAST_KNOWN = 10, 5
PROBES = 2
"""Calls that a breaker which is half open lets through, and that must all come back well before it closes."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 480.0
LEAST_IN_FLIGHT = 2


class CircuitBreaker:
    """Pauses an agent once more than half of its last ten calls erred (of at least five).

    Closed, it lets everything through. Open, nothing, for a pause that doubles each time that it opens without having closed. Then it is
    half open: so many probes as PROBES are let through; if all come back well it closes and forgets what it knew, if one errs it opens again. Calls
    that were sent before it opened say nothing about the agent as it is now, and are not counted.
    """

    def __init__(self, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._first_pause_s = first_pause_s
        self._errors: deque[bool] = deque(maxlen=WINDOW)
        self._opened_at: float | None = None
        self._openings = 0
        self._probes_sent = 0
        self._probes_well = 0
        self._since = float("-inf")
        """Calls that were sent before do not count."""

    @property
    def is_closed(self) -> bool:
        return self._opened_at is None

    @property
    def opens_at(self) -> float | None:
        """When probes may be sent; None where it is closed."""
        if self._opened_at is None:
            return None
        return self._opened_at + min(LONGEST_PAUSE_S, self._first_pause_s * 2.0 ** (self._openings - 1))

    def allowed(self, now: float) -> int | None:
        """How many more calls may be sent now; None for any number."""
        if self.opens_at is None:
            return None
        return PROBES - self._probes_sent if now >= self.opens_at else 0

    def sent(self, now: float) -> None:
        if self.opens_at is not None:
            if not self._probes_sent:
                self._since = now
            self._probes_sent += 1

    def came_back(self, sent_at: float, now: float, *, erred: bool) -> None:
        if sent_at < self._since:
            return
        if not self.is_closed:
            if not self._probes_sent:
                return
            if erred:
                self._open(now)
                return
            self._probes_well += 1
            if self._probes_well >= PROBES:
                self._close(now)
            return
        self._errors.append(erred)
        if len(self._errors) >= LEAST_KNOWN and sum(self._errors) * 2 > len(self._errors):
            self._open(now)

    def _open(self, now: float) -> None:
        self._opened_at, self._since = now, now
        self._openings += 1
        self._probes_sent = self._probes_well = 0

    def _close(self, now: float) -> None:
        self._opened_at, self._since = None, now
        self._openings = self._probes_sent = self._probes_well = 0
        self._errors.clear()


class InFlightWindow:
    """How many calls may be in flight: between two and `maximum`, at which it begins. A call that was lost on its way halves it, at most
    once for all that were in flight then; every answer brings it back by one in so many answers as it allows."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self._least = min(LEAST_IN_FLIGHT, maximum)
        self._value = float(maximum)
        self._cut_at = float("-inf")

    @property
    def value(self) -> int:
        return int(self._value)

    def came_back(self, sent_at: float, now: float, *, lost: bool) -> None:
        if not lost:
            self._value = min(float(self.maximum), self._value + 1 / self._value)
        elif sent_at >= self._cut_at:
            self._value = max(float(self._least), self._value / 2)
            self._cut_at = now
