"""The most urgent job first, and of those the one that came first."""

import heapq

from spool.jobs import Job, Request


class PrintQueue:
    def __init__(self, *requests: Request) -> None:
        self._heap: list[tuple[int, int, Job]] = []
        self._submitted = 0
        for request in requests:
            self.submit(request)

    def submit(self, request: Request) -> None:
        self._submitted += 1
        heapq.heappush(self._heap, (request.urgency.value, self._submitted, request.job))

    def __iter__(self):
        while self._heap:
            yield heapq.heappop(self._heap)[-1]
