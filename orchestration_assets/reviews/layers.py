"""Imports that go against what a repository says of its own layers, in the words of import-linter.

What belongs here: reading such contracts as data, and judging the imports that a change brings, each by itself. A chain that leads through other
modules is import-linter's own to find. Nothing of the repository is loaded.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.cycles import line_at
from orchestration_assets.reviews.imports import Modules, new_imports
from orchestration_assets.reviews.model import Finding
from orchestration_assets.reviews.rules import finding

_PARTS = re.compile(r"\s*([|:])\s*")
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Contract:
    """`layers` or `forbidden`, with the values of its keys as lists of texts."""

    name: str
    kind: str
    values: Mapping[str, tuple[str, ...]]

    def listed(self, key: str) -> tuple[str, ...]:
        return self.values.get(key, ())


def layer_findings(change: Change) -> Iterator[Finding]:
    contracts, without_types = declared(change)
    if not contracts:
        return
    modules = Modules(change.paths)
    for path, module, each in new_imports(change, modules):
        if each.typing_only and without_types:
            continue
        target = modules.target(each)
        for contract in contracts:
            if _is_broken(contract, module, target):
                told = f"“{contract.name[:_LONGEST_NAME]}” keeps `{module}` from importing `{target}`"
                yield finding("layer-crossed", path, each.line, line_at(change, path, each.line), told)
                break


def declared(change: Change) -> tuple[list[Contract], bool]:
    """The contracts of the repository after the change, and whether imports for type checkers alone are free."""
    for name in ("pyproject.toml", ".importlinter", "setup.cfg"):
        text = change.text(name) if name in change.paths else None
        if text is None:
            continue
        found = _of_toml(text) if name.endswith(".toml") else _of_ini(text)
        if found is not None:
            return found
    return [], False


def _of_toml(text: str) -> tuple[list[Contract], bool] | None:
    try:
        table: Any = tomllib.loads(text).get("tool", {}).get("importlinter")
    except (tomllib.TOMLDecodeError, AttributeError, RecursionError):
        return None
    if not isinstance(table, dict):
        return None
    listed = table.get("contracts")
    contracts = [
        Contract(
            str(each.get("name", "a contract")),
            str(each.get("type", "")),
            {key: _values(value) for key, value in each.items()},
        )
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict)
    ]
    return contracts, table.get("exclude_type_checking_imports") in (True, "true", "True")


def _of_ini(text: str) -> tuple[list[Contract], bool] | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    if not parser.has_section("importlinter"):
        return None
    contracts = [
        Contract(
            section.get("name", "a contract"),
            section.get("type", ""),
            {key: tuple(line.strip() for line in value.splitlines() if line.strip()) for key, value in section.items()},
        )
        for name, section in parser.items()
        if name.startswith("importlinter:contract:")
    ]
    return contracts, parser["importlinter"].get("exclude_type_checking_imports", "").lower() == "true"


def _values(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(each) for each in value)
    return tuple(line.strip() for line in str(value).splitlines() if line.strip())


def _is_broken(contract: Contract, importer: str, imported: str) -> bool:
    for ignored in contract.listed("ignore_imports"):
        left, arrow, right = ignored.partition("->")
        if arrow and _matches(left.strip(), importer) and _matches(right.strip(), imported):
            return False
    match contract.kind:
        case "layers":
            containers = contract.listed("containers") or ("",)
            return any(_goes_up(contract.listed("layers"), container, importer, imported) for container in containers)
        case "forbidden":
            return any(_is_below(importer, source) for source in contract.listed("source_modules")) and any(
                _is_below(imported, target) for target in contract.listed("forbidden_modules")
            )
    return False


def _goes_up(layers: tuple[str, ...], container: str, importer: str, imported: str) -> bool:
    """Whether the importer lies in a lower layer than what it imports, or beside it where neighbours may not know each other."""
    places: dict[str, tuple[int, int, str]] = {}
    for depth, layer in enumerate(layers):
        names = _PARTS.split(layer.strip())
        mark = names[1] if len(names) > 1 else ""
        for position, name in enumerate(names[::2]):
            bare = name.strip().strip("()")
            places[f"{container}.{bare}" if container else bare] = (depth, position, mark)
    own, other = (_place(places, module) for module in (importer, imported))
    if own is None or other is None:
        return False
    return own[0] > other[0] or (own[0] == other[0] and own[1] != other[1] and own[2] == "|")


def _place(places: Mapping[str, tuple[int, int, str]], module: str) -> tuple[int, int, str] | None:
    below = [name for name in places if _is_below(module, name)]
    return places[max(below, key=len)] if below else None


def _is_below(module: str, name: str) -> bool:
    if "*" in name:
        return _matches(name, module) or _matches(f"{name}.**", module)
    return module == name or module.startswith(f"{name}.")


def _matches(pattern: str, module: str) -> bool:
    """`*` stands for one part of a name, `**` for several."""
    parts = (r".+" if part == "**" else r"[^.]+" if part == "*" else re.escape(part) for part in pattern.split("."))
    return re.fullmatch(r"\.".join(parts), module) is not None
