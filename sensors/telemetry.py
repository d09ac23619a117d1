"""What the webhook app counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from resources.inbox import Inbox


class Telemetry:
    """The metrics of one app, in a registry of their own."""

    TYPE = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._registry = CollectorRegistry()
        self._deliveries = Counter(
            "soloist_webhook_deliveries",
            "Deliveries by source and by what became of them: accepted, ignored, known, or the HTTP status of a refusal.",
            ["source", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "soloist_webhook_seconds",
            "From a delivery's head to its answer.",
            ["source"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
            registry=self._registry,
        )
        self._events = Gauge("soloist_inbox_events", "Events by state.", ["state"], registry=self._registry)

    @contextmanager
    def delivery(self, source: str) -> Iterator[list[str]]:
        """Counts and times one delivery, under the outcome that is put into the list or the status of the HTTPException."""
        outcome: list[str] = []
        with self._seconds.labels(source).time():
            try:
                yield outcome
            except HTTPException as error:
                outcome.append(str(error.status_code))
                raise
            finally:
                self._deliveries.labels(source, outcome[0] if outcome else "500").inc()

    def exposition(self) -> bytes:
        """In Prometheus's text format. The inbox is left out where it does not answer."""
        self._events.clear()
        try:
            counts = self._inbox.counts()
        except Exception:  # whatever the database throws: `/readyz` tells
            counts = {}
        for state, count in counts.items():
            self._events.labels(state).set(count)
        return generate_latest(self._registry)
