"""Who wrote what under which subject, of every commit: what the identity of an entry is made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

from resources.git.process import GitFailed
from resources.git.repository import Repository, reader, relevant_refs, unreadable

_BLOCK = 1 << 20


class Identity(NamedTuple):
    """`email` is the author's as the commit has it, before .mailmap, in lower case; `subject` the message's first paragraph on one line."""

    hash: str
    email: str
    subject: str


def read_identities(repository: Repository) -> dict[str, Identity]:
    """Commit hash to identity, of all that relevant refs reach. Raises UnreadableRepository."""
    tips = relevant_refs(repository).tips()
    if not tips:
        return {}
    arguments = ["log", "-z", "--stdin", "--format=%H%x00%ae%x00%s", "--encoding=UTF-8", "--no-show-signature"]
    try:
        with reader(repository) as git:
            return {identity.hash: identity for identity in git.finished(arguments, _parse, tips)}
    except GitFailed as error:
        raise unreadable(repository.path, error) from error


def _parse(stream: IO[bytes]) -> Iterator[Identity]:
    rest = ""
    while block := stream.read(_BLOCK):
        fields = (rest + block.decode("utf-8", "surrogateescape")).split("\0")
        whole = (len(fields) - 1) // 3 * 3
        for start in range(0, whole, 3):
            yield Identity(fields[start], fields[start + 1].lower(), _valid(fields[start + 2]))
        rest = "\0".join(fields[whole:])
    fields = rest.rstrip("\0").split("\0")
    if len(fields) == 3:
        yield Identity(fields[0], fields[1].lower(), _valid(fields[2]))


def _valid(text: str) -> str:
    """Bytes that are no UTF-8 become one replacement character each, so that the text can be stored."""
    return text if text.isprintable() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
