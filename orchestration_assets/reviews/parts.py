"""A change cut into parts that a model can read: by file, and a long file by its lines.

What belongs here: what is shown, and how much of it at once. What is asked is the agent's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestration_assets.reviews.architecture import NONE, Document, architecture_of, clipped
from orchestration_assets.reviews.change import Change, changed_code_lines
from orchestration_assets.reviews.enforced import enforced_names
from orchestration_assets.reviews.secrets import masked
from orchestration_assets.worklogs.touched import Area, area_of
from resources.git import ChangedFile, Line
from resources.language_model.agent import content_hash

TINY = 5
"""Changed lines of code below which nobody needs a model to see what they do."""
MOST_PARTS = 12
"""Of one change. What is beyond is told to be unread."""
LONGEST_LINE = 240
"""Characters shown of a line, and of it compared with a quote."""
LONGEST_BODY = 1500
MOST_ENFORCED = 60
_HEADER = 120
"""Characters of a file's heading besides its path."""
_NUMBER = 10
"""Characters before the text of a line."""
_READ: tuple[Area, ...] = ("code", "build", "test")


@dataclass(frozen=True)
class Shown:
    """Lines of a file as a model sees them, secrets masked. `status` is git's word for what became of the file."""

    path: str
    status: str
    lines: tuple[Line, ...]

    @property
    def size(self) -> int:
        """Characters in a prompt, rather too many than too few."""
        return _HEADER + len(self.path) + sum(_size(line) for line in self.lines)


@dataclass(frozen=True)
class Part:
    """What one request is about: some of the files of a pull request, `number` of `of`."""

    pull_request: str
    number: int
    of: int
    title: str
    body: str
    architecture: Document
    enforced: tuple[str, ...]
    files: tuple[Shown, ...]

    @property
    def key(self) -> str:
        return f"{self.pull_request}/{self.number}"

    @property
    def input_hash(self) -> str:
        files = [[file.path, file.status, [list(line) for line in file.lines]] for file in self.files]
        return content_hash(self.key, self.of, self.title, self.body, list(self.architecture), self.enforced, files)

    @property
    def changed_lines(self) -> int:
        return sum(line.sign != " " for file in self.files for line in file.lines)


def parts_of(
    change: Change, pull_request: str, body: str, room: int, for_architecture: int
) -> tuple[list[Part], list[str]]:
    """The parts of a change, each within `room` characters of diff, and the paths of files that are in none because there are too many. Both
    are empty for a change so small that everybody sees what it does, or of nothing but documentation and data."""
    if changed_code_lines(change) < TINY:
        return [], []
    shown = [_shown(file) for file in _in_order(change)]
    groups = list(_packed(shown, room))
    unread = sorted({file.path for group in groups[MOST_PARTS:] for file in group})
    groups = groups[:MOST_PARTS]
    architecture = architecture_of(change)
    if architecture != NONE:
        architecture = Document(architecture.path, clipped(architecture.text, for_architecture))
    enforced = tuple(enforced_names(change)[:MOST_ENFORCED])
    return [
        Part(
            pull_request,
            number,
            len(groups),
            change.title,
            body[:LONGEST_BODY],
            architecture,
            enforced,
            tuple(group),
        )
        for number, group in enumerate(groups, start=1)
    ], unread


def _in_order(change: Change) -> list[ChangedFile]:
    """The files that somebody wrote, programs first. Those that only went, or only moved, have nothing to be read."""
    files = [file for file in change.written if area_of(file.path) in _READ and file.lines]
    return sorted(files, key=lambda file: _READ.index(area_of(file.path)))


def _shown(file: ChangedFile) -> Shown:
    lines = tuple(line._replace(text=masked(line.text)[:LONGEST_LINE]) for line in file.lines)
    return Shown(file.path, file.status, lines)


def _packed(files: Sequence[Shown], room: int) -> Iterator[list[Shown]]:
    """Files in groups that fit, in their order; one that fits into none is cut."""
    group: list[Shown] = []
    left = room
    for file in (piece for each in files for piece in _pieces(each, room)):
        if group and file.size > left:
            yield group
            group, left = [], room
        group.append(file)
        left -= file.size
    if group:
        yield group


def _pieces(file: Shown, room: int) -> Iterator[Shown]:
    """The file, cut where it does not fit. A piece without changes says nothing."""
    if file.size <= room:
        yield file
        return
    lines: list[Line] = []
    left = room - _HEADER - len(file.path)
    for line in file.lines:
        if lines and _size(line) > left:
            if any(each.sign != " " for each in lines):
                yield Shown(file.path, file.status, tuple(lines))
            lines, left = [], room - _HEADER - len(file.path)
        lines.append(line)
        left -= _size(line)
    if any(each.sign != " " for each in lines):
        yield Shown(file.path, file.status, tuple(lines))


def _size(line: Line) -> int:
    return len(line.text) + _NUMBER
