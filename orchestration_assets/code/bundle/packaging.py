"""Packaging: the `pyproject.toml` of a project that has none, so that pip can install it and pytest finds its tests.

What belongs here: what the files say of packages, modules and data, and the text made of it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from orchestration_assets.code.model import Plan
from orchestration_assets.code.quality.classifying import one_line
from orchestration_assets.code.quality.files import Sources, parsed, supports_tests

NAME = "pyproject.toml"
_ENTRIES = ("__main__", "cli", "command", "main")
"""Modules whose `main` is the program, the likeliest first."""


def packaged(project: str, version: str, plan: Plan, sources: Sources) -> dict[str, bytes]:
    """The files with a `pyproject.toml`: the project's own, else one made from the plan and the files."""
    if NAME in sources:
        return dict(sources)
    return {**sources, NAME: pyproject(project, version, plan, sources).encode()}


def pyproject(project: str, version: str, plan: Plan, sources: Sources) -> str:
    """The text. Tests and what is beside them in `tests` are not installed."""
    root = "src/" if any(path.startswith("src/") and path.endswith(".py") for path in sources) else ""
    installed = {
        path.removeprefix(root): data
        for path, data in sorted(sources.items())
        if path.startswith(root) and not supports_tests(path)
    }
    packages = sorted({_folder(path) for path in installed if path.endswith(".py") and _is_package(_folder(path))})
    modules = [path[:-3] for path in installed if "/" not in path and path.endswith(".py")]
    lines = [
        *("[build-system]", 'requires = ["setuptools>=61"]', 'build-backend = "setuptools.build_meta"', ""),
        *("[project]", f"name = {_text(project)}", f"version = {_text(version)}"),
        f"description = {_text(one_line(plan.summary))}",
        'requires-python = ">=3.11"',
        f"dependencies = {_list(sorted(plan.libraries))}",
    ]
    if entry := _entry(installed):
        lines += ["", "[project.scripts]", f"{_text(project)} = {_text(entry)}"]
    lines += ["", "[tool.setuptools]", f"packages = {_list(package.replace('/', '.') for package in packages)}"]
    lines.append(f"py-modules = {_list(modules)}")
    if root:
        lines.append('package-dir = { "" = "src" }')
    if data := _data(installed, packages):
        lines += ["", "[tool.setuptools.package-data]"]
        lines += [f"{_text(package.replace('/', '.'))} = {_list(names)}" for package, names in sorted(data.items())]
    lines += [
        "",
        "[tool.pytest.ini_options]",
        'addopts = "--import-mode=importlib"',
        f"pythonpath = {_list(['.', *(['src'] if root else [])])}",
    ]
    return "\n".join(lines) + "\n"


def _data(installed: Mapping[str, bytes], packages: Iterable[str]) -> dict[str, list[str]]:
    """Files that are no code, by the nearest package above them."""
    found: dict[str, list[str]] = {}
    by_depth = sorted(packages, key=lambda package: -package.count("/"))
    for path in installed:
        package = next((each for each in by_depth if path.startswith(f"{each}/")), None)
        if package is not None and not path.endswith(".py"):
            found.setdefault(package, []).append(path.removeprefix(f"{package}/"))
    return found


def _entry(installed: Mapping[str, bytes]) -> str:
    """The function that is the program, as `package.module:main`; "" for a library."""
    for stem in _ENTRIES:
        for path, data in installed.items():
            pure = PurePosixPath(path)
            if pure.stem == stem and pure.suffix == ".py" and (not pure.parent.parts or _is_package(_folder(path))):
                tree = parsed(path, data)
                if isinstance(tree, ast.Module) and any(map(_is_main, tree.body)):
                    return ".".join([*pure.parent.parts, stem]) + ":main"
    return ""


def _is_main(node: ast.stmt) -> bool:
    """`main`, which can be called with nothing."""
    if not isinstance(node, ast.FunctionDef) or node.name != "main":
        return False
    given = node.args
    required = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    return required == 0 and None not in given.kw_defaults


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _is_package(folder: str) -> bool:
    return folder != "." and all(part.isidentifier() for part in folder.split("/"))


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """A string of TOML; on one line and printable, JSON writes the same."""
    return json.dumps("".join(each for each in text if each.isprintable()), ensure_ascii=False)
