"""A list that can be put back to how it was."""

from __future__ import annotations


class StoreError(RuntimeError):
    pass


class Store:
    def __init__(self) -> None:
        self.items: list[str] = []
        self._before: list[list[str]] = []

    def begin(self) -> None:
        self._before.append(list(self.items))

    def commit(self) -> None:
        self._pop()

    def rollback(self) -> None:
        self.items = self._pop()

    def _pop(self) -> list[str]:
        if not self._before:
            raise StoreError("not begun")
        return self._before.pop()


class Work:
    """What happens within is kept whole, or not at all."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __enter__(self) -> Store:
        self.store.begin()
        return self.store

    def __exit__(self, kind, error, trace) -> None:
        if error is None:
            self.store.commit()
        else:
            self.store.rollback()
