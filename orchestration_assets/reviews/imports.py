"""The imports of Python files, and which file of a tree each of them means. Read from syntax trees; nothing is imported.

What belongs here: names of modules and the files behind them. Which imports are wrong is told in `layers.py` and `cycles.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from orchestration_assets.import_statements import imports_in
from orchestration_assets.reviews.change import Change


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: `module` and, where something was taken from it, that `name`. `runs`: loading the file runs it; `typing_only`: only
    type checkers do."""

    line: int
    module: str
    name: str
    runs: bool
    typing_only: bool


@dataclass(frozen=True)
class Modules:
    """The Python files of a tree by the names under which they can be imported."""

    paths: frozenset[str]

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Folders that names are looked for in: the top, `src` folders, and those that hold a package and are none themselves."""
        found = {"", *(path.partition("src/")[0] + "src/" for path in self.paths if "src/" in path and _is_src(path))}
        for path in self.paths:
            if path.endswith("/__init__.py"):
                parent = path.rpartition("/")[0].rpartition("/")[0]
                if parent and f"{parent}/__init__.py" not in self.paths:
                    found.add(f"{parent}/")
        return tuple(sorted(found, key=lambda root: (root.count("/"), root)))

    def name_of(self, path: str) -> str:
        """The dotted name of a file, as its package has it."""
        folder, _, name = path.rpartition("/")
        parts = [] if name == "__init__.py" else [name.removesuffix(".py")]
        if folder and f"{folder}/__init__.py" in self.paths:
            while folder and f"{folder}/__init__.py" in self.paths:
                folder, _, name = folder.rpartition("/")
                parts.insert(0, name)
            return ".".join(parts)
        root = max((root for root in self.roots if path.startswith(root)), key=len, default="")
        parts = path.removeprefix(root).removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def file_of(self, module: str) -> str | None:
        """The file of a dotted name; None for what is no file of this tree."""
        if not module:
            return None
        inner = module.replace(".", "/")
        for root in self.roots:
            for path in (f"{root}{inner}/__init__.py", f"{root}{inner}.py"):
                if path in self.paths:
                    return path
        return None

    def target(self, each: Import) -> str:
        """The dotted name of what an import means: the module that its name is, else the one that the name was taken from."""
        if each.name and self.file_of(f"{each.module}.{each.name}") is not None:
            return f"{each.module}.{each.name}"
        return each.module


def imports_of(path: str, text: str, module: str) -> list[Import]:
    """The imports of a file, which is imported as `module`; none where it is no Python that can be read."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    package = module if path.endswith("__init__.py") else module.rpartition(".")[0]
    return [
        Import(each.line, base, name, each.runs, each.typing_only)
        for each in imports_in(tree)
        if (base := each.absolute(package))
        for name in each.names or ("",)
    ]


def new_imports(change: Change, modules: Modules) -> Iterator[tuple[str, str, Import]]:
    """Path, name of the importing module, and import: those of changed files that these files did not have before."""
    for file in change.code("Python"):
        text = change.after(file)
        if text is None:
            continue
        module = modules.name_of(file.path)
        before = change.before(file)
        old = imports_of(file.old_path or file.path, before, module) if before is not None else []
        known = {(each.module, each.name, each.runs) for each in old}
        for each in imports_of(file.path, text, module):
            # What runs now and did not before is new; the other way round it is not.
            if (each.module, each.name, each.runs) not in known and (each.module, each.name, True) not in known:
                yield file.path, module, each


def _is_src(path: str) -> bool:
    return "src" in path.split("/")[:-1]
