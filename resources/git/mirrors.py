"""Copies of repositories that lie elsewhere: bare, below one folder, and holding what was asked for.

What belongs here: the only place where git speaks to another machine. Nothing of what it brings is checked out or run.
"""

from __future__ import annotations

import base64
import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from resources.git.process import GitFailed, run
from resources.git.repository import Repository, open_repository, relevant_refs

KEPT = "refs/soloist"
"""Fetched refs lie below this name, so that the copy has no branches of its own."""


def fetch(folder: Path, url: str, refs: Sequence[str], token: str | None = None) -> Repository:
    """Brings `refs` (full names or hashes) of the repository at `url` (http or https) into the bare one at `folder`, which is made where
    there is none. `token` goes to that server alone, in a header that no other process sees. Raises GitFailed, GitMissing.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _held(folder):
        if not (folder / "HEAD").exists():
            # By that name the default branch is not known; another one, nobody has told of.
            run([], ["init", "--quiet", "--bare", "--template=", "--initial-branch=HEAD", str(folder)])
        wanted = [f"+{ref}:{KEPT}/{ref.removeprefix('refs/')}" for ref in refs]
        command = ["fetch", "--quiet", "--no-tags", "--no-auto-gc", "--no-recurse-submodules", "--no-write-fetch-head"]
        run([f"--git-dir={folder}"], [*command, "--", url, *wanted], remote=_settings(url, token))
        if "HEAD" in refs:
            _follow_default_branch(folder, url, token)
    return open_repository(folder)


def existing(folder: Path) -> Repository | None:
    """The copy at `folder`, where there is one; from now on it counts as used."""
    if not (folder / "HEAD").exists():
        return None
    os.utime(folder)
    return open_repository(folder)


def prune(mirrors: Path, older_than: datetime) -> int:
    """Removes the copies at `mirrors/OWNER/NAME.git` that nobody has asked for since; how many. What is asked for again is fetched again."""
    removed = 0
    for folder in sorted(mirrors.glob("*/*.git")):
        with _held(folder):
            if folder.stat().st_mtime < older_than.timestamp():
                shutil.rmtree(folder)
                removed += 1
    return removed


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Alone with the copy at `folder`: nobody else fetches into it, or removes it."""
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def advertised(url: str, refs: Sequence[str], token: str | None = None) -> list[str]:
    """Those of `refs` (full names) that the repository at `url` has, in their order. Raises GitFailed, GitMissing."""
    listing = run([], ["ls-remote", "--quiet", "--refs", "--", url, *refs], remote=_settings(url, token))
    names = {line.partition("\t")[2] for line in listing.decode(errors="replace").splitlines()}
    return [ref for ref in refs if ref in names]


def _follow_default_branch(folder: Path, url: str, token: str | None) -> None:
    """Has the copy's own HEAD name the branch that the server's does."""
    told = run([], ["ls-remote", "--symref", "--", url, "HEAD"], remote=_settings(url, token)).decode(errors="replace")
    found = re.match(r"ref: (refs/heads/\S+)\tHEAD\n", told)
    run([f"--git-dir={folder}"], ["symbolic-ref", "HEAD", found[1] if found else "refs/heads/HEAD"])


def has_commit(repository: Repository, commit: str) -> bool:
    try:
        run([f"--git-dir={repository.git_dir}"], ["cat-file", "-e", "--end-of-options", f"{commit}^{{commit}}"])
    except GitFailed:
        return False
    return True


def is_whole(repository: Repository) -> bool:
    """Whether all that its commits lead to is here: a partial clone fetches files when they are looked at, and here nobody does."""
    return not any((repository.object_dir / "pack").glob("*.promisor"))


def default_tips(repository: Repository) -> list[str]:
    """Where the default branch stands; in a copy that was fetched, what its server said."""
    refs = relevant_refs(repository)
    return refs.default_tips() or [refs.hashes[name] for name in (f"{KEPT}/HEAD",) if name in refs.hashes]


def _settings(url: str, token: str | None) -> dict[str, str]:
    """Git's settings for one server, by the environment: what stands in arguments every user of the machine can read."""
    settings = {
        "transfer.fsckObjects": "true",
        "http.followRedirects": "false",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "30",
        "credential.helper": "",
    }
    if token:
        signed = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        settings[f"http.{url}.extraHeader"] = f"Authorization: Basic {signed}"
    return settings
