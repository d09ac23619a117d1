"""What a change asks of packages: which come, go or change, and whether manifest and lock file agree.

What belongs here: comparing two manifests, or two lock files. What the packages hold, nobody here knows.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orchestration_assets.reviews.change import Change
from orchestration_assets.reviews.model import DependencyChange, Finding
from orchestration_assets.reviews.rules import finding
from orchestration_assets.worklogs.touched import area_of, is_lock
from resources.git import ChangedFile

MOST = 100
"""Changes of a review; a lock file made again may hold thousands."""

Packages = Mapping[str, str]
"""Name to what is asked for; "" for any version."""

_LOCKS: Mapping[str, tuple[str, ...]] = {
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock", "requirements.lock", "pylock.toml"),
    "pipfile": ("pipfile.lock",),
    "package.json": ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
    "cargo.toml": ("cargo.lock",),
    "go.mod": ("go.sum",),
    "composer.json": ("composer.lock",),
    "gemfile": ("gemfile.lock",),
    "requirements.in": ("requirements.txt",),
}
_REQUIREMENTS = re.compile(
    r"(?:^|/)(?:[\w-]+[-_.])?requirements(?:[-_.][\w.-]+)?\.(?:txt|in|lock)$|(?:^|/)requirements/[^/]+\.(?:txt|in)$"
)
_REQUIREMENT = re.compile(
    r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*((?:[<>=!~]=?|===|@|\()[^;#\\]*)?(?:[;#\\].*)?$"
)
_LOCKED_TOML = re.compile(r'^name = "([^"]+)"\r?\nversion = "([^"]+)"', re.MULTILINE)
_GO = re.compile(r"^\s*(?:require\s+)?((?:[\w-]+\.)+[\w-]+/[\w./~-]+)\s+(v\S+)(?!.*// indirect)", re.MULTILINE)
_GEM = re.compile(r"""^\s*gem\s+["']([\w-]+)["'](?:\s*,\s*["']([^"']+)["'])?""", re.MULTILINE)
_ABOUT_UPDATES = re.compile(
    r"\b(?:bump|upgrade|updat|deps?\b|dependenc|lock|renovate|security|vulnerab|cve|audit|pin)", re.IGNORECASE
)
_TABLES = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")


def dependency_changes(change: Change) -> list[DependencyChange]:
    """By manifest and name. What a lock file says is told only where no manifest of its folder changed."""
    found: list[DependencyChange] = []
    for file in change.files:
        read = _reader(file.path)
        if read is None or (is_lock(file.path) and _manifest_changed(change, file.path)):
            continue
        before, after = _both(change, file, read)
        found += [
            DependencyChange(path=file.path, name=name, before=before.get(name), after=after.get(name))
            for name in sorted({*before, *after}, key=str.lower)
            if before.get(name) != after.get(name)
        ]
    return found[:MOST]


def dependency_findings(change: Change) -> Iterator[Finding]:
    """A manifest that cannot be read asks for nothing."""
    changed = {file.path for file in change.files}
    for file in change.files:
        name = file.path.rpartition("/")[2].lower()
        if file.status != "deleted" and name in _LOCKS and not is_lock(file.path):
            yield from _without_lock(change, file, changed)
        elif file.status == "modified" and is_lock(file.path):
            yield from _without_manifest(change, file)


def _without_lock(change: Change, file: ChangedFile, changed: set[str]) -> Iterator[Finding]:
    lock = _lock_of(change, file.path)
    read = _reader(file.path)
    if lock is None or lock in changed or read is None:
        return
    before, after = _both(change, file, read)
    known = _normalised(_raw(change, lock))
    own = {
        _normalised(path.rpartition("/")[0].rpartition("/")[2])
        for path in change.paths
        if path.endswith(_name_of(file))
    }
    missing = [
        name
        for name in after
        if name not in before and _normalised(name) not in known and _normalised(name) not in own and name != "python"
    ]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing[:3]) + (
            f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        )
        line = next((each for each in file.lines if each.sign == "+" and missing[0] in each.text), None)
        yield finding("lock-not-updated", file.path, line.new if line else None, line.text if line else "", listed)


def _without_manifest(change: Change, file: ChangedFile) -> Iterator[Finding]:
    if _manifest_changed(change, file.path) or _ABOUT_UPDATES.search(change.title):
        return
    if not any(area_of(each.path) == "code" for each in change.files):
        return
    read = _reader(file.path)
    if read is None:
        return
    before, after = _both(change, file, read)
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    if names:
        listed = ", ".join(f"`{name}`" for name in names[:3]) + (
            f" and {len(names) - 3} more" if len(names) > 3 else ""
        )
        yield finding("lock-without-manifest", file.path, named=listed)


def _name_of(file: ChangedFile) -> str:
    return file.path.rpartition("/")[2]


def _both(change: Change, file: ChangedFile, read: Callable[[str], Packages]) -> tuple[Packages, Packages]:
    """What a manifest or lock file asks for before and after, whatever its length."""
    before = "" if file.status == "added" else _raw(change, file.old_path or file.path, after=False)
    after = "" if file.status == "deleted" else _raw(change, file.path)
    return _packages(read, before), _packages(read, after)


def _raw(change: Change, path: str, *, after: bool = True) -> str:
    return ((change.head if after else change.base).read(path) or b"").decode(errors="replace")


def _lock_of(change: Change, manifest: str) -> str | None:
    """The lock file of a manifest: beside it or above, as workspaces have it."""
    folder, _, name = manifest.rpartition("/")
    wanted = _LOCKS[name.lower()]
    beside: dict[str, dict[str, str]] = {}
    for path in change.paths:
        other, _, own = path.rpartition("/")
        if own.lower() in wanted:
            beside.setdefault(other, {})[own.lower()] = path
    while True:
        for lock in wanted:
            if lock in beside.get(folder, {}):
                return beside[folder][lock]
        if not folder:
            return None
        folder = folder.rpartition("/")[0]


def _manifest_changed(change: Change, lock: str) -> bool:
    """Whether a manifest that the lock file is for changed too: beside it or below."""
    folder, _, name = lock.rpartition("/")
    manifests = {manifest for manifest, locks in _LOCKS.items() if name.lower() in locks}
    if not manifests:
        manifests = {"pyproject.toml", "setup.py", "setup.cfg", "requirements.in"}
    return any(
        _name_of(file).lower() in manifests and file.path.startswith(f"{folder}/" if folder else "")
        for file in change.files
    )


def _packages(read: Callable[[str], Packages], text: str) -> Packages:
    try:
        return read(text) if text else {}
    except (ValueError, TypeError, AttributeError, RecursionError):  # no JSON, no TOML, or of another shape
        return {}


def _reader(path: str) -> Callable[[str], Packages] | None:
    name = path.rpartition("/")[2].lower()
    if name in _READERS:
        return _READERS[name]
    return _requirements if _REQUIREMENTS.search(path.lower()) else None


def _pyproject(text: str) -> Packages:
    table = tomllib.loads(text)
    project = table.get("project", {})
    listed: list[object] = [*project.get("dependencies", [])]
    for group in [*project.get("optional-dependencies", {}).values(), *table.get("dependency-groups", {}).values()]:
        listed += group
    found = _of_requirements(each for each in listed if isinstance(each, str))
    poetry = table.get("tool", {}).get("poetry", {})
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    tables += [group.get("dependencies", {}) for group in poetry.get("group", {}).values()]
    return found | {name: _version(asked) for each in tables for name, asked in each.items()}


def _pipfile(text: str) -> Packages:
    table = tomllib.loads(text)
    return {name: _version(asked) for key in ("packages", "dev-packages") for name, asked in table.get(key, {}).items()}


def _cargo(text: str) -> Packages:
    table = tomllib.loads(text)
    parts = [table, table.get("workspace", {}), *table.get("target", {}).values()]
    keys = ("dependencies", "dev-dependencies", "build-dependencies")
    return {name: _version(asked) for part in parts for key in keys for name, asked in part.get(key, {}).items()}


def _package_json(text: str) -> Packages:
    table = json.loads(text)
    return {name: str(asked) for key in _TABLES for name, asked in table.get(key, {}).items()}


def _composer(text: str) -> Packages:
    table = json.loads(text)
    return {name: str(asked) for key in ("require", "require-dev") for name, asked in table.get(key, {}).items()}


def _requirements(text: str) -> Packages:
    return _of_requirements(text.splitlines())


def _of_requirements(lines: Any) -> dict[str, str]:
    found = {}
    for line in lines:
        if (match := _REQUIREMENT.match(line)) is not None:
            found[match[1].lower().replace("_", "-")] = (match[2] or "").strip()
    return found


def _package_lock(text: str) -> Packages:
    table = json.loads(text)
    return {
        path.rpartition("node_modules/")[2]: str(each.get("version", ""))
        for path, each in table.get("packages", {}).items()
        if path.startswith("node_modules/")
    }


def _locked_toml(text: str) -> Packages:
    return dict(_LOCKED_TOML.findall(text))


def _pairs(pattern: re.Pattern[str]) -> Callable[[str], Packages]:
    return lambda text: dict(pattern.findall(text))


def _version(asked: object) -> str:
    if isinstance(asked, dict):
        return str(asked.get("version") or asked.get("rev") or asked.get("branch") or asked.get("path") or "")
    return str(asked)


def _normalised(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text.lower())


_READERS: Mapping[str, Callable[[str], Packages]] = {
    "pyproject.toml": _pyproject,
    "pipfile": _pipfile,
    "cargo.toml": _cargo,
    "package.json": _package_json,
    "composer.json": _composer,
    "go.mod": _pairs(_GO),
    "gemfile": _pairs(_GEM),
    "uv.lock": _locked_toml,
    "poetry.lock": _locked_toml,
    "pdm.lock": _locked_toml,
    "cargo.lock": _locked_toml,
    "package-lock.json": _package_lock,
}
