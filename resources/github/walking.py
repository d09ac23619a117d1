"""Reading a list page by page while it changes, without losing anything of it.

A list is read from its newest page down to what is known, by the addresses that GitHub names. Between two pages items may come in or move
to the top: the others move down, and are met twice, which makes no second event. What is on page 2 and moves to the top before page 2 is
read is met by the next look, for it is newer than all that this one takes as known. Only where an item vanishes do others move up, over
the edge of a page into one that was read already: so each page is asked for again once the one behind it was read, which is free where
nothing changed.

A way down that ends in the middle, because time or GitHub's patience ran out, is kept and gone on with at its last page. The position
itself moves only at the end of the list.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime

from resources.github.client import Answer, GitHub
from resources.github.feeds import Feed, Found, Repository
from resources.github.position import Page, Position, Walk
from resources.rest.errors import Broken, Denied, OutOfTime, RestError, Unauthorized

MOST_FAILURES = 3
"""In a row, until a way down is given up and begun anew at the top."""

Take = Callable[[Iterable[Found], datetime], dict[str, str]]
"""Keeps what is not older than an instant; tells by item what it says."""


class Walker:
    """One look at one list. What it takes goes to `take` before the position that says so is given."""

    def __init__(
        self, client: GitHub, feed: Feed, repository: Repository, horizon: datetime, deadline: float, take: Take
    ) -> None:
        self._client, self._feed, self._repository = client, feed, repository
        self._horizon, self._deadline, self._take = horizon, deadline, take

    def walk(self, position: Position) -> Position:
        """The position after the whole list was read. Raises RestError; `resumed` then gives what to go on from."""
        feed = self._feed
        self._position, self._read = position, list[str]()
        floor = feed.floor(position.newest, self._horizon)
        first = feed.url(self._repository, floor)
        walk = self._walk = position.walk or Walk(url=first, first=first, floor=floor)
        url: str | None = walk.url
        while url is not None:
            walk.url = url
            before = url in walk.pages
            page, fresh = self._page(url, walk.pages.get(url) or position.pages.get(url))
            if fresh and self._read:
                last = self._read[-1]
                walk.pages[last], _ = self._page(last, walk.pages[last])
            walk.pages[url] = page
            self._read.append(url)
            walk.failures = 0
            if feed.moves and not fresh and not before:
                return position.model_copy(update={"walk": None})
            url = page.next if page.edge is None or page.edge >= walk.floor else None
            if url is not None:
                self._go_on(url)
        return position.model_copy(
            update={
                "newest": max((at for at in (walk.newest, position.newest) if at), default=None),
                "pages": {walk.first: walk.pages[walk.first]} if feed.moves else walk.pages,
                "walk": None,
            }
        )

    def resumed(self, error: RestError) -> Position:
        """The position as it is, with the way that was begun, if it makes sense to go on with it."""
        walk = self._walk
        if isinstance(error, Broken):
            walk.failures += 1
        keeps = not isinstance(error, Denied | Unauthorized) and walk.failures < MOST_FAILURES and bool(walk.pages)
        if keeps and len(self._read) > 1:
            # Between two looks much may move; what was read last is read again, but for a look that got no further than that.
            walk.url = self._read[-1]
        return self._position.model_copy(update={"walk": walk if keeps else None})

    def _go_on(self, url: str) -> None:
        self._walk.url = url
        if url in self._walk.pages:
            raise Broken(f"GitHub's pages of the {self._feed.what} of {self._repository.name} go round in a circle.")
        if time.monotonic() >= self._deadline:
            raise OutOfTime(f"The time was over in the middle of the {self._feed.what} of {self._repository.name}.")

    def _page(self, url: str, known: Page | None) -> tuple[Page, bool]:
        """A page, and whether it is another than the known one; what is new on it is kept."""
        feed = self._feed
        what = f"{feed.what} of {self._repository.name}"
        answer = self._client.get(url, what, known.etag if known else None, self._deadline)
        if known is not None and answer.unchanged:
            return known, False
        items = feed.items(answer.body)
        self._note(items, answer)
        said = self._take(items, self._walk.floor if feed.moves else self._horizon)
        return Page(
            etag=answer.etag, next=answer.next, edge=feed.edge(items), items=said if feed.remembers else {}
        ), True

    def _note(self, items: Iterable[Found], answer: Answer) -> None:
        """The newest of the first page that was read; one from the future by GitHub's own clock must not hide what comes before it."""
        walk = self._walk
        if not walk.pages and walk.newest is None:
            instants = [at for item in items if (at := self._feed.instant(item))]
            walk.newest = min(max(instants), answer.at) if instants else None
