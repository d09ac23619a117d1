"""From git's output to commits: the format that is asked for and its parser.

What belongs here: `Commit`, `FileStat`, and reading the two shapes that `git log -z` prints files in (`--numstat` and
`--raw`). This is the hot loop of reading a history: blocks of a megabyte are split on NUL and decoded at once, and only
text that is not UTF-8 is looked at twice.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, NamedTuple

_START = "\x01"
_FIELDS = ("%P", "%aN", "%aE", "%ad", "%cN", "%cE", "%cd", "%e", "%B")
FORMAT = "--format=%x01%H%x00" + "%x00".join(_FIELDS)
"""Fields end with NUL; `tformat` with `-z` ends the last one. The first starts with a byte that no line of `--numstat`
or `--raw` starts with."""

_BLOCK = 1 << 20
LATEST = 253_402_300_799
"""The end of the year 9999: later instants exist in broken commits only and fit no date type."""
_WIDEST_OFFSET = 14 * 60
_UNDECODABLE = re.compile("[\ud800-\udfff]")
_NOT_TEXT = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7"}
"""Python codecs that are not character sets, or that decode to what is no valid text."""


class FileStat(NamedTuple):
    """One file of a commit. Lines are None for a binary file or where only names could be read."""

    path: str
    old_path: str | None
    added: int | None
    deleted: int | None


@dataclass(slots=True)
class Commit:
    """A commit as its author left it, names after .mailmap. Times are Unix seconds, offsets minutes east of UTC."""

    hash: str
    parents: list[str]
    author_name: str
    author_email: str
    authored: int
    author_offset: int
    committer_name: str
    committer_email: str
    committed: int
    committer_offset: int
    message: str
    """Whole and decoded, without the line ends at its end; line ends are `\\n`."""
    files: list[FileStat]
    """Empty for merges. Submodules are no files and are left out."""
    files_complete: bool = True
    """False where counts or files are missing: git lacks a blob, or a shallow clone ends here."""


def parse_commits(stream: IO[bytes]) -> Iterator[Commit]:
    """The commits that `git log -z FORMAT` prints, with what `--numstat` or `--raw` says of their files.

    The last commit comes only at the end of the stream: the caller learns there whether git finished it.
    """
    tokens = chain.from_iterable(_token_blocks(stream))
    for start in tokens:
        waiting: str | None = start
        while waiting is not None:
            header = list(islice(tokens, len(_FIELDS)))
            if len(header) < len(_FIELDS):
                return
            files: list[FileStat] = []
            commit = _commit(waiting[1:], header, files)
            waiting = _read_files(tokens, files)
            yield commit


def _read_files(tokens: Iterator[str], files: list[FileStat]) -> str | None:
    """Reads files up to the next commit, whose first token it returns."""
    for token in tokens:
        if token.startswith(_START):
            return token
        line = token.lstrip("\n")
        if line.startswith(":"):
            path = _path(next(tokens, ""))
            old_path = None
            if line.rpartition(" ")[2][:1] in {"R", "C"}:
                old_path, path = path, _path(next(tokens, ""))
            files.append(FileStat(path, old_path, None, None))
            continue
        added, deleted, path = line.split("\t", 2)
        old_path = None
        if not path:
            old_path, path = _path(next(tokens, "")), next(tokens, "")
        binary = added == "-"
        files.append(FileStat(_path(path), old_path, None if binary else int(added), None if binary else int(deleted)))
    return None


def _commit(commit: str, header: list[str], files: list[FileStat]) -> Commit:
    parents, author, author_email, authored, committer, committer_email, committed, encoding, message = header
    committed_at, committer_offset = _instant(committed, 0)
    authored_at, author_offset = _instant(authored, committed_at)
    if "\r" in message:
        message = message.replace("\r\n", "\n").replace("\r", "\n")
    return Commit(
        commit,
        parents.split(),
        _text(author, encoding),
        _text(author_email, encoding),
        authored_at,
        author_offset,
        _text(committer, encoding),
        _text(committer_email, encoding),
        committed_at,
        committer_offset,
        _text(message, encoding).rstrip("\n"),
        files,
    )


def _token_blocks(stream: IO[bytes]) -> Iterator[list[str]]:
    """What lies between NULs, a block at a time. Bytes that are no UTF-8 become lone surrogates, for `_text` and
    `_path`."""
    rest: list[bytes] = []
    while block := stream.read1(_BLOCK):  # type: ignore[attr-defined]
        end = block.rfind(b"\0")
        if end < 0:
            rest.append(block)
            continue
        rest.append(block[:end])
        complete = b"".join(rest)
        rest = [block[end + 1 :]]
        try:
            text = complete.decode()
        except UnicodeDecodeError:
            text = complete.decode(errors="surrogateescape")
        yield text.split("\0")


def _instant(raw: str, otherwise: int) -> tuple[int, int]:
    """Seconds and offset of `--date=raw`; what cannot be is `otherwise`, or no offset."""
    seconds, _, zone = raw.partition(" ")
    try:
        offset = int(zone[1:3]) * 60 + int(zone[3:])
        offset = -offset if zone[0] == "-" else offset
        if len(zone) != 5 or abs(offset) > _WIDEST_OFFSET:
            offset = 0
    except (ValueError, IndexError):
        offset = 0
    try:
        return min(max(int(seconds), 0), LATEST), offset
    except ValueError:
        return otherwise, offset


def _path(path: str) -> str:
    """A path as valid text: bytes that are no UTF-8 are written out as `\\xe9`, so that different paths stay
    different."""
    if path.isascii() or not _UNDECODABLE.search(path):
        return path
    return path.encode("utf-8", "surrogateescape").decode(errors="backslashreplace")


def _text(text: str, encoding: str) -> str:
    """A message or name as valid text: in the commit's own encoding where it names one that fits, else in Latin-1."""
    if text.isascii() or not _UNDECODABLE.search(text):
        return text
    raw = text.encode("utf-8", "surrogateescape")
    try:
        name = codecs.lookup(encoding).name
        return raw.decode("latin-1" if name in _NOT_TEXT else name)
    except (LookupError, ValueError):
        return raw.decode("latin-1")
