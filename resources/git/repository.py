"""Opening a repository: where it lies, which one it is, and what of it is read.

What belongs here: the `Repository` value, how a path becomes one, and the small questions that need no walk through the
history.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from resources.git.process import GitFailed, IsolatedGit, NotARepository, UnreadableRepository, isolated, run
from resources.git.refs import Refs, fingerprint, mailmap_in_work_tree, read_refs, read_shallow
from resources.git.remote_url import local_path, name_of, normalised_url

_MOST_LOCAL_ORIGINS = 8


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository on this machine, as it was when it was opened."""

    path: Path
    """The top of the work tree; the git directory itself where the repository is bare."""
    git_dir: Path
    """The git directory of this work tree, which for a linked worktree is not the shared one."""
    id: str
    """Equal for all clones: `host/owner/name` of the origin, else the root commit of the default branch, else the
    path."""
    name: str
    """`owner/name` of the origin's URL, else the folder's name. For people: two repositories may share it."""
    is_shallow: bool
    is_empty: bool
    """True where no relevant ref leads to a commit."""
    default_branch: str
    """Short name, "HEAD" where there is only a detached HEAD."""
    common_dir: Path
    object_dir: Path
    object_format: str
    work_tree: Path | None


def open_repository(path: str | os.PathLike[str]) -> Repository:
    """The repository at a path: a work tree or a folder in it, a bare repository, a linked worktree or a submodule.

    Raises NotARepository, UnreadableRepository, GitMissing.
    """
    return _open(Path(path), _MOST_LOCAL_ORIGINS)


def refs_fingerprint(repository: Repository) -> str:
    """sha256 (hex) of the relevant refs, the shallow boundary, .mailmap and the default branch: equal while nothing
    changed that a reading depends on. Raises UnreadableRepository."""
    refs = relevant_refs(repository)
    return fingerprint(refs, read_shallow(repository.common_dir), _read_mailmap(repository, refs))


def relevant_refs(repository: Repository) -> Refs:
    """The refs that everything is read from: without other people's proposals, stashes, notes and git's bookkeeping."""
    try:
        return read_refs(repository.git_dir, is_bare=repository.work_tree is None)
    except GitFailed as error:
        raise unreadable(repository.path, error) from error


def read_file(repository: Repository, revision: str, path: str) -> bytes | None:
    """The content of a file in a revision (a hash or any name that git resolves); None where there is none or git lacks
    it."""
    with reader(repository) as git:
        try:
            name = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
            commit = run([f"--git-dir={repository.git_dir}"], name).decode().strip()
            return git.run(["cat-file", "blob", f"{commit}:{path}"])
        except (GitFailed, ValueError):  # ValueError: a NUL in a name
            return None


def self_email(repository: Repository) -> tuple[str | None, str | None]:
    """Name and e-mail address of the person at this machine, as git's configuration (this repository's, then the
    user's) has it. Raises UnreadableRepository."""
    try:
        settings = _settings(repository.git_dir)
    except GitFailed as error:
        raise unreadable(repository.path, error) from error
    name, email = settings.get("user.name"), settings.get("user.email")
    return (name[-1].strip() or None if name else None, email[-1].strip() or None if email else None)


@contextmanager
def reader(repository: Repository, *, with_mailmap: bool = False, whole: bool = False) -> Iterator[IsolatedGit]:
    """Git for reading the objects of a repository, which knows nothing else of it. `whole` leaves the boundary of a
    shallow clone out, so that commits there show the parents that they really have."""
    mailmap = _read_mailmap(repository, relevant_refs(repository)) if with_mailmap else b""
    shallow = b"" if whole else read_shallow(repository.common_dir)
    with isolated(repository.object_dir, repository.object_format, shallow, mailmap) as git:
        yield git


def unreadable(path: Path, error: GitFailed) -> UnreadableRepository:
    """The sentence for a repository that git gave up on."""
    return UnreadableRepository(f"Git cannot read the repository {path} ({error}): repair it or clone it again.")


def _read_mailmap(repository: Repository, refs: Refs) -> bytes:
    content = mailmap_in_work_tree(repository.work_tree)
    if content is not None or (head := refs.head()) is None:
        return content or b""
    with isolated(repository.object_dir, repository.object_format, b"", b"") as git:
        try:
            return git.run(["cat-file", "blob", f"{head}:.mailmap"])
        except GitFailed:
            return b""


def _open(path: Path, hops: int) -> Repository:
    _refuse_what_is_no_folder(path)
    try:
        git_dir = _asked_path(path, "--absolute-git-dir")
        common_dir = _asked_path(path, "--git-common-dir")
        object_dir = _asked_path(path, "--git-path", "objects")
        answers = ["--is-bare-repository", "--is-inside-work-tree", "--is-shallow-repository", "--show-object-format"]
        bare, inside, shallow, object_format = run(["-C", str(path)], ["rev-parse", *answers]).decode().split()
        work_tree = _asked_path(path, "--show-toplevel") if inside == "true" else None
        if work_tree is None and bare != "true" and git_dir.name == ".git":
            work_tree = git_dir.parent
        refs = read_refs(git_dir, is_bare=work_tree is None)
        settings = _settings(git_dir)
    except GitFailed as error:
        raise _sentence(path, error) from error
    top = work_tree or git_dir
    identity, name = _identify(top, common_dir, settings, refs, is_shallow=shallow == "true", hops=hops)
    return Repository(
        path=top,
        git_dir=git_dir,
        id=identity,
        name=name,
        is_shallow=shallow == "true",
        is_empty=not refs.tips(),
        default_branch=refs.default_branch,
        common_dir=common_dir,
        object_dir=object_dir,
        object_format=object_format,
        work_tree=work_tree,
    )


def _refuse_what_is_no_folder(path: Path) -> None:
    try:
        if not path.exists():
            raise NotARepository(f"{path} does not exist: give the path of a git repository.")
        if not path.is_dir():
            raise NotARepository(f"{path} is a file, not a folder: give the path of a git repository.")
        # Git would say that there is no repository, or leave out the refs that it may not see.
        for folder in (path, *(path / part for part in (".git", ".git/objects", ".git/refs", "objects", "refs"))):
            if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
                raise PermissionError
    except PermissionError as error:
        raise UnreadableRepository(
            f"{path} may not be read by this user: change its permissions or the user."
        ) from error
    except (OSError, ValueError) as error:
        raise NotARepository(
            f"{str(path)!r} cannot be a path on this machine: give the path of a git repository."
        ) from error


def _sentence(path: Path, error: GitFailed) -> NotARepository | UnreadableRepository:
    if "not a git repository" in str(error):
        return NotARepository(f"{path} is not in a git repository: give the path of one, or make one with `git init`.")
    if "ermission denied" in str(error):
        return UnreadableRepository(f"{path} may not be read by this user: change its permissions or the user.")
    return unreadable(path, error)


def _asked_path(path: Path, *question: str) -> Path:
    answer = os.fsdecode(run(["-C", str(path)], ["rev-parse", *question]).removesuffix(b"\n"))
    return (path.absolute() / answer).resolve()


def _settings(git_dir: Path) -> dict[str, list[str]]:
    """Every setting that git sees there, the user's own included: lower-case name to values, the last one wins."""
    settings: dict[str, list[str]] = {}
    listing = run([f"--git-dir={git_dir}"], ["config", "--null", "--list"], own_settings=True)
    for item in listing.decode(errors="backslashreplace").split("\0")[:-1]:
        name, _, value = item.partition("\n")
        settings.setdefault(name, []).append(value)
    return settings


def _identify(
    top: Path, common_dir: Path, settings: dict[str, list[str]], refs: Refs, *, is_shallow: bool, hops: int
) -> tuple[str, str]:
    """Id and name."""
    folder = common_dir.parent if common_dir.name == ".git" else top
    url = _origin(settings)
    local = local_path(url) if url else None
    if url and local is None and (identity := normalised_url(url)):
        return identity, name_of(identity)
    if local and hops:
        try:
            original = _open(_relative_to(top, local), hops - 1)
        except (NotARepository, UnreadableRepository):
            pass
        else:
            return original.id, original.name
    name = folder.name.removesuffix(".git") or str(folder)
    root = None if is_shallow else _root_commit(common_dir, refs)
    return root or str(folder), name


def _relative_to(top: Path, local: str) -> Path:
    path = top / local
    # Git finds `x.git` and `x/.git` under the name `x` too.
    bare = path.with_name(f"{path.name}.git")
    return path if path.exists() or not bare.exists() else bare


def _origin(settings: dict[str, list[str]]) -> str | None:
    """The URL of `origin`, or of the only remote, with the `insteadOf` abbreviations written out."""
    urls = {
        name.removeprefix("remote.").removesuffix(".url"): values[0]
        for name, values in settings.items()
        if name.startswith("remote.") and name.endswith(".url")
    }
    url = urls.get("origin") or (next(iter(urls.values())) if len(urls) == 1 else None)
    if url is None:
        return None
    abbreviations = [
        (short, name.removeprefix("url.").removesuffix(".insteadof"))
        for name, values in settings.items()
        if name.startswith("url.") and name.endswith(".insteadof")
        for short in values
        if short and url.startswith(short)
    ]
    if abbreviations:
        short, full = max(abbreviations, key=lambda pair: len(pair[0]))
        return full + url[len(short) :]
    return url


def _root_commit(common_dir: Path, refs: Refs) -> str | None:
    """The oldest commit of the default branch, following first parents: merging a foreign history or starting an orphan
    branch leaves it as it is."""
    tips: Sequence[str] = refs.default_tips() or refs.tips()[:1]
    try:
        roots = run(
            [f"--git-dir={common_dir}"],
            ["rev-list", "--first-parent", "--max-parents=0", "--stdin"],
            stdin="".join(f"{tip}\n" for tip in tips).encode(),
        )
    except GitFailed:
        return None
    return min(roots.decode().split(), default=None)
