"""How far a running asset is, for whoever wants to show it. Nobody listening costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int | None], None]
"""Called with what is being done, how many items are done, and how many there are (None: not known)."""

_listeners: list[Listener] = []


def report(what: str, done: int, total: int | None = None) -> None:
    for listener in _listeners:
        listener(what, done, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Calls `listener` with every report of this process while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
