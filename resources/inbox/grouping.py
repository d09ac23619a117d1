"""Many who add to the inbox at once share one commit: a commit waits for the disk, and two hundred of them a second would wait in line."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING

from resources.errors import SoloistError

if TYPE_CHECKING:
    from resources.inbox.events import Event
    from resources.inbox.store import Inbox

MOST = 500
"""Events in one commit."""


class GroupedInserts:
    """A thread that writes what came in since its last commit."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: queue.SimpleQueue[tuple[Event, asyncio.Future[bool]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="inbox", daemon=True)
        self._thread.start()

    async def add(self, event: Event) -> bool:
        """Returns once the event is on disk: whether it was new. Raises SoloistError where it cannot be kept."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.put((event, future))
        return await future

    def close(self) -> None:
        """Waits until all that was added is on disk."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            ends = False
            while len(group) < MOST and not self._waiting.empty():
                if (another := self._waiting.get()) is None:
                    ends = True
                    break
                group.append(another)
            self._write(group)
            if ends:
                return

    def _write(self, group: list[tuple[Event, asyncio.Future[bool]]]) -> None:
        try:
            new = self._inbox.add([event for event, _ in group])
        except Exception as error:  # whatever the database throws is for those who wait
            failure = _unkept(error)
            for _, future in group:
                future.get_loop().call_soon_threadsafe(_fail, future, failure)
        else:
            for (_, future), is_new in zip(group, new, strict=True):
                future.get_loop().call_soon_threadsafe(_settle, future, is_new)


def _unkept(error: Exception) -> SoloistError:
    """For whoever delivers, who is not told where the database is."""
    kind = type(error.__cause__ or error).__name__
    return SoloistError(f"The event cannot be kept now ({kind}); deliver it again later.")


def _settle(future: asyncio.Future[bool], value: bool) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[bool], error: SoloistError) -> None:
    if not future.done():
        future.set_exception(error)
