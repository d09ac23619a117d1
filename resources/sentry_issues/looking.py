"""One look at one project: its issues page by page, from the client to the inbox, and an error of those that are new.

The list is in the order of the issues' last errors. A look reads it down to what it knows, and a little further. While it reads, an issue
may move to the top: others are met twice, which makes no second event, and the issue itself is met by the next look. Where one vanishes,
others move up, over the edge of a page into one that was read already: so each page is read again after the one behind it.

An issue that somebody resolves stays where it is. So the whole list is swept through now and then; what each issue said is remembered, and
only what says something else is an event.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from resources.inbox import Event, Inbox
from resources.rest.errors import Broken, Denied, Missing, OutOfTime, RestError
from resources.rest.polling import PollReport
from resources.sentry_issues import reading
from resources.sentry_issues.client import Answer, SentryApi
from resources.sentry_issues.events import polled_event
from resources.sentry_issues.facts import SentryIssue
from resources.sentry_issues.position import Pending, Walk, load_position, save_position

OVERLAP = timedelta(minutes=10)
"""How far behind the newest is read again: Sentry's list lags behind its errors."""
SWEEP_EVERY = timedelta(hours=1)
MOST_FAILURES = 3
"""In a row, until a way down is begun anew at the top, or an error is left out."""
FRESH = ("new", "regressed", "escalating")
"""What an issue is called when somebody should look at it."""


def wants_error(issue: SentryIssue) -> bool:
    """Whether an error of it is read: it is open and came up or came back, or somebody marked it. Older servers tell no substatus."""
    return issue.is_open and (issue.substatus is None or issue.substatus in FRESH or bool(issue.labels))


class Look:
    """At `organization/project`. `horizon` is how far back it goes. `every_open`: an error is read of each open issue that none was read
    of, how long ago it came up."""

    def __init__(
        self,
        client: SentryApi,
        inbox: Inbox,
        name: str,
        horizon: datetime,
        deadline: float,
        report: PollReport,
        every_open: bool = False,
    ) -> None:
        self._client, self._inbox, self._name, self._report = client, inbox, name, report
        self._organization, _, self._project = name.partition("/")
        self._horizon, self._deadline, self._every_open = horizon, deadline, every_open
        self._key = f"sentry:{name.lower()}"
        self._position = load_position(inbox, self._key)
        self._asked: set[str] = set()

    def take(self) -> None:
        """Raises RestError; what was read until then is kept, and the next look goes on there."""
        # What waits since the last look has half of the time at the most, so that neither it nor the list waits for ever.
        self._errors((time.monotonic() + self._deadline) / 2)
        try:
            at = self._newer()
        except (Broken, Denied):
            self._errors(self._deadline)
            raise
        self._errors(self._deadline)
        self._sweep(at)
        self._errors(self._deadline)
        if any(issue not in self._asked for issue in self._position.pending):
            raise OutOfTime(f"The time was over in the middle of the errors of {self._name}.")

    def _newer(self) -> datetime:
        """What had errors since the last look; returns Sentry's time."""
        position = self._position
        floor = self._horizon if position.newest is None else max(position.newest - OVERLAP, self._horizon)
        walk = position.look = position.look or Walk(floor=floor)
        try:
            answer = self._down(walk, twice=True)
        except RestError as error:
            position.look = self._kept(walk, error)
            self._save()
            raise
        position.newest = max((at for at in (walk.newest, position.newest) if at is not None), default=None)
        position.look = None
        if position.swept_at is None:
            position.swept_at = answer.at
        self._save()
        return answer.at

    def _sweep(self, at: datetime) -> None:
        position = self._position
        if position.sweep is None:
            if position.swept_at is not None and at < position.swept_at + SWEEP_EVERY:
                return
            position.sweep, position.met = Walk(floor=self._horizon), []
        walk = position.sweep
        try:
            answer = self._down(walk, twice=False)
        except RestError as error:
            position.sweep = self._kept(walk, error)
            self._save()
            raise
        known = set(position.met) | position.pending.keys()
        position.said = {issue: said for issue, said in position.said.items() if issue in known}
        position.shown = [issue for issue in position.shown if issue in known]
        position.sweep, position.met, position.swept_at = None, [], answer.at
        self._save()

    def _down(self, walk: Walk, twice: bool) -> Answer:
        """Reads from the walk's page to its floor or the list's end; returns the last answer."""
        read: list[str | None] = []
        try:
            while True:
                page = walk.page
                answer, edge = self._page(page)
                if walk.newest is None:
                    walk.newest = min(edge[0], answer.at) if edge else None
                if twice and read:
                    self._page(read[-1])
                read.append(page)
                walk.failures = 0
                if answer.next is None or (edge and edge[1] < walk.floor):
                    return answer
                if answer.next in read:
                    raise Broken(f"Sentry's pages of the issues of {self._name} go round in a circle.")
                walk.page = answer.next
                self._save()
                if time.monotonic() >= self._deadline:
                    raise OutOfTime(f"The time was over in the middle of the issues of {self._name}.")
        except RestError:
            if len(read) > 1:
                # Until the next look much may move; what was read last is read again, but for a look that got no further than that.
                walk.page = read[-1]
            raise

    def _kept(self, walk: Walk, error: RestError) -> Walk | None:
        """The walk, if it makes sense to go on with it."""
        if isinstance(error, Broken):
            walk.failures += 1
        return None if isinstance(error, Denied) or walk.failures >= MOST_FAILURES else walk

    def _page(self, page: str | None) -> tuple[Answer, tuple[datetime, datetime] | None]:
        """A page, whose news lie in the inbox, and the newest and oldest last error on it."""
        answer = self._client.issues(self._organization, self._project, page, self._deadline)
        position, events, seen = self._position, list[Event](), list[datetime]()
        met, shown = set(position.met), set(position.shown)
        for found in answer.body:
            try:
                issue = reading.issue(found, answer.at, self._organization, self._project)
            except reading.Unreadable as error:
                self._report.problem(f"Some issues of {self._name} cannot be read ({error}).")
                continue
            last_seen = issue.last_seen or issue.first_seen
            seen.append(last_seen)
            if position.sweep is not None and issue.id not in met:
                position.met.append(issue.id)
            said = issue.says[:16]
            if last_seen < self._horizon:
                continue
            if self._every_open and issue.is_open and issue.id not in shown:
                position.pending.setdefault(issue.id, Pending(url=issue.url))
            if position.said.get(issue.id) == said:
                continue
            events.append(polled_event(issue))
            position.said[issue.id] = said
            if wants_error(issue):
                position.pending[issue.id] = Pending(url=issue.url)
        self._report.new += sum(self._inbox.add(events))
        return answer, (max(seen), min(seen)) if seen else None

    def _errors(self, until: float) -> None:
        """Reads an error of each issue that waits for one, each once a look."""
        for issue in [each for each in self._position.pending if each not in self._asked]:
            if time.monotonic() >= until:
                return
            self._asked.add(issue)
            try:
                self._error(issue, self._position.pending[issue].url)
            except Missing:
                pass  # the issue, or all of its errors, are gone
            except (Broken, Denied) as error:
                self._report.problem(str(error))
                self._position.pending[issue].failures += 1
                if self._position.pending[issue].failures < MOST_FAILURES:
                    continue
            del self._position.pending[issue]
            if issue not in self._position.shown:
                self._position.shown.append(issue)
            self._save()
        self._save()

    def _error(self, issue: str, url: str) -> None:
        answer = self._client.event(self._organization, issue, deadline=self._deadline)
        try:
            fact = reading.error(answer.body, issue, self._organization, self._project, url)
        except reading.Unreadable as error:
            self._report.problem(f"Some errors of {self._name} cannot be read ({error}).")
            return
        self._report.new += sum(self._inbox.add([polled_event(fact)]))

    def _save(self) -> None:
        save_position(self._inbox, self._key, self._position)
