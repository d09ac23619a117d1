"""What the `package.json` files of a tree say: what a package exports, what it calls its own, where its workspaces are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from orchestration_assets.code.import_graph.model import Broken
from orchestration_assets.code.import_graph.tree import Tree

LARGEST_MANIFEST = 1024 * 1024
LARGEST_YAML = 64 * 1024
MAIN_FIELDS = ("module", "main", "types", "typings")
DEEPEST_TARGET = 20
"""Levels of conditions within conditions that are followed."""


@dataclass(frozen=True)
class Package:
    """A folder with a `package.json`; `folder` is its path below the root."""

    folder: str
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        name = self.manifest.get("name")
        return name if isinstance(name, str) else ""

    @property
    def exports(self) -> Any:
        return self.manifest.get("exports")

    def mains(self) -> list[str]:
        return [value for field in MAIN_FIELDS if isinstance(value := self.manifest.get(field), str) and value]

    def exported(self, subpath: str, conditions: frozenset[str]) -> list[str]:
        """What `.` or `./...` may lead to, below the package, the first that exists to be taken; empty where it is not exported."""
        exports = self.exports
        if isinstance(exports, (str, list)) or (
            isinstance(exports, dict) and not any(key.startswith(".") for key in exports)
        ):
            exports = {".": exports}
        return list(_mapped(exports, subpath, conditions)) if isinstance(exports, dict) else []

    def imported(self, name: str, conditions: frozenset[str]) -> list[str]:
        """What `#...` may lead to: a path below the package (`./...`), or another package."""
        imports = self.manifest.get("imports")
        return list(_mapped(imports, name, conditions)) if isinstance(imports, dict) else []

    @cached_property
    def linked(self) -> dict[str, str]:
        """Dependencies that are folders of the same tree, by name: their paths from this package."""
        found = {}
        for field in ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies"):
            for name, where in _items(self.manifest.get(field)):
                if isinstance(where, str) and where.startswith(("file:", "link:", "portal:")):
                    found[name] = where.partition(":")[2]
        return found


class Packages:
    """All packages of a tree, each read when it is first asked for."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._at: dict[str, Package | None] = {}
        self._around: dict[str, Package | None] = {}
        self.broken: list[Broken] = []

    def at(self, folder: str) -> Package | None:
        """The package whose folder this is."""
        if folder not in self._at:
            self._at[folder] = self._read(folder)
        return self._at[folder]

    def around(self, folder: str) -> Package | None:
        """The package that a folder belongs to."""
        if folder not in self._around:
            own = self.at(folder)
            self._around[folder] = own or (self.around(folder.rpartition("/")[0]) if folder else None)
        return self._around[folder]

    @cached_property
    def workspaces(self) -> dict[str, str]:
        """The folders of the packages that workspaces list, by the packages' names."""
        manifests = sorted(
            path for path in self._tree.files if path == "package.json" or path.endswith("/package.json")
        )
        folders = [path.rpartition("/")[0] for path in manifests]
        found: dict[str, str] = {}
        for folder in folders:
            patterns = self._patterns(folder)
            wanted = [_parts(pattern) for pattern in patterns if not pattern.startswith("!")]
            unwanted = [_parts(pattern[1:]) for pattern in patterns if pattern.startswith("!")]
            start = f"{folder}/" if folder else ""
            for other in folders if wanted else ():
                if other == folder or not other.startswith(start):
                    continue
                below = other[len(start) :].split("/")
                listed = any(_matches(each, below) for each in wanted)
                package = self.at(other) if listed and not any(_matches(each, below) for each in unwanted) else None
                if package is not None and package.name:
                    found.setdefault(package.name, other)
        return found

    def _patterns(self, folder: str) -> list[str]:
        package = self.at(folder)
        listed = package.manifest.get("workspaces") if package else None
        if isinstance(listed, dict):
            listed = listed.get("packages")
        start = f"{folder}/" if folder else ""
        if not isinstance(listed, list) and f"{start}pnpm-workspace.yaml" in self._tree.files:
            listed = self._yaml(f"{start}pnpm-workspace.yaml").get("packages")
        if not isinstance(listed, list) and f"{start}lerna.json" in self._tree.files:
            listed = self._json(f"{start}lerna.json").get("packages")
        return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []

    def _read(self, folder: str) -> Package | None:
        path = f"{folder}/package.json" if folder else "package.json"
        return Package(folder, self._json(path)) if path in self._tree.files else None

    def _json(self, path: str) -> Mapping[str, Any]:
        try:
            value = json.loads(self._tree.read(path, LARGEST_MANIFEST).decode("utf-8-sig"))
        except OSError as error:
            return self._report(path, f"cannot be read: {error.strerror}")
        except (ValueError, RecursionError):
            return self._report(path, "is no JSON, so what it says of the package is not known")
        return value if isinstance(value, dict) else self._report(path, "holds no JSON object")

    def _yaml(self, path: str) -> Mapping[str, Any]:
        import yaml

        try:
            value = yaml.safe_load(self._tree.read(path, LARGEST_YAML).decode())
        except OSError as error:
            return self._report(path, f"cannot be read: {error.strerror}")
        except (ValueError, RecursionError, yaml.YAMLError):
            return self._report(path, "is no YAML, so its workspaces are not known")
        return value if isinstance(value, dict) else {}

    def _report(self, path: str, sentence: str) -> Mapping[str, Any]:
        self.broken.append(Broken(path, sentence))
        return {}


def _mapped(table: Mapping[str, Any], key: str, conditions: frozenset[str]) -> Iterator[str]:
    """Node's rules: the exact key, else the pattern with the longest beginning; `null` forbids."""
    if key in table and "*" not in key and not key.endswith("/"):
        yield from _targets(table[key], "", conditions, 0)
        return
    best: tuple[int, int, str] | None = None
    for pattern in table:
        before, star, after = pattern.partition("*")
        if not star and pattern.endswith("/"):
            # Folders, which Node took until 17.
            before, after = pattern, ""
        elif not star or "*" in after:
            continue
        if (
            key.startswith(before)
            and len(key) > len(before)
            and key.endswith(after)
            and len(key) >= len(before) + len(after)
        ):
            rank = (len(before), len(pattern), pattern)
            best = rank if best is None or rank > best else best
    if best is not None:
        pattern = best[2]
        after = pattern.partition("*")[2]
        matched = key[best[0] : len(key) - len(after)]
        yield from _targets(table[pattern], matched if "*" in pattern else f"/{matched}", conditions, 0)


def _targets(target: Any, matched: str, conditions: frozenset[str], depth: int) -> Iterator[str]:
    if depth > DEEPEST_TARGET:
        return
    if isinstance(target, str):
        yield target.rstrip("/") + matched if matched.startswith("/") else target.replace("*", matched)
    elif isinstance(target, list):
        for each in target:
            yield from _targets(each, matched, conditions, depth + 1)
    elif isinstance(target, dict):
        for condition, value in target.items():
            if condition in conditions:
                found = list(_targets(value, matched, conditions, depth + 1))
                # `null` under a condition that holds forbids what follows.
                if found or value is None:
                    yield from found
                    return


def _items(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _parts(pattern: str) -> list[str]:
    return [part for part in pattern.split("/") if part not in ("", ".")]


def _matches(pattern: list[str], parts: list[str]) -> bool:
    """Whether a folder's parts are what a glob says, `**` being any number of them; in time that is the product of both, at most."""
    reached = {0}
    for part in parts:
        following = set()
        for place in _past_stars(pattern, reached):
            if place < len(pattern) and pattern[place] == "**":
                following.add(place)
            elif place < len(pattern) and fnmatchcase(part, pattern[place]):
                following.add(place + 1)
        reached = following
    return len(pattern) in _past_stars(pattern, reached)


def _past_stars(pattern: list[str], places: set[int]) -> set[int]:
    found = set(places)
    for place in sorted(places):
        while place < len(pattern) and pattern[place] == "**":
            place += 1  # noqa: PLW2901
            found.add(place)
    return found
