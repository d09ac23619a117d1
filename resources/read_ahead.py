"""Reading ahead: an iterator that works in a thread of its own while its consumer is busy with what came before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterable[T], most: int = 2) -> Generator[T]:
    """The items, at most `most` of them made before they are asked for. An error of the iterator is raised where its item would come;
    closing the generator ends the thread after the item that it is at."""
    made: queue.Queue[tuple[T, None] | tuple[None, BaseException | None]] = queue.Queue(most)
    stopped = threading.Event()

    def put(entry: tuple[T, None] | tuple[None, BaseException | None]) -> bool:
        while not stopped.is_set():
            try:
                made.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        end: BaseException | None = None
        iterator = iter(items)
        try:
            for item in iterator:
                if not put((item, None)):
                    return
        except BaseException as error:
            end = error
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
            put((None, end or StopIteration()))

    thread = threading.Thread(target=work, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, end = made.get()
            if end is None:
                yield item  # type: ignore[misc]
            elif isinstance(end, StopIteration):
                return
            else:
                raise end
    finally:
        stopped.set()
        thread.join()
