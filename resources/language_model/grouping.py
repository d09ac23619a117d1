"""Groups of what arrives one by one, so that rows are committed together."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from typing import Final, TypeVar

T = TypeVar("T")


class Tick:
    """Stands in a stream for: nothing has arrived for a while."""


TICK: Final = Tick()


def groups(iterable: Iterable[T | Tick], size: int = 2000, seconds: float = 1.0) -> Generator[list[T]]:
    """Lists of up to `size` elements in their order, none empty. A list is closed when it is full or `seconds` old, or
    when the iterable raises an error, which follows.

    Age can only be seen when the iterable yields: one that may wait long yields TICK meanwhile, as
    `LanguageModel.derived_groups` does. Closing this generator closes the iterable where that is a generator; what was
    gathered and not yielded is then dropped.
    """
    group: list[T] = []
    began = 0.0
    try:
        try:
            for element in iterable:
                if not isinstance(element, Tick):
                    if not group:
                        began = time.monotonic()
                    group.append(element)
                if group and (len(group) >= size or time.monotonic() - began >= seconds):
                    yield group
                    group = []
        except Exception:
            if group:
                yield group
            raise
        if group:
            yield group
    finally:
        if callable(close := getattr(iterable, "close", None)):
            close()
