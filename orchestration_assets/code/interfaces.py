"""What a file offers to others: signatures and docstrings, read from its syntax tree."""

from __future__ import annotations

import ast
from functools import lru_cache

from orchestration_assets.code.modules import module_of

LONGEST_DOCSTRING, LONGEST_VALUE = 300, 80


@lru_cache(maxsize=4096)
def interface_of(path: str, source: str) -> str:
    """Its public names as stubs, with docstrings; for what is no Python that can be read, its beginning."""
    if module_of(path) is None:
        return source[:600]
    try:
        tree = ast.parse(source)
        lines = _docstring(tree, "")
        for node in tree.body:
            lines += _stub(node, "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source[:600]
    return "\n".join(lines)


def defined_names(tree: ast.Module) -> set[str] | None:
    """The names that a module has when it was imported, as far as its text tells; None where they may be any (a star, a `__getattr__`)."""
    names: set[str] = set()
    for node in _at_top(tree.body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(names=aliases):
                if any(alias.name == "*" for alias in aliases):
                    return None
                names.update(alias.asname or alias.name for alias in aliases)
            case _:
                names.update(
                    each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
                )
    return None if "__getattr__" in names else names


def _at_top(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that run in the module's own scope, those in blocks too."""
    found: list[ast.stmt] = []
    for node in body:
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                found += _at_top(getattr(node, field, []))
            for handler in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
                found += _at_top(handler.body)
    return found


def _stub(node: ast.stmt, indent: str) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_public(node.name):
            return [*_decorators(node, indent), f"{indent}{_signature(node)}: ...", *_docstring(node, indent + "    ")]
        case ast.ClassDef() if _is_public(node.name):
            bases = ", ".join(ast.unparse(base) for base in [*node.bases, *node.keywords])
            lines = [*_decorators(node, indent), f"{indent}class {node.name}{f'({bases})' if bases else ''}:"]
            lines += _docstring(node, indent + "    ")
            for member in node.body:
                lines += _stub(member, indent + "    ")
            return lines
        case ast.AnnAssign(target=ast.Name(id=name)) if _is_public(name):
            return [f"{indent}{name}: {ast.unparse(node.annotation)}"]
        case ast.Assign(targets=[ast.Name(id=name)]) if _is_public(name):
            return [f"{indent}{name} = {ast.unparse(node.value)[:LONGEST_VALUE]}"]
    return []


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    prefix = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"{prefix} {node.name}({ast.unparse(node.args)}){returns}"


def _decorators(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, indent: str) -> list[str]:
    return [f"{indent}@{ast.unparse(each)}" for each in node.decorator_list]


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, indent: str) -> list[str]:
    text = ast.get_docstring(node)
    return [f'{indent}"""{" ".join(text.split())[:LONGEST_DOCSTRING]}"""'] if text else []


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name == "__init__"
