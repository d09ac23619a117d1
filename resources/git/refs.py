"""Which refs of a repository count, and which of them is the default branch.

What belongs here: listing refs, choosing among them, and the fingerprint that says whether anything needs to be read
again.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from resources.git.process import GitFailed, run

_SKIPPED = re.compile(
    r"refs/(pull|pull-requests|merge-requests|changes|keep-around|pipelines|environments"
    r"|stash|notes|original|prefetch|replace|bisect|rewritten)(/|$)"
    r"|refs/remotes/[^/]+/(pull|pr|merge-requests)/\d+(/|$)"
)
"""Proposals of other people, which a forge keeps for ever, and git's own bookkeeping."""

_USUAL = ("main", "master", "trunk", "develop")
_MAILMAP_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Refs:
    """The relevant refs of a repository: full name to hash (of the tag itself where it is annotated), sorted by
    name."""

    hashes: dict[str, str]
    head_branch: str | None
    """Full name of the branch that HEAD points to, which may not exist yet; None where HEAD is detached."""
    head_hash: str | None
    """Commit of a detached HEAD, else None: a branch says where it is."""
    default_branch: str
    """Short name, "HEAD" where there is only a detached HEAD."""

    def head(self) -> str | None:
        """The commit that HEAD stands at, None in an empty repository."""
        return self.head_hash or self.hashes.get(self.head_branch or "")

    def tips(self) -> list[str]:
        """All distinct hashes, HEAD's among them."""
        return list(dict.fromkeys([*self.hashes.values(), *([self.head_hash] if self.head_hash else [])]))

    def default_tips(self) -> list[str]:
        """Where the default branch stands: on the remotes that it is published to, then here."""
        if self.default_branch == "HEAD" and self.head_hash:
            return [self.head_hash]
        published = [f"refs/remotes/{remote}/{self.default_branch}" for remote in _published_to(self.hashes)]
        names = [*published, f"refs/heads/{self.default_branch}"]
        return list(dict.fromkeys(self.hashes[name] for name in names if name in self.hashes))


def read_refs(git_dir: Path, *, is_bare: bool) -> Refs:
    """The relevant refs as they are now. One git process, two where HEAD is detached. Raises GitFailed."""
    where = [f"--git-dir={git_dir}"]
    output = run(where, ["for-each-ref", "--format=%(objectname)%00%(refname)%00%(symref)"]).decode(
        errors="backslashreplace"
    )
    hashes, links = {}, {}
    for line in output.splitlines():
        object_name, name, link = line.split("\0")
        if _SKIPPED.match(name):
            continue
        if link:
            links[name] = link
        else:
            hashes[name] = object_name
    head_branch = _head_branch(git_dir)
    head_hash = None
    if head_branch is None:
        try:
            head_hash = run(where, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).decode().strip()
        except GitFailed:
            head_hash = None
    default = _default_branch(hashes, links, head_branch, is_bare=is_bare)
    return Refs(hashes, head_branch, head_hash, default)


def _head_branch(git_dir: Path) -> str | None:
    try:
        return (
            run([f"--git-dir={git_dir}"], ["symbolic-ref", "--quiet", "HEAD"]).decode(errors="backslashreplace").strip()
        )
    except GitFailed:
        return None


def _published_to(hashes: dict[str, str]) -> list[str]:
    """Remotes whose default branch is this project's: `origin` and `upstream`, or the only one that there is."""
    remotes = sorted({name.split("/")[2] for name in hashes if name.startswith("refs/remotes/")})
    known: list[str] = [remote for remote in ("upstream", "origin") if remote in remotes]
    return known or (remotes if len(remotes) == 1 else [])


def _default_branch(hashes: dict[str, str], links: dict[str, str], head_branch: str | None, *, is_bare: bool) -> str:
    remotes = _published_to(hashes)
    for remote in reversed(remotes):
        prefix = f"refs/remotes/{remote}/"
        if (target := links.get(f"{prefix}HEAD")) and target in hashes:
            return target.removeprefix(prefix)
    branches = [name.removeprefix("refs/heads/") for name in hashes if name.startswith("refs/heads/")]
    published = [
        name.split("/", 3)[3] for name in hashes for remote in remotes if name.startswith(f"refs/remotes/{remote}/")
    ]
    head = (head_branch or "").removeprefix("refs/heads/")
    if head in branches and (is_bare or head in _USUAL or len(branches) == 1):
        return head
    for usual in ("main", "master"):
        if usual in branches or usual in published:
            return usual
    return head or "HEAD"


def fingerprint(refs: Refs, shallow: bytes, mailmap: bytes) -> str:
    """sha256 (hex) of everything that decides what a reading yields."""
    digest = hashlib.sha256()
    lines = [f"{name} {object_name}" for name, object_name in sorted(refs.hashes.items())]
    if refs.head_hash and refs.head_hash not in refs.hashes.values():
        lines.append(f"HEAD {refs.head_hash}")
    for part in ("\n".join(lines).encode(), refs.default_branch.encode(), shallow, mailmap):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def mailmap_in_work_tree(work_tree: Path | None) -> bytes | None:
    """The .mailmap that lies in the work tree, None where none does."""
    return _regular_file(work_tree / ".mailmap") if work_tree is not None else None


def read_shallow(common_dir: Path) -> bytes:
    """The file that lists the boundary of a shallow clone; b"" where the history is whole."""
    return _regular_file(common_dir / "shallow") or b""


def _regular_file(path: Path) -> bytes | None:
    """None also for links, pipes and folders: what a stranger's work tree may hold under any name."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_MAILMAP_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
