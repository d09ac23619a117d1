"""The files below a folder, read without ever leaving it.

Links are not walked: a folder that a link leads to is met where it really is, or lies outside and is none of ours. Where a link to a file
or a folder ends inside is kept, so that an import through it finds the real file.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from orchestration_assets.code.import_graph.model import Broken
from resources.errors import BadInput

SKIPPED = frozenset(
    ".git .hg .svn .jj node_modules bower_components __pycache__ .tox .nox .mypy_cache .ruff_cache .pytest_cache .hypothesis .yarn .eggs"
    " .next .nuxt .turbo .parcel-cache .svelte-kit LC_MESSAGES".split()
)
"""Folders that hold no sources of the tree: its history, what it installed, what tools left, compiled translations."""
LARGEST_FILE = 8 * 1024 * 1024
"""Bytes; what is larger is no source that somebody wrote."""

Signature = tuple[int, int, int]
"""Time of the last change in nanoseconds, size in bytes, inode: while they are the same, so is the file."""


@dataclass
class Tree:
    """Paths are relative to the root, with `/`; the root itself is the empty string."""

    root: Path
    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    signatures: dict[str, Signature] = field(default_factory=dict)
    """Of the files that were read, as they were then."""

    def __post_init__(self) -> None:
        self._beginning = f"{self.root}/".replace("//", "/")

    def absolute(self, path: str) -> str:
        return self._beginning + self.links.get(path, path)

    def real(self, path: str) -> str:
        """The path with links inside the tree followed."""
        if not self.links:
            return path
        parts = path.split("/")
        for count in range(len(parts), 0, -1):
            target = self.links.get("/".join(parts[:count]))
            if target is not None:
                return "/".join([part for part in (target, *parts[count:]) if part])
        return path

    def signature(self, file: str) -> Signature | None:
        """None where there is no such regular file."""
        try:
            found = os.stat(self.absolute(file), follow_symlinks=False)  # noqa: PTH116
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if stat.S_ISREG(found.st_mode) else None

    def read(self, file: str, most: int = LARGEST_FILE) -> bytes:
        """The bytes of a regular file, no link out of the tree. Raises OSError, whose `strerror` says why it was not read."""
        # Without O_NONBLOCK, a pipe put in the file's place since it was listed would wait for a writer.
        handle = os.open(self.absolute(file), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(handle)
            self.signatures[file] = (found.st_mtime_ns, found.st_size, found.st_ino)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(0, "it is no regular file")
            if found.st_size > most:
                raise OSError(0, f"it has {found.st_size:,} bytes, more than the {most:,} that are read")
            data = os.read(handle, found.st_size + 1)
            while len(data) < found.st_size and (more := os.read(handle, found.st_size)):
                data += more
            return data
        finally:
            os.close(handle)


def walk(root: Path) -> Tree:
    """All regular files below a folder. Raises BadInput where it is none that can be read; a folder below it that cannot is reported."""
    try:
        resolved = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "its links lead in a circle"
        raise BadInput(f"{root} cannot be read ({reason}); name the folder that holds the sources.") from None
    if not resolved.is_dir():
        raise BadInput(f"{root} is no folder; name the folder that holds the sources.")
    tree = Tree(resolved)
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            _list(tree, folder, waiting)
        except OSError as error:
            if not folder:
                raise BadInput(f"{root} cannot be read ({error.strerror}); allow it, or name another folder.") from None
            tree.broken.append(Broken(folder, f"cannot be listed ({error.strerror})"))
    return tree


def _list(tree: Tree, folder: str, waiting: list[str]) -> None:
    prefix = f"{folder}/" if folder else ""
    files = []
    folders = []
    with os.scandir(tree.absolute(folder)) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                files.append(prefix + entry.name)
            elif entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            elif entry.is_symlink():
                _follow(tree, prefix + entry.name, entry)
    if folder and prefix + "pyvenv.cfg" in files:
        return
    tree.folders.add(folder)
    tree.files.update(files)
    for name in folders:
        if name not in SKIPPED:
            waiting.append(prefix + name)
        elif name == "node_modules":
            _find_linked_packages(tree, prefix + name)


def _follow(tree: Tree, path: str, entry: os.DirEntry[str]) -> None:
    """Keeps where a link ends, if that is inside."""
    target = os.path.realpath(entry.path)
    root = str(tree.root)
    inside = os.path.relpath(target, root) if target == root or target.startswith(root.rstrip("/") + "/") else None
    if inside is None:
        tree.broken.append(Broken(path, "is a link that leads out of the tree, and was not followed"))
    elif not Path(target).exists() or Path(target).is_symlink():
        tree.broken.append(Broken(path, "is a link that leads nowhere"))
    elif Path(target).is_file():
        tree.links[path] = inside
        tree.files.add(path)
    else:
        tree.links[path] = "" if inside == "." else inside


def _find_linked_packages(tree: Tree, folder: str) -> None:
    """The packages of a workspace are links in `node_modules`; what else lies there is not ours, so links that lead out are no news."""
    known = len(tree.broken)
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(tree.absolute(current)) as entries:
                for entry in entries:
                    path = f"{current}/{entry.name}"
                    if entry.is_symlink():
                        _follow(tree, path, entry)
                    elif entry.is_dir(follow_symlinks=False):
                        tree.folders.add(path)
                        if entry.name.startswith("@") and current == folder:
                            waiting.append(path)
        except OSError:
            continue
    del tree.broken[known:]
