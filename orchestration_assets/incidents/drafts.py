"""A test while it is being written: what it imports, what it does before the call, and which names are taken.

What belongs here: bookkeeping of names, so that nothing shadows what it needs.
"""

from __future__ import annotations

import ast
import builtins
import keyword
from dataclasses import dataclass, field

from orchestration_assets.incidents.reprs import Unrebuildable
from orchestration_assets.incidents.sources import Module, Sources

_TAKEN = frozenset(dir(builtins)) | {"monkeypatch", "tmp_path", "pytest"}
LONGEST_INLINE = 48
"""Characters of a value that stays where it is used."""


@dataclass
class Draft:
    """`imports`: by the name that is bound, the module and what is taken from it ("" for the module itself)."""

    sources: Sources
    near: Module
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    statements: list[ast.stmt] = field(default_factory=list)
    roots: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=lambda: set(_TAKEN))

    def use(self, module: str, name: str) -> ast.expr:
        """The expression for a name of a module; of the module "" for what is built in. Raises Unrebuildable."""
        if not module:
            return ast.Name(name)
        self._reach(module)
        return ast.Name(self._bound(name, (module, name)))

    def use_module(self, module: str) -> ast.expr:
        """The expression for a module. Raises Unrebuildable."""
        self._reach(module)
        first, *rest = module.split(".")
        made: ast.expr = ast.Name(self._bound(first, (module, "")))
        for each in rest:
            made = ast.Attribute(made, each)
        return made

    def local(self, wanted: str) -> str:
        """A name that nothing else has, as near to `wanted` as can be."""
        name = wanted if wanted.isidentifier() and not keyword.iskeyword(wanted) else "value"
        while name in self.taken or name in self.imports:
            name += "_"
        self.taken.add(name)
        return name

    def keep(self, wanted: str, value: ast.expr) -> ast.expr:
        """The value where it is short and stays the same; else a local variable that holds it."""
        if isinstance(value, ast.Name):
            return value
        if isinstance(value, ast.Constant) and len(ast.unparse(value)) <= LONGEST_INLINE:
            return value
        name = self.local(wanted)
        self.statements.append(ast.Assign([ast.Name(name)], value))
        return ast.Name(name)

    def _reach(self, module: str) -> None:
        found = self.sources.named(module, self.near)
        if found is None:
            return
        if not found.is_importable:
            raise Unrebuildable(f"{found.path} runs as soon as it is imported")
        self.roots.add(found.root)

    def _bound(self, wanted: str, what: tuple[str, str]) -> str:
        for name, bound in self.imports.items():
            if bound == what:
                return name
        name = self.local(wanted)
        if not what[1] and name != wanted:
            raise Unrebuildable(f"the module {what[0]} has the name of something else")
        self.imports[name] = what
        return name
