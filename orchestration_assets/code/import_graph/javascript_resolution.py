"""Which file of the tree a JavaScript or TypeScript import means, by the rules of Node, of bundlers and of TypeScript's configuration.

All files are known, so nothing here touches the disk but to read a manifest or a configuration once.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from orchestration_assets.code.import_graph.model import Broken
from orchestration_assets.code.import_graph.packages import Package, Packages
from orchestration_assets.code.import_graph.tree import Tree
from orchestration_assets.code.import_graph.tsconfig import CONFIG_NAMES, TypeScriptConfigs

EXTENSIONS = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".tsx", ".d.ts", ".cts", ".d.cts", ".mts", ".d.mts")
"""What is tried after a name without one, in this order."""
SOURCES = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".tsx", ".cts", ".mts")
COMPILED_FROM = {
    ".js": (".ts", ".tsx", ".d.ts"),
    ".jsx": (".tsx", ".ts", ".d.ts"),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
"""TypeScript's files import each other by the names they will be compiled to."""
IMPORT_CONDITIONS = frozenset(("import", "node", "default", "module-sync"))
REQUIRE_CONDITIONS = frozenset(("require", "node", "default", "module-sync"))
_PROTOCOLS = ("node:", "bun:", "data:", "http:", "https:", "file:", "npm:", "jsr:", "virtual:")


@dataclass(frozen=True)
class Resolved:
    """A file of the tree; or else nothing, and where it ought to have been found, the reason that it was not."""

    file: str | None = None
    reason: str | None = None


EXTERNAL = Resolved()


class Resolver:
    """Of one tree; what is found is remembered by folder and name."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._packages = Packages(tree)
        self._configs = TypeScriptConfigs(tree)
        self._known: dict[tuple[str, str, bool], Resolved] = {}

    @property
    def broken(self) -> list[Broken]:
        return [*self._packages.broken, *self._configs.broken]

    def read_configurations(self) -> None:
        """All of the tree, so that what is broken among them does not depend on which imports asked for it, and when."""
        for file in self._tree.files:
            folder, _, name = file.rpartition("/")
            if name == "package.json":
                self._packages.at(folder)
            elif name in CONFIG_NAMES:
                self._configs.mapping(folder)
        _ = self._packages.workspaces

    def resolve(self, folder: str, written: str, how: str) -> Resolved:
        """What a file in `folder` imports; `how` is that of `javascript_imports.Found`."""
        key = (folder, written, how == "require")
        known = self._known.get(key)
        if known is None:
            conditions = REQUIRE_CONDITIONS if how == "require" else IMPORT_CONDITIONS
            known = self._known[key] = self._resolve(folder, written, conditions)
        return known

    def _resolve(self, folder: str, written: str, conditions: frozenset[str]) -> Resolved:
        # `loader!./name` and `./name?query` are for a bundler; the file is the same.
        name = written.rpartition("!")[2]
        if "?" in name:
            name = name.partition("?")[0]
        if not name or name.startswith(_PROTOCOLS) or "://" in name or "\0" in name:
            return EXTERNAL
        if name.startswith(("./", "../")) or name in (".", ".."):
            return self._relative(folder, name)
        if name.startswith("/"):
            return Resolved(reason="is an absolute path")
        if name.startswith("#"):
            return self._own_import(folder, name, conditions)
        return self._bare(folder, name, conditions)

    def _relative(self, folder: str, name: str) -> Resolved:
        path = _join(folder, name)
        if path is None:
            return Resolved(reason="leads out of the tree")
        only_folder = name.endswith(("/", "/.", "/..")) or name in (".", "..")
        file = self._file_or_folder(path, only_folder=only_folder)
        if file is not None:
            return Resolved(file)
        return EXTERNAL if "node_modules" in path.split("/") else Resolved(reason="there is no such file")

    def _bare(self, folder: str, name: str, conditions: frozenset[str]) -> Resolved:
        mapping = self._configs.mapping(folder)
        for target in mapping.targets(name):
            if (file := self._file_or_folder(target)) is not None:
                return Resolved(file)
        if mapping.base is not None:
            path = _join(mapping.base, name)
            if path is not None and (file := self._file_or_folder(path)) is not None:
                return Resolved(file)
        package_name, subpath = _split(name)
        own = self._packages.around(folder)
        if own is not None and own.name == package_name and own.exports is not None:
            return self._in_package(own, subpath, conditions)
        found = self._package(folder, package_name, own)
        if isinstance(found, Package):
            return self._in_package(found, subpath, conditions)
        if found is None and mapping.is_mapped(name):
            return Resolved(reason="there is no such file where the paths of the TypeScript configuration lead")
        return EXTERNAL

    def _package(self, folder: str, name: str, own: Package | None) -> Package | Resolved | None:
        """The package of the tree of this name; EXTERNAL where an installed one goes before it; None where nothing tells."""
        tree, current = self._tree, folder
        while True:
            path = f"{current}/node_modules/{name}" if current else f"node_modules/{name}"
            if path in tree.links:
                target = tree.links[path]
                return EXTERNAL if "node_modules" in target.split("/") else self._package_at(target)
            if path in tree.folders:
                return EXTERNAL
            if not current:
                break
            current = current.rpartition("/")[0]
        if name in self._packages.workspaces:
            return self._package_at(self._packages.workspaces[name])
        if own is not None and name in own.linked:
            target_path = _join(own.folder, own.linked[name])
            if target_path is not None and target_path in tree.folders:
                return self._package_at(target_path)
        return None

    def _package_at(self, folder: str) -> Package:
        return self._packages.at(folder) or Package(folder, {})

    def _in_package(self, package: Package, subpath: str, conditions: frozenset[str]) -> Resolved:
        if package.exports is None:
            path = _join(package.folder, subpath)
            file = self._file_or_folder(path) if path is not None else None
            if file is not None:
                return Resolved(file)
            return Resolved(reason=f"there is no such file in the package {package.name or package.folder}")
        for target in package.exported(subpath, conditions) or package.exported(subpath, conditions | {"types"}):
            file = self._exact(package.folder, target)
            if file is not None:
                return Resolved(file)
        exported = package.exported(subpath, conditions | {"types"})
        reason = "exports it from a file that is not there" if exported else "does not export it"
        return Resolved(reason=f"the package {package.name or package.folder} {reason}")

    def _own_import(self, folder: str, name: str, conditions: frozenset[str]) -> Resolved:
        mapping = self._configs.mapping(folder)
        for target in mapping.targets(name):
            if (file := self._file_or_folder(target)) is not None:
                return Resolved(file)
        package = self._packages.around(folder)
        if package is None:
            return Resolved(reason="no package.json around the file names it under imports")
        targets = package.imported(name, conditions) or package.imported(name, conditions | {"types"})
        for target in targets:
            if target.startswith("./"):
                file = self._exact(package.folder, target)
                if file is not None:
                    return Resolved(file)
            elif not target.startswith(("../", "/", "#")):
                return self._bare(package.folder, target, conditions)
        reason = "leads to a file that is not there" if targets else "is not named under imports"
        return Resolved(reason=f"{reason} in the package.json of {package.name or package.folder or 'the tree'}")

    def _exact(self, folder: str, target: str) -> str | None:
        """What `exports` and `imports` name is a whole file name, below the package."""
        if not target.startswith("./"):
            return None
        path = _join(folder, target)
        if path is None or (folder and not path.startswith(f"{folder}/")):
            return None
        path = self._tree.real(path)
        if path in self._tree.files:
            return path
        return self._compiled_from(path)

    def _file_or_folder(self, path: str, *, only_folder: bool = False) -> str | None:
        path = self._tree.real(path)
        if not only_folder and (file := self._file(path)) is not None:
            return file
        if path in self._tree.folders:
            package = self._packages.at(path)
            for main in package.mains() if package else ():
                target = _join(path, main)
                if target is None or target == path:
                    continue
                file = self._file(target) or self._index(target)
                if file is not None:
                    return file
            if (file := self._index(path)) is not None:
                return file
        return None if only_folder else self._compiled_from(path)

    def _file(self, path: str) -> str | None:
        files = self._tree.files
        if path in files:
            return self._tree.real(path)
        for extension in EXTENSIONS:
            if path + extension in files:
                return self._tree.real(path + extension)
        return self._tree.real(path + ".json") if path + ".json" in files else None

    def _index(self, folder: str) -> str | None:
        return self._file(f"{folder}/index" if folder else "index") if folder in self._tree.folders else None

    def _compiled_from(self, path: str) -> str | None:
        stem, ending = posixpath.splitext(path)
        for extension in COMPILED_FROM.get(ending, ()):
            if stem + extension in self._tree.files:
                return self._tree.real(stem + extension)
        return None


def _split(name: str) -> tuple[str, str]:
    """The package's name, and `.` or `./...` in it."""
    parts = name.split("/")
    count = 2 if name.startswith("@") else 1
    rest = "/".join(parts[count:])
    return "/".join(parts[:count]), f"./{rest}" if rest else "."


def _join(folder: str, name: str) -> str | None:
    joined = posixpath.normpath(posixpath.join(folder, name))
    if joined == ".." or joined.startswith(("../", "/")):
        return None
    return "" if joined == "." else joined
