"""A list that can be put back to how it was."""

from __future__ import annotations


class StoreError(RuntimeError):
    pass


class Store:
    def __init__(self) -> None:
        self.items: list[str] = []
        self._before: list[str] | None = None

    def begin(self) -> None:
        if self._before is not None:
            raise StoreError(f"already begun, with {len(self._before)} items")
        self._before = list(self.items)

    def commit(self) -> None:
        self._before = None

    def rollback(self) -> None:
        self.items, self._before = self._before or [], None


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
