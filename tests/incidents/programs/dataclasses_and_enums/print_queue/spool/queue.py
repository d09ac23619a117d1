"""The most urgent job first, and of those the one that came first."""

import heapq

from spool.jobs import Job, Request


class PrintQueue:
    def __init__(self, *requests: Request) -> None:
        self._heap: list[tuple[int, Job]] = []
        for request in requests:
            self.submit(request)

    def submit(self, request: Request) -> None:
        heapq.heappush(self._heap, (request.urgency.value, request.job))

    def __iter__(self):
        while self._heap:
            yield heapq.heappop(self._heap)[-1]
