"""Entries for the tests of reports, with the analyses that the analysis agent makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from orchestration_assets.reports.calendar import Calendar, parse_period
from orchestration_assets.reports.model import Claim, Report, ReportEntry, ReportItem, ReportKind, Section
from orchestration_assets.reports.selection import build_item
from orchestration_assets.worklogs.agent import AnalysisAgent
from orchestration_assets.worklogs.model import AnalysisItem, Entry, FileChange

VIENNA = Calendar("Europe/Vienna")
AGENT = AnalysisAgent()
WEEK = "2026-W47"
MONDAY = date(2026, 11, 16)

Changes = Sequence[tuple[str, int, int]]


class History:
    """Entries one after another, each a minute after the one before, from Monday 16 November 2026, nine o'clock in Vienna."""

    def __init__(self, repository: str = "acme", calendar: Calendar = VIENNA) -> None:
        self.entries: list[ReportEntry] = []
        self.repository = repository
        self.calendar = calendar
        self.clock = datetime(2026, 11, 16, 8, tzinfo=UTC)

    def commit(
        self,
        text: str,
        changes: Changes = (("src/acme/parser.py", 12, 3),),
        *,
        at: datetime | None = None,
        landed: datetime | str | None = "at once",
        parents: Sequence[ReportEntry] = (),
        merged_by: ReportEntry | None = None,
        is_merge: bool = False,
        branch: str | None = None,
        is_bot: bool = False,
        files_complete: bool = True,
        vanished: bool = False,
        repository: str | None = None,
        email: str = "ada@example.com",
    ) -> ReportEntry:
        when = at or self._tick()
        landed_at = when if landed == "at once" else landed
        assert not isinstance(landed_at, str)
        commit_hash = hashlib.sha1(f"{len(self.entries)} {text} {when} {self.repository}".encode()).hexdigest()
        entry = Entry(
            entry_id=f"id-{commit_hash[:16]}",
            source="git",
            repository_id=f"id-of-{repository or self.repository}",
            repository=repository or self.repository,
            commit_hash=commit_hash,
            text=text,
            subject=text.split("\n", 1)[0],
            author_name="Ada Example",
            author_email=email,
            authored_at=when,
            committed_at=when,
            landed_at=landed_at,
            branch=branch,
            is_merge=is_merge,
            merged_by=merged_by.entry.entry_id if merged_by else None,
            parents=[parent.entry.commit_hash or "" for parent in parents],
            files=[FileChange(path=path, added=added, deleted=deleted) for path, added, deleted in changes],
            files_complete=files_complete,
            is_bot=is_bot,
            vanished=vanished,
            month=when.date().replace(day=1),
            input_hash=hashlib.sha256(f"{text} {changes}".encode()).hexdigest(),
        )
        return self._add(entry)

    def pull_request(self, number: int, title: str, commits: Sequence[str], branch: str = "topic") -> ReportEntry:
        """A merge commit and the commits that it landed; `title` "" for a merge without one. Returns the merge."""
        body = f"\n\n{title}" if title else ""
        first = self.clock
        self.clock += timedelta(minutes=len(commits))
        merge = self.commit(f"Merge pull request #{number} from ada/{branch}{body}", [], is_merge=True)
        for position, text in enumerate(commits):
            changes = [(f"src/acme/part{number}.py", 20, 2)]
            self.commit(
                text, changes, at=first + timedelta(minutes=position), landed=merge.entry.landed_at, merged_by=merge
            )
        return merge

    def note(self, text: str, tags: Sequence[str] = (), *, at: datetime | None = None) -> ReportEntry:
        when = at or self._tick()
        return self._add(
            Entry(
                entry_id=f"note-{len(self.entries)}",
                source="note",
                repository_id="notes",
                repository="notes",
                text=text,
                subject=text.split("\n", 1)[0],
                author_name="",
                author_email="",
                authored_at=when,
                committed_at=when,
                landed_at=when,
                tags=list(tags),
                month=when.date().replace(day=1),
                input_hash=hashlib.sha256(f"{text} {tags}".encode()).hexdigest(),
            )
        )

    def item(self, kind: ReportKind = ReportKind.STATUS_REPORT, key: str = WEEK) -> ReportItem:
        period = parse_period(kind, key, self.calendar)
        return build_item(kind, period, self.calendar, self.entries, "Your work in acme")

    def by_id(self) -> dict[str, Entry]:
        return {entry.entry.entry_id: entry.entry for entry in self.entries}

    def _tick(self) -> datetime:
        self.clock += timedelta(minutes=1)
        return self.clock

    def _add(self, entry: Entry) -> ReportEntry:
        local = self.calendar.local_day
        made = ReportEntry(
            entry=entry,
            analysis=AGENT.extract(AnalysisItem(entry=entry)),
            day=local(entry.authored_at),
            landed_day=local(entry.landed_at) if entry.landed_at else None,
        )
        self.entries.append(made)
        return made


def section(report: Report, title: str) -> Section:
    return next(found for found in report.sections if found.title == title)


def claims(report: Report, title: str) -> list[Claim]:
    return [claim for topic in section(report, title).topics for claim in topic.claims]


def texts(report: Report, title: str = "Completed") -> list[str]:
    return [claim.text for claim in claims(report, title)]


def everything(report: Report) -> str:
    return "\n".join(text for found in report.sections for text in [*texts(report, found.title), found.remainder])
