"""The written-down rules of level and confidence. Both describe evidence; neither says how good anybody is.

Level:
    used       there is at least one entry that shows the skill
    regular    entries in at least 6 distinct months, and at least 10 distinct authored files
    sustained  entries in at least 18 distinct months, at least 30 distinct authored files, and the last one within the 12 months before
               the day that is asked about
Practices and many tools leave no files of their own (nobody writes a file "in code review"); for a skill that has no file type, and none of
whose entries has a file, distinct entries are counted in the place of files. Lines are never counted.

Confidence, from 0 to 1, says how sure it is that the skill was really used. Every entry adds independent evidence, weighted by how the
skill shows in it: with `n` entries of a signal of weight `w` the doubt left is (1 - w) ** min(n, 5), and the confidence is one minus the
product of the doubts. Words alone can be about anything, so a skill that shows in messages only stays at 0.6 or below, and one that has
a file type (a language) at 0.4: `support Kotlin` without a Kotlin file was most likely not written in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from orchestration_assets.skills.model import Level, Signal

REGULAR_MONTHS, REGULAR_FILES = 6, 10
SUSTAINED_MONTHS, SUSTAINED_FILES, SUSTAINED_WITHIN_MONTHS = 18, 30, 12

WEIGHTS: Mapping[Signal, float] = {
    "import": 0.6,
    "manifest": 0.5,
    "file_type": 0.6,
    "note_tag": 0.5,
    "message": 0.2,
}
MOST_COUNTED = 5
WORDS_ONLY, WORDS_WITHOUT_FILES = 0.6, 0.4


def level(months_active: int, files: int, entries: int, last_used: date, as_of: date) -> Level:
    """The level by the rule above. `files` are distinct authored files; `entries` count where there are none, and are 0 for a skill that
    would leave some."""
    breadth = files or entries
    recent = _months(as_of) - _months(last_used) <= SUSTAINED_WITHIN_MONTHS
    if months_active >= SUSTAINED_MONTHS and breadth >= SUSTAINED_FILES and recent:
        return Level.SUSTAINED
    if months_active >= REGULAR_MONTHS and breadth >= REGULAR_FILES:
        return Level.REGULAR
    return Level.USED


def confidence(signals: Mapping[Signal, int], *, has_file_type: bool = False) -> float:
    """The confidence by the formula above, from the number of entries for each signal; rounded to three places."""
    doubt = 1.0
    for signal, entries in signals.items():
        doubt *= (1 - WEIGHTS[signal]) ** min(entries, MOST_COUNTED)
    found = 1 - doubt
    if set(signals) <= {"message"}:
        found = min(found, WORDS_WITHOUT_FILES if has_file_type else WORDS_ONLY)
    return round(found, 3)


def _months(day: date) -> int:
    return day.year * 12 + day.month
