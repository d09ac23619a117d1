"""The Python files of one tree as an index: modules under the names they are imported by, and the classes in them.

What belongs here: reading source as data. Nothing is imported and nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from orchestration_assets import import_statements
from orchestration_assets.incidents.syntax import (
    AnyFunction,
    annotated_fields,
    first_line,
    is_named_tuple,
    last_name,
    names_bound,
    own_nodes,
    top_level,
)
from resources.git.trees import Tree

MOST_FILES = 5_000
"""Python files that are searched for a class."""
LONGEST_SOURCE = 1 << 20
"""Bytes of a file that is parsed."""


@dataclass(frozen=True)
class Function:
    """A `def` and what it lies in. `owner` is the class around it, `enclosing` the function around it."""

    node: AnyFunction
    owner: ast.ClassDef | None
    enclosing: AnyFunction | None

    @property
    def decorators(self) -> frozenset[str]:
        """Last names: `property` of both `@property` and `@functools.property`."""
        return frozenset(name for each in self.node.decorator_list if (name := last_name(each)))

    @cached_property
    def binds_first(self) -> bool:
        """Whether its first parameter is the object or the class that it is called on."""
        return self.owner is not None and "staticmethod" not in self.decorators

    @property
    def parameters(self) -> list[ast.arg]:
        """All that can be given, without `self`, `*rest` and `**named`."""
        arguments = self.node.args
        places = [*arguments.posonlyargs, *arguments.args]
        return [*places[1 if self.binds_first else 0 :], *arguments.kwonlyargs]

    @property
    def is_generator(self) -> bool:
        return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in own_nodes(self.node))


@dataclass(frozen=True)
class Module:
    """`root` is the folder that has to be on the path for `name` to be found."""

    path: str
    name: str
    root: str
    text: str
    tree: ast.Module
    lines: list[str] = field(repr=False)

    @cached_property
    def functions(self) -> list[Function]:
        return list(_functions(self.tree, None, None))

    @cached_property
    def bound(self) -> dict[str, ast.stmt]:
        """Statements of the top level by the names they bind; of several, the last."""
        found: dict[str, ast.stmt] = {}
        for statement in top_level(self.tree.body):
            for name in names_bound(statement):
                found[name] = statement
        return found

    @cached_property
    def is_importable(self) -> bool:
        """Whether importing it only defines things, as opposed to a script that runs as soon as it is imported."""
        return not any(_acts(each) for each in self.tree.body)

    def function_at(self, name: str, line: int) -> Function | None:
        """The innermost `def` of that name whose lines hold `line`; for a comprehension or a lambda the `def` around it."""
        around = [each for each in self.functions if first_line(each.node) <= line <= (each.node.end_lineno or line)]
        named = around if name.startswith("<") else [each for each in around if each.node.name == name]
        return max(named, key=lambda each: each.node.lineno, default=None)


class Sources:
    """The modules of a tree, parsed when they are first asked for."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.paths = sorted(path for path in tree.paths() if path.endswith(".py"))
        self.all_paths = tree.paths()
        self._roots: dict[str, str] = {}
        self._modules: dict[str, Module | None] = {}
        self._texts: dict[str, str | None] = {}
        self._mentions: dict[str, list[str]] = {}

    def place(self, path: str, name: str) -> None:
        """Says that `path` was imported as `name`, which tells the folder it is imported from."""
        if name and name != "__main__" and (root := _root_of(path, name)) is not None:
            self._roots.setdefault(path, root)

    def text(self, path: str) -> str | None:
        if path not in self._texts:
            content = self._tree.read(path)
            try:
                text = None if content is None or len(content) > LONGEST_SOURCE else content.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = None
            self._texts[path] = text
        return self._texts[path]

    def module(self, path: str) -> Module | None:
        """None where it cannot be read or is no Python of this version."""
        if path not in self._modules:
            self._modules[path] = self._parsed(path)
        return self._modules[path]

    def named(self, name: str, near: Module) -> Module | None:
        """The module that `import name` finds from `near`."""
        for root in dict.fromkeys((near.root, *self._roots.values(), "", "src")):
            base = PurePosixPath(root, *name.split("."))
            for path in (f"{base}.py", f"{base}/__init__.py"):
                if path in self.all_paths:
                    return self.module(path)
        return None

    def resolve(self, module: Module, name: str, depth: int = 0) -> tuple[Module, ast.stmt] | None:
        """Where a global `name` of `module` is defined in the tree, through imports."""
        statement = module.bound.get(name)
        if statement is None or depth > 8:
            return None
        if not isinstance(statement, ast.ImportFrom):
            return module, statement
        origin = self.named(absolute(module, statement), module)
        original = next((each.name for each in statement.names if (each.asname or each.name) == name), name)
        return self.resolve(origin, original, depth + 1) if origin else None

    def classes(self, name: str, near: Module | None = None) -> Iterator[tuple[Module, ast.ClassDef]]:
        """Those of that name at the top level of a module: the one that `near` knows first, then those of all files."""
        seen = set()
        if near is not None and (found := self.resolve(near, name)) and isinstance(found[1], ast.ClassDef):
            seen.add(found[0].path)
            yield found[0], found[1]
        for module in self._mentioning(f"class {name}"):
            statement = module.bound.get(name)
            if module.path not in seen and isinstance(statement, ast.ClassDef):
                yield module, statement

    def defining(self, name: str) -> Iterator[tuple[Module, ast.stmt]]:
        """Functions of that name at the top level of a module."""
        for module in self._mentioning(f"def {name}("):
            if isinstance(statement := module.bound.get(name), ast.FunctionDef | ast.AsyncFunctionDef):
                yield module, statement

    def classes_with(self, fields: frozenset[str]) -> Iterator[tuple[Module, ast.ClassDef]]:
        """Named tuples that have all these fields."""
        for module in self._mentioning("NamedTuple"):
            for statement in module.bound.values():
                is_candidate = isinstance(statement, ast.ClassDef) and is_named_tuple(statement)
                if (
                    isinstance(statement, ast.ClassDef)
                    and is_candidate
                    and fields <= dict(annotated_fields(statement)).keys()
                ):
                    yield module, statement

    def _mentioning(self, text: str) -> Iterator[Module]:
        if text not in self._mentions:
            self._mentions[text] = [path for path in self.paths[:MOST_FILES] if text in (self.text(path) or "")]
        for path in self._mentions[text]:
            if module := self.module(path):
                yield module

    def _parsed(self, path: str) -> Module | None:
        text = self.text(path) if path in self.all_paths else None
        if text is None:
            return None
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        root = self._roots.get(path)
        if root is None:
            root = self._guessed_root(path)
        inside = PurePosixPath(path).relative_to(root) if root else PurePosixPath(path)
        parts = inside.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        return Module(path, name, root, text, tree, text.splitlines())

    def _guessed_root(self, path: str) -> str:
        """The first folder above that is no package; what frames told of a folder above counts more."""
        parents = ["" if str(each) == "." else str(each) for each in PurePosixPath(path).parents]
        known = [root for root in {*self._roots.values(), "src"} if root in parents]
        if known:
            return max(known, key=len)
        return next((each for each in parents if each and f"{each}/__init__.py" not in self.all_paths), "")


def absolute(module: Module, statement: ast.ImportFrom) -> str:
    """The name of the module that `from ... import` names; "" where it leads above the topmost package."""
    package = module.name if module.path.endswith("/__init__.py") else module.name.rpartition(".")[0]
    return import_statements.absolute(statement.module or "", statement.level, package) or ""


def _functions(node: ast.AST, owner: ast.ClassDef | None, enclosing: AnyFunction | None) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(child, owner, enclosing)
            yield from _functions(child, None, child)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, child, enclosing)
        else:
            yield from _functions(child, owner, enclosing)


def _acts(statement: ast.stmt) -> bool:
    """Whether a statement of the top level does more than define: a call of its own, a loop, or something read from outside."""
    match statement:
        case ast.Expr(value=ast.Call()) | ast.Expr(value=ast.Await()):
            return True
        case ast.For() | ast.While() | ast.AsyncFor() | ast.With():
            return True
        case ast.If():
            return not _is_main_guard(statement) and any(_acts(each) for each in [*statement.body, *statement.orelse])
        case ast.Assign() | ast.AnnAssign():
            return any(
                (isinstance(each, ast.Attribute) and ast.unparse(each) in {"sys.argv", "sys.stdin"})
                or (isinstance(each, ast.Call) and last_name(each) in {"parse_args", "input"})
                for each in ast.walk(statement)
            )
    return False


def _is_main_guard(statement: ast.If) -> bool:
    return "__name__" in {each.id for each in ast.walk(statement.test) if isinstance(each, ast.Name)}


def _root_of(path: str, name: str) -> str | None:
    """The folder that `name` is found from at `path`; None where the two do not fit."""
    parts = PurePosixPath(path).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    wanted = tuple(name.split("."))
    if wanted != parts[len(parts) - len(wanted) :]:
        return None
    return "/".join(parts[: len(parts) - len(wanted)])
