"""Work that was taken back within the period: reverts with what they revert, and manual undo by net diff. Neither was completed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from orchestration_assets.reports.model import ReportEntry
from orchestration_assets.reports.phrasing import subject_key
from orchestration_assets.reports.rules import rules

UNDO_WITHIN = timedelta(minutes=60)
REPEAT_WITHIN = timedelta(minutes=5)

Diff = tuple[tuple[str, int, int], ...]


def cancelled(entries: Sequence[ReportEntry]) -> set[str]:
    """Ids of the entries, sorted by time, that cancel each other out."""
    gone = _reverted(entries)
    gone |= _undone([entry for entry in entries if entry.entry.entry_id not in gone])
    return gone | _emptied_merges(entries, gone)


def _reverted(entries: Sequence[ReportEntry]) -> set[str]:
    """Latest first, so that the revert of a revert gives the original back. By the cited hash, else by subject, the nearest before."""
    by_hash: dict[str, list[int]] = defaultdict(list)
    by_subject: dict[tuple[str, str], list[int]] = defaultdict(list)
    members: dict[str, list[str]] = defaultdict(list)
    for position, entry in enumerate(entries):
        if entry.entry.commit_hash:
            by_hash[entry.entry.commit_hash[:7]].append(position)
        by_subject[entry.entry.repository_id, subject_key(entry.entry.subject)].append(position)
        if entry.entry.merged_by:
            members[entry.entry.merged_by].append(entry.entry.entry_id)
    gone: set[str] = set()
    for position in range(len(entries) - 1, -1, -1):
        entry = entries[position]
        target = entry.analysis.reverts
        if not target or entry.entry.entry_id in gone:
            continue
        same_hash = [
            other
            for other in by_hash.get(target[:7], [])
            if (entries[other].entry.commit_hash or "").startswith(target)
        ]
        same_subject = by_subject.get((entry.entry.repository_id, subject_key(target)), [])
        for other in reversed(same_hash or same_subject):
            reverted = entries[other].entry
            if other < position and reverted.entry_id not in gone:
                gone |= {entry.entry.entry_id, reverted.entry_id, *members.get(reverted.entry_id, [])}
                break
    return gone


def _undone(entries: Sequence[ReportEntry]) -> set[str]:
    """A change and a later one with the same files whose added and deleted lines are swapped, within an hour, where the later says that it
    takes something back or repeats the earlier subject. A symmetrical diff alone proves nothing."""
    earlier: dict[tuple[str, Diff], list[ReportEntry]] = defaultdict(list)
    gone: set[str] = set()
    for entry in entries:
        diff = _diff(entry)
        if diff is None:
            continue
        mirrored = tuple((path, deleted, added) for path, added, deleted in diff)
        before = _nearest(earlier[entry.entry.repository_id, mirrored], entry)
        if before is None:
            earlier[entry.entry.repository_id, diff].append(entry)
        else:
            earlier[entry.entry.repository_id, mirrored].remove(before)
            gone |= {entry.entry.entry_id, before.entry.entry_id}
    return gone


def _nearest(candidates: Sequence[ReportEntry], later: ReportEntry) -> ReportEntry | None:
    for before in reversed(candidates):
        elapsed = later.entry.authored_at - before.entry.authored_at
        if elapsed > UNDO_WITHIN:
            return None
        if _takes_back(later, before, elapsed):
            return before
    return None


def _takes_back(later: ReportEntry, before: ReportEntry, elapsed: timedelta) -> bool:
    """Small edits under one vague or repeated subject often mirror each other by chance: those are believed only minutes apart."""
    if rules().undoing.search(later.entry.subject):
        return True
    if (
        later.analysis.vague
        or later.analysis.is_release
        or subject_key(later.entry.subject) != subject_key(before.entry.subject)
    ):
        return False
    lopsided = any(file.added != file.deleted for file in later.entry.files)
    return lopsided or elapsed <= REPEAT_WITHIN


def _diff(entry: ReportEntry) -> Diff | None:
    """(path, added, deleted) of every file, or None where that is not known, or nothing."""
    known = entry.entry
    if known.is_merge or not known.files_complete or not known.files:
        return None
    lines = [(file.path, file.added, file.deleted) for file in known.files if file.old_path is None]
    whole = tuple(
        sorted((path, added, deleted) for path, added, deleted in lines if added is not None and deleted is not None)
    )
    return whole if len(whole) == len(known.files) and any(added or deleted for _, added, deleted in whole) else None


def _emptied_merges(entries: Sequence[ReportEntry], gone: set[str]) -> set[str]:
    """Merges of which every commit was taken back."""
    members: dict[str, list[bool]] = defaultdict(list)
    for entry in entries:
        if entry.entry.merged_by and not entry.entry.is_merge:
            members[entry.entry.merged_by].append(entry.entry.entry_id in gone)
    return {merge for merge, taken_back in members.items() if all(taken_back)} & {e.entry.entry_id for e in entries}
