"""The import graph of a tree of sources: made whole by `build_graph`, kept up to date by `ImportGraph.refresh`."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Literal

from orchestration_assets.code.dependency_graph import (
    CriticalPath,
    Cycle,
    DependencyGraph,
    Edge,
    Statistics,
    graph_of,
)
from orchestration_assets.code.import_graph import rendering
from orchestration_assets.code.import_graph.javascript_resolution import SOURCES, Resolver
from orchestration_assets.code.import_graph.javascript_scan import Read, read_files
from orchestration_assets.code.import_graph.model import Broken, FileImports, Unresolved
from orchestration_assets.code.import_graph.python_layout import Layout, layout_of
from orchestration_assets.code.import_graph.python_scan import scan_python
from orchestration_assets.code.import_graph.tree import Signature, Tree, walk

Language = Literal["python", "javascript"]
LANGUAGES: tuple[Language, ...] = ("python", "javascript")
"""TypeScript is JavaScript's."""
CONFIGURATIONS = ("package.json", "tsconfig.json", "jsconfig.json", "pnpm-workspace.yaml", "lerna.json")


def build_graph(
    root: Path, *, languages: Collection[Language] = LANGUAGES, implicit_packages: bool = False
) -> ImportGraph:
    """Reads every Python, JavaScript and TypeScript file below a folder, or those of the languages that are named. Python modules are named as
    imports name them, other files by their path below the root. `implicit_packages` are folders without `__init__.py` inside a package
    that has one, which grimp leaves out. Raises BadInput where the folder cannot be read; what else cannot is in `broken`."""
    graph = ImportGraph(root, languages=languages, implicit_packages=implicit_packages)
    graph.refresh()
    return graph


class ImportGraph:
    """Made by `build_graph`. All that it tells is sorted."""

    def __init__(self, root: Path, *, languages: Collection[Language], implicit_packages: bool) -> None:
        self._root = root.absolute()
        self._languages = frozenset(languages)
        self._implicit_packages = implicit_packages
        self._tree = Tree(root)
        self._layout = Layout()
        self._signatures: dict[str, Signature] = {}
        self._python: dict[str, FileImports] = {}
        self._read: dict[str, Read] = {}
        self._resolver = Resolver(self._tree)
        self._javascript: dict[str, FileImports] = {}

    @cached_property
    def modules(self) -> list[str]:
        names = {module.name for module in self._layout.modules.values()}
        names.update(name for known in self._layout.known.values() for name in known.values())
        names.update(self._javascript)
        return sorted(names.union(*(each.targets for each in self._javascript.values())))

    @cached_property
    def edges(self) -> list[Edge]:
        """Importer and imported; a module that imports itself, as a package's `from . import name` does, is one too."""
        python = [(self._layout.modules[file].name, each) for file, each in self._python.items()]
        return sorted(
            {(name, target) for name, each in [*python, *self._javascript.items()] for target in each.targets}
        )

    @cached_property
    def unresolved(self) -> list[Unresolved]:
        return sorted({one for each in self._files() for one in each.unresolved})

    @cached_property
    def broken(self) -> list[Broken]:
        left_out = [
            Broken(
                folder,
                f"has no __init__.py though it lies in a package that has one, so its {count} Python files are left out",
            )
            for folder, count in self._layout.left_out.items()
        ]
        files = [each.broken for each in self._files() if each.broken]
        return sorted({*files, *left_out, *self._tree.broken, *self._resolver.broken})

    @cached_property
    def dependencies(self) -> DependencyGraph:
        """The same modules and edges without a module's imports of itself, which no order of modules can heed."""
        return graph_of([(a, b) for a, b in self.edges if a != b], self.modules)

    def cycles(self) -> list[Cycle]:
        return self.dependencies.cycles()

    def levels(self) -> list[list[str]]:
        return self.dependencies.levels()

    def critical_path(self, estimates: Mapping[str, float] | None = None) -> CriticalPath:
        return self.dependencies.critical_path(estimates)

    def statistics(self) -> Statistics:
        return self.dependencies.statistics()

    def to_json(self) -> str:
        return rendering.to_json(self.dependencies, self.edges, self.unresolved, self.broken)

    def to_mermaid(self) -> str:
        return rendering.to_mermaid(self.dependencies)

    def refresh(self, paths: Iterable[Path] | None = None) -> None:
        """Reads again what has changed: of these files, absolute or below the root, or where none are given of all. A file is unchanged while
        its size, time and inode are. Where files come, go, or say how imports are resolved, all imports are resolved again."""
        changed = None if paths is None or not self._signatures else self._changed(paths)
        if changed is None:
            self._read_all()
        elif changed:
            self._read_again(changed)
        else:
            return
        for name in ("modules", "edges", "unresolved", "broken", "dependencies"):
            self.__dict__.pop(name, None)

    def _files(self) -> list[FileImports]:
        return [*self._python.values(), *self._javascript.values()]

    def _changed(self, paths: Iterable[Path]) -> list[str] | None:
        """The sources among these that are known and have changed; None where more may have changed than they."""
        changed = []
        for path in paths:
            below = self._below(path)
            if below is None:
                continue
            if below in self._tree.folders:
                return None
            signature = self._tree.signature(below)
            known = below in self._tree.files
            if (
                known != (signature is not None)
                or posixpath.basename(below) in CONFIGURATIONS
                or below in self._tree.links
            ):
                return None
            if known and below in self._signatures and signature != self._signatures[below]:
                changed.append(below)
        return changed

    def _below(self, path: Path) -> str | None:
        whole = Path(os.path.normpath(self._root / path))
        for root in (self._root, self._tree.root):
            if whole.is_relative_to(root):
                return whole.relative_to(root).as_posix().removeprefix("./")
        return None

    def _read_all(self) -> None:
        tree = walk(self._root)
        layout = layout_of(tree, implicit_packages=self._implicit_packages) if "python" in self._languages else Layout()
        python = sorted(layout.modules)
        javascript = (
            sorted(file for file in tree.files if file.endswith(SOURCES)) if "javascript" in self._languages else []
        )
        looked_at = [*python, *javascript] if self._signatures else javascript
        signatures = {file: signature for file in looked_at if (signature := tree.signature(file)) is not None}
        same = {file for file, signature in signatures.items() if self._signatures.get(file) == signature}
        same_names = layout.known == self._layout.known and layout.elsewhere == self._layout.elsewhere
        self._tree, self._layout, self._signatures = tree, layout, signatures
        self._resolver = Resolver(tree)
        kept = {file: each for file, each in self._python.items() if file in same} if same_names else {}
        self._read = {file: each for file, each in self._read.items() if file in same}
        unread = [file for file in javascript if file in signatures and file not in self._read]
        # Other processes read these, for the most part, while this one reads Python.
        with ThreadPoolExecutor(max_workers=1) as beside:
            reading = beside.submit(self._read_javascript, unread)
            self._python = {**kept, **scan_python(tree, layout, [file for file in python if file not in kept])}
            reading.result()
        if self._read:
            self._resolver.read_configurations()
        self._javascript = {file: self._resolved(file) for file in self._read}
        self._signatures.update(tree.signatures)

    def _read_again(self, files: list[str]) -> None:
        for file in files:
            signature = self._tree.signature(file)
            if signature is not None:
                self._signatures[file] = signature
        python = [file for file in files if file in self._layout.modules]
        self._python.update(scan_python(self._tree, self._layout, python))
        javascript = [file for file in files if file in self._read]
        self._read_javascript(javascript)
        self._javascript.update({file: self._resolved(file) for file in javascript})

    def _read_javascript(self, files: list[str]) -> None:
        self._read.update(read_files(self._tree, files, {file: self._signatures[file][1] for file in files}))

    def _resolved(self, file: str) -> FileImports:
        read = self._read[file]
        folder = file.rpartition("/")[0]
        targets: set[str] = set()
        unresolved: list[Unresolved] = []
        for how, written, line in read.imports:
            if how == "computed":
                unresolved.append(Unresolved(file, line, written, "is known only when the program runs"))
                continue
            resolved = self._resolver.resolve(folder, written, how)
            if resolved.file is not None:
                targets.add(resolved.file)
            elif resolved.reason is not None:
                unresolved.append(Unresolved(file, line, written, resolved.reason))
        broken = Broken(file, read.broken) if read.broken else None
        return FileImports(frozenset(targets), tuple(unresolved), broken)
