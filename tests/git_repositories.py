"""Real git repositories for tests, made with git itself.

What belongs here: `GitRepository`, which builds small histories step by step, and `generate`, which builds a big one
fast. Equal steps make equal commit hashes on every machine: no configuration of the machine or its user is read, and
every date is given.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

Content = str | bytes | None
"""What a file holds; None removes it."""

ADA = ("Ada Example", "ada@example.com")
MORNING = "2024-03-05T09:30:00+01:00"


def clean_environment() -> dict[str, str]:
    """An environment in which git finds no configuration but the repository's own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return clean | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


class GitRepository:
    """A repository with a work tree at `path`, made there unless one exists, on branch `main`."""

    def __init__(self, path: Path, *, object_format: str = "sha1") -> None:
        self.path = path
        if not (path / ".git").exists():
            path.mkdir(parents=True, exist_ok=True)
            self.git("init", "--quiet", "--initial-branch=main", f"--object-format={object_format}")

    def git(self, *arguments: str | bytes | Path, stdin: bytes = b"", **variables: str) -> str:
        """What git prints, less the line end. Raises AssertionError."""
        settings = ("-c", "protocol.file.allow=always", "-c", "gc.auto=0", "-c", "maintenance.auto=false")
        command = ["git", *settings, "-c", "core.fsync=none", "-C", self.path, *arguments]
        variables = self._who_and_when(ADA, MORNING, None, None) | variables
        done = subprocess.run(
            command, input=stdin, capture_output=True, env=clean_environment() | variables, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"git {arguments} failed: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def commit(
        self,
        message: str | bytes,
        files: Mapping[str, Content] | None = None,
        *,
        author: tuple[str, str] = ADA,
        authored: str = MORNING,
        committer: tuple[str, str] | None = None,
        committed: str | None = None,
    ) -> str:
        """Writes the files and commits everything that changed, or nothing; the hash of the commit."""
        for name, content in (files or {}).items():
            self.write(name, content)
        self.git("add", "--all")
        self.git(
            *("commit", "--quiet", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "--file=-"),
            stdin=message if isinstance(message, bytes) else message.encode(),
            **self._who_and_when(author, authored, committer, committed),
        )
        return self.head()

    def write(self, name: str, content: Content) -> None:
        """Puts a file into the work tree, or removes it."""
        path = self.path / name
        if content is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def rename(self, old: str, new: str) -> None:
        """Renames a file; the next `commit` holds it."""
        (self.path / new).parent.mkdir(parents=True, exist_ok=True)
        self.git("mv", old, new)

    def branch(self, name: str, at: str = "HEAD") -> None:
        """Starts a branch and goes there."""
        self.git("checkout", "--quiet", "-b", name, at)

    def checkout(self, name: str) -> None:
        self.git("checkout", "--quiet", name)

    def merge(
        self,
        *names: str,
        message: str = "",
        no_ff: bool = True,
        author: tuple[str, str] = ADA,
        authored: str = MORNING,
        committed: str | None = None,
    ) -> str:
        """Merges branches into the present one; the hash that it then stands at. Without `no_ff` it fast-forwards."""
        self.git(
            *("merge", "--quiet", "--no-ff" if no_ff else "--ff-only", "--allow-unrelated-histories"),
            *(("-m", message or f"Merge branch '{names[0]}'") if no_ff else ()),
            *names,
            stdin=b"",
            **self._who_and_when(author, authored, None, committed),
        )
        return self.head()

    def tag(self, name: str, at: str = "HEAD", *, message: str | None = None) -> None:
        """Tags a commit, with an annotation if there is a message."""
        annotation = ("-a", "-m", message) if message else ()
        self.git("tag", *annotation, name, at)

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def clone(self, path: Path, *arguments: str) -> GitRepository:
        """A clone with this repository as its origin."""
        self.git("clone", "--quiet", *arguments, self.path, path)
        return GitRepository(path)

    @staticmethod
    def _who_and_when(
        author: tuple[str, str], authored: str, committer: tuple[str, str] | None, committed: str | None
    ) -> dict[str, str]:
        committer = committer or author
        return {
            "GIT_AUTHOR_NAME": author[0],
            "GIT_AUTHOR_EMAIL": author[1],
            "GIT_AUTHOR_DATE": authored,
            "GIT_COMMITTER_NAME": committer[0],
            "GIT_COMMITTER_EMAIL": committer[1],
            "GIT_COMMITTER_DATE": committed or authored,
        }


def generate(path: Path, commits: int = 20_000, *, files: int = 400, seed: int = 1) -> GitRepository:
    """A synthetic history of `commits` commits over about three years: four authors, messages with bodies, a merge in
    20 commits, a rename in 25, a binary file in 50, and 200 files at once in 500. Equal arguments make equal hashes."""
    repository = GitRepository(path)
    stream = subprocess.Popen(
        ["git", "-C", path, "fast-import", "--quiet", "--force"], stdin=subprocess.PIPE, env=clean_environment()
    )
    assert stream.stdin is not None
    with stream.stdin as pipe:
        for command in _Generator(random.Random(seed), files).commands(commits):
            pipe.write(command)
    if stream.wait() != 0:
        raise AssertionError("git fast-import failed")
    repository.git("reset", "--quiet", "--hard", "main")
    return repository


_WORD_LIST = """
    reader writer parser cache index queue token window cursor schema budget ledger signal filter router
    buffer retry header column report sample batch layer socket timer panel
"""
_WORDS = _WORD_LIST.split()
_VERBS = ("Add", "Fix", "Rename", "Remove", "Test", "Document", "Speed up", "Simplify")
_AUTHORS = (
    ADA,
    ("Ben Example", "ben@example.com"),
    ("Cleo Example", "cleo@example.org"),
    ("Dän Example", "dan@example.net"),
)


class _Generator:
    """Writes the commands of `git fast-import`. Files are kept as lists of lines so that each change is a small
    diff."""

    def __init__(self, chance: random.Random, files: int) -> None:
        self._chance = chance
        self._names = [f"src/{chance.choice(_WORDS)}/{chance.choice(_WORDS)}_{number}.py" for number in range(files)]
        self._lines = {name: self._some_lines(40) for name in self._names}
        self._renamed = 0

    def commands(self, commits: int) -> Iterator[bytes]:
        previous = 0
        for number in range(1, commits + 1):
            merged = number - 1 if number % 20 == 0 else None
            yield from self._head(number, previous, merged)
            if number == 1:
                yield from (self._file(name) for name in self._names)
            elif merged is None:
                yield from self._changes(number)
            yield b"\n"
            # The commit before a merge is a side branch of one commit: the main line goes on from the one before it.
            if number % 20 != 19:
                previous = number

    def _head(self, number: int, previous: int, merged: int | None) -> Iterator[bytes]:
        name, email = _AUTHORS[int(self._chance.paretovariate(1.2)) % len(_AUTHORS)]
        when = f"{1_640_000_000 + number * 4_700 + self._chance.randrange(4_000)} +0100"
        message = self._message(number, merged).encode()
        yield f"commit refs/heads/main\nmark :{number}\n".encode()
        yield f"author {name} <{email}> {when}\ncommitter {name} <{email}> {when}\n".encode()
        yield b"data %d\n%s\n" % (len(message), message)
        if previous:
            yield b"from :%d\n" % previous
        if merged is not None:
            yield b"merge :%d\n" % merged

    def _message(self, number: int, merged: int | None) -> str:
        words = self._chance.sample(_WORDS, 3)
        if merged is not None:
            title = f"{self._chance.choice(_VERBS)} {words[1]} {words[2]}"
            return f"Merge pull request #{number} from ada/{words[0]}\n\n{title}\n"
        subject = f"{self._chance.choice(_VERBS)} the {' '.join(words)} (#{number})"
        body = "\n".join(" ".join(self._chance.choices(_WORDS, k=11)) for _ in range(self._chance.randrange(6)))
        return f"{subject}\n\n{body}\n" if body else f"{subject}\n"

    def _changes(self, number: int) -> Iterator[bytes]:
        chance = self._chance
        if number % 50 == 0 or number % 50 == 7:
            content = b"\0" + chance.randbytes(300)
            yield b"M 100644 inline images/figure_%d.png\ndata %d\n%s\n" % (number % 400, len(content), content)
        if number % 25 == 3:
            old = chance.choice(self._names)
            self._renamed += 1
            new = f"src/moved/{self._renamed}_{old.rpartition('/')[2][-20:]}"
            self._names[self._names.index(old)] = new
            self._lines[new] = self._lines.pop(old)
            yield f"R {old} {new}\n".encode()
        for name in chance.sample(
            self._names, min(200, len(self._names)) if number % 500 == 1 else chance.choice((1, 1, 2, 3, 5))
        ):
            lines = self._lines[name]
            at = chance.randrange(len(lines))
            lines[at : at + chance.randrange(3)] = self._some_lines(chance.randrange(1, 4))
            yield self._file(name)

    def _file(self, name: str) -> bytes:
        content = "".join(self._lines[name]).encode()
        return b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content)

    def _some_lines(self, count: int) -> list[str]:
        chosen: Sequence[str] = self._chance.choices(_WORDS, k=2 * count)
        return [
            f"    {chosen[2 * each]} = read_{chosen[2 * each + 1]}({self._chance.randrange(1000)})\n"
            for each in range(count)
        ]
