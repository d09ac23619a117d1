"""Running the `git` program: a clean environment, one sentence for each failure, streams in bounded memory.

What belongs here: everything that starts a process. A repository is data from outside, so two ways of running are kept
apart:

- `run` asks the repository itself, with its own configuration, and only ever for what runs no program (refs, paths,
  settings);
- `IsolatedGit` reads commits, trees and blobs through an empty git directory of our own that borrows the repository's
  object store. The repository's configuration, attributes, hooks and promisor remotes do not exist there: nothing that
  it planted can run, nothing is fetched lazily, and the same commits read the same in a bare mirror and in a work tree.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from resources.errors import BadInput, SoloistError

Item = TypeVar("Item")

SECONDS = 300
"""Longest time that a question with a short answer may take; streams have no limit."""

PIPE_BYTES = 1 << 20

_HARMLESS = (
    "--no-pager",
    *("-c", "safe.directory=*", "-c", "safe.bareRepository=all", "-c", "core.fsmonitor=false"),
    *(
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.pager=cat",
        "-c",
        "core.quotePath=false",
        "-c",
        "log.showSignature=false",
    ),
)

_ISOLATED_CONFIG = """[core]
\trepositoryformatversion = 1
\tbare = true
\tattributesFile = /dev/null
\tquotePath = false
[diff]
\trenameLimit = 1000
[extensions]
\tobjectformat = {object_format}
[mailmap]
\tfile = {mailmap}
"""


class GitMissing(SoloistError):
    """There is no `git` program to run."""


class NotARepository(BadInput):
    """The path holds no git repository."""


class UnreadableRepository(BadInput):
    """There is a repository, but git cannot read it."""


class GitFailed(Exception):
    """A git process ended with an error. `str` is the first line of what it said; callers turn it into a sentence or go
    on."""


def environment(*, own_settings: bool = False) -> dict[str, str]:
    """The environment of a git process: no prompt, no pager, no network, no replaced objects, English messages.

    `own_settings` lets the user's and the system's configuration through, which is wanted for the user's own name
    alone.
    """
    kept = {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"} if own_settings else set()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in kept}
    if not own_settings:
        clean |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return clean | {
        "LC_ALL": "C",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        # Older gits do not know the variable above; with no transport allowed their lazy fetch fails at once.
        "GIT_ALLOW_PROTOCOL": "",
        # Otherwise git flushes a pipe after each commit.
        "GIT_FLUSH": "0",
    }


def run(
    where: Sequence[str],
    arguments: Sequence[str],
    *,
    own_settings: bool = False,
    stdin: bytes = b"",
    remote: Mapping[str, str] | None = None,
) -> bytes:
    """What git prints, asked of the repository at `where` (`-C path` or `--git-dir=path`). `remote`, git's settings by name, allows it to
    speak to another machine over HTTP. Raises GitFailed, GitMissing."""
    variables = environment(own_settings=own_settings)
    if remote is not None:
        variables |= {"GIT_ALLOW_PROTOCOL": "http:https", "GIT_CONFIG_COUNT": str(len(remote))}
        for number, (name, value) in enumerate(remote.items()):
            variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return _finish(["git", *_HARMLESS, *where, *arguments], variables, stdin)


def _finish(command: Sequence[str], variables: dict[str, str], stdin: bytes | IO[bytes]) -> bytes:
    given, pipe = (stdin, None) if isinstance(stdin, bytes) else (None, stdin)
    try:
        done = subprocess.run(
            command, input=given, stdin=pipe, capture_output=True, env=variables, timeout=SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise _missing() from error
    except subprocess.TimeoutExpired as error:
        raise GitFailed(f"git gave no answer within {SECONDS} seconds") from error
    if done.returncode != 0:
        raise GitFailed(_complaint(done.stderr, done.returncode))
    return done.stdout


class IsolatedGit:
    """Git on a borrowed object store; see `isolated`. Revisions must be given as hashes: there are no refs here."""

    def __init__(self, git_dir: Path, object_dir: Path) -> None:
        self._command = ["git", *_HARMLESS, f"--git-dir={git_dir}"]
        self._environment = environment() | {"GIT_OBJECT_DIRECTORY": str(object_dir), "HOME": str(git_dir)}
        self._environment.pop("XDG_CONFIG_HOME", None)

    def run(self, arguments: Sequence[str], stdin: bytes | IO[bytes] = b"") -> bytes:
        """What git prints, given bytes or what another process prints. Raises GitFailed, GitMissing."""
        return _finish([*self._command, *arguments], self._environment, stdin)

    def finished(
        self, arguments: Sequence[str], parse: Callable[[IO[bytes]], Iterator[Item]], lines: Iterable[str] = ()
    ) -> Iterator[Item]:
        """What `parse` makes of git's output, but for the last item where git failed: it may be cut short. Then raises
        GitFailed."""
        held: list[Item] = []
        with self.stream(arguments, lines) as output:
            for item in parse(output):
                yield from held
                held = [item]
        yield from held

    @contextmanager
    def stream(self, arguments: Sequence[str], lines: Iterable[str] = ()) -> Iterator[IO[bytes]]:
        """A pipe to read what git prints, given `lines` on its standard input. Raises GitFailed at the end of the block
        if git failed; leaving the block early ends the process."""
        # Files, not pipes: git may answer before it has read all, and complain while nobody listens.
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
            stdin.writelines(f"{line}\n".encode() for line in lines)
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    [*self._command, *arguments],
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=self._environment,
                    pipesize=PIPE_BYTES,
                )
            except FileNotFoundError as error:
                raise _missing() from error
            assert process.stdout is not None
            try:
                yield process.stdout
                if process.stdout.read(1) == b"" and process.wait() != 0:
                    stderr.seek(0)
                    raise GitFailed(_complaint(stderr.read(1 << 16), process.returncode))
            finally:
                process.kill()
                process.stdout.close()
                process.wait()


@contextmanager
def isolated(object_dir: Path, object_format: str, shallow: bytes, mailmap: bytes) -> Iterator[IsolatedGit]:
    """An empty git directory over the object store `object_dir`, with the given shallow boundary and .mailmap. It lives
    as long as the block."""
    with tempfile.TemporaryDirectory(prefix="soloist-git-") as folder:
        git_dir = Path(folder)
        (git_dir / "refs").mkdir()
        (git_dir / "HEAD").write_text("ref: refs/heads/none\n")
        (git_dir / "names").write_bytes(mailmap)
        config = _ISOLATED_CONFIG.format(object_format=object_format, mailmap=git_dir / "names")
        (git_dir / "config").write_text(config)
        if shallow:
            (git_dir / "shallow").write_bytes(shallow)
        yield IsolatedGit(git_dir, object_dir)


def _missing() -> GitMissing:
    return GitMissing("The program `git` is not installed or not on the PATH: install it and try again.")


def _complaint(stderr: bytes, status: int) -> str:
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    text = (fatal or lines or [f"git ended with status {status}"])[0]
    return text.removeprefix("fatal:").removeprefix("error:").strip()
