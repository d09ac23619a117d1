"""Edits: what a model may change, as whole files or as search and replace blocks, and their strict application.

What belongs here: the shape of an edit and the rules by which it is refused. Files are text in memory; nothing is written to a disk here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict

from orchestration_assets.code.paths import objection
from resources.language_model.schemas import at_most, few

LONGEST_FILE = 40_000
"""Characters."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Replacement(_Value):
    """`search` stands exactly once in the file, and `replace` comes in its place."""

    search: Annotated[str, at_most(4000)]
    replace: Annotated[str, at_most(8000)]


class FileEdit(_Value):
    """A whole file as `content`, or `replacements` in the file as it stands, one after another."""

    path: Annotated[str, at_most(120)]
    content: Annotated[str, at_most(LONGEST_FILE)] = ""
    replacements: Annotated[tuple[Replacement, ...], few(20)] = ()


class EditRefused(ValueError):
    """An edit that cannot be applied; its text says why, for whoever wrote it."""


def applied(edits: Sequence[FileEdit], own: Collection[str], current: Mapping[str, str]) -> dict[str, str]:
    """The files of `own` after the edits: path to text. `current` are those that stand. Raises EditRefused, which names every problem."""
    files = {path: current[path] for path in own if path in current}
    problems: list[str] = []
    edited: set[str] = set()
    for edit in edits:
        try:
            path = _own_path(edit.path, own)
            if path in edited:
                raise EditRefused(f"The file {path} is edited twice; give one edit for each file.")
            edited.add(path)
            files[path] = _text(path, edit, files.get(path))
        except EditRefused as error:
            problems.append(str(error))
    problems += [
        f"The file {path} of this task is missing." for path in own if path not in files and path not in edited
    ]
    if not problems and files == dict(current):
        problems.append("The reply changes nothing.")
    if problems:
        raise EditRefused(" ".join(problems[:8]))
    return files


def _own_path(path: str, own: Collection[str]) -> str:
    if path in own:
        return path
    if (reason := objection(path)) is not None:
        raise EditRefused(f"The file {path[:120]!r} {reason}.")
    raise EditRefused(f"The file {path} is none of this task's files ({', '.join(own)}); change only these.")


def _text(path: str, edit: FileEdit, standing: str | None) -> str:
    if edit.content and edit.replacements:
        raise EditRefused(f"The edit of {path} holds both a whole file and replacements; give one of them.")
    if edit.replacements:
        if standing is None:
            raise EditRefused(f"The file {path} does not exist yet; give it as a whole.")
        text = standing
        for number, replacement in enumerate(edit.replacements, 1):
            text = _replaced(path, number, replacement, text)
    else:
        text = edit.content.replace("\r\n", "\n")
    if not text.strip() and not path.endswith("__init__.py"):
        raise EditRefused(f"The file {path} is empty.")
    if len(text) > LONGEST_FILE:
        raise EditRefused(
            f"The file {path} has {len(text):,} characters; at most {LONGEST_FILE:,} make a file, so it does not end or does too much."
        )
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise EditRefused(f"The file {path} holds a NUL or half of a character; write plain text.")
    return text if not text or text.endswith("\n") else text + "\n"


def _replaced(path: str, number: int, replacement: Replacement, text: str) -> str:
    search = replacement.search
    if not search.strip():
        raise EditRefused(f"Replacement {number} of {path} searches for nothing.")
    count = text.count(search)
    if count != 1:
        first = search.strip().splitlines()[0][:80]
        raise EditRefused(
            f"The search text of replacement {number} of {path} (“{first}”) stands there {count} times, not exactly once; copy it letter for "
            "letter, with enough lines round it."
        )
    return text.replace(search, replacement.replace)
