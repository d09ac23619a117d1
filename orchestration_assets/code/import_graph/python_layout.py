"""Which dotted name every Python file of a tree has, and which file a dotted name means, seen from another file.

An import is looked up below a *source root*: the root of the tree, a `src` folder, a folder with a project's own files, or one whose name no
import can spell. Below it folders are packages, with or without an `__init__.py`; yet once one has it, grimp takes those inside for part of
the package that have it too, and so do we, unless asked. One tree may hold several roots, as a repository of several services does; each
sees its own modules first, and then those of the others whose name is the only one of its kind.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from orchestration_assets.code.import_graph.tree import Tree

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
COMPILED = (".so", ".pyd", ".pyx", ".pyi")
"""Endings of modules that are none of ours to read, and yet there."""


class Module(NamedTuple):
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
    elsewhere: dict[str, set[str]] = field(default_factory=dict)
    """Source root to the local names that are there and yet no modules of the graph: what is compiled, and what is left out."""
    owners: dict[str, str] = field(default_factory=dict)
    """First part of a local name to the source root that others find it in."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Folders without `__init__.py` inside a package, and how many files they hold."""
    prefix: str = ""
    """The package that the root of the tree lies in, where it has an `__init__.py`; names below it begin with it."""

    def find(self, root: str, local: str) -> str | None:
        """The name in the graph of what a module below `root` calls `local`."""
        home = self._home(root, local)
        return None if home is None else self.known[home].get(local)

    def is_namespace(self, root: str, local: str) -> bool:
        home = self._home(root, local)
        return home is not None and local in self.namespaces[home]

    def is_elsewhere(self, root: str, local: str) -> bool:
        home = self._home(root, local)
        return home is not None and local in self.elsewhere[home]

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


def layout_of(tree: Tree, *, implicit_packages: bool = False) -> Layout:
    """Names the Python files of a tree; what no import can name, because a package has the name or it holds a dot, is named by its path.
    Folders without `__init__.py` inside a package are left out, unless they are asked for as implicit packages."""
    files = sorted(path for path in tree.files if path.endswith(".py") and not path.rpartition("/")[2].startswith("."))
    prefix = _package_above(tree.root) if "__init__.py" in tree.files else ""
    places = _Places(tree, prefix)
    layout = Layout(prefix=prefix)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    nameless = []
    hidden: dict[str, set[str]] = defaultdict(set)
    for file in files:
        folder, _, name = file.rpartition("/")
        place = places.of(folder)
        root, local = place.root, place.local(name)
        if place.loose and not implicit_packages:
            layout.left_out[place.loose] = layout.left_out.get(place.loose, 0) + 1
            hidden[root].add(local)
            continue
        other = found[root].get(local)
        if "." in name[:-3]:
            nameless.append(file)
        elif other is None:
            found[root][local] = file
        elif file.endswith("/__init__.py"):
            # A package goes before a module of the same name.
            found[root][local] = file
            nameless.append(other)
        else:
            nameless.append(file)
    layout.owners = _owners(found, layout)
    for root, names in found.items():
        _add_root(layout, tree, root, names)
    for root, names_left_out in hidden.items():
        for local in names_left_out:
            while local and local not in layout.known.get(root, {}):
                layout.elsewhere.setdefault(root, set()).add(local)
                local = local.rpartition(".")[0]  # noqa: PLW2901
    for file in nameless:
        folder, _, name = file.rpartition("/")
        place = places.of(folder)
        layout.modules[file] = Module(file, file, place.local(f"{name.partition('.')[0]}.py"), place.root, False)
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
        while len(parent) > len(layout.prefix) and parent not in known:
            namespaces.add(parent)
            known[parent] = shown(parent)
            parent = parent.rpartition(".")[0]
    layout.known[root] = known
    layout.namespaces[root] = namespaces
    layout.elsewhere[root] = set()
    start = f"{root}/" if root else ""
    for path in tree.files:
        if path.endswith(COMPILED) and path.startswith(start):
            folder, _, name = path[len(start) :].rpartition("/")
            parts = (layout.prefix if not root else "", *folder.split("/"), name.partition(".")[0])
            layout.elsewhere[root].add(".".join(part for part in parts if part))


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


@dataclass(frozen=True)
class _Place:
    """A folder: its source root, the beginning of the local names in it, whether it or one above it has an `__init__.py`, and the outermost
    folder from it up to there that lacks one (empty where none does)."""

    root: str
    package: str
    in_package: bool
    loose: str

    def local(self, file_name: str) -> str:
        name = file_name[:-3]
        if name == "__init__":
            return self.package or name
        return f"{self.package}.{name}" if self.package else name


class _Places:
    def __init__(self, tree: Tree, prefix: str) -> None:
        self._files = tree.files
        self._known = {"": _Place("", prefix, "__init__.py" in tree.files, "")}

    def of(self, folder: str) -> _Place:
        known = self._known.get(folder)
        if known is None:
            above, _, name = folder.rpartition("/")
            known = self._known[folder] = self._below(self.of(above), folder, name)
        return known

    def _below(self, above: _Place, folder: str, name: str) -> _Place:
        has_init = f"{folder}/__init__.py" in self._files
        if not name.isidentifier():
            return _Place(folder, name if has_init else "", has_init, "")
        is_project = name == "src" or any(f"{folder}/{file}" in self._files for file in PROJECT_FILES)
        if is_project and not has_init:
            return _Place(folder, "", False, "")
        package = f"{above.package}.{name}" if above.package else name
        loose = above.loose or (folder if above.in_package and not has_init else "")
        return _Place(above.root, package, above.in_package or has_init, loose)
