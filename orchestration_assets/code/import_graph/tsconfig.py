"""What `tsconfig.json` and `jsconfig.json` files say about where an import leads: `baseUrl` and `paths`, with all that they extend."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration_assets.code.import_graph.model import Broken
from orchestration_assets.code.import_graph.tree import Tree

CONFIG_NAMES = ("tsconfig.json", "jsconfig.json")
LARGEST_CONFIG = 1024 * 1024
DEEPEST_EXTENDS = 20
MOST_FILES = 100
"""Configurations that one is put together from at most, so that arrays that extend arrays come to an end."""

# What is not closed ends with the text: looked for again from each of its quotes, it would take the square of its length.
_STRING = r'("(?:\\.|[^"\\])*(?:"|$))'
_COMMENTS = re.compile(_STRING + r"|//[^\n]*|/\*.*?(?:\*/|$)", re.DOTALL)
_TRAILING_COMMAS = re.compile(_STRING + r"|,(?=\s*[}\]])", re.DOTALL)


@dataclass(frozen=True)
class PathMapping:
    """`base` is the folder that every bare name may be below, where there is one; `paths` are patterns, the targets already below the root."""

    base: str | None = None
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def targets(self, name: str) -> tuple[str, ...]:
        """Where `paths` say that a name may be: those of the exact pattern, else of the one with the longest beginning."""
        best: tuple[int, str, tuple[str, ...]] | None = None
        for pattern, targets in self.paths:
            before, star, after = pattern.partition("*")
            if not star:
                if pattern == name:
                    return targets
                continue
            fits = name.startswith(before) and name.endswith(after) and len(name) >= len(before) + len(after)
            if fits and (best is None or len(before) > best[0]):
                matched = name[len(before) : len(name) - len(after)]
                best = (len(before), pattern, tuple(target.replace("*", matched, 1) for target in targets))
        return best[2] if best else ()

    def is_mapped(self, name: str) -> bool:
        """Whether a pattern that says more than `*` is about the name, so that it ought to be found."""
        return any(
            name == pattern if "*" not in pattern else len(pattern) > 1 and name.startswith(pattern.partition("*")[0])
            for pattern, _ in self.paths
            if not pattern.startswith("*")
        )


class TypeScriptConfigs:
    """Every configuration of a tree, read when it is first asked for."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._for: dict[str, PathMapping] = {}
        self.broken: list[Broken] = []

    def mapping(self, folder: str) -> PathMapping:
        """Of the nearest configuration at or above a folder."""
        known = self._for.get(folder)
        if known is None:
            start = f"{folder}/" if folder else ""
            path = next((start + name for name in CONFIG_NAMES if start + name in self._tree.files), None)
            if path is not None:
                known = self._mapping_of(path)
            elif folder:
                known = self.mapping(folder.rpartition("/")[0])
            else:
                known = PathMapping()
            self._for[folder] = known
        return known

    def _mapping_of(self, path: str) -> PathMapping:
        folder = path.rpartition("/")[0]
        options = self._options(path, folder, 0, set())
        if not options:
            # A solution names the projects that it consists of, and these hold the paths.
            for reference in _list(self._read(path).get("references")):
                named = reference.get("path") if isinstance(reference, dict) else None
                target = self._file(_join(folder, named)) if isinstance(named, str) else None
                if target is not None and (options := self._options(target, target.rpartition("/")[0], 0, set())):
                    break
        base = options.get("baseUrl")
        start = options.get("paths_folder", "") if base is None else base
        return PathMapping(
            base,
            tuple(
                (
                    pattern,
                    tuple(below for target in _list(targets) if (below := _placed(start, folder, target)) is not None),
                )
                for pattern, targets in options.get("paths", {}).items()
            ),
        )

    def _options(self, path: str, project: str, depth: int, seen: set[str]) -> dict[str, Any]:
        """`baseUrl` below the root, `paths` as written and the folder they were written in; what is nearer goes before what it extends, and
        of these the last before the first."""
        if path in seen or depth > DEEPEST_EXTENDS or len(seen) > MOST_FILES:
            return {}
        seen.add(path)
        config = self._read(path)
        folder = path.rpartition("/")[0]
        options: dict[str, Any] = {}
        extended = config.get("extends")
        for name in [extended] if isinstance(extended, str) else _list(extended):
            target = self._extended(folder, name) if isinstance(name, str) else None
            if target is not None:
                options.update(self._options(target, project, depth + 1, seen))
        own = config.get("compilerOptions")
        if isinstance(own, dict) and isinstance(own.get("baseUrl"), str):
            options["baseUrl"] = _placed(folder, project, own["baseUrl"])
        if isinstance(own, dict) and isinstance(own.get("paths"), dict):
            options.update(paths=own["paths"], paths_folder=folder)
        return options

    def _extended(self, folder: str, name: str) -> str | None:
        if name.startswith(("./", "../")) or name in (".", ".."):
            path = _join(folder, name)
            return self._file(path) if path is not None else None
        if name.startswith("/"):
            return None
        # A package: installed packages are not listed, except those that are folders of this tree.
        while True:
            path = self._tree.real(f"{folder}/node_modules/{name}" if folder else f"node_modules/{name}")
            found = self._file(path)
            if found is not None or not folder:
                return found
            folder = folder.rpartition("/")[0]

    def _file(self, path: str | None) -> str | None:
        if path is None:
            return None
        start = f"{path}/" if path else ""
        for candidate in (path, f"{path}.json", f"{start}tsconfig.json"):
            if candidate in self._tree.files:
                return candidate
        return None

    def _read(self, path: str) -> Mapping[str, Any]:
        try:
            text = self._tree.read(path, LARGEST_CONFIG).decode("utf-8-sig")
            value = json.loads(_TRAILING_COMMAS.sub(_kept, _COMMENTS.sub(_kept, text)), strict=False)
        except OSError as error:
            sentence = f"cannot be read: {error.strerror}"
        except (ValueError, RecursionError):
            sentence = "is no JSON with comments, so its paths are not known"
        else:
            if isinstance(value, dict):
                return value
            sentence = "holds no JSON object, so its paths are not known"
        if all(each.file != path for each in self.broken):
            self.broken.append(Broken(path, sentence))
        return {}


def _kept(match: re.Match[str]) -> str:
    return match[1] or ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _join(folder: str, path: str) -> str | None:
    """A path below the root, or None where it leads out."""
    if path.startswith("/"):
        return None
    joined = posixpath.normpath(posixpath.join(folder, path))
    if joined == ".." or joined.startswith("../"):
        return None
    return "" if joined == "." else joined


def _placed(folder: str, project: str, path: object) -> str | None:
    """A path that a configuration names, below the root; `${configDir}` is the folder of the project that extends it."""
    if not isinstance(path, str):
        return None
    below = path.removeprefix("${configDir}")
    return _join(project, "./" + below) if below != path else _join(folder, path)
