"""The files of one commit: which there are, what is in them, and all of them in a folder.

What belongs here: reading a tree as data. Links, submodules and what is no regular file do not exist in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Protocol, Self

from resources.git.names import decoded
from resources.git.process import GitFailed
from resources.git.repository import Repository, reader, unreadable

LONGEST_FILE = 8 << 20
"""Bytes; a longer file is not read."""
_REGULAR = (b"100644", b"100755", b"100664")


def file_mode(data: bytes) -> str:
    """The mode of a new file in git: a script that names its interpreter can be called."""
    return "100755" if data.startswith(b"#!") else "100644"


class Tree(Protocol):
    """Files by path (relative, with `/`)."""

    def paths(self) -> frozenset[str]: ...

    def read(self, path: str) -> bytes | None:
        """None where there is no such file, or it is too long."""
        ...

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Path and content of those that can be read, in order."""
        ...


class CommitTree:
    """The files of a commit, read through an empty git directory (see `resources/git/process.py`). Use it as a context manager.

    Raises UnreadableRepository where git lacks the commit or its tree.
    """

    def __init__(self, repository: Repository, commit: str) -> None:
        self._repository, self._commit = repository, commit
        self._opened = ExitStack()
        self._blobs: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._git = self._opened.enter_context(reader(self._repository))
        try:
            listing = self._git.run(["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", self._commit])
        except GitFailed as error:
            self._opened.close()
            raise unreadable(self._repository.path, error) from error
        for item in listing.split(b"\0")[:-1]:
            about, _, path = item.partition(b"\t")
            mode, _, blob = about.split(b" ")
            if mode in _REGULAR:
                self._blobs[decoded(path)] = blob.decode()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def paths(self) -> frozenset[str]:
        return frozenset(self._blobs)

    def read(self, path: str) -> bytes | None:
        return next((content for _, content in self.contents([path])), None)

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """With one git process for all."""
        wanted = [path for path in paths if path in self._blobs]
        if not wanted:
            return
        with self._git.stream(["cat-file", "--batch"], [self._blobs[path] for path in wanted]) as output:
            for path in wanted:
                content = _next_blob(output)
                if content is not None:
                    yield path, content

    def export(self, folder: Path) -> None:
        """Writes every file below `folder`, which is empty."""
        for path, content in self.contents(sorted(self._blobs)):
            parts = PurePosixPath(path).parts
            if ".." in parts or ".git" in (part.lower() for part in parts) or path.startswith("/"):
                continue
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _next_blob(output: IO[bytes]) -> bytes | None:
    """What comes next of `cat-file --batch`; None where git lacks it or it is too long."""
    header = output.readline().split()
    if len(header) != 3:  # `<hash> missing`
        return None
    left = int(header[2])
    if left <= LONGEST_FILE:
        content = output.read(left)
        output.read(1)
        return content
    while left >= 0:
        left -= len(output.read(min(left + 1, 1 << 20)))
        if left < 0:
            break
    return None
