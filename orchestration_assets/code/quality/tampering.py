"""Code that reaches for what decides about it: the machinery of the tests, the interpreter's hooks, the process itself.

What belongs here: names that ordinary code of a project has no use for, looked up in syntax trees. It is no fence, since a name can be made up while
the code runs: the sandbox is the fence, and tests of our own that must fail find out whoever changes what tests say. It tells what was tried, and
where, before that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from orchestration_assets.code.quality.files import CONFIGURING, Sources, supports_tests
from orchestration_assets.code.quality.model import Reason

_MODULES = frozenset({"_pytest", "pluggy", "coverage", "ctypes", "_ctypes", "sitecustomize", "usercustomize"})
_ATTRIBUTES = frozenset(
    (
        *("os._exit", "os.abort", "os.getppid", "os.killpg", "gc.get_objects", "gc.get_referrers", "sys.settrace"),
        *("sys.setprofile", "threading.settrace", "threading.setprofile", "sys.addaudithook", "sys._getframe"),
        *(
            "sys.meta_path",
            "sys.path_hooks",
            "sys.path_importer_cache",
            "pytest.hookimpl",
            "pytest.hookspec",
            "pytest.main",
        ),
    )
)
_RUNNERS = frozenset({"pytest", "_pytest", "unittest", "builtins", "pluggy", "coverage"})
_NAMES = frozenset({"pytest_plugins", "collect_ignore", "collect_ignore_glob", "AssertionError", "__builtins__"})


def tampering(sources: Sources, trees: Mapping[str, ast.Module]) -> Iterator[Reason]:
    """Each thing found, in one sentence with file and line."""
    for path in sorted(sources):
        if PurePosixPath(path).name.lower() in CONFIGURING:
            yield _reason(
                path, 0, "changes how tests are run, and is not read: put fixtures into the files that use them"
            )
    for path, tree in trees.items():
        for line, what in sorted(set(_found(tree, path))):
            yield _reason(path, line, what)


def _reason(path: str, line: int, what: str) -> Reason:
    where = f"{path}, line {line}," if line else path
    return Reason(kind="tampering", sentence=f"{where} {what}.", path=path, line=line)


def _found(tree: ast.Module, path: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    if alias.name.partition(".")[0] in _MODULES:
                        yield node.lineno, f"imports {alias.name}, which reaches into the interpreter or its tests"
            case ast.ImportFrom(module=str() as module, names=aliases, level=0):
                for alias in aliases:
                    taken = f"{module}.{alias.name}"
                    if module.partition(".")[0] in _MODULES or taken in _ATTRIBUTES:
                        yield node.lineno, f"imports {taken}, which reaches into the interpreter or its tests"
            case ast.Attribute():
                name = _dotted(node)
                if name in _ATTRIBUTES:
                    yield node.lineno, f"uses {name}, which reaches into the interpreter or its tests"
                elif isinstance(node.ctx, ast.Store | ast.Del) and name.partition(".")[0] in _RUNNERS:
                    yield node.lineno, f"changes {name}, which decides what tests say"
                elif name in ("request.config", "request.session") and supports_tests(path):
                    yield node.lineno, f"uses {name}, which reaches into pytest"
            case ast.Call(func=function, args=[target, *_]) if _dotted(function).rpartition(".")[2] in (
                "setattr",
                "delattr",
            ):
                whole = str(target.value) if isinstance(target, ast.Constant) else _dotted(target)
                is_plain = _dotted(function) in ("setattr", "delattr")
                top = whole.partition(".")[0]
                # A fixture's `monkeypatch.setattr("builtins.input", ...)` is undone, and how input is tested.
                if top in _RUNNERS and (is_plain or top != "builtins"):
                    yield node.lineno, f"changes {whole}, which decides what tests say"
            case ast.Subscript(value=value, slice=ast.Constant(value=str() as key), ctx=ast.Store() | ast.Del()):
                if _dotted(value) == "sys.modules" and key.partition(".")[0] in _RUNNERS:
                    yield node.lineno, f"replaces the module {key}, which decides what tests say"
            case ast.Constant(value=str() as text) if "/proc/" in text and (
                "self" in text or "fd" in text or "mem" in text
            ):
                yield node.lineno, f"names {text[:60]!r}, by which a process reaches into itself or others"
            case ast.FunctionDef(name=name) if name.startswith("pytest_"):
                yield node.lineno, f"defines {name}, by which pytest would be told what to do"
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name in _NAMES:
                yield node.lineno, f"sets {name}, which changes what tests say"
            case ast.ClassDef(name="AssertionError"):
                yield node.lineno, "defines another AssertionError, which changes what tests say"


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted(value)}.{attr}"
    return ""
