"""Which dotted name every Python file of a tree has, and which file a dotted name means, seen from another file.

An import is looked up below a *source root*: the root of the tree, a `src` folder, a folder with a project's own files, or one whose name no
import can spell. Below it folders are packages, with or without an `__init__.py`. One tree may hold several roots, as a repository of
several services does; each sees its own modules first, and then those of the others whose name is the only one of its kind.
"""

from __future__ import annotations

import keyword
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from orchestration_assets.code.import_graph.tree import Tree

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
COMPILED = (".so", ".pyd", ".pyx", ".pyi")
"""Endings of modules that are none of ours to read, and yet there."""


@dataclass(frozen=True)
class Module:
    """`local` is what imports below the source root call it, `name` what the graph calls it: the same, unless two roots use the name."""

    file: str
    name: str
    local: str
    root: str
    is_package: bool

    @property
    def package(self) -> str:
        """What its relative imports start from; empty for a module beside no `__init__.py` at the root."""
        return self.local if self.is_package else self.local.rpartition(".")[0]


@dataclass
class Layout:
    """All modules by file, and the names below each source root."""

    modules: dict[str, Module] = field(default_factory=dict)
    known: dict[str, dict[str, str]] = field(default_factory=dict)
    """Source root to local name to name in the graph, namespace packages included."""
    namespaces: dict[str, set[str]] = field(default_factory=dict)
    """Source root to the local names of folders without `__init__.py`."""
    compiled: dict[str, set[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """First part of a local name to the source root that others find it in."""
    prefix: str = ""
    """The package that the root of the tree lies in, where it has an `__init__.py`; names below it begin with it."""

    def find(self, root: str, local: str) -> str | None:
        """The name in the graph of what a module below `root` calls `local`."""
        home = self._home(root, local)
        return None if home is None else self.known[home].get(local)

    def is_namespace(self, root: str, local: str) -> bool:
        home = self._home(root, local)
        return home is not None and local in self.namespaces[home]

    def is_compiled(self, root: str, local: str) -> bool:
        home = self._home(root, local)
        return home is not None and local in self.compiled[home]

    def is_ours(self, root: str, local: str) -> bool:
        """Whether the name begins like one of this tree, so that it ought to be found in it."""
        return self._home(root, local) is not None

    def sibling(self, module: Module, local: str) -> str | None:
        """What a script, run from its own folder, would find there under this absolute name."""
        folder = module.local.rpartition(".")[0]
        if module.is_package or not folder or folder not in self.namespaces[module.root]:
            return None
        if local.partition(".")[0] in sys.stdlib_module_names:
            return None
        beside = f"{folder}.{local}"
        return beside if beside in self.known[module.root] else None

    def _home(self, root: str, local: str) -> str | None:
        top = self.top(local)
        return root if top in self.known.get(root, {}) else self.owners.get(top)

    def top(self, local: str) -> str:
        """The part of a name that says which package it is of: the first, or the whole prefix."""
        if self.prefix and (local == self.prefix or local.startswith(self.prefix + ".")):
            return self.prefix
        return local.partition(".")[0]


def layout_of(tree: Tree) -> Layout:
    """Names the Python files of a tree; what has no name that an import could spell is named by its path."""
    files = sorted(path for path in tree.files if path.endswith(".py") and not path.rpartition("/")[2].startswith("."))
    prefix = _package_above(tree.root) if "__init__.py" in tree.files else ""
    roots = _Roots(tree)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    shadowed = []
    for file in files:
        root, local = roots.place(file, prefix)
        other = found[root].get(local)
        if other is None:
            found[root][local] = file
        elif file.endswith("/__init__.py"):
            # A package goes before a module of the same name.
            found[root][local] = file
            shadowed.append(other)
        else:
            shadowed.append(file)
    layout = Layout(prefix=prefix)
    layout.owners = _owners(found, layout)
    for root, names in found.items():
        _add_root(layout, tree, root, names)
    for file in shadowed:
        root, local = roots.place(file, prefix)
        layout.modules[file] = Module(file, file, local, root, False)
    return layout


def _add_root(layout: Layout, tree: Tree, root: str, names: dict[str, str]) -> None:
    beginning = root.replace("/", ".")

    def shown(local: str) -> str:
        return local if layout.owners.get(layout.top(local)) == root else f"{beginning}.{local}"

    known: dict[str, str] = {}
    namespaces: set[str] = set()
    for local, file in names.items():
        known[local] = shown(local)
        layout.modules[file] = Module(file, known[local], local, root, file.rpartition("/")[2] == "__init__.py")
    for local in names:
        parent = local.rpartition(".")[0]
        while parent and parent not in known and parent != layout.prefix:
            namespaces.add(parent)
            known[parent] = shown(parent)
            parent = parent.rpartition(".")[0]
    layout.known[root] = known
    layout.namespaces[root] = namespaces
    layout.compiled[root] = set()
    start = f"{root}/" if root else ""
    for path in tree.files:
        if path.endswith(COMPILED) and path.startswith(start):
            folder, _, name = path[len(start) :].rpartition("/")
            local = ".".join(part for part in (layout.prefix if not root else "", *folder.split("/"), name.partition(".")[0]) if part)
            layout.compiled[root].add(local)


def _owners(found: dict[str, dict[str, str]], layout: Layout) -> dict[str, str]:
    homes: dict[str, set[str]] = defaultdict(set)
    for root, names in found.items():
        for local in names:
            homes[layout.top(local)].add(root)
    return {top: "" if "" in roots else min(roots) for top, roots in homes.items() if "" in roots or len(roots) == 1}


def _package_above(root: Path) -> str:
    parts = [root.name]
    for folder in root.parents:
        if not (folder / "__init__.py").is_file():
            break
        parts.insert(0, folder.name)
    return ".".join(parts)


class _Roots:
    """Which source root a folder belongs to, remembered by folder."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._of: dict[str, str] = {"": ""}

    def place(self, file: str, prefix: str) -> tuple[str, str]:
        """The source root of a file, and its name below it."""
        folder = file.rpartition("/")[0]
        root = self._root(folder)
        parts = PurePosixPath(file[len(root) :].lstrip("/")).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if not root:
            before = [prefix] if prefix else []
        else:
            before = [root.rpartition("/")[2]] if f"{root}/__init__.py" in self._tree.files else []
        return root, ".".join([*before, *parts]) or file

    def _root(self, folder: str) -> str:
        known = self._of.get(folder)
        if known is None:
            known = self._of[folder] = folder if self._is_root(folder) else self._root(folder.rpartition("/")[0])
        return known

    def _is_root(self, folder: str) -> bool:
        name = folder.rpartition("/")[2]
        if not name.isidentifier() or keyword.iskeyword(name):
            return True
        files = self._tree.files
        if f"{folder}/__init__.py" in files:
            return False
        return name == "src" or any(f"{folder}/{file}" in files for file in PROJECT_FILES)
