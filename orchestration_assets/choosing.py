"""What the commands of inbox and outbox take up: rows by their numbers, all dead letters, and the name of a state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from resources.errors import BadInput

_ALL = 1_000_000
StateT = TypeVar("StateT", bound=str)


class _Box(Protocol):
    def get(self, number: int, /) -> Any: ...

    def latest(self, state: Any, limit: int, /) -> Sequence[Any]: ...


def chosen(box: _Box, what: str, command: str, numbers: Sequence[int], dead: bool) -> list[int]:
    """The numbers, each of which is there, and with `dead` those of all dead letters. Raises BadInput."""
    if not numbers and not dead:
        raise BadInput(f"Name the numbers of {what}s, as `soloist {command} list` shows them, or give --dead.")
    for number in numbers:
        box.get(number)
    return [*numbers, *(row.id for row in (box.latest("dead", _ALL) if dead else []))]


def state_named(name: str | None, what: str, states: Sequence[StateT]) -> StateT | None:
    """Raises BadInput where `name` is none of `states`."""
    if name is None:
        return None
    for state in states:
        if state == name:
            return state
    raise BadInput(f"{name!r} is no state of an {what}; give one of: {', '.join(states)}.")
